// Seconds since the machine was started: /proc/uptime.
import { gauge, type Point } from './point.ts'
import { fieldsOf, numberIn } from './texts.ts'

/** Reads `17077.57 12991.16`: up, and idle over all CPUs. Throws SCHEMA_INVALID. */
export function uptimePoints(text: string): readonly Point[] {
  return [gauge('system.uptime', 's', numberIn(fieldsOf(text)[0]?.[0], '/proc/uptime'))]
}
