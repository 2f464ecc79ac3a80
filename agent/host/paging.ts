// Swap in use, page faults and pages moved: /proc/meminfo and /proc/vmstat.
import { parseMemory, sizeOf } from './memory.ts'
import { counter, gauge, type Point, ratio } from './point.ts'
import { fieldsOf, numberIn } from './texts.ts'

/** Operations are pages that went to and from swap. Throws SCHEMA_INVALID. */
export function pagingPoints(meminfo: string, vmstat: string): readonly Point[] {
  const sizes = parseMemory(meminfo)
  const limit = sizeOf(sizes, 'SwapTotal')
  const free = sizeOf(sizes, 'SwapFree')
  const counts = new Map(fieldsOf(vmstat).map(([name = '', count]) => [name, count]))
  const countOf = (name: string) => numberIn(counts.get(name), `${name} of /proc/vmstat`)
  const major = countOf('pgmajfault')
  const faults = { major, minor: Math.max(0, countOf('pgfault') - major) }
  const operations = { in: countOf('pswpin'), out: countOf('pswpout') }
  return [
    ...Object.entries({ used: Math.max(0, limit - free), free }).flatMap(([state, bytes]) => [
      gauge('system.paging.usage', 'By', bytes, { 'system.paging.state': state }),
      gauge('system.paging.utilization', '1', ratio(bytes, limit), { 'system.paging.state': state }),
    ]),
    ...Object.entries(faults).map(([type, count]) =>
      counter('system.paging.faults', '{fault}', count, { 'system.paging.fault.type': type }),
    ),
    ...Object.entries(operations).map(([direction, count]) =>
      counter('system.paging.operations', '{operation}', count, { 'system.paging.direction': direction }),
    ),
  ]
}
