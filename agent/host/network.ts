// Bytes, packets, errors and drops of network interfaces: /proc/net/dev.
import type { Chosen } from './chosen.ts'
import { counter, type Point } from './point.ts'
import { fieldsOf, numberIn } from './texts.ts'

/**
 * A line: `eth0:`, then of what was received: bytes packets errs drop fifo frame compressed multicast; of what was
 * transmitted: bytes packets errs drop and four more. Throws SCHEMA_INVALID.
 */
export function networkPoints(text: string, isChosen: Chosen): readonly Point[] {
  const points: Point[] = []
  // A wide number may touch the colon.
  for (const [, name, rest] of text.matchAll(/^\s*(\S{1,64}):\s*(\d.*)$/gm)) {
    if (name === undefined || !isChosen(name)) continue
    const fields = fieldsOf(rest ?? '')[0] ?? []
    for (const [direction, first] of [
      ['receive', 0],
      ['transmit', 8],
    ] as const) {
      const at = (index: number) => numberIn(fields[first + index], '/proc/net/dev')
      const interfaced = { 'network.interface.name': name, 'network.io.direction': direction }
      points.push(
        counter('system.network.io', 'By', at(0), interfaced),
        counter('system.network.packet.count', '{packet}', at(1), {
          'system.device': name,
          'network.io.direction': direction,
        }),
        counter('system.network.errors', '{error}', at(2), interfaced),
        counter('system.network.packet.dropped', '{packet}', at(3), interfaced),
      )
    }
  }
  return points
}
