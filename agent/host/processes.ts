// How many processes there are and were made: the folders of /proc, and /proc/stat.
import type { DirectoryEntry } from '../../core/runtime.ts'
import { counter, gauge, type Point } from './point.ts'
import { fieldsOf, numberIn } from './texts.ts'

/** Their states are left out: that would take a file of each. Throws SCHEMA_INVALID. */
export function processPoints(proc: readonly DirectoryEntry[], stat: string): readonly Point[] {
  const running = proc.filter(({ name }) => /^\d+$/.test(name)).length
  const made = fieldsOf(stat).find(([name]) => name === 'processes')?.[1]
  return [
    gauge('system.process.count', '{process}', running),
    counter('system.process.created', '{process}', numberIn(made, 'processes of /proc/stat')),
  ]
}
