// Load averages of 1, 5 and 15 minutes: /proc/loadavg.
import { gauge, type Point } from './point.ts'
import { fieldsOf, numberIn } from './texts.ts'

/** Reads `0.12 0.34 0.56 1/234 5678`. Throws SCHEMA_INVALID. */
export function loadPoints(text: string): readonly Point[] {
  const fields = fieldsOf(text)[0] ?? []
  return ['1m', '5m', '15m'].map((span, at) =>
    gauge(`system.cpu.load_average.${span}`, '{thread}', numberIn(fields[at], '/proc/loadavg')),
  )
}
