// What the long-running commands share: their options, the level of diagnostics, warnings about the configuration.

import { formatProblem, type Problem } from '../config/load.ts'
import type { Logger } from '../core/runtime.ts'
import type { LogLevel } from '../runtime/logger.ts'
import { type Arguments, type Options, usage } from './command.ts'

export const configOption: Options = {
  config: { value: 'FILE', short: 'c', about: 'the configuration' },
}

export const logOption: Options = {
  'log-level': {
    value: 'LEVEL',
    about: 'debug, info, warn, error or silent; diagnostics go to stderr as JSON',
  },
}

const levels: readonly LogLevel[] = ['debug', 'info', 'warn', 'error', 'silent']

/** The level that was asked for. Throws USAGE naming the levels. */
export function readLogLevel(args: Arguments, otherwise: LogLevel): LogLevel {
  const asked = args.text('log-level')
  if (asked === undefined) return otherwise
  const level = levels.find((one) => one === asked)
  if (level === undefined) throw usage(`--log-level takes one of ${levels.join(', ')}`)
  return level
}

/** Says at start what in the configuration is odd but works. */
export function warnAbout(warnings: readonly Problem[], logger: Logger): void {
  for (const warning of warnings) logger.warn({ problem: formatProblem(warning) }, 'odd configuration')
}

/**
 * More threads for files and compression: the default four can all sit in one slow fdatasync. Has to be called before
 * the first file is touched asynchronously.
 */
export function widenThreadPool(): void {
  process.env.UV_THREADPOOL_SIZE ??= '16'
}
