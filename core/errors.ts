// LogdriveError: trouble that has a name, and the closed list of those names.

/** Every trouble Logdrive can name. Each has a line in docs/errors.md that says what to do. */
export type ErrorCode =
  | 'BATCH_CORRUPT' // a RecordBatch that fails its checks (magic, length, CRC, counts)
  | 'BATCH_TOO_LARGE' // a batch over its size limit, packed or unpacked
  | 'CONFIG_INVALID' // the YAML has problems; they are listed with file:line:col
  | 'DATA_LOCKED' // another process owns the data or state folder
  | 'DISK_FULL' // no space: refused, retry later
  | 'DISK_FAILED' // fsync or write failed: acknowledge nothing more, exit
  | 'FORBIDDEN' // the key may not do this
  | 'KEY_MISSING' // no key where one is needed, or an unknown one
  | 'METHOD_UNSUPPORTED' // the path is there, the HTTP method is not
  | 'NOT_FOUND'
  | 'OFFSET_OUT_OF_RANGE'
  | 'OVERLOADED' // back-pressure: retry after a while
  | 'PORT_TAKEN'
  | 'POSITION_CONFLICT' // a source's batch that does not follow what is kept
  | 'POSITION_STALE' // a batch of an older epoch of its source
  | 'REQUEST_INVALID'
  | 'REQUEST_TOO_LARGE'
  | 'SCHEMA_INVALID' // well-formed, but not the shape that is asked for
  | 'SINK_FAILED'
  | 'SINK_REFUSED' // the sink's other side refuses the data itself
  | 'SINK_MISCONFIGURED' // a missing table, a wrong password: pause, never skip
  | 'STATE_CORRUPT' // a checkpoint or snapshot that cannot be read
  | 'TOPIC_EXISTS'
  | 'TOPIC_NAME_INVALID'
  | 'TOPIC_UNKNOWN'
  | 'TYPE_UNSUPPORTED' // a content type or encoding we do not read
  | 'UNAVAILABLE' // the other side is down: retry
  | 'USAGE' // a command line that makes no sense

export interface ErrorOptions {
  readonly cause?: unknown
  /** What the reader can do about it, one sentence. */
  readonly hint?: string
  /** Facts a caller may act on, such as the kept position of a conflict or a Retry-After in ms. */
  readonly details?: Readonly<Record<string, unknown>>
}

/** Trouble with a name, a sentence, and (where there is one) the fix. */
export class LogdriveError extends Error {
  override readonly name: string = 'LogdriveError'
  readonly code: ErrorCode
  readonly hint: string | null
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.hint = options.hint ?? null
    this.details = options.details ?? {}
  }
}

/** True when the error is ours and carries the given code. */
export function isCode(error: unknown, code: ErrorCode): error is LogdriveError {
  return error instanceof LogdriveError && error.code === code
}

/** The code of an error of the system, such as ENOENT, or what else it says. */
export function systemCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error)
}
