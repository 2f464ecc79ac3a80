// Topic settings: the configs of one topic as numbers and words that code can use, overrides and defaults joined.
import { type Codec, codecs } from '../../../protocol/compression.ts'
import type { RetentionLimits } from '../../log/retention.ts'
import type { BrokerConfig } from '../config.ts'
import { type ConfigOverrides, defaultOf, type TopicConfigName, topicConfigs } from './topic-configs.ts'

/** What the configs of a topic say. Times in ms; what Kafka writes as the largest long is Infinity here. */
export interface TopicSettings {
  readonly isDeleted: boolean
  readonly isCompacted: boolean
  readonly retention: RetentionLimits
  readonly segmentBytes: number
  readonly segmentAgeMs: number
  readonly batchBytesMax: number
  /** Null: as the producer packed it. */
  readonly codec: Codec | null
  /** Null: the codec's own. */
  readonly codecLevel: number | null
  readonly timestampType: 'create' | 'append'
  readonly timestampBeforeMaxMs: number
  readonly timestampAfterMaxMs: number
  readonly insyncReplicasMin: number
  readonly compaction: CompactionSettings
}

/** What the cleaner of a compacted topic goes by. */
export interface CompactionSettings {
  /** Share of closed bytes that must be uncleaned. */
  readonly dirtyRatioMin: number
  readonly lagMsMin: number
  readonly lagMsMax: number
  /** How long tombstones and transaction markers stay. */
  readonly deleteRetentionMs: number
}

/** One config as text: the topic's own value, or the default. */
function topicConfig(overrides: ConfigOverrides, name: TopicConfigName, broker: BrokerConfig): string {
  return overrides[name] ?? defaultOf(name, broker)
}

/** All that the code asks of a topic's configs. */
export function topicSettings(overrides: ConfigOverrides, broker: BrokerConfig): TopicSettings {
  const text = (name: TopicConfigName) => topicConfig(overrides, name, broker)
  const number = (name: TopicConfigName) => numberOf(text(name))
  const policies = text('cleanup.policy').split(',')
  const isDeleted = policies.includes('delete')
  const isCompacted = policies.includes('compact')
  const lagMsMax = number('max.compaction.lag.ms')
  const codec = codecNamed(text('compression.type'))
  return {
    isDeleted,
    isCompacted,
    retention: {
      ageMs: isDeleted ? limitOf(number('retention.ms')) : null,
      bytesMax: isDeleted ? limitOf(number('retention.bytes')) : null,
    },
    segmentBytes: number('segment.bytes'),
    // What is appended to is not cleaned: to keep its promise, a segment must be closed by then.
    segmentAgeMs: isCompacted ? Math.min(number('segment.ms'), lagMsMax) : number('segment.ms'),
    batchBytesMax: number('max.message.bytes'),
    codec,
    codecLevel: codec === 'gzip' || codec === 'zstd' ? levelOf(number(`compression.${codec}.level`)) : null,
    timestampType: text('message.timestamp.type') === 'LogAppendTime' ? 'append' : 'create',
    timestampBeforeMaxMs: number('message.timestamp.before.max.ms'),
    timestampAfterMaxMs: number('message.timestamp.after.max.ms'),
    insyncReplicasMin: number('min.insync.replicas'),
    compaction: {
      dirtyRatioMin: number('min.cleanable.dirty.ratio'),
      lagMsMin: number('min.compaction.lag.ms'),
      lagMsMax,
      deleteRetentionMs: number('delete.retention.ms'),
    },
  }
}

/** The configs of the broker's own topics: nothing is removed by age; they are written anew when they roll. */
export const internalOverrides: ConfigOverrides = { 'retention.ms': '-1', 'retention.bytes': '-1' }

/** The names of all configs, sorted. */
export const topicConfigNames = Object.keys(topicConfigs) as readonly TopicConfigName[]

/** A long beyond 2^53 is as good as no limit. */
function numberOf(text: string): number {
  const value = Number(text)
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? Number.POSITIVE_INFINITY : value
}

/** -1 is Kafka's word for no limit. */
function limitOf(value: number): number | null {
  return value < 0 || value === Number.POSITIVE_INFINITY ? null : value
}

/** -1 is gzip's word for its default, which is 6. */
function levelOf(value: number): number {
  return value === -1 ? 6 : value
}

function codecNamed(name: string): Codec | null {
  if (name === 'uncompressed') return 'none'
  return codecs.find((codec) => codec === name) ?? null
}
