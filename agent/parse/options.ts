// What an input is told about parsing its lines; every format with the few settings it has.

export type ParseType =
  | 'json'
  | 'logfmt'
  | 'nginx'
  | 'apache'
  | 'syslog'
  | 'cri'
  | 'docker'
  | 'klog'
  | 'regex'
  | 'csv'

export interface ParseOptions {
  readonly type: ParseType
  /** nginx, apache: a name such as `combined`, or the format as the server's configuration has it. */
  readonly format?: string | undefined
  /** regex: an expression with named groups. */
  readonly pattern?: string | undefined
  /** csv: the names of the columns. */
  readonly columns?: readonly string[] | undefined
  /** csv: what stands between two values, one ASCII character. */
  readonly delimiter?: string | undefined
  readonly time?: TimeOptions | undefined
  readonly severity?: SeverityOptions | undefined
  /** The whole line stays in `body`; else what the line says is its message. Unset: as the format has it. */
  readonly keepRaw?: boolean | undefined
  /** cri, docker: how the message inside is parsed. */
  readonly inside?: Omit<ParseOptions, 'time' | 'inside'> | undefined
}

export interface TimeOptions {
  /** The field that holds the time; unset: the format's own, or one of the usual names. */
  readonly field?: string | undefined
  /** A name such as `rfc3339` or `epoch_ms`, or a strftime format. Unset: what it looks like. */
  readonly format?: string | undefined
  /** For times that do not say theirs: `UTC`, `+02:00`, `Europe/Berlin`. Unset: UTC. */
  readonly zone?: string | undefined
}

export interface SeverityOptions {
  readonly field?: string | undefined
  /** Own words and numbers, as the line has them, to `trace`, `debug`, `info`, `warn`, `error`, `fatal`. */
  readonly map?: Readonly<Record<string, SeverityWord>> | undefined
}

export type SeverityWord = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal'

/** A longer line is kept whole and not parsed. */
export const parsedLineBytesMax = 64 * 1024
/** ... of a container, whose parts were joined; the message inside is not parsed when it is longer than a line may be. */
export const envelopeBytesMax = 2 * 1024 * 1024
/** A line with more fields is kept whole and not parsed. */
export const fieldsMax = 256
/** Objects inside objects become fields `a.b.c` down to here; what is deeper is kept as JSON text. */
export const depthMax = 8
/** A longer name is cut. */
export const nameBytesMax = 256
/** Longer values of `trace_id` and `span_id` are none. */
export const idBytesMax = 64
