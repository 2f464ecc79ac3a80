// A real embedded ClickHouse for tests: own folder, free port, everything gone afterwards.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client'
import type { Broker } from '../../../collector/broker/broker.ts'
import { nodeRuntime } from '../../../runtime/node.ts'
import { type EmbeddedServer, startEmbedded } from '../../../sinks/clickhouse/embedded/watchdog.ts'
import { clickhouseSink } from '../../../sinks/clickhouse/sink.ts'
import { type RunningSinks, runSinks } from '../../../sinks/run.ts'

export const runtime = nodeRuntime({ level: 'silent' })

export interface Started extends AsyncDisposable {
  readonly server: EmbeddedServer
  readonly client: ClickHouseClient
  readonly folder: string
  /** Rows of a query in database logdrive, as objects. */
  rows(sql: string): Promise<readonly Record<string, unknown>[]>
  /** A raw HTTP request: path and query, options. */
  ask(path: string, options?: RequestInit): Promise<Response>
}

/** Drains topics into an embedded ClickHouse below the folder, in batches of at most so many rows. */
export function warehouse(
  broker: Broker,
  folder: string,
  topics: readonly string[],
  rows: number,
): RunningSinks {
  const config = clickhouseSink.config.parse({ server: 'embedded', port: 0, batch: { rows, age: '20ms' } })
  const where = { name: 'warehouse', topics, folder: join(folder, 'clickhouse') }
  const spec = { ...where, type: clickhouseSink, config, retryMsMin: 50, retryMsMax: 1000 }
  return runSinks(broker, [spec], runtime, new AbortController().signal)
}

export async function startServer(): Promise<Started> {
  const folder = await mkdtemp(join(tmpdir(), 'logdrive-chdb-'))
  const options = { dataFolder: folder, port: 0, logger: runtime.logger, clock: runtime.clock }
  const server = await startEmbedded(options, new AbortController().signal)
  const log = { level: ClickHouseLogLevel.OFF }
  const client = createClient({ url: server.url, database: 'logdrive', log })
  return {
    server,
    client,
    folder,
    async rows(sql) {
      const found = await client.query({ query: sql, format: 'JSONEachRow' })
      return await found.json<Record<string, unknown>>()
    },
    ask: (path, options) => fetch(`${server.url}${path}`, options),
    async [Symbol.asyncDispose]() {
      await client.close()
      await server[Symbol.asyncDispose]()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Polls until the answer is yes; throws after the deadline. */
export async function until(what: () => Promise<boolean> | boolean, deadlineMs = 30_000): Promise<void> {
  const deadline = Date.now() + deadlineMs
  while (!(await what())) {
    if (Date.now() > deadline) throw new Error('the deadline passed')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
