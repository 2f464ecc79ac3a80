// Diagnostics kept in memory: the last lines, for a test to look at or to print when it fails.
import type { Logger } from '../../core/runtime.ts'

/** One line as it was logged. */
export interface LoggedLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly fields: object
  readonly message: string
}

const linesMax = 1_000

/** Keeps the last thousand lines; children write into the same list. */
export class MemoryLogger implements Logger {
  readonly lines: LoggedLine[]
  readonly #context: object

  constructor(lines: LoggedLine[] = [], context: object = {}) {
    this.lines = lines
    this.#context = context
  }

  debug(fields: object, message: string): void {
    this.#keep('debug', fields, message)
  }

  info(fields: object, message: string): void {
    this.#keep('info', fields, message)
  }

  warn(fields: object, message: string): void {
    this.#keep('warn', fields, message)
  }

  error(fields: object, message: string): void {
    this.#keep('error', fields, message)
  }

  child(fields: object): Logger {
    return new MemoryLogger(this.lines, { ...this.#context, ...fields })
  }

  #keep(level: LoggedLine['level'], fields: object, message: string): void {
    if (this.lines.length >= linesMax) this.lines.shift()
    this.lines.push({ level, fields: { ...this.#context, ...fields }, message })
  }
}
