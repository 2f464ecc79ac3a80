// The parent's side of the embedded ClickHouse: starts the child process, starts it again when it dies, stops it.
// Processes have no seam in Runtime (nothing else starts one), so this file uses node:child_process directly.
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type ErrorCode, LogdriveError } from '../../../core/errors.ts'
import type { Clock, Logger } from '../../../core/runtime.ts'
import type { ProcessMessage } from './process.ts'

export interface EmbeddedOptions {
  /** Owned by one process at a time. */
  readonly dataFolder: string
  /** Default 127.0.0.1: there are no passwords. */
  readonly host?: string
  /** Default 8123; 0 takes a free one and keeps it over restarts. */
  readonly port?: number
  readonly logger: Logger
  readonly clock: Clock
}

export interface EmbeddedServer extends AsyncDisposable {
  /** Base URL of the ClickHouse HTTP interface; the same over restarts. */
  readonly url: string
  /** Of the running child; null between two. */
  readonly pid: number | null
  /** How often the child died and was started again. */
  readonly restarts: number
  /** `failed`: it can't be started again (say, its port was taken meanwhile); trying goes on. */
  state(): 'running' | 'starting' | 'failed' | 'stopped'
}

/** A start may take this long: opening large data folders loads their parts. */
const startMsMax = 60_000
/** How long a start waits for a dying predecessor to let go of folder and port. */
const handOverMsMax = 6000
const restartMsMin = 100
const restartMsMax = 10_000
/** A child that lived this long starts the backoff afresh. */
const settledMs = 30_000
/** Between SIGTERM and SIGKILL; longer than the child's own drain. */
const stopMsMax = 8000
/** libuv threads of the child: chDB's statements (queriesMax + insertsMax) and files each hold one. */
const threads = 12
const handOverCodes: ReadonlySet<ErrorCode> = new Set(['DATA_LOCKED', 'PORT_TAKEN'])

interface Running {
  readonly child: ChildProcess
  readonly port: number
  readonly gone: Promise<string>
}

/**
 * Starts the engine and resolves once it answers. Throws DATA_LOCKED, PORT_TAKEN, or UNAVAILABLE when chDB is not
 * installed or the data do not open. When the signal aborts, the server stops.
 */
export async function startEmbedded(options: EmbeddedOptions, signal: AbortSignal): Promise<EmbeddedServer> {
  const host = options.host ?? '127.0.0.1'
  const stopping = new AbortController()
  const stop = () => stopping.abort(signal.reason)
  if (signal.aborted) stop()
  else signal.addEventListener('abort', stop, { once: true })

  const wantedPort = options.port ?? 8123
  let running: Running | null = await startPatiently(options, host, wantedPort, stopping.signal)
  const { port } = running
  let state: ReturnType<EmbeddedServer['state']> = 'running'
  let restarts = 0

  async function watch(): Promise<void> {
    let waitMs = restartMsMin
    let bornAt = options.clock.monotonic()
    while (!stopping.signal.aborted) {
      if (running !== null) {
        const reason = await untilAborted(running.gone, stopping.signal)
        if (reason === null) break
        running = null
        state = 'starting'
        if (options.clock.monotonic() - bornAt > settledMs) waitMs = restartMsMin
        options.logger.warn({ reason, waitMs }, 'embedded ClickHouse died; starting it again')
      }
      await options.clock.sleep(waitMs, stopping.signal)
      if (stopping.signal.aborted) break
      waitMs = Math.min(restartMsMax, waitMs * 2)
      try {
        running = await start(options, host, port, stopping.signal)
        state = 'running'
        restarts += 1
        bornAt = options.clock.monotonic()
      } catch (error) {
        if (stopping.signal.aborted) break
        state = 'failed'
        options.logger.error({ err: error, waitMs }, 'embedded ClickHouse does not start')
      }
    }
    state = 'stopped'
    if (running !== null) await end(running, options.clock)
    running = null
  }

  const watching = watch()
  const name = host.includes(':') ? `[${host}]` : host
  return {
    url: `http://${name === '0.0.0.0' ? '127.0.0.1' : name}:${port}`,
    get pid() {
      return running?.child.pid ?? null
    },
    get restarts() {
      return restarts
    },
    state: () => state,
    async [Symbol.asyncDispose]() {
      signal.removeEventListener('abort', stop)
      stopping.abort()
      await watching
    },
  }
}

