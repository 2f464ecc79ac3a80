// What the administrative routes ask of the log beyond core's EventLog; the broker has it.
import type { Topic, TopicOptions } from '../../core/event-log.ts'
import type { DecodedBatch } from '../../core/records.ts'

/** A topic with its settings and its partitions. */
export interface TopicDescription extends Topic {
  /** Null: kept for ever. */
  readonly retentionMs: number | null
  /** Per partition; null: no limit. */
  readonly retentionBytes: number | null
  readonly ranges: readonly PartitionRange[]
}

/** What a partition holds: offsets from `startOffset` up to, not including, `endOffset`. */
export interface PartitionRange {
  readonly partition: number
  readonly startOffset: number
  readonly endOffset: number
  readonly bytes: number
}

/** How far a group has come in one partition. */
export interface GroupPosition {
  readonly group: string
  readonly topic: string
  readonly partition: number
  /** The next offset it reads. */
  readonly offset: number
  readonly endOffset: number
  readonly lagRecords: number
  /** Age of the oldest record it has not read, in ms; 0 when there is none; null when not known. */
  readonly lagMs: number | null
}

/** Batches read for a tail, and where to go on. */
export interface ReadResult {
  readonly batches: readonly DecodedBatch[]
  readonly nextOffset: number
}

/** What is gone for good, by reason and topic. */
export interface LossTotal {
  readonly reason: string
  readonly topic: string
  readonly ranges: number
  /** Positions or offsets in the ranges. */
  readonly units: number
}

export interface LogAdmin {
  /** Throws TOPIC_EXISTS, TOPIC_NAME_INVALID, REQUEST_INVALID. */
  createTopic(name: string, options: TopicOptions): Promise<Topic>
  /** Throws TOPIC_UNKNOWN, REQUEST_INVALID (fewer partitions). */
  alterTopic(name: string, options: TopicOptions): Promise<Topic>
  /** Throws TOPIC_UNKNOWN. */
  deleteTopic(name: string): Promise<void>
  /** Throws TOPIC_UNKNOWN. */
  describeTopic(name: string): TopicDescription
  groups(): readonly GroupPosition[]
  /** Whole batches from the one that holds the offset, up to the high watermark; none at the end. */
  read(place: { topic: string; partition: number }, offset: number, bytesMax: number): Promise<ReadResult>
  /** The first offset with a record of that time or later; the end when there is none. */
  offsetAt(place: { topic: string; partition: number }, timestamp: number): Promise<number>
  /** Resolves when there are records at or behind the offset, or when the signal aborts. */
  waitFor(place: { topic: string; partition: number }, offset: number, signal: AbortSignal): Promise<void>
  /** Facts for /v1/status and /metrics. */
  status(): LogStatus
}

export interface LogStatus {
  /** `commit`, `os`, or `interval`: when an acknowledged record is on the disk. */
  readonly durability: string
  /** Why nothing can be written now, or null. */
  readonly failure: string | null
  readonly pendingBytes: number
  readonly losses: readonly LossTotal[]
}
