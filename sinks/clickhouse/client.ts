// The one door of @clickhouse/client: a Warehouse over the ClickHouse HTTP interface. Bytes go in as bytes.
import { Readable } from 'node:stream'
import {
  ClickHouseError,
  ClickHouseLogLevel,
  type ClickHouseSettings,
  createClient,
} from '@clickhouse/client'
import { quoteIdentifier } from './embedded/statement.ts'
import { type InsertRequest, type Settings, type Warehouse, WarehouseError } from './warehouse.ts'

export interface ClientOptions {
  readonly url: string
  readonly user?: string
  readonly password?: string
  /** Pack the rows: worth it over a network, not on loopback. */
  readonly packed: boolean
}

/** Longer than the server's own limit (`max_execution_time` of the settings), so that the server's answer wins. */
const requestMs = 300_000
const connectionsMax = 16

/** Connects lazily: nothing is sent before the first call. */
export function httpWarehouse(options: ClientOptions): Warehouse {
  const client = createClient({
    url: options.url,
    ...(options.user === undefined ? {} : { username: options.user }),
    ...(options.password === undefined ? {} : { password: options.password }),
    application: 'logdrive',
    request_timeout: requestMs,
    max_open_connections: connectionsMax,
    compression: { request: options.packed ? { codec: 'zstd', level: 1 } : false, response: false },
    // What fails is thrown; the pump logs it.
    log: { level: ClickHouseLogLevel.OFF },
  })

  return {
    async command(query, signal) {
      await answered(client.command({ query, abort_signal: signal }), signal)
    },
    async insert(request, signal) {
      // exec, not insert: that one takes objects and is half as fast (182,000 to 390,000 rows/s).
      const values = Readable.from([request.body], { objectMode: false })
      const settings = asSettings(request.settings)
      const query = insertSql(request)
      const parameters = { query, values, clickhouse_settings: settings, abort_signal: signal }
      const { stream } = await answered(client.exec(parameters), signal)
      for await (const _ of stream);
    },
    async query(query, parameters, signal) {
      const asked = {
        query,
        query_params: parameters,
        format: 'JSONCompactEachRow',
        abort_signal: signal,
      } as const
      const found = await answered(client.query(asked), signal)
      return await answered(found.json<readonly unknown[]>(), signal)
    },
    [Symbol.asyncDispose]: () => client.close(),
  }
}

function insertSql(request: InsertRequest): string {
  const table = `${quoteIdentifier(request.database)}.${quoteIdentifier(request.table)}`
  const columns = request.columns === null ? '' : ` (${request.columns.map(quoteIdentifier).join(', ')})`
  return `INSERT INTO ${table}${columns} FORMAT ${request.format}`
}

/** The client knows the names of one version's settings; ours were asked of the server itself. */
function asSettings(settings: Settings): ClickHouseSettings {
  return settings as ClickHouseSettings
}

async function answered<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  try {
    return await promise
  } catch (cause) {
    signal.throwIfAborted()
    if (cause instanceof ClickHouseError) {
      const code = Number(cause.code)
      const text = `Code ${code} (${cause.type ?? '?'}): ${cause.message.trim()}`
      throw new WarehouseError(Number.isInteger(code) ? code : null, text, { cause })
    }
    const message = cause instanceof Error ? cause.message : String(cause)
    throw new WarehouseError(null, `ClickHouse does not answer: ${message.slice(0, 1000)}`, { cause })
  }
}