/** A killed parent's child needs a moment to see it; so a lock or a port is tried again for a while. */
async function startPatiently(
  options: EmbeddedOptions,
  host: string,
  port: number,
  signal: AbortSignal,
): Promise<Running> {
  const startedAt = options.clock.monotonic()
  for (let waitMs = restartMsMin; ; waitMs *= 2) {
    try {
      return await start(options, host, port, signal)
    } catch (error) {
      const handOver = error instanceof LogdriveError && handOverCodes.has(error.code)
      if (!handOver || options.clock.monotonic() - startedAt + waitMs > handOverMsMax || signal.aborted)
        throw error
      await options.clock.sleep(waitMs, signal)
    }
  }
}

async function start(
  options: EmbeddedOptions,
  host: string,
  port: number,
  signal: AbortSignal,
): Promise<Running> {
  signal.throwIfAborted()
  const child = spawn(process.execPath, [processFile(), options.dataFolder, host, String(port)], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: { ...process.env, UV_THREADPOOL_SIZE: String(threads) },
  })
  let complaints = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaints = (complaints + text).slice(-2000)
  })
  const gone = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    // close, not exit: only then all it complained about is here.
    child.once('close', (code, killer) => resolve(killer ?? `exit code ${code}`))
  })
  const timeout = new AbortController()
  const first = await Promise.race([
    firstMessage(child),
    gone.then((reason) => failure(`it ended at once (${reason}) ${complaints.trim()}`)),
    options.clock
      .sleep(startMsMax, AbortSignal.any([signal, timeout.signal]))
      .then(() => failure('it took too long')),
  ])
  timeout.abort()
  if (first.kind === 'ready' && !signal.aborted) return { child, port: first.port, gone }
  await end({ child, port, gone }, options.clock)
  signal.throwIfAborted()
  if (first.kind === 'ready') throw new LogdriveError('UNAVAILABLE', 'The embedded ClickHouse was stopped.')
  throw asError(first, complaints, options.dataFolder)
}

/** The binding does not say why a folder did not open; the engine says it on stderr. */
function asError(failed: Failed, complaints: string, dataFolder: string): LogdriveError {
  if (complaints.includes('Cannot lock file')) {
    return new LogdriveError('DATA_LOCKED', `Another process owns the ClickHouse data in ${dataFolder}.`, {
      hint: 'Stop the other logdrive, or give this one another data folder (`data:` or --data).',
    })
  }
  const { code, message, hint } = failed
  return new LogdriveError(code as ErrorCode, message, hint === null ? {} : { hint })
}

type Failed = Extract<ProcessMessage, { kind: 'failed' }>

function failure(why: string): Failed {
  const message = `The embedded ClickHouse process did not start: ${why}.`
  return { kind: 'failed', code: 'UNAVAILABLE', message, hint: 'Run `logdrive doctor`.' }
}

function firstMessage(child: ChildProcess): Promise<ProcessMessage> {
  return new Promise((resolve) => child.once('message', (message) => resolve(message as ProcessMessage)))
}

/** SIGTERM, and SIGKILL when that does not help: the data survive both. */
async function end(running: Running, clock: Clock): Promise<void> {
  running.child.kill('SIGTERM')
  const done = new AbortController()
  const inTime = running.gone.then(() => true)
  const late = clock.sleep(stopMsMax, done.signal).then(() => false)
  if (!(await Promise.race([inTime, late]))) running.child.kill('SIGKILL')
  done.abort()
  await running.gone
}

async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | null> {
  if (signal.aborted) return null
  let abort = () => {}
  const aborted = new Promise<null>((resolve) => {
    abort = () => resolve(null)
    signal.addEventListener('abort', abort, { once: true })
  })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

/** Beside this file: .ts in a checkout, .js in the published package. */
function processFile(): string {
  const source = fileURLToPath(new URL(`./process${extname(import.meta.url)}`, import.meta.url))
  return existsSync(source) ? source : fileURLToPath(new URL('./process.js', import.meta.url))
}
