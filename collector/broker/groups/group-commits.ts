// GroupCommits: the rules by which consumers commit, read and delete offsets, and by which offsets expire.
import type { Clock } from '../../../core/runtime.ts'
import { type KafkaErrorName, kafkaErrorOf } from '../../../protocol/errors.ts'
import type { Topics } from '../topics/topics.ts'
import type { ConsumerGroups } from './consumer-groups/consumer-groups.ts'
import { metadataOf } from './group-members.ts'
import { type GroupOffsets, groupNameBytesMax, metadataBytesMax } from './group-offsets.ts'
import { subscribedTopics } from './group-protocol.ts'
import type { GroupRoster } from './group-roster.ts'
import type { Group } from './group-state.ts'
import type {
  CommitPartition,
  FetchedOffset,
  OffsetCommitRequest,
  PartitionError,
  TxnOffsetCommitRequest,
} from './group-types.ts'
import type { GroupOffset } from './offset-codec.ts'

export interface GroupCommitsParts {
  readonly clock: Clock
  readonly offsets: GroupOffsets
  readonly roster: GroupRoster
  readonly consumers: ConsumerGroups
  readonly topics: Pick<Topics, 'find'>
  /** A feed of ours reads or read for this group: nobody else commits there. */
  readonly isFeeds: (group: string) => boolean
}

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

export class GroupCommits {
  readonly #parts: GroupCommitsParts

  constructor(parts: GroupCommitsParts) {
    this.#parts = parts
  }

  /** One answer a partition, in order; what can be committed is durable then. */
  commit(request: OffsetCommitRequest): Promise<readonly PartitionError[]> {
    return this.#commit(request, false, (entries) => this.#parts.offsets.commitAll(entries))
  }

  /** As `commit`, but the offsets count once the transaction commits. */
  txnCommit(request: TxnOffsetCommitRequest): Promise<readonly PartitionError[]> {
    return this.#commit(request, true, (entries) => this.#parts.offsets.commitPending(entries, request))
  }

