// A logger for pumps: the uplink says once what many sources meet; the pump's word for each try is for debugging.
import type { Logger } from '../core/runtime.ts'

/** Everything said to it is said as debug. */
export function quiet(logger: Logger): Logger {
  const debug = (fields: object, message: string) => logger.debug(fields, message)
  return { debug, info: debug, warn: debug, error: debug, child: () => quiet(logger) }
}
