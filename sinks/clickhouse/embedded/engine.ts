// The one door of the npm package chdb: a ClickHouse engine inside this process, a fresh session for every request.
import { LogdriveError } from '../../../core/errors.ts'
import { quoteString } from './statement.ts'

/** A statement with everything that belongs to it alone: nothing of it is left in the engine afterwards. */
export interface EngineRequest {
  /** Run first, in the same session: USE, SET. Empty for none. */
  readonly prelude: string
  readonly sql: string
  /** For statements without a FORMAT of their own. */
  readonly format: string
  /** Names the request for `cancel`; null where the text must not be touched (it ends in data). */
  readonly tag: string | null
}

export interface EngineResult {
  readonly bytes: Uint8Array
  /** Rows of the result, not rows read: the engine does not say those. */
  readonly rows: number
  readonly seconds: number
}

export interface Engine extends Disposable {
  readonly version: string
  readonly timezone: string
  /** Runs one statement; throws EngineError. Several may run at once, each occupies a libuv thread. */
  run(request: EngineRequest): Promise<EngineResult>
  /** Asks the statement with this tag to stop; it then fails with code 394. */
  cancel(tag: string): Promise<void>
}

/** What ClickHouse said: its code and its text, `DB::Exception` and all. */
export class EngineError extends Error {
  override readonly name = 'EngineError'
  /** ClickHouse's number, such as 60 for UNKNOWN_TABLE. */
  readonly code: number

  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }
}

/**
 * Opens (or makes) the data folder. Sessions at one path share the engine and run in parallel; one costs 0.7 ms to
 * open and 0.4 ms to close (8,000 in a row: no growth), so that USE, SET and parameters of a request are its own.
 * Throws UNAVAILABLE when the package or its library is not there, or the folder does not open: why,
 * say that another process owns it, the engine writes to stderr only (watchdog.ts reads it there).
 */
export async function openEngine(path: string): Promise<Engine> {
  const { Session } = await import('chdb').catch((cause: unknown) => {
    throw new LogdriveError(
      'UNAVAILABLE',
      'The embedded ClickHouse engine (npm package chdb) is not there.',
      {
        cause,
        hint: 'Run `npm i chdb` (Linux glibc and macOS only), or set `server: { url: ... }` to use a ClickHouse server.',
      },
    )
  })
  const open = () => {
    try {
      return new Session(path)
    } catch (cause) {
      throw asOpenError(path, cause)
    }
  }
  const keeper = open()
  const facts = await keeper.queryAsync('SELECT version(), timezone()', { format: 'TabSeparated' })
  const [version = '', timezone = 'UTC'] = facts.text().trim().split('\t')

  return {
    version,
    timezone,
    async run(request) {
      using session = open()
      try {
        if (request.prelude !== '') await session.queryAsync(request.prelude, { format: 'Null' })
        const sql = request.tag === null ? request.sql : `${request.sql}\n${mark(request.tag)}`
        const result = await session.queryAsync(sql, { format: request.format })
        return { bytes: result.bytes(), rows: result.rowsRead, seconds: result.elapsed }
      } catch (error) {
        throw asEngineError(error)
      }
    },
    async cancel(tag) {
      // ASYNC: waiting for the victim (SYNC) was seen to hang for good in chDB 3.4.
      const sql = `KILL QUERY WHERE endsWith(query, ${quoteString(mark(tag))}) ASYNC`
      using session = open()
      await session.queryAsync(sql, { format: 'Null' })
    },
    [Symbol.dispose]() {
      keeper.close()
    },
  }
}

function mark(tag: string): string {
  return `/* ld:${tag} */`
}

function asOpenError(path: string, cause: unknown): LogdriveError {
  const text = cause instanceof Error ? cause.message : String(cause)
  return new LogdriveError(
    'UNAVAILABLE',
    `The ClickHouse data in ${path} did not open: ${text.slice(0, 500)}`,
    {
      cause,
      hint: 'Run `logdrive doctor`.',
    },
  )
}

function asEngineError(error: unknown): unknown {
  if (error instanceof LogdriveError) return error
  const text = error instanceof Error ? error.message : String(error)
  const code = /Code: (\d+)/.exec(text)?.[1]
  return new EngineError(code === undefined ? 1001 : Number(code), text.trim())
}
