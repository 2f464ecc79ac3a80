// Memory by state, and what is there for new work without swapping: /proc/meminfo.
import { gauge, type Point, ratio } from './point.ts'
import { fieldsOf, numberIn } from './texts.ts'

/** Reads `name -> bytes` out of `MemTotal: 24684096 kB` and so on. Throws SCHEMA_INVALID. */
export function parseMemory(text: string): ReadonlyMap<string, number> {
  const sizes = new Map<string, number>()
  for (const [name = '', size, unit] of fieldsOf(text))
    if (unit === 'kB') sizes.set(name.replace(/:$/, ''), numberIn(size, '/proc/meminfo') * 1024)
  return sizes
}

/** The states add up to the limit; `cached` holds what the kernel gives back of its own (as `free` counts it). */
export function memoryPoints(text: string): readonly Point[] {
  const sizes = parseMemory(text)
  const limit = sizeOf(sizes, 'MemTotal')
  const free = sizeOf(sizes, 'MemFree')
  const buffers = sizes.get('Buffers') ?? 0
  const cached = (sizes.get('Cached') ?? 0) + (sizes.get('SReclaimable') ?? 0)
  const used = Math.max(0, limit - free - buffers - cached)
  const available = sizes.get('MemAvailable')
  return [
    gauge('system.memory.limit', 'By', limit),
    ...Object.entries({ used, free, buffers, cached }).flatMap(([state, bytes]) => [
      gauge('system.memory.usage', 'By', bytes, { 'system.memory.state': state }),
      gauge('system.memory.utilization', '1', ratio(bytes, limit), { 'system.memory.state': state }),
    ]),
    ...(available === undefined ? [] : [gauge('system.memory.linux.available', 'By', available)]),
  ]
}

/** A size that every kernel tells. */
export function sizeOf(sizes: ReadonlyMap<string, number>, name: string): number {
  return sizes.get(name) ?? numberIn(undefined, `${name} of /proc/meminfo`)
}
