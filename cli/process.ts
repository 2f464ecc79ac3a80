// What the long-running commands share: their options, the level of diagnostics, warnings about the configuration.

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
export function warnAbout(warnings: readonly string[], logger: Logger): void {
  for (const warning of warnings) logger.warn({ warning }, 'odd configuration')
}
