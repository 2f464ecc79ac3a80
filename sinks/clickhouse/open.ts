// Opening a ClickHouse sink: the engine in a child process or a server elsewhere, the client of it, and the writer.
import { isCode, LogdriveError } from '../../core/errors.ts'
import type { OpenSink, SinkContext } from '../define.ts'
import { httpWarehouse } from './client.ts'
import { type EmbeddedServer, startEmbedded } from './embedded/watchdog.ts'
import type { ClickhouseConfig } from './sink.ts'
import type { Warehouse } from './warehouse.ts'
import { openWriter, type WriterOptions } from './writer.ts'

/** Opens what the settings name. Throws as `SinkDefinition.open` says. */
export function openClickhouse(
  settings: ClickhouseConfig,
  context: SinkContext,
  signal: AbortSignal,
): Promise<OpenSink> {
  return settings.server === 'embedded'
    ? openEmbedded(settings, context, signal)
    : openRemote(settings, context, signal)
}

async function openEmbedded(
  settings: ClickhouseConfig,
  context: SinkContext,
  signal: AbortSignal,
): Promise<OpenSink> {
  const { clock, logger } = context.runtime
  const options = { dataFolder: context.folder, port: settings.port, logger, clock }
  const engine = await startEmbedded(options, signal).catch((error: unknown) => {
    throw withKey(error, context.name)
  })
  const warehouse = ownedBy(httpWarehouse({ url: engine.url, packed: false }), engine)
  const details = () => ({
    url: engine.url,
    database: 'logdrive',
    server: 'embedded',
    engine: engine.state(),
    pid: engine.pid,
    restarts: engine.restarts,
  })
  return await open(warehouse, { database: 'logdrive', embedded: true, details }, settings, context, signal)
}

/** A taken port names the key of the YAML that says another one. */
function withKey(error: unknown, sink: string): unknown {
  if (!isCode(error, 'PORT_TAKEN')) return error
  const hint = `Stop what uses it, or set \`sinks.${sink}.port\` in the YAML to another one; 0 takes a free one.`
  return new LogdriveError('PORT_TAKEN', error.message, { cause: error, hint, details: error.details })
}

async function openRemote(
  settings: ClickhouseConfig,
  context: SinkContext,
  signal: AbortSignal,
): Promise<OpenSink> {
  if (settings.server === 'embedded') throw new TypeError('openRemote needs a server')
  const { url, user, password, database } = settings.server
  const host = new URL(url).hostname
  const packed = !/^(localhost|127\..*|\[::1\])$/.test(host)
  const warehouse = httpWarehouse({ url, user, packed, ...(password === undefined ? {} : { password }) })
  const details = () => ({ url, database, server: 'remote' })
  return await open(warehouse, { database, embedded: false, details }, settings, context, signal)
}

async function open(
  warehouse: Warehouse,
  place: Pick<WriterOptions, 'database' | 'embedded' | 'details'>,
  settings: ClickhouseConfig,
  context: SinkContext,
  signal: AbortSignal,
): Promise<OpenSink> {
  const { name, topics, runtime } = context
  try {
    return await openWriter(
      warehouse,
      { ...place, name, topics, ttlMs: settings.keep ?? null },
      runtime,
      signal,
    )
  } catch (error) {
    await warehouse[Symbol.asyncDispose]()
    throw error
  }
}

/** A warehouse that takes its server along when it is disposed. */
function ownedBy(warehouse: Warehouse, engine: EmbeddedServer): Warehouse {
  return {
    command: (sql, signal) => warehouse.command(sql, signal),
    insert: (request, signal) => warehouse.insert(request, signal),
    query: (sql, parameters, signal) => warehouse.query(sql, parameters, signal),
    async [Symbol.asyncDispose]() {
      await warehouse[Symbol.asyncDispose]()
      await engine[Symbol.asyncDispose]()
    },
  }
}
