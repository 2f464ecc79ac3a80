// Murmur2 and the default partitioner against the vectors Kafka publishes.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { murmur2, partitionOf } from '../../protocol/murmur2.ts'

const encoder = new TextEncoder()
const vectors: readonly (readonly [string, number])[] = [
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ['abc', 479470107],
]

describe('murmur2', () => {
  test.each(vectors)('hashes %s as Kafka does', (text, hash) => {
    expect(murmur2(encoder.encode(text))).toBe(hash)
  })

  test('hashes bytes, not characters: a view in the middle of a buffer gives the same', () => {
    const around = encoder.encode('xxfoobarxx')
    expect(murmur2(around.subarray(2, 8))).toBe(-790332482)
  })
})

describe('partitionOf', () => {
  test('masks the sign as Kafka does, which is not the absolute value', () => {
    expect(partitionOf(encoder.encode('21'), 1000)).toBe((-973932308 & 0x7fffffff) % 1000)
  })

  test('always answers a partition that exists', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.integer({ min: 1, max: 1000 }), (key, partitions) => {
        const partition = partitionOf(key, partitions)
        expect(partition).toBeGreaterThanOrEqual(0)
        expect(partition).toBeLessThan(partitions)
      }),
    )
  })

  test('asserts at least one partition', () => {
    expect(() => partitionOf(encoder.encode('x'), 0)).toThrow('at least one partition')
  })
})
