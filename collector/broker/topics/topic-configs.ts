// Topic configs: every Kafka topic config that is understood, its type, default, meaning and the values it takes.
import { LogdriveError } from '../../../core/errors.ts'
import type { BrokerConfig } from '../config.ts'

/** Kafka's config types, as DescribeConfigs names them. */
export type ConfigType = 'boolean' | 'int' | 'long' | 'double' | 'string' | 'list'

/** One config that a topic may have. */
export interface TopicConfig {
  readonly type: ConfigType
  /** As Kafka writes values; a function where the broker's own configuration gives it. */
  readonly default: string | ((broker: BrokerConfig) => string)
  readonly doc: string
  /** What is wrong with a value of the right type, or null. */
  readonly check?: (value: string) => string | null
}

const dayMs = 24 * 60 * 60 * 1000
const longMax = '9223372036854775807'
const intMax = 0x7fffffff
const noEffect = 'Accepted for compatibility, without effect:'

/** The configs by Kafka's names, in alphabetical order. Docs: `docs/topic-configs.md` is made from this table. */
export const topicConfigs = {
  'cleanup.policy': {
    type: 'list',
    default: 'delete',
    doc: 'What happens to old records: `delete` removes old segments, `compact` keeps the last record of each key, `compact,delete` does both.',
    check: oneOrMoreOf('delete', 'compact'),
  },
  'compression.gzip.level': {
    type: 'int',
    default: '-1',
    doc: 'Level for `gzip`; -1 is 6.',
    check: gzipLevel,
  },
  'compression.lz4.level': {
    type: 'int',
    default: '9',
    doc: `${noEffect} there is one way of packing with lz4.`,
    check: between(1, 17),
  },
  'compression.type': {
    type: 'string',
    default: 'producer',
    doc: 'The codec in which batches are stored; `producer` keeps the one they came with, `uncompressed` is none.',
    check: oneOf('uncompressed', 'zstd', 'lz4', 'snappy', 'gzip', 'producer'),
  },
  'compression.zstd.level': {
    type: 'int',
    default: '3',
    doc: 'Level for `zstd`.',
    check: between(-131072, 22),
  },
  'delete.retention.ms': {
    type: 'long',
    default: String(dayMs),
    doc: 'How long a compacted topic keeps a tombstone (a record without a value) and a transaction marker after they were first cleaned.',
    check: atLeast(0),
  },
  'file.delete.delay.ms': {
    type: 'long',
    default: '60000',
    doc: `${noEffect} files go at once, readers that are in them finish.`,
    check: atLeast(0),
  },
  'flush.messages': {
    type: 'long',
    default: longMax,
    doc: `${noEffect} the broker's \`flush\` decides when a write is synced (by default before it is acknowledged).`,
    check: atLeast(1),
  },
  'flush.ms': {
    type: 'long',
    default: longMax,
    doc: `${noEffect} the broker's \`flush\` decides when a write is synced.`,
    check: atLeast(0),
  },
  'follower.replication.throttled.replicas': {
    type: 'list',
    default: '',
    doc: `${noEffect} there is one node.`,
  },
  'index.interval.bytes': {
    type: 'int',
    default: '4096',
    doc: `${noEffect} an index has an entry every 4096 bytes.`,
    check: atLeast(0),
  },
  'leader.replication.throttled.replicas': {
    type: 'list',
    default: '',
    doc: `${noEffect} there is one node.`,
  },
  'max.compaction.lag.ms': {
    type: 'long',
    default: longMax,
    doc: 'A segment is closed, and then compacted, at the latest after this time, however little there is to clean.',
    check: atLeast(1),
  },
  'max.message.bytes': {
    type: 'int',
    default: '1048588',
    doc: 'The largest RecordBatch, as sent, that a Kafka client may append.',
    check: atLeast(0),
  },
  'message.timestamp.after.max.ms': {
    type: 'long',
    default: '3600000',
    doc: 'How far in the future the timestamp of a record from a Kafka client may lie (with CreateTime).',
    check: atLeast(0),
  },
  'message.timestamp.before.max.ms': {
    type: 'long',
    default: longMax,
    doc: 'How far in the past the timestamp of a record from a Kafka client may lie (with CreateTime).',
    check: atLeast(0),
  },
  'message.timestamp.type': {
    type: 'string',
    default: 'CreateTime',
    doc: 'Whose clock stamps records of Kafka clients: theirs, or the broker at append.',
    check: oneOf('CreateTime', 'LogAppendTime'),
  },
  'min.cleanable.dirty.ratio': {
    type: 'double',
    default: '0.5',
    doc: 'A compacted partition is cleaned when at least this share of its closed segments was not cleaned before.',
    check: (value) => (Number(value) >= 0 && Number(value) <= 1 ? null : 'it lies between 0 and 1'),
  },
  'min.compaction.lag.ms': {
    type: 'long',
    default: '0',
    doc: 'A segment is not compacted before this time has passed since the last append to it.',
    check: atLeast(0),
  },
  'min.insync.replicas': {
    type: 'int',
    default: '1',
    doc: 'There is one replica: with more than 1, `acks=all` is refused with NOT_ENOUGH_REPLICAS.',
    check: atLeast(1),
  },
  preallocate: { type: 'boolean', default: 'false', doc: `${noEffect} files grow as they are written.` },
  'retention.bytes': {
    type: 'long',
    default: (broker) => String(broker.retentionBytes ?? -1),
    doc: 'The oldest segments go while a partition is larger than this; -1 for no limit.',
    check: atLeast(-1),
  },
  'retention.ms': {
    type: 'long',
    default: (broker) => String(broker.retentionMs ?? -1),
    doc: 'Segments that were last appended to longer ago than this go; -1 keeps them for ever.',
    check: atLeast(-1),
  },
  'segment.bytes': {
    type: 'int',
    default: (broker) => String(broker.segmentBytes),
    doc: 'A segment that would grow beyond this is closed and a new one begun.',
    check: atLeast(14),
  },
  'segment.index.bytes': {
    type: 'int',
    default: '10485760',
    doc: `${noEffect} an index is as large as it must be.`,
    check: atLeast(4),
  },
  'segment.jitter.ms': {
    type: 'long',
    default: '0',
    doc: `${noEffect} segments close when they are due.`,
    check: atLeast(0),
  },
  'segment.ms': {
    type: 'long',
    default: (broker) => (Number.isFinite(broker.segmentAgeMs) ? String(broker.segmentAgeMs) : longMax),
    doc: 'A segment whose first append is older than this is closed, so that retention and compaction can take it.',
    check: atLeast(1),
  },
  'unclean.leader.election.enable': {
    type: 'boolean',
    default: 'false',
    doc: `${noEffect} there is one replica.`,
  },
} as const satisfies Readonly<Record<string, TopicConfig>>

