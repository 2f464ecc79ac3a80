// Bytes, operations and time of block devices: /proc/diskstats.
import type { Chosen } from './chosen.ts'
import { counter, type Point } from './point.ts'
import { fieldsOf, numberIn } from './texts.ts'

/** The kernel's sectors, whatever the device's own are. */
const sectorBytes = 512

/**
 * A line: major minor name, then of reads: done, merged, sectors, ms; of writes the same; in flight, ms busy, and more.
 * A partition counts beside its disk: filter one of them before adding up. Throws SCHEMA_INVALID.
 */
export function diskPoints(text: string, isChosen: Chosen): readonly Point[] {
  return fieldsOf(text)
    .filter(([, , name = '']) => isChosen(name))
    .flatMap(([, , device = '', ...fields]) => {
      const at = (index: number) => numberIn(fields[index], '/proc/diskstats')
      return [
        ...directed(device, 'read', [at(0), at(1), at(2), at(3)]),
        ...directed(device, 'write', [at(4), at(5), at(6), at(7)]),
        counter('system.disk.io_time', 's', at(9) / 1000, { 'system.device': device }),
      ]
    })
}

function directed(
  device: string,
  direction: 'read' | 'write',
  [done, merged, sectors, ms]: readonly [number, number, number, number],
): readonly Point[] {
  const attributes = { 'system.device': device, 'disk.io.direction': direction }
  return [
    counter('system.disk.io', 'By', sectors * sectorBytes, attributes),
    counter('system.disk.operations', '{operation}', done, attributes),
    counter('system.disk.merged', '{operation}', merged, attributes),
    counter('system.disk.operation_time', 's', ms / 1000, attributes),
  ]
}
