// KeyOffsets against a Map, over its growth and at its bound.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { KeyOffsets } from '../../../../collector/broker/compaction/key-offsets.ts'

const encoder = new TextEncoder()

test('knows the latest offset of every key, as a Map does', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(3000), { maxLength: 5000, size: 'max' }), (numbers) => {
      const keys = new KeyOffsets(10_000)
      const model = new Map<number, number>()
      for (const [offset, number] of numbers.entries()) {
        expect(keys.put(encoder.encode(`key ${number}`), offset)).toBe(true)
        model.set(number, offset)
      }
      expect(keys.size).toBe(model.size)
      for (let number = 0; number < 100; number += 1) {
        expect(keys.latest(encoder.encode(`key ${number}`))).toBe(model.get(number) ?? -1)
      }
    }),
    { numRuns: 20 },
  )
})

test('a new key beyond the bound is refused, a known one is not', () => {
  const keys = new KeyOffsets(2000)
  for (let offset = 0; offset < 2000; offset += 1)
    expect(keys.put(encoder.encode(`${offset}`), offset)).toBe(true)
  expect(keys.put(encoder.encode('one more'), 2000)).toBe(false)
  expect(keys.put(encoder.encode('7'), 2001)).toBe(true)
  expect(keys.latest(encoder.encode('7'))).toBe(2001)
  expect(keys.latest(encoder.encode('one more'))).toBe(-1)
})