  /** The durable offsets of partitions, or of all that the group has. `requireStable` refuses what a transaction changes. */
  read(
    group: string,
    asked: readonly TopicPartition[] | null,
    requireStable: boolean,
  ): readonly FetchedOffset[] {
    const { offsets } = this.#parts
    const known = asked ?? offsets.ofGroup(group).filter((entry) => this.#isOfToday(entry))
    return known.map(({ topic, partition }) => {
      const key = { group, topic, partition }
      const none = { topic, partition, offset: -1, leaderEpoch: -1, metadata: '' }
      if (requireStable && offsets.isPending(key)) return { ...none, error: 'UNSTABLE_OFFSET_COMMIT' }
      const entry = offsets.find(key)
      if (entry === null || !this.#isOfToday(entry)) return { ...none, error: 'NONE' }
      const { offset, leaderEpoch, metadata } = entry
      return { topic, partition, offset, leaderEpoch, metadata, error: 'NONE' }
    })
  }

  /** Deletes offsets that nobody in the group subscribes to. One answer a partition. */
  async delete(group: string, asked: readonly TopicPartition[]): Promise<readonly PartitionError[]> {
    const { consumers, offsets, roster } = this.#parts
    const members = roster.find(group)
    const isActive = members !== null && members.phase !== 'Empty'
    const ofClassic = isActive ? subscriptionOf(members) : new Set<string>()
    const subscribed = consumers.find(group)?.subscribedTopics() ?? ofClassic
    const results = asked.map(({ topic, partition }): PartitionError => {
      const isKnown = this.#parts.topics.find(topic)?.open[partition] !== undefined
      const isRead = subscribed === null || subscribed.has(topic)
      const refusal = isRead ? 'GROUP_SUBSCRIBED_TO_TOPIC' : 'NONE'
      return { topic, partition, error: isKnown ? refusal : 'UNKNOWN_TOPIC_OR_PARTITION' }
    })
    const keys = results.flatMap(({ topic, partition, error }) =>
      error === 'NONE' && offsets.find({ group, topic, partition }) !== null
        ? { group, topic, partition }
        : [],
    )
    await offsets.remove(keys, null)
    return results
  }

  /** The offsets of the group that have outlived `retentionMs`; see Kafka's `offsets.retention.minutes`. */
  expired(group: string, retentionMs: number): readonly GroupOffset[] {
    const { clock, consumers, offsets, roster } = this.#parts
    const now = clock.now()
    const entries = offsets.ofGroup(group)
    const isOld = (at: number) => now - at >= retentionMs
    const old = entries.filter((entry) => isOld(entry.committedAt) && !offsets.isPending(entry))
    const consumer = consumers.find(group)
    if (consumer !== null && old.length > 0) {
      if (consumer.members.size === 0) return isOld(consumers.since(group) ?? now) ? old : []
      const read = consumer.subscribedTopics()
      return old.filter(({ topic }) => !read.has(topic))
    }
    const members = roster.find(group)
    if (old.length === 0 || members === null || members.protocolType === null) return old
    if (members.phase === 'Empty') return isOld(roster.since(group) ?? now) ? old : []
    const subscribed = members.phase === 'Stable' ? subscriptionOf(members) : null
    return subscribed === null ? [] : old.filter(({ topic }) => !subscribed.has(topic))
  }

  async #commit(
    request: OffsetCommitRequest,
    isTransactional: boolean,
    keep: (entries: readonly GroupOffset[]) => Promise<void>,
  ): Promise<readonly PartitionError[]> {
    const { group, partitions } = request
    const refusal = this.#refusal(request, isTransactional)
    const errors = partitions.map((one) => (refusal === 'NONE' ? this.#partitionError(one) : refusal))
    const entries = partitions.flatMap((one, index) =>
      errors[index] === 'NONE' ? this.#entry(group, one) : [],
    )
    let outcome: KafkaErrorName = 'NONE'
    try {
      await keep(entries)
    } catch (error) {
      outcome = kafkaErrorOf(error)
    }
    return partitions.map(({ topic, partition }, index) => {
      const error = errors[index] as KafkaErrorName
      return { topic, partition, error: error === 'NONE' ? outcome : error }
    })
  }

  #refusal(request: OffsetCommitRequest, isTransactional: boolean): KafkaErrorName {
    const { consumers, roster, isFeeds } = this.#parts
    if (Buffer.byteLength(request.group) > groupNameBytesMax) return 'INVALID_GROUP_ID'
    if (isFeeds(request.group)) return 'GROUP_AUTHORIZATION_FAILED'
    const consumer = consumers.find(request.group)
    if (consumer !== null) return consumer.checkCommit(request, isTransactional)
    return roster.checkCommit(request.group, request, isTransactional)
  }

  #partitionError({ topic, partition, metadata }: CommitPartition): KafkaErrorName {
    if (Buffer.byteLength(metadata) > metadataBytesMax) return 'OFFSET_METADATA_TOO_LARGE'
    if (this.#parts.topics.find(topic)?.open[partition] === undefined) return 'UNKNOWN_TOPIC_OR_PARTITION'
    return 'NONE'
  }

  #entry(group: string, one: CommitPartition): GroupOffset {
    const topicId = this.#parts.topics.find(one.topic)?.id ?? ''
    return { group, ...one, topicId, committedAt: this.#parts.clock.now(), feed: null }
  }

  /** Whether the offset belongs to the topic that has the name now. */
  #isOfToday({ topic, topicId }: GroupOffset): boolean {
    return this.#parts.topics.find(topic)?.id === topicId
  }
}

/** What the members of a consumer group subscribe to; null when that cannot be known: then it may be anything. */
function subscriptionOf(group: Group): ReadonlySet<string> | null {
  if (group.protocolType !== 'consumer') return null
  const subscribed = new Set<string>()
  for (const member of group.members.values()) {
    const protocol = group.protocol ?? member.protocols[0]?.name ?? null
    const topics = subscribedTopics(metadataOf(member, protocol))
    if (topics === null) return null
    for (const topic of topics) subscribed.add(topic)
  }
  return subscribed
}
