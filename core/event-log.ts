// EventLog: the topics, behind one seam; our own broker is one implementation, Apache Kafka is to be the other.
import type { Feed } from './flow.ts'
import type { DecodedBatch, NewRecord } from './records.ts'

export interface EventLog {
  /** All topics, sorted by name, internal ones (`__...`) included. */
  topics(): readonly Topic[]
  /**
   * The topic, made on first use with the defaults (or `options`) where that is allowed.
   * Throws TOPIC_NAME_INVALID, or TOPIC_UNKNOWN when topics are not made by themselves.
   */
  topic(name: string, options?: TopicOptions): Promise<Topic>
  /**
   * Appends RecordBatch v2 bytes of one source, all to the partition where that source lives; resolves once they
   * are durable. The bytes are stamped in place and belong to the log from then on.
   */
  append(request: AppendRequest, signal: AbortSignal): Promise<Appended>
  /** Appends records to the partitions of their keys; resolves once durable, one answer a record, in order. */
  publish(topic: string, records: readonly NewRecord[], signal: AbortSignal): Promise<readonly Published[]>
  /** Where the log stands with a source, per topic and partition. */
  positions(source: string): readonly KeptPosition[]
  /** Reads one partition for one group. One feed a group and partition at a time. */
  feed(options: FeedOptions): Promise<Feed<Batch>>
}

export interface Topic {
  readonly name: string
  /** A UUID; a topic deleted and made again has another. */
  readonly id: string
  readonly partitions: number
}

export interface TopicOptions {
  readonly partitions?: number
  readonly retentionMs?: number
  readonly retentionBytes?: number
  /** Kafka's topic configs by name, see docs/topic-configs.md; null goes back to the default. */
  readonly configs?: Readonly<Record<string, string | null>>
}

/** What a batch of a source covers: all its records with from < position <= to. */
export interface SourceRange {
  readonly source: string
  readonly epoch: number
  readonly from: number
  readonly to: number
  /** The sender knows that bytes before `from` are lost for ever; the range goes to the loss ledger. */
  readonly gap: boolean
}

export interface AppendRequest {
  readonly topic: string
  /** One or more whole, verified batches one behind the other. */
  readonly bytes: Uint8Array
  readonly range: SourceRange
}

/**
 * `appended`: stored. `duplicate`: all of it was there already. `conflict`: it does not follow what is kept, or
 * is of an older epoch; nothing was stored.
 */
export interface Appended {
  readonly outcome: 'appended' | 'duplicate' | 'conflict'
  readonly partition: number
  /** The kept position after this call. */
  readonly epoch: number
  readonly to: number
  /** What the sender said of the content up to there (`ld-guard`); none when it said nothing. */
  readonly guard?: string | undefined
}

export interface Published {
  readonly partition: number
  /** Null when the record was a duplicate by its source position. */
  readonly offset: number | null
}

export interface KeptPosition {
  readonly topic: string
  readonly partition: number
  readonly epoch: number
  readonly to: number
  /** What the sender said of the content up to there (`ld-guard`); none when it said nothing. */
  readonly guard?: string | undefined
}

export interface FeedOptions {
  readonly group: string
  readonly topic: string
  readonly partition: number
  /** Where a group without a committed offset starts. */
  readonly start: 'beginning' | 'end'
  /** A batch is cut at a RecordBatch boundary when one of these is reached. */
  readonly rowsMax: number
  /** Unpacked bytes. */
  readonly bytesMax: number
  /** From the first record that waits, in ms. */
  readonly ageMs: number
}

/** A planned range of one partition: its bounds were made durable before anybody saw it, so a restart cuts the same. */
export interface Batch {
  readonly group: string
  readonly topic: string
  readonly topicId: string
  readonly partition: number
  readonly firstOffset: number
  readonly lastOffset: number
  /** Records in it: less than lastOffset - firstOffset + 1 where compaction or transactions (markers, aborted records) left gaps. */
  readonly count: number
  /** When the plan was made, wall-clock ms. */
  readonly plannedAt: number
  /** The plan was found at start: whether it was written is not known. */
  readonly recovered: boolean
  /** The group's replay epoch: grows with every wanted replay, so that the sink's memory does not swallow it. */
  readonly replayEpoch: number
  /**
   * The RecordBatches in order, decoded one at a time; may be called again for the same bytes. One that cannot be
   * decoded (its sender lied) is yielded as unreadable, so that it can be set aside and never blocks the rest.
   */
  read(signal: AbortSignal): AsyncIterable<DecodedBatch | UnreadableBatch>
}

/** A RecordBatch whose checksum is right but whose insides make no sense. */
export interface UnreadableBatch {
  readonly unreadable: string
  readonly baseOffset: number
  readonly lastOffset: number
  /** The batch as it is stored. */
  readonly bytes: Uint8Array
}
