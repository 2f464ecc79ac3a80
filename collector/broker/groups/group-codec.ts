// Groups as records of `__consumer_offsets`, in Kafka's layouts: key version 2, value version 3.
//
// Source: kafka GroupMetadataKey.json, GroupMetadataValue.json; docs/storage-format.md.
import { array, bytes, field, int32, int64, string, struct } from '../../../protocol/schema.ts'
import { decodeValue, encodeValue, versionOf } from '../../../protocol/values.ts'
import type { GroupRecord } from './group-types.ts'

const keyVersion = 2
const valueVersion = 3

const groupKey = struct({ group: field(string, '2', 'The id of the group.') })

const memberValue = struct({
  memberId: field(string, '0+', 'The id of the member.'),
  groupInstanceId: field(string, '3+', 'Its instance id, or null.', { nullable: '3+' }),
  clientId: field(string, '0+', 'What it calls itself.'),
  clientHost: field(string, '0+', 'The address it joined from.'),
  rebalanceTimeout: field(int32, '1+', 'How long it has to come back when the group rebalances, in ms.'),
  sessionTimeout: field(int32, '0+', 'After how long without a heartbeat it is dead, in ms.'),
  subscription: field(bytes, '0+', 'What it said in the protocol that was chosen.'),
  assignment: field(bytes, '0+', 'What the leader assigned to it.'),
})

const groupValue = struct({
  protocolType: field(string, '0+', 'What the group is for.'),
  generation: field(int32, '0+', 'Its generation.'),
  protocol: field(string, '0+', 'The protocol that was chosen, or null.', { nullable: '0+' }),
  leader: field(string, '0+', 'The id of the leader, or null.', { nullable: '0+' }),
  currentStateTimestamp: field(int64, '2+', 'Since when it is what it is, in ms since 1970.'),
  members: field(array(memberValue), '0+', 'Its members; none: it is empty.'),
})

export function encodeGroupKey(group: string): Uint8Array {
  return encodeValue(groupKey, keyVersion, { group })
}

/** The group in the bytes, or null for another version or bytes that are none. */
export function decodeGroupKey(key: Uint8Array): string | null {
  if (versionOf(key) !== keyVersion) return null
  return decodeValue(groupKey, keyVersion, key, true)?.group ?? null
}

export function encodeGroupValue(group: GroupRecord): Uint8Array {
  const { since, ...facts } = group
  const members = group.members.map(({ instanceId, rebalanceTimeoutMs, sessionTimeoutMs, ...member }) => ({
    ...member,
    groupInstanceId: instanceId,
    rebalanceTimeout: rebalanceTimeoutMs,
    sessionTimeout: sessionTimeoutMs,
  }))
  return encodeValue(groupValue, valueVersion, { ...facts, members, currentStateTimestamp: since })
}

/** The value in the bytes, copied, or null for another version or bytes that are none. */
export function decodeGroupValue(value: Uint8Array): GroupRecord | null {
  if (versionOf(value) !== valueVersion) return null
  // A copy: the subscriptions would keep a whole read of the log in memory.
  const decoded = decodeValue(groupValue, valueVersion, Uint8Array.from(value), true)
  if (decoded === null) return null
  const { currentStateTimestamp, members, ...facts } = decoded
  const records = members.map(({ groupInstanceId, rebalanceTimeout, sessionTimeout, ...member }) => ({
    ...member,
    instanceId: groupInstanceId,
    rebalanceTimeoutMs: rebalanceTimeout,
    sessionTimeoutMs: sessionTimeout,
  }))
  return { ...facts, since: currentStateTimestamp, members: records }
}
