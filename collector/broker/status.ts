// Status: what a broker says about itself, as plain values.
import type { LogStatus } from '../log/log-status.ts'
import type { FlushMode } from './config.ts'
import type { GroupOffsets } from './groups/group-offsets.ts'
import type { Loss, LossTotal } from './losses.ts'
import type { OpenTopic, Topics, UnreadableTopic } from './topics/topics.ts'

export interface PartitionStatus extends LogStatus {
  readonly partition: number
  /** Readers see what is below. */
  readonly highWatermark: number
  /** Bytes on their way to the disk. */
  readonly pendingBytes: number
  /** Kept positions dropped for lack of room, since the start. */
  readonly evictedSources: number
  /** Kafka producers dropped for lack of room, since the start. */
  readonly evictedProducers: number
}

export interface TopicStatus {
  readonly name: string
  readonly id: string
  readonly retentionMs: number | null
  readonly retentionBytes: number | null
  readonly partitions: readonly PartitionStatus[]
}

export interface GroupStatus {
  readonly group: string
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly end: number
  /** Records that wait. */
  readonly lag: number
  /** Wall-clock ms of the last commit. */
  readonly committedAt: number
  readonly replayEpoch: number
  /** A feed of ours committed it; else a Kafka client did. */
  readonly isFeed: boolean
}

export interface BrokerStatus {
  readonly durability: FlushMode
  /** What failed, or null. */
  readonly failed: string | null
  /** Writes were refused for want of room in the last seconds. */
  readonly isDiskFull: boolean
  readonly pendingBytes: number
  readonly topics: readonly TopicStatus[]
  /** Folders that are left alone because they cannot be read. */
  readonly unreadableTopics: readonly UnreadableTopic[]
  readonly losses: readonly LossTotal[]
  readonly recentLosses: readonly Loss[]
}

export function topicStatus(topic: OpenTopic): TopicStatus {
  const { ageMs: retentionMs, bytesMax: retentionBytes } = topic.settings.retention
  const partitions = topic.open.map((partition) => ({
    ...partition.log.status(),
    partition: partition.index,
    highWatermark: partition.highWatermark,
    pendingBytes: partition.pendingBytes,
    evictedSources: partition.sources.evicted,
    evictedProducers: partition.producers.evicted,
  }))
  return { name: topic.name, id: topic.id, retentionMs, retentionBytes, partitions }
}

/** The committed offsets of topics that still are what they were. */
export function groupStatus(offsets: GroupOffsets, topics: Topics): readonly GroupStatus[] {
  return offsets.list().flatMap((entry) => {
    const { group, topic, partition, offset, committedAt } = entry
    const replayEpoch = entry.feed?.replayEpoch ?? 0
    const isFeed = entry.feed !== null
    const known = topics.find(topic)
    const end = known?.id === entry.topicId ? known.open[partition]?.highWatermark : undefined
    if (end === undefined) return []
    return [
      {
        group,
        topic,
        partition,
        offset,
        end,
        lag: Math.max(0, end - Math.max(0, offset)),
        committedAt,
        replayEpoch,
        isFeed,
      },
    ]
  })
}
