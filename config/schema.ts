// The shape of logdrive.yaml from top to bottom; the sinks' own schemas are handed in as data.

import { z } from 'zod'
import { agent } from './agent.ts'
import * as fields from './fields.ts'
import { kafka } from './kafka.ts'
import { listenTls } from './listen-tls.ts'
import { tests } from './tests.ts'
import { unknownType } from './unknown-type.ts'

/** What a sink brings to the configuration: its type's name and its own keys. */
export interface SinkSchema {
  readonly type: string
  readonly config: z.ZodObject
}

type DeepReadonly<T> = T extends readonly (infer Item)[]
  ? readonly DeepReadonly<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> }
    : T

const unbuiltSinks = ['http', 'kafka', 's3']

const retention = z
  .strictObject({
    age: fields
      .duration({ min: 1000 })
      .prefault('7d')
      .meta({ description: 'Records older than this are deleted, a segment at a time.', examples: ['7d'] }),
    bytes: fields
      .size({ min: 2 ** 20 })
      .optional()
      .meta({
        description: 'A partition over this size loses its oldest segments. Without it only age counts.',
        examples: ['20GiB'],
      }),
  })
  .prefault({})

const topic = z.strictObject({
  partitions: fields
    .integer({ min: 1, max: 1024 })
    .prefault(4)
    .meta({ description: 'Partitions: how many readers can share the topic. It can grow, never shrink.' }),
  replication: fields
    .integer({ min: 1 })
    .refine((copies) => copies === 1, {
      error: 'replication above 1 is not built yet: one node keeps one copy',
    })
    .prefault(1)
    .meta({ description: 'Copies on different nodes. One until clusters are built.' }),
  retention: retention.meta({ description: 'How long records stay in the log.' }),
})

const key = z.strictObject({
  key: fields.secret().meta({
    description: 'The key itself; better from outside than in the file.',
    examples: [`\${env:WEB_KEY}`],
  }),
  allow: z
    .array(z.enum(['track', 'ship', 'admin']))
    .min(1, { error: 'a key that allows nothing is of no use' })
    .meta({
      description:
        'What it may do: `track` (events of browsers and servers), `ship` (agents), `admin` (everything).',
      examples: [['track']],
    }),
  origins: z
    .array(fields.origin())
    .prefault([])
    .meta({
      description: 'Web sites whose browsers may use it; empty: any.',
      examples: [['https://shop.example']],
    }),
})

const http = z.strictObject({
  listen: fields
    .address()
    .prefault('127.0.0.1:8750')
    .meta({ description: 'Where the HTTP interface listens. Port 0 takes a free one.' }),
  tls: listenTls
    .optional()
    .meta({ description: 'https, TLS 1.2 and up. Without it the port speaks plain http.' }),
  trusted_proxies: z
    .array(fields.network())
    .prefault([])
    .meta({
      description: 'Proxies whose `X-Forwarded-For` is believed: addresses or ranges.',
      examples: [['10.0.0.0/8']],
    }),
})

const flush = z.union(
  [
    z.enum(['commit', 'os']),
    z.strictObject({
      interval: fields.duration({ min: 1, max: 60_000 }).meta({
        description: 'Sync to disk this often; a power cut loses what came since.',
        examples: ['200ms'],
      }),
    }),
  ],
  { error: 'expected commit, os or { interval: 200ms }' },
)

const limits = z.strictObject({
  body: fields
    .size({ min: 1024, max: 2 ** 30 })
    .prefault('8MiB')
    .meta({ description: 'The largest request body, unpacked.' }),
  browser_body: fields
    .size({ min: 1024, max: 2 ** 30 })
    .prefault('1MiB')
    .meta({ description: 'The largest body of a browser, unpacked.' }),
  event: fields
    .size({ min: 256, max: 2 ** 26 })
    .prefault('64KiB')
    .meta({ description: 'The largest event.' }),
  events: fields
    .count({ min: 1, max: 100_000 })
    .prefault(500)
    .meta({ description: 'The most events in a batch of a browser.' }),
  records: fields
    .count({ min: 1, max: 1_000_000 })
    .prefault('20k')
    .meta({ description: 'The most records in a body of `/v1/topics/{topic}/records`.' }),
  in_flight: fields
    .size({ min: 2 ** 20, max: 2 ** 36 })
    .prefault('256MiB')
    .meta({ description: 'Memory for all bodies that are being read or stored at a time.' }),
  connections: fields
    .count({ min: 1, max: 1_000_000 })
    .prefault('10k')
    .meta({ description: 'The most connections open at a time.' }),
})

const collector = z.strictObject({
  http: http.prefault({}).meta({ description: 'The HTTP interface.' }),
  kafka: kafka.meta({
    description:
      'The listener for Kafka clients, or `off`. Without this key it is 127.0.0.1:9092, unless that port is taken.',
    examples: ['off'],
  }),
  log: z
    .literal('embedded', {
      error: (issue) =>
        typeof issue.input === 'object' && issue.input !== null && 'kafka' in issue.input
          ? 'Apache Kafka as the log is not built yet: use embedded'
          : 'expected embedded',
    })
    .prefault('embedded')
    .meta({ description: 'Who keeps the topics: `embedded` is the log of this process.' }),
  flush: flush.prefault('commit').meta({
    description:
      'When a record counts as stored: `commit` (synced to disk before the answer), `{ interval: 200ms }` or `os` (faster; a power cut loses records that were acknowledged).',
  }),
  keys: z.record(fields.name(), key).prefault({}).meta({
    description: 'Who may do what. Without any only this machine (loopback) may write and administer.',
  }),
  auto_create_topics: fields
    .flag()
    .prefault(true)
    .meta({ description: 'Topics are made on first use. With `false` only the ones under `topics` exist.' }),
  limits: limits.prefault({}).meta({ description: 'What is refused with 413 or 503.' }),
})

