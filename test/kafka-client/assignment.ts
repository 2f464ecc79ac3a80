// The bytes that members of a consumer group tell each other: what they want to read, and what the leader gave them.
//
//   subscription  int16 version 0 | int32 count, topics: int16 length and name | int32 length -1 (no user data)
//   assignment    int16 version 0 | int32 count, topics: name, int32 count, int32 partitions | int32 length -1
import type { Target } from './producer.ts'

/** The topics of one member. */
export function encodeSubscription(topics: readonly string[]): Uint8Array {
  const parts = [int16(0), int32(topics.length), ...topics.map(text), int32(-1)]
  return Buffer.concat(parts)
}

/** The partitions of one member. */
export function encodeAssignment(targets: readonly Target[]): Uint8Array {
  const topics = Map.groupBy(targets, ({ topic }) => topic)
  const parts = [int16(0), int32(topics.size)]
  for (const [topic, each] of topics) {
    parts.push(text(topic), int32(each.length), ...each.map(({ partition }) => int32(partition)))
  }
  return Buffer.concat([...parts, int32(-1)])
}

export function decodeAssignment(bytes: Uint8Array): readonly Target[] {
  const buffer = Buffer.from(bytes)
  if (buffer.length === 0) return []
  const targets: Target[] = []
  let at = 6
  for (let topics = buffer.readInt32BE(2); topics > 0; topics -= 1) {
    const end = at + 2 + buffer.readInt16BE(at)
    const topic = buffer.toString('utf8', at + 2, end)
    at = end + 4
    for (let count = buffer.readInt32BE(end); count > 0; count -= 1) {
      targets.push({ topic, partition: buffer.readInt32BE(at) })
      at += 4
    }
  }
  return targets
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([int16(bytes.length), bytes])
}
