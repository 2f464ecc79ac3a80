// The embedded ClickHouse process: chDB behind HTTP. It is its own process, so it uses node: modules directly.
import { mkdir } from 'node:fs/promises'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { LogdriveError } from '../../../core/errors.ts'
import { type Engine, openEngine } from './engine.ts'
import { createInterface } from './interface.ts'
import { openSpool, type Spool } from './spool.ts'

// As runtime/http-server.ts does: an `import` brings a WebSocket along.
const { createServer } = process.getBuiltinModule('node:http')

/** What the child tells its parent over IPC, once: it serves, or why it does not. */
export type ProcessMessage =
  | { readonly kind: 'ready'; readonly port: number; readonly version: string }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string; readonly hint: string | null }

export interface ProcessOptions {
  readonly dataFolder: string
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
}

/** The database that is made at start and that requests without one mean. */
const database = 'logdrive'
/** How long open requests may go on after SIGTERM. */
const drainMs = 4000
const limits = { headersTimeout: 10_000, requestTimeout: 120_000, keepAliveTimeout: 30_000 }

async function main(options: ProcessOptions): Promise<void> {
  await mkdir(options.dataFolder, { recursive: true, mode: 0o700 })
  const engine = await openEngine(join(options.dataFolder, 'engine'))
  const create = `CREATE DATABASE IF NOT EXISTS ${database}`
  await engine.run({ prelude: '', sql: create, format: 'Null', tag: null })
  const spool = await openSpool(options.dataFolder)
  const server = createServer(limits, createInterface({ engine, spool, database }))
  const port = await listen(server, options)
  stopOn(server, engine, spool)
  tell({ kind: 'ready', port, version: engine.version })
  if (process.send === undefined)
    process.stdout.write(`ClickHouse ${engine.version} on http://${options.host}:${port}\n`)
}

async function listen(server: Server, options: ProcessOptions): Promise<number> {
  return await new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const { host, port } = options
      const taken = cause.code === 'EADDRINUSE'
      const hint = taken
        ? 'Stop what uses it, or set another port: `sinks.<name>.port` in the YAML.'
        : 'Check host and port of the sink in the YAML.'
      const message = taken
        ? `Port ${port} on ${host} is taken.`
        : `Cannot listen on ${host}:${port}: ${cause.message}.`
      reject(
        new LogdriveError(taken ? 'PORT_TAKEN' : 'CONFIG_INVALID', message, {
          cause,
          hint,
          details: { port },
        }),
      )
    })
    server.listen(options.port, options.host, () => resolve((server.address() as AddressInfo).port))
  })
}

/** SIGTERM: finish what runs, then go. A parent that is gone (IPC closed, kill -9 included): the same. */
function stopOn(server: Server, engine: Engine, spool: Spool): void {
  let stopping = false
  const stop = () => {
    if (stopping) return
    stopping = true
    const leave = () => {
      engine[Symbol.dispose]()
      spool[Symbol.dispose]()
      process.exit(0)
    }
    server.close(leave)
    server.closeIdleConnections()
    // Whole blocks only and a log that survives kill -9: leaving in the middle of an insert is safe.
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), drainMs).unref()
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', process.send === undefined ? stop : () => {})
  process.on('disconnect', stop)
}

function tell(message: ProcessMessage): void {
  process.send?.(message)
}

/** Arguments: data folder, host, port. */
function readArguments([dataFolder, host = '127.0.0.1', port = '8123']: readonly string[]): ProcessOptions {
  if (dataFolder === undefined || !/^\d{1,5}$/.test(port)) {
    throw new LogdriveError('USAGE', 'Use: process.ts DATA_FOLDER [HOST [PORT]]')
  }
  return { dataFolder, host, port: Number(port) }
}

try {
  await main(readArguments(process.argv.slice(2)))
} catch (error) {
  const known = error instanceof LogdriveError
  const message = error instanceof Error ? error.message : String(error)
  const failed = { code: known ? error.code : 'UNAVAILABLE', message, hint: known ? error.hint : null }
  process.stderr.write(`${failed.code}: ${message}\n`)
  // Exit only once the parent has the reason.
  if (process.send === undefined) process.exit(1)
  process.send({ kind: 'failed', ...failed } satisfies ProcessMessage, () => process.exit(1))
}
