// The Runtime of a real process: every door of this directory behind one value.
import type { Runtime } from '../core/runtime.ts'
import { systemClock } from './clock.ts'
import { nodeFiles } from './files.ts'
import { nodeHttp } from './http.ts'
import { createLogger, type LogLevel } from './logger.ts'
import { systemRandom } from './random.ts'
import { nodeStorage } from './storage.ts'
import { nodeTransport } from './transport.ts'

/** Clock, chance, disk, files, HTTP, sockets and diagnostics of this machine. */
export function nodeRuntime(options: { readonly level: LogLevel }): Runtime {
  const logger = createLogger(options.level)
  return {
    clock: systemClock,
    random: systemRandom,
    storage: nodeStorage,
    files: nodeFiles(logger),
    http: nodeHttp(logger),
    transport: nodeTransport(logger),
    logger,
  }
}