export type TopicConfigName = keyof typeof topicConfigs

/** What a topic says differently from the broker: Kafka's names and values. */
export type ConfigOverrides = Readonly<Partial<Record<TopicConfigName, string>>>

/** One step of an incremental change; `append` and `subtract` are for lists, `delete` goes back to the default. */
export interface ConfigChange {
  readonly name: string
  readonly operation: 'set' | 'delete' | 'append' | 'subtract'
  readonly value: string | null
}

/** Where a value comes from: the topic itself, the broker's configuration, or nobody said anything. */
export type ConfigSource = 'topic' | 'broker' | 'default'

/** One config of a topic as it is now. */
export interface ConfigEntry {
  readonly name: TopicConfigName
  readonly type: ConfigType
  readonly value: string
  readonly source: ConfigSource
  readonly doc: string
  /** What the value would be at each level that has one, the one that counts first. */
  readonly synonyms: readonly { readonly value: string; readonly source: ConfigSource }[]
}

/** True for a config that a topic may have. */
export function isTopicConfig(name: string): name is TopicConfigName {
  return Object.hasOwn(topicConfigs, name)
}

/** All configs of a topic with the given overrides, sorted by name. `defaults` is the broker's configuration as shipped. */
export function describeConfigs(
  overrides: ConfigOverrides,
  broker: BrokerConfig,
  defaults: BrokerConfig,
): readonly ConfigEntry[] {
  return (Object.keys(topicConfigs) as TopicConfigName[]).map((name) => {
    const { type, doc } = topicConfigs[name]
    const shipped = defaultOf(name, defaults)
    const configured = defaultOf(name, broker)
    const levels: { value: string; source: ConfigSource }[] = []
    if (overrides[name] !== undefined) levels.push({ value: overrides[name], source: 'topic' })
    if (configured !== shipped) levels.push({ value: configured, source: 'broker' })
    levels.push({ value: shipped, source: 'default' })
    const [{ value, source }] = levels as [(typeof levels)[number]]
    return { name, type, value, source, doc, synonyms: levels }
  })
}

/** The value without the topic's own word. */
export function defaultOf(name: TopicConfigName, broker: BrokerConfig): string {
  const config: TopicConfig = topicConfigs[name]
  return typeof config.default === 'string' ? config.default : config.default(broker)
}

