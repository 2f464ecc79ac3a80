// Groups of the newer protocol as records of `__consumer_offsets`, in Kafka's layouts: a record for each part of a group.
//
// Source: kafka ConsumerGroupMetadata, ConsumerGroupMemberMetadata, ConsumerGroupTargetAssignmentMetadata,
// ConsumerGroupTargetAssignmentMember, ConsumerGroupCurrentMemberAssignment, ConsumerGroupRegularExpression (Key.json,
// Value.json); docs/storage-format.md.
import {
  array,
  field,
  int8,
  int32,
  int64,
  type Struct,
  string,
  struct,
  uuid,
} from '../../../../protocol/schema.ts'
import {
  decodeFlexible,
  decodeValue,
  encodeFlexible,
  encodeValue,
  versionOf,
} from '../../../../protocol/values.ts'
import type { OffsetsRecord } from '../offsets-log.ts'
import type { ConsumerGroup, ConsumerGroupRecord } from './consumer-group.ts'
import { type ConsumerMember, type MemberState, newcomer } from './consumer-member.ts'
import type { GroupPart } from './consumer-types.ts'
import { filtered, type PartitionSet, partitionSet, topicPartitions } from './partition-set.ts'

/** What kind of part a key is for: its version. */
const keyVersions = { group: 3, member: 5, target: 6, memberTarget: 7, current: 8, pattern: 16 } as const

const valueVersion = 0

const groupKey = struct({ group: field(string, '0+', 'The id of the group.') })

const partKey = struct({
  group: field(string, '0+', 'The id of the group.'),
  name: field(string, '0+', 'The id of the member, or the expression.'),
})

const partitions = struct({
  topicId: field(uuid, '0+', 'The id of the topic.'),
  partitions: field(array(int32), '0+', 'Its partitions.'),
})

const groupValue = struct({ epoch: field(int32, '0+', 'The group epoch.') })

const memberValue = struct({
  instanceId: field(string, '0+', 'Its instance id, or null.', { nullable: '0+' }),
  rackId: field(string, '0+', 'Its rack, or null.', { nullable: '0+' }),
  clientId: field(string, '0+', 'What it calls itself.'),
  clientHost: field(string, '0+', 'The address it asked from.'),
  subscribedTopicNames: field(array(string), '0+', 'The topics it named.'),
  subscribedTopicRegex: field(string, '0+', 'The expression it gave, or null.', { nullable: '0+' }),
  rebalanceTimeoutMs: field(int32, '0+', 'How long it has to give partitions back.'),
  serverAssignor: field(string, '0+', 'The assignor it wants, or null.', { nullable: '0+' }),
})

const targetValue = struct({ assignmentEpoch: field(int32, '0+', 'The group epoch of the target.') })

const memberTargetValue = struct({
  topicPartitions: field(array(partitions), '0+', 'What the member is to read in the end.'),
})

const currentValue = struct({
  memberEpoch: field(int32, '0+', 'The epoch of the member.'),
  previousMemberEpoch: field(int32, '0+', 'The one before.'),
  state: field(int8, '0+', '0 Stable, 1 UnrevokedPartitions, 2 UnreleasedPartitions.'),
  assignedPartitions: field(array(partitions), '0+', 'What it reads.'),
  partitionsPendingRevocation: field(array(partitions), '0+', 'What it has to give back.'),
})

const patternValue = struct({
  topics: field(array(string), '0+', 'The topics that the expression matched.'),
  version: field(int64, '0+', 'Kafka\u2019s version of its topics; 0 here.'),
  timestamp: field(int64, '0+', 'Kafka\u2019s time of that; 0 here.'),
})

const states: readonly MemberState[] = ['Stable', 'UnrevokedPartitions', 'UnreleasedPartitions']

/** The group and the part of it that a key is for, or null for another kind of key. */
export function decodePartKey(key: Uint8Array): { readonly group: string; readonly part: GroupPart } | null {
  const version = versionOf(key)
  switch (version) {
    case keyVersions.group:
    case keyVersions.target: {
      const found = decodeValue(groupKey, version, key, true)
      const kind = version === keyVersions.group ? 'group' : 'target'
      return found && { group: found.group, part: { kind } }
    }
    case keyVersions.member:
    case keyVersions.memberTarget:
    case keyVersions.current:
    case keyVersions.pattern: {
      const found = decodeValue(partKey, version, key, true)
      return found && { group: found.group, part: { kind: kinds[version], name: found.name } }
    }
    default:
      return null
  }
}

const kinds = { 5: 'member', 7: 'memberTarget', 8: 'current', 16: 'pattern' } as const

/** A part of the group as it is now; one that is gone takes its key back. */
export function recordOf(group: ConsumerGroup, part: GroupPart): OffsetsRecord {
  const version = keyVersions[part.kind]
  const key =
    'name' in part
      ? encodeValue(partKey, version, { group: group.name, name: part.name })
      : encodeValue(groupKey, version, { group: group.name })
  return { key, value: bytesOf(group, part) }
}

