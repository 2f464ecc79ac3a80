// The ClickHouse sink: `type: clickhouse`, with the engine embedded in a child process or a server elsewhere.
import { z } from 'zod'
import * as fields from '../../config/fields.ts'
import { sinkBatch } from '../../config/schema.ts'
import { defineSink } from '../define.ts'

const server = z.strictObject({
  url: fields
    .url()
    .meta({ description: 'The HTTP interface.', examples: ['https://clickhouse.example:8443'] }),
  user: z.string().min(1).default('default').meta({ description: 'Who we are there.' }),
  password: fields
    .secret()
    .optional()
    .meta({ description: 'Its password.', examples: [`\${env:CLICKHOUSE_PASSWORD}`] }),
  database: z.string().min(1).max(200).default('logdrive').meta({ description: 'Made when it is missing.' }),
})

const config = z.strictObject({
  server: z
    .union([z.literal('embedded'), server], { error: 'expected embedded, or { url: http://... }' })
    .default('embedded')
    .meta({
      description: '`embedded` runs ClickHouse (chDB) in a process of its own; or where a server is.',
    }),
  port: fields
    .port()
    .prefault(8123)
    .meta({ description: 'Where the embedded ClickHouse listens, on loopback only. 0 takes a free port.' }),
  keep: fields
    .duration({ min: 60_000 })
    .optional()
    .meta({ description: 'Rows older than this are deleted. Without it they stay.', examples: ['90d'] }),
  batch: sinkBatch(),
})

/** What the YAML says about one. */
export type ClickhouseConfig = z.output<typeof config>

/** `type: clickhouse`: a table a topic, every record in it exactly once. */
export const clickhouseSink = defineSink({
  type: 'clickhouse',
  config,
  batching: ({ batch }) => ({ rowsMax: batch.rows, bytesMax: batch.bytes, ageMs: batch.age }),
  async open(settings, context, signal) {
    // Loaded by who opens one: the client takes longer to load than a collector takes to open its log.
    const { openClickhouse } = await import('./open.ts')
    return await openClickhouse(settings, context, signal)
  },
})
