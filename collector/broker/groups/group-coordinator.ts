// GroupCoordinator: consumer groups as Kafka's requests see them: membership, offsets, and what an operator asks.
import type { Clock, Logger, Random } from '../../../core/runtime.ts'
import { Scope } from '../../../core/scope.ts'
import { KafkaError, type KafkaErrorName } from '../../../protocol/errors.ts'
import type { BrokerConfig } from '../config.ts'
import type { Topics } from '../topics/topics.ts'
import { failedJoin } from './group-answers.ts'
import { GroupCommits, type TopicPartition } from './group-commits.ts'
import { metadataOf } from './group-members.ts'
import { type GroupOffsets, groupNameBytesMax } from './group-offsets.ts'
import { encodeAssignment, encodeSubscription } from './group-protocol.ts'
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
  readonly topics: Pick<Topics, 'find'>
  /** What feeds of ours read now. */
  readonly openFeeds: () => Iterable<OffsetKey>
}

export interface ListedGroup {
  readonly group: string
  readonly phase: GroupPhase
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
      bytesAllMax: config.groupBytesAllMax,
    }
    this.#roster = new GroupRoster({ ...parts, limits }, signal)
    this.#commits = new GroupCommits({
      ...parts,
      roster: this.#roster,
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
    if (group === '' || Buffer.byteLength(group) > groupNameBytesMax) {
      return failedJoin('INVALID_GROUP_ID', request.memberId)
    }
    if (this.isFeeds(group)) {
      const { clientId, clientHost } = request
      this.#parts.logger.warn(
        { group, clientId, clientHost },
        'a Kafka client may not join the group of a sink',
      )
      return failedJoin('GROUP_AUTHORIZATION_FAILED', request.memberId)
    }
    return this.#roster.join(group, request, signal)
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
    const names = new Set([...this.#roster.names(), ...offsets.names()])
    for (const { group } of openFeeds()) names.add(group)
    return [...names].sort().flatMap((name) => this.#listed(name) ?? [])
  }

  /** Null for a group that is not there. */
  describeGroup(group: string): DescribedGroup | null {
    const listed = this.#listed(group)
    if (listed === null) return null
    if (this.isFeeds(group)) return { ...listed, ...this.#feedMember(group) }
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
    if (found.phase !== 'Empty' || this.#roster.find(group)?.isVacant === false) {
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
  }

  #listed(group: string): ListedGroup | null {
    if (this.isFeeds(group)) {
      const isOpen = this.#openFeedsOf(group).length > 0
      const phase = isOpen ? 'Stable' : 'Empty'
      return { group, phase, protocolType: 'consumer', memberCount: isOpen ? 1 : 0 }
    }
    const found = this.#roster.find(group)
    if (found !== null) {
      const { phase, protocolType, members } = found
      return { group, phase, protocolType: protocolType ?? '', memberCount: members.size }
    }
    const hasOffsets = this.#parts.offsets.ofGroup(group).length > 0
    return hasOffsets ? { group, phase: 'Empty', protocolType: '', memberCount: 0 } : null
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
    for (const group of new Set([...offsets.names(), ...this.#roster.names()])) {
      if (this.isFeeds(group)) continue
      const expired = this.#commits.expired(group, config.offsetsRetentionMs)
      const left = offsets.ofGroup(group).length - expired.length
      const isOver = left === 0 && !offsets.hasPending(group) && this.#roster.find(group)?.isVacant !== false
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

  async #remove(group: string, keys: readonly OffsetKey[]): Promise<void> {
    // First: whoever joins from now on begins a new group behind the records that end this one.
    this.#roster.remove(group)
    await this.#parts.offsets.remove(keys, group)
  }
}
