// Diagnostics as JSON lines on stderr: the only file that knows pino.
import { type DestinationStream, destination, type Logger as PinoLogger, pino } from 'pino'
import type { Logger } from '../core/runtime.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

/** A logger for the process. Lines go to stderr, synchronously, so that none is lost when it exits. */
export function createLogger(
  level: LogLevel,
  sink: DestinationStream = destination({ dest: 2, sync: true }),
): Logger {
  return new JsonLogger(pino({ level, base: { pid: process.pid } }, sink))
}

class JsonLogger implements Logger {
  readonly #pino: PinoLogger

  constructor(logger: PinoLogger) {
    this.#pino = logger
  }

  debug(fields: object, message: string): void {
    this.#pino.debug(fields, message)
  }

  info(fields: object, message: string): void {
    this.#pino.info(fields, message)
  }

  warn(fields: object, message: string): void {
    this.#pino.warn(fields, message)
  }

  error(fields: object, message: string): void {
    this.#pino.error(fields, message)
  }

  child(fields: object): Logger {
    return new JsonLogger(this.#pino.child(fields))
  }
}