const retry = z.strictObject({
  wait_min: fields
    .duration({ min: 1, max: 3_600_000 })
    .prefault('100ms')
    .meta({ description: 'First wait after a failure; it doubles.' }),
  wait_max: fields
    .duration({ min: 1, max: 86_400_000 })
    .prefault('30s')
    .meta({ description: 'The longest wait. A sink tries for ever; nothing is skipped.' }),
})

const sinkCommon = z.strictObject({
  topics: z
    .array(fields.topicName())
    .min(1, { error: 'at least one topic' })
    .meta({ description: 'The topics it drains.', examples: [['page_views', 'logs']] }),
  retry: retry.prefault({}).meta({ description: 'How it goes on after a failure.' }),
})

/** Keys every sink has, as its schema yields them (bytes, ms). */
export type SinkCommon = DeepReadonly<z.infer<typeof sinkCommon>>

/** One sink: the common keys, and its own behind `unknown` until its definition narrows them. */
export type SinkConfig = SinkCommon & { readonly type: string; readonly [key: string]: unknown }

/** The `batch` key, for the schema of a sink that lets it be set, with the given defaults. */
export function sinkBatch(defaults: { rows?: string; bytes?: string; age?: string } = {}) {
  return z
    .strictObject({
      rows: fields
        .count({ min: 1, max: 1_000_000 })
        .prefault(defaults.rows ?? '100k')
        .meta({ description: 'Records in a batch.' }),
      bytes: fields
        .size({ min: 1024, max: 256e6 })
        .prefault(defaults.bytes ?? '32MiB')
        .meta({ description: 'Bytes in a batch, unpacked.' }),
      age: fields
        .duration({ min: 1, max: 3_600_000 })
        .prefault(defaults.age ?? '1s')
        .meta({ description: 'How long the first record of a batch waits for others.' }),
    })
    .prefault({})
    .meta({ description: 'When a batch is written: at whichever comes first.' })
}

const base = z.strictObject({
  version: z
    .literal(1, { error: 'expected 1, the only version there is' })
    .meta({ description: 'Always 1.' }),
  data: fields
    .path()
    .prefault('./logdrive-data')
    .meta({ description: 'Folder of the collector: topics, offsets, embedded ClickHouse.' }),
  collector: collector.prefault({}).meta({ description: 'What receives and keeps.' }),
  topics: z.record(fields.topicName(), topic).prefault({}).meta({
    description: 'Topics with settings of their own; others are made on first use with the defaults.',
  }),
  agent: agent
    .optional()
    .meta({ description: 'What collects on this machine. Without it there is no agent.' }),
  tests,
  plugins: fields.notBuilt('plug-ins are not built yet'),
})

type Base = DeepReadonly<z.infer<typeof base>>

/** A whole configuration: durations in ms, sizes in bytes, addresses in two parts, every default filled in. */
export type Config = Base & { readonly sinks: Readonly<Record<string, SinkConfig>> }
export type CollectorConfig = Config['collector']
/** The Kafka listener, when it is not off. */
export type KafkaConfig = Exclude<NonNullable<CollectorConfig['kafka']>, 'off'>
export type AgentConfig = NonNullable<Config['agent']>
export type InputConfig = AgentConfig['inputs'][string]
export type FileInputConfig = Extract<InputConfig, { readonly type: 'file' }>
/** An input whose records go through transforms. */
export type LineInputConfig = Extract<InputConfig, { readonly transforms: unknown }>
/** The configuration of an input of one type. */
export type InputConfigOf<Type extends InputConfig['type']> = Extract<InputConfig, { readonly type: Type }>
/** What a `parse` key yields. */
export type ParseConfig = NonNullable<FileInputConfig['parse']>
export type TopicConfig = Config['topics'][string]
export type TestConfig = Config['tests'][string]

/** `unchecked` is for who runs no sinks (an agent loads none of their code): any are taken, none are yielded. */
export type SinkSchemas = readonly SinkSchema[] | 'unchecked'

/** The schema of a whole file, with one branch of `sinks` for each schema that is handed in. */
export function configSchema(sinkSchemas: SinkSchemas): z.ZodType<Config> & z.ZodObject {
  const sinks: z.ZodType<Config['sinks']> =
    sinkSchemas === 'unchecked' ? uncheckedSinks() : checkedSinks(sinkSchemas)
  return base.extend({ sinks })
}

function uncheckedSinks() {
  return z
    .record(z.string(), z.unknown())
    .prefault({})
    .transform(() => ({}))
}

function checkedSinks(sinkSchemas: readonly SinkSchema[]) {
  const [first, ...rest] = sinkSchemas.map(sinkSchema)
  const types = sinkSchemas.map((schema) => schema.type)
  const sink =
    first === undefined
      ? z.never({ error: 'no sink types are loaded' })
      : z.discriminatedUnion('type', [first, ...rest], {
          error: (issue) => unknownType(issue, 'sink', 'sinks', types, unbuiltSinks),
        })
  // Sinks come as data, so what they yield is stated, not inferred.
  const sinks = z.record(fields.name(), sink as z.ZodType<SinkConfig>)
  return sinks.prefault({}).meta({ description: 'Where the topics are drained to, by name.' })
}

/** One sink's whole schema: `type`, the common keys, its own keys; its own win. */
export function sinkSchema(schema: SinkSchema): z.ZodObject {
  const own = schema.config
  const missing = Object.entries(sinkCommon.shape).filter(([key]) => !(key in own.shape))
  const type = z.literal(schema.type).meta({ description: 'The type of sink.' })
  return own.safeExtend({ type, ...Object.fromEntries(missing) }).strict()
}