function bytesOf(group: ConsumerGroup, part: GroupPart): Uint8Array | null {
  const { epoch, target, members } = group
  if (!('name' in part)) {
    return part.kind === 'group'
      ? encodeFlexible(groupValue, valueVersion, { epoch })
      : encodeFlexible(targetValue, valueVersion, { assignmentEpoch: target.epoch })
  }
  if (part.kind === 'pattern') {
    const topics = target.resolved(part.name)
    const unsaid = { version: 0, timestamp: 0 }
    return topics && encodeFlexible(patternValue, valueVersion, { topics: [...topics].sort(), ...unsaid })
  }
  const member = members.find(part.name)
  return member === null ? null : memberPart(group, member, part.kind)
}

function memberPart(
  { target }: ConsumerGroup,
  member: ConsumerMember,
  kind: 'member' | 'memberTarget' | 'current',
): Uint8Array {
  if (kind === 'member') return memberBytes(member)
  if (kind === 'current') return currentBytes(member)
  const all = topicPartitions(target.of(member.id))
  return encodeFlexible(memberTargetValue, valueVersion, { topicPartitions: all })
}

function memberBytes(member: ConsumerMember): Uint8Array {
  return encodeFlexible(memberValue, valueVersion, {
    instanceId: member.instanceId,
    rackId: member.rackId,
    clientId: member.clientId,
    clientHost: member.clientHost,
    subscribedTopicNames: member.topicNames,
    subscribedTopicRegex: member.topicRegex === '' ? null : member.topicRegex,
    rebalanceTimeoutMs: member.rebalanceTimeoutMs,
    serverAssignor: member.assignor,
  })
}

function currentBytes({ epoch, previousEpoch, state, assigned, revoking }: ConsumerMember): Uint8Array {
  return encodeFlexible(currentValue, valueVersion, {
    memberEpoch: epoch,
    previousMemberEpoch: previousEpoch,
    state: states.indexOf(state),
    assignedPartitions: topicPartitions(assigned),
    partitionsPendingRevocation: topicPartitions(revoking),
  })
}

/** The group that the records say, or null when none of them says its epoch. What is unreadable is left out. */
export function readGroup(
  records: readonly { readonly key: Uint8Array; readonly value: Uint8Array }[],
): ConsumerGroupRecord | null {
  let epoch: number | null = null
  let targetEpoch = 0
  const facts = new Map<string, Facts>()
  const currents = new Map<string, Current>()
  const targets = new Map<string, PartitionSet>()
  const patterns = new Map<string, readonly string[]>()
  for (const { key, value } of records) {
    const part = decodePartKey(key)?.part
    if (part === undefined) continue
    if ('name' in part) {
      if (part.kind === 'member') put(facts, part.name, factsOf(value))
      else if (part.kind === 'current') put(currents, part.name, currentOf(value))
      else if (part.kind === 'pattern') put(patterns, part.name, decoded(patternValue, value)?.topics)
      else put(targets, part.name, setOf(decoded(memberTargetValue, value)?.topicPartitions))
    } else if (part.kind === 'group') epoch = decoded(groupValue, value)?.epoch ?? epoch
    else targetEpoch = decoded(targetValue, value)?.assignmentEpoch ?? targetEpoch
  }
  if (epoch === null) return null
  const members = [...facts].map(([id, said]) => ({ id, ...said, ...(currents.get(id) ?? newcomer) }))
  return { epoch, targetEpoch, members: undisputed(members), targets, patterns }
}

type Current = Pick<ConsumerMember, keyof typeof newcomer>
type Facts = Omit<ConsumerMember, 'id' | keyof typeof newcomer>

function decoded<S extends Struct>(layout: S, value: Uint8Array) {
  return versionOf(value) === valueVersion ? decodeFlexible(layout, valueVersion, value) : null
}

function put<Value>(map: Map<string, Value>, name: string, value: Value | null | undefined): void {
  if (value !== null && value !== undefined) map.set(name, value)
}

function factsOf(value: Uint8Array): Facts | null {
  const found = decoded(memberValue, value)
  if (found === null) return null
  const { subscribedTopicNames: topicNames, subscribedTopicRegex, serverAssignor: assignor, ...rest } = found
  return { ...rest, topicNames, topicRegex: subscribedTopicRegex ?? '', assignor }
}

function currentOf(value: Uint8Array): Current | null {
  const found = decoded(currentValue, value)
  const state = states[found?.state ?? -1]
  if (found === null || state === undefined) return null
  return {
    epoch: found.memberEpoch,
    previousEpoch: found.previousMemberEpoch,
    state,
    assigned: partitionSet(found.assignedPartitions),
    revoking: partitionSet(found.partitionsPendingRevocation),
  }
}

function setOf(list: Parameters<typeof partitionSet>[0] | undefined): PartitionSet | null {
  return list === undefined ? null : partitionSet(list)
}

/** A partition that two members claim, which we never write, is nobody's but the first's. */
function undisputed(members: readonly ConsumerMember[]): readonly ConsumerMember[] {
  const claimed = new Set<string>()
  const isFirst = (topicId: string, partition: number) => {
    const place = `${topicId}/${partition}`
    return !claimed.has(place) && claimed.add(place) !== null
  }
  return members.map((member) => ({
    ...member,
    assigned: filtered(member.assigned, isFirst),
    revoking: filtered(member.revoking, isFirst),
  }))
}
