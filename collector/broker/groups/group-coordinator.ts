// GroupCoordinator: consumer groups as Kafka's requests see them: membership, offsets, and what an operator asks.
import type { Clock, Logger, Random } from '../../../core/runtime.ts'
import { Scope } from '../../../core/scope.ts'
import { KafkaError, type KafkaErrorName } from '../../../protocol/errors.ts'
import type { BrokerConfig } from '../config.ts'
import type { Topics } from '../topics/topics.ts'
import { ConsumerGroups } from './consumer-groups/consumer-groups.ts'
import type {
  ConsumerAnswer,
  ConsumerGroupPhase,
  ConsumerHeartbeat,
} from './consumer-groups/consumer-types.ts'
import { type DescribedConsumerGroup, describeConsumerGroup } from './consumer-groups/describe.ts'
import { failedJoin } from './group-answers.ts'
import { GroupCommits, type TopicPartition } from './group-commits.ts'
import { metadataOf } from './group-members.ts'
import { type GroupOffsets, groupNameBytesMax } from './group-offsets.ts'
import { encodeAssignment, encodeSubscription } from './group-protocol.ts'
import { GroupRoom } from './group-room.ts'
import { GroupRoster } from './group-roster.ts'
import type {
  FetchedOffset,
  GroupPhase,
  HeartbeatRequest,
  JoinAnswer,
  JoinRequest,
  MemberIdentity,
  OffsetCommitRequest,
  PartitionError,
  SyncAnswer,
  SyncRequest,
  TxnOffsetCommitRequest,
} from './group-types.ts'
import type { OffsetKey } from './offset-codec.ts'

export interface GroupCoordinatorParts {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly config: BrokerConfig
  readonly offsets: GroupOffsets
  readonly topics: Pick<Topics, 'find' | 'findById' | 'list' | 'version'>
  /** What feeds of ours read now. */
  readonly openFeeds: () => Iterable<OffsetKey>
}

export interface ListedGroup {
  readonly group: string
  /** `consumer`: of the newer protocol (KIP-848). */
  readonly type: 'classic' | 'consumer'
  readonly phase: GroupPhase | ConsumerGroupPhase
  readonly protocolType: string
  readonly memberCount: number
}

export interface DescribedMember {
  readonly memberId: string
  readonly instanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly metadata: Uint8Array
  readonly assignment: Uint8Array
}

export interface DescribedGroup extends ListedGroup {
  /** Grows with every round; 0 for a group that never had members. */
  readonly generation: number
  /** '' before one was chosen. */
  readonly protocol: string
  readonly members: readonly DescribedMember[]
}

const nothing = new Uint8Array(0)

export class GroupCoordinator implements AsyncDisposable {
  readonly #parts: GroupCoordinatorParts
  readonly #roster: GroupRoster
  readonly #consumers: ConsumerGroups
  readonly #commits: GroupCommits
  readonly #scope: Scope