/**
 * The overrides with the changes made one after the other; `broker` gives the list that `append` adds to. Throws
 * CONFIG_INVALID naming the config.
 */
export function changeConfigs(
  overrides: ConfigOverrides,
  changes: readonly ConfigChange[],
  broker: BrokerConfig,
): ConfigOverrides {
  const changed: Partial<Record<TopicConfigName, string>> = { ...overrides }
  const seen = new Set<string>()
  for (const { name, operation, value } of changes) {
    if (!isTopicConfig(name)) throw invalid(name, 'there is no such topic config')
    if (seen.has(name)) throw invalid(name, 'it is named twice')
    seen.add(name)
    if (operation === 'delete') {
      delete changed[name]
      continue
    }
    if (value === null) throw invalid(name, 'it has no value')
    if (operation === 'set') changed[name] = checkedConfig(name, value)
    else
      changed[name] = checkedConfig(
        name,
        changedList(name, changed[name] ?? defaultOf(name, broker), operation, value),
      )
  }
  return changed
}

/** Overrides out of names and values that somebody sent. Throws CONFIG_INVALID. */
export function checkConfigs(configs: Readonly<Record<string, string | null>>): ConfigOverrides {
  const checked: Partial<Record<TopicConfigName, string>> = {}
  for (const [name, value] of Object.entries(configs)) {
    if (!isTopicConfig(name)) throw invalid(name, 'there is no such topic config')
    if (value === null) throw invalid(name, 'it has no value')
    checked[name] = checkedConfig(name, value)
  }
  return checked
}

/** The value in its plain form. Throws CONFIG_INVALID. */
function checkedConfig(name: TopicConfigName, given: string): string {
  const config: TopicConfig = topicConfigs[name]
  const value = config.type === 'list' ? listOf(given).join(',') : given.trim()
  const wrong = wrongType(config.type, value) ?? config.check?.(value) ?? null
  if (wrong !== null) throw invalid(name, `${JSON.stringify(given.slice(0, 100))}: ${wrong}`)
  return value
}

function changedList(
  name: TopicConfigName,
  before: string,
  operation: 'append' | 'subtract',
  value: string,
): string {
  if (topicConfigs[name].type !== 'list')
    throw invalid(name, 'only a list can be appended to or subtracted from')
  const items = listOf(before)
  const given = listOf(value)
  const kept = items.filter((item) => !given.includes(item))
  return (operation === 'append' ? [...items, ...given.filter((item) => !items.includes(item))] : kept).join(
    ',',
  )
}

function listOf(value: string): readonly string[] {
  return value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
}

function wrongType(type: ConfigType, value: string): string | null {
  switch (type) {
    case 'boolean':
      return value === 'true' || value === 'false' ? null : 'it is true or false'
    case 'int':
      return isInteger(value) && Math.abs(Number(value)) <= intMax ? null : 'it is a whole number of 32 bits'
    case 'long':
      return isInteger(value) && isLong(value) ? null : 'it is a whole number of 64 bits'
    case 'double':
      return /^-?[0-9]+(\.[0-9]+)?(e-?[0-9]+)?$/i.test(value) ? null : 'it is a number'
    case 'string':
    case 'list':
      return null
  }
}

function isInteger(value: string): boolean {
  return /^-?[0-9]{1,19}$/.test(value)
}

function isLong(value: string): boolean {
  return BigInt.asIntN(64, BigInt(value)) === BigInt(value)
}

function atLeast(least: number): (value: string) => string | null {
  return (value) => (Number(value) >= least ? null : `it is at least ${least}`)
}

function between(least: number, most: number): (value: string) => string | null {
  return (value) =>
    Number(value) >= least && Number(value) <= most ? null : `it lies between ${least} and ${most}`
}

function gzipLevel(value: string): string | null {
  return value === '-1' ? null : between(1, 9)(value)
}

function oneOf(...allowed: readonly string[]): (value: string) => string | null {
  return (value) => (allowed.includes(value) ? null : `it is one of ${allowed.join(', ')}`)
}

function oneOrMoreOf(...allowed: readonly string[]): (value: string) => string | null {
  return (value) => {
    const items = value.split(',')
    const isGood = items.every((item) => allowed.includes(item)) && new Set(items).size === items.length
    return isGood ? null : `it is one or more of ${allowed.join(', ')}`
  }
}

function invalid(name: string, what: string): LogdriveError {
  return new LogdriveError('CONFIG_INVALID', `topic config ${name.slice(0, 249)}: ${what}`, {
    hint: 'docs/topic-configs.md lists the topic configs and their values.',
  })
}
