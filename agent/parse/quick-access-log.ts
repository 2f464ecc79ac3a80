// The quick way for access logs: what stands between their values is the format.
import type { AccessLogFormat } from './access-log.ts'
import { QuickLine, type QuickReaders } from './quick-line.ts'
import type { QuickMemory } from './quick-memory.ts'

/** The quick way for a format; null when its fields mean more than a time and a request, or are unusual otherwise. */
export function quickAccessLog(
  { first, slots }: AccessLogFormat,
  readers: QuickReaders,
  memory: QuickMemory,
  keepRaw: boolean,
): QuickLine | null {
  const times = slots.filter(({ name }) => name.role === 'time')
  const isUsual = slots.every(
    ({ name, as }) => name.role === null || name.role === 'time' || as === 'request',
  )
  if (times.length !== 1 || !isUsual) return null
  const shape = slots.map(({ name, as, until }) => ({
    name: name.text,
    kind: as === 'number' ? ('maybe_number' as const) : as,
    becomes: name.role === null ? ('attribute' as const) : name.role,
    until,
  }))
  return QuickLine.of({ first, slots: shape, flags: [], hasNothing: true, keepRaw }, readers, memory)
}