  constructor(parts: GroupCoordinatorParts, signal: AbortSignal) {
    this.#parts = parts
    const { config } = parts
    const limits = {
      initialDelayMs: config.groupInitialDelayMs,
      sessionTimeoutMsMin: config.groupSessionTimeoutMsMin,
      sessionTimeoutMsMax: config.groupSessionTimeoutMsMax,
      groupsMax: config.groupsMax,
      membersMax: config.groupMembersMax,
      bytesMax: config.groupBytesMax,
    }
    const room = new GroupRoom(config.groupBytesAllMax)
    this.#roster = new GroupRoster({ ...parts, limits, room }, signal)
    const consumerLimits = { ...limits, sessionTimeoutMs: config.consumerSessionTimeoutMs }
    this.#consumers = new ConsumerGroups({ ...parts, limits: consumerLimits, room }, signal)
    this.#commits = new GroupCommits({
      ...parts,
      roster: this.#roster,
      consumers: this.#consumers,
      isFeeds: (group) => this.isFeeds(group),
    })
    this.#scope = new Scope(signal)
    this.#scope.spawn(async (ending) => {
      for (;;) {
        await parts.clock.sleep(config.offsetsCheckMs, ending)
        if (ending.aborted) return
        await this.#expire()
      }
    })
  }

  /** A feed of ours reads for the group, or did and will go on: no Kafka client may join it or commit to it. */
  isFeeds(group: string): boolean {
    for (const feed of this.#parts.openFeeds()) if (feed.group === group) return true
    return this.#parts.offsets.ofGroup(group).some(({ feed }) => feed !== null)
  }

  joinGroup(group: string, request: JoinRequest, signal: AbortSignal): Promise<JoinAnswer> | JoinAnswer {
    if (!isGroupName(group)) return failedJoin('INVALID_GROUP_ID', request.memberId)
    if (this.isFeeds(group)) {
      const { clientId, clientHost } = request
      this.#parts.logger.warn(
        { group, clientId, clientHost },
        'a Kafka client may not join the group of a sink',
      )
      return failedJoin('GROUP_AUTHORIZATION_FAILED', request.memberId)
    }
    const consumers = this.#consumers.find(group)
    if (consumers !== null && consumers.members.size > 0) {
      return failedJoin('INCONSISTENT_GROUP_PROTOCOL', request.memberId)
    }
    if (consumers !== null) this.#retype(group)
    return this.#roster.join(group, request, signal)
  }

  /** A member of the newer protocol (KIP-848); answers once what it tells is durable. Throws KafkaError. */
  async consumerHeartbeat(group: string, request: ConsumerHeartbeat): Promise<ConsumerAnswer> {
    if (!isGroupName(group)) {
      throw new KafkaError('INVALID_GROUP_ID', 'the id of the group is empty or too long')
    }
    if (request.memberEpoch === 0 && this.isFeeds(group)) {
      throw new KafkaError('GROUP_AUTHORIZATION_FAILED', `group ${group} is a sink's`)
    }
    const classic = this.#roster.find(group)
    if (classic !== null && !classic.isVacant) {
      throw new KafkaError('GROUP_ID_NOT_FOUND', `group ${group} has members of the classic protocol`)
    }
    if (classic !== null && request.memberEpoch === 0) this.#retype(group)
    return await this.#consumers.heartbeat(group, request)
  }

  /** Whether a member of this epoch may read offsets; nobody in particular may always. */
  checkFetch(group: string, memberId: string | null, memberEpoch: number): KafkaErrorName {
    const consumers = this.#consumers.find(group)
    if (consumers === null || (memberId === null && memberEpoch < 0)) return 'NONE'
    const identity = { memberId: memberId ?? '', generationId: memberEpoch, instanceId: null }
    return consumers.checkCommit(identity, false)
  }

  /** Null for a group that is not there or of the classic protocol. */
  describeConsumerGroup(group: string): DescribedConsumerGroup | null {
    const found = this.#consumers.find(group)
    return found && describeConsumerGroup(found, this.#parts.topics)
  }

  syncGroup(group: string, request: SyncRequest, signal: AbortSignal): Promise<SyncAnswer> | SyncAnswer {
    return this.#roster.sync(group, request, signal)
  }

  heartbeat(group: string, request: HeartbeatRequest): KafkaErrorName {
    return this.#roster.heartbeat(group, request)
  }

  /** One answer each. */
  leaveGroup(group: string, members: readonly MemberIdentity[]): readonly KafkaErrorName[] {
    return this.#roster.leave(group, members)
  }

  /** One answer a partition; resolves once the offsets are durable. */
  commitOffsets(request: OffsetCommitRequest): Promise<readonly PartitionError[]> {
    return this.#commits.commit(request)
  }

  /** As `commitOffsets`; the offsets count once the producer's transaction commits. */
  txnCommitOffsets(request: TxnOffsetCommitRequest): Promise<readonly PartitionError[]> {
    return this.#commits.txnCommit(request)
  }

  /** Null asks for all partitions that have an offset. */
  fetchOffsets(
    group: string,
    partitions: readonly TopicPartition[] | null,
    requireStable: boolean,
  ): readonly FetchedOffset[] {
    return this.#commits.read(group, partitions, requireStable)
  }

  /** By name. */
  listGroups(): readonly ListedGroup[] {
    const { offsets, openFeeds } = this.#parts
    const names = new Set([...this.#roster.names(), ...this.#consumers.names(), ...offsets.names()])
    for (const { group } of openFeeds()) names.add(group)
    return [...names].sort().flatMap((name) => this.#listed(name) ?? [])
  }

  /** Null for a group that is not there. */
  describeGroup(group: string): DescribedGroup | null {
    const listed = this.#listed(group)
    if (listed === null) return null
    if (this.isFeeds(group)) return { ...listed, ...this.#feedMember(group) }
    const consumers = this.describeConsumerGroup(group)
    if (consumers !== null) return { ...listed, ...asClassic(consumers) }
    const found = this.#roster.find(group)
    if (found === null) return { ...listed, generation: 0, protocol: '', members: [] }
    const isStable = found.phase === 'Stable'
    const members = [...found.members.values()].map((member) => ({
      memberId: member.id,
      instanceId: member.instanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      metadata: isStable ? metadataOf(member, found.protocol) : nothing,
      assignment: isStable ? member.assignment : nothing,
    }))
    const { generation, protocol } = found
    return { ...listed, generation, protocol: isStable ? (protocol ?? '') : '', members }
  }

  /** Deletes a group and its offsets. Throws KafkaError GROUP_ID_NOT_FOUND, NON_EMPTY_GROUP. */
  async deleteGroup(group: string): Promise<void> {
    const found = this.#listed(group)
    if (found === null) throw new KafkaError('GROUP_ID_NOT_FOUND', `there is no group ${group}`)
    if (found.phase !== 'Empty' || !this.#isVacant(group)) {
      throw new KafkaError('NON_EMPTY_GROUP', `group ${group} has members`)
    }
    await this.#remove(group, this.#parts.offsets.ofGroup(group))
  }

  /** One answer a partition. Throws KafkaError GROUP_ID_NOT_FOUND, NON_EMPTY_GROUP. */
  async deleteOffsets(
    group: string,
    partitions: readonly TopicPartition[],
  ): Promise<readonly PartitionError[]> {
    const found = this.#listed(group)
    if (found === null) throw new KafkaError('GROUP_ID_NOT_FOUND', `there is no group ${group}`)
    const isOther = found.phase !== 'Empty' && found.protocolType !== 'consumer'
    if (isOther || (found.phase !== 'Empty' && this.isFeeds(group))) {
      throw new KafkaError('NON_EMPTY_GROUP', `group ${group} has members`)
    }
    return await this.#commits.delete(group, partitions)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#scope[Symbol.asyncDispose]()
    await this.#roster[Symbol.asyncDispose]()
    await this.#consumers[Symbol.asyncDispose]()
  }

  #listed(group: string): ListedGroup | null {
    if (this.isFeeds(group)) {
      const isOpen = this.#openFeedsOf(group).length > 0
      const phase = isOpen ? 'Stable' : 'Empty'
      return { group, type: 'classic', phase, protocolType: 'consumer', memberCount: isOpen ? 1 : 0 }
    }
    const consumers = this.#consumers.find(group)
    if (consumers !== null) {
      const { phase, members } = consumers
      return { group, type: 'consumer', phase, protocolType: 'consumer', memberCount: members.size }
    }
    const found = this.#roster.find(group)
    if (found !== null) {
      const { phase, protocolType, members } = found
      return { group, type: 'classic', phase, protocolType: protocolType ?? '', memberCount: members.size }
    }
    const hasOffsets = this.#parts.offsets.ofGroup(group).length > 0
    if (!hasOffsets) return null
    return { group, type: 'classic', phase: 'Empty', protocolType: '', memberCount: 0 }
  }

  #openFeedsOf(group: string): readonly OffsetKey[] {
    return [...this.#parts.openFeeds()].filter((feed) => feed.group === group)
  }

  /** Our own feeds as one member, so that tools show who reads. */
  #feedMember(group: string): Omit<DescribedGroup, keyof ListedGroup> {
    const byTopic = Map.groupBy(this.#openFeedsOf(group), ({ topic }) => topic)
    if (byTopic.size === 0) return { generation: 0, protocol: '', members: [] }
    const assigned = [...byTopic].map(([topic, feeds]) => ({
      topic,
      partitions: feeds.map(({ partition }) => partition),
    }))
    const member = {
      memberId: group,
      instanceId: null,
      clientId: 'logdrive',
      clientHost: '/127.0.0.1',
      metadata: encodeSubscription([...byTopic.keys()]),
      assignment: encodeAssignment(assigned),
    }
    return { generation: 0, protocol: 'logdrive', members: [member] }
  }

  /** Takes back what is too old, and groups that have nothing left. */
  async #expire(): Promise<void> {
    const { offsets, logger, config } = this.#parts
    for (const group of new Set([...offsets.names(), ...this.#roster.names(), ...this.#consumers.names()])) {
      if (this.isFeeds(group)) continue
      const expired = this.#commits.expired(group, config.offsetsRetentionMs)
      const left = offsets.ofGroup(group).length - expired.length
      const isOver = left === 0 && !offsets.hasPending(group) && this.#isVacant(group)
      if (expired.length === 0 && !isOver) continue
      try {
        if (isOver) await this.#remove(group, expired)
        else await offsets.remove(expired, null)
        logger.info({ group, offsets: expired.length, isOver }, 'offsets of a group expired')
      } catch (error) {
        logger.warn({ err: error, group }, 'offsets could not be expired; will retry')
      }
    }
  }

  #isVacant(group: string): boolean {
    const hasMembers = (this.#consumers.find(group)?.members.size ?? 0) > 0
    return !hasMembers && this.#roster.find(group)?.isVacant !== false
  }

  /** An empty group may be of the other protocol from now on; its offsets stay. */
  #retype(group: string): void {
    this.#scope.spawn(async () => {
      try {
        await this.#remove(group, [])
      } catch (error) {
        this.#parts.logger.warn({ err: error, group }, 'a group is kept under both protocols for now')
      }
    })
  }

  async #remove(group: string, keys: readonly OffsetKey[]): Promise<void> {
    // First: whoever joins from now on begins a new group behind the records that end this one.
    this.#roster.remove(group)
    this.#consumers.remove(group)
    await this.#parts.offsets.remove(keys, group)
  }
}

/** Of groups with members; offsets may stand below an empty name as well. */
function isGroupName(name: string): boolean {
  return name !== '' && Buffer.byteLength(name) <= groupNameBytesMax
}

/** A group of the newer protocol as the older one would show it. */
function asClassic(group: DescribedConsumerGroup): Omit<DescribedGroup, keyof ListedGroup> {
  const members = group.members.map(
    ({ assigned, subscribed, memberId, instanceId, clientId, clientHost }) => ({
      ...{ memberId, instanceId, clientId, clientHost },
      metadata: encodeSubscription(subscribed),
      assignment: encodeAssignment(
        assigned.map(({ topicName: topic, partitions }) => ({ topic, partitions })),
      ),
    }),
  )
  return { generation: group.epoch, protocol: group.assignor, members }
}
