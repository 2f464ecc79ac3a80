// What the broker can be told, and what it does when it is not.
import type { TopicOptions } from '../../core/event-log.ts'

/** When an append counts as done: after fdatasync, after fdatasync at most this late, or when the kernel has it. */
export type FlushMode = 'commit' | 'os' | { readonly intervalMs: number }

export interface BrokerConfig {
  readonly flush: FlushMode
  /** Topics are made when first named. */
  readonly autoCreate: boolean
  /** Partitions of a topic that says nothing else. */
  readonly partitions: number
  readonly segmentBytes: number
  readonly segmentAgeMs: number
  /** Null keeps records for ever. */
  readonly retentionMs: number | null
  /** Per partition; null for no limit. */
  readonly retentionBytes: number | null
  /** Topics with options of their own; made at start. */
  readonly topics: Readonly<Record<string, TopicOptions>>
  /** How often retention, checkpoints and expiry run. */
  readonly upkeepMs: number
  /** Bytes that may wait for the disk, in one partition and in all. */
  readonly pendingBytesMax: number
  readonly pendingBytesAllMax: number
  /** Keys that one cleaning of a compacted partition keeps in mind, about 50 bytes each; with more it goes less far. */
  readonly compactionKeysMax: number
  /** fdatasync calls at the same time. */
  readonly syncsMax: number
  /** A record that is published alone may be this large, key and headers included. */
  readonly recordBytesMax: number
  /** Published records are gathered into batches of about this size. */
  readonly publishBatchBytes: number
  /** Kept positions of a partition: of sources that append batches, and of sources that publish records. */
  readonly sourcesMax: number
  /** A kept position goes after this long without traffic. */
  readonly sourceExpiryMs: number
  /** Kafka producers that a partition remembers, and how long it does so without a batch of them. */
  readonly producersMax: number
  readonly producerExpiryMs: number
  /** Transactional ids that are kept, and how long without a transaction. */
  readonly transactionalIdsMax: number
  readonly transactionalIdExpiryMs: number
  /** The longest transaction timeout that a producer may ask for. */
  readonly transactionTimeoutMsMax: number
  /** Consumer offsets that are kept: groups times partitions. */
  readonly groupOffsetsMax: number
  /** How long they are kept without a member of the group, or without a commit where there never was one. */
  readonly offsetsRetentionMs: number
  /** How often they are looked at for that. */
  readonly offsetsCheckMs: number
  /** Groups with members, now or before. */
  readonly groupsMax: number
  /** `group.max.size`. */
  readonly groupMembersMax: number
  /** What the members of a group say of themselves, and what they are assigned: each as one record. */
  readonly groupBytesMax: number
  /** Memory of the members of all groups, roughly. */
  readonly groupBytesAllMax: number
  /** `group.initial.rebalance.delay.ms`: how long the first member of an empty group waits for others. */
  readonly groupInitialDelayMs: number
  /** `group.min.session.timeout.ms`, `group.max.session.timeout.ms`. */
  readonly groupSessionTimeoutMsMin: number
  readonly groupSessionTimeoutMsMax: number
  /** `group.consumer.session.timeout.ms`, `group.consumer.heartbeat.interval.ms`: of the newer protocol. */
  readonly consumerSessionTimeoutMs: number
  readonly consumerHeartbeatMs: number
}

const mebibyte = 1024 * 1024
const dayMs = 24 * 60 * 60 * 1000

/** The defaults of a single node. */
export const brokerDefaults: BrokerConfig = {
  flush: 'commit',
  autoCreate: true,
  partitions: 4,
  segmentBytes: 128 * mebibyte,
  segmentAgeMs: 7 * dayMs,
  retentionMs: 7 * dayMs,
  retentionBytes: null,
  topics: {},
  upkeepMs: 10_000,
  pendingBytesMax: 256 * mebibyte,
  pendingBytesAllMax: 256 * mebibyte,
  compactionKeysMax: 1_000_000,
  syncsMax: 8,
  recordBytesMax: mebibyte,
  publishBatchBytes: mebibyte,
  sourcesMax: 100_000,
  sourceExpiryMs: 7 * dayMs,
  producersMax: 10_000,
  producerExpiryMs: dayMs,
  transactionalIdsMax: 10_000,
  transactionalIdExpiryMs: 7 * dayMs,
  transactionTimeoutMsMax: 15 * 60 * 1000,
  groupOffsetsMax: 100_000,
  offsetsRetentionMs: 7 * dayMs,
  offsetsCheckMs: 10 * 60 * 1000,
  groupsMax: 10_000,
  groupMembersMax: 10_000,
  groupBytesMax: 8 * mebibyte,
  groupBytesAllMax: 512 * mebibyte,
  groupInitialDelayMs: 3000,
  groupSessionTimeoutMsMin: 6000,
  groupSessionTimeoutMsMax: 30 * 60 * 1000,
  consumerSessionTimeoutMs: 45_000,
  consumerHeartbeatMs: 5000,
}
