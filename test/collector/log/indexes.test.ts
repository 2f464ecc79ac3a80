// Properties of the two sparse indexes and of retention: pure modules.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { OffsetIndex } from '../../../collector/log/offset-index.ts'
import { expiredSegments } from '../../../collector/log/retention.ts'
import { TimeIndex } from '../../../collector/log/time-index.ts'

const steps = fc.array(fc.tuple(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 61, max: 9000 })), {
  maxLength: 60,
})

function indexOf(pairs: readonly (readonly [number, number])[], base: number) {
  const index = new OffsetIndex()
  let offset = base
  let position = 0
  const entries: { offset: number; position: number }[] = []
  for (const [records, bytes] of pairs) {
    index.add(offset, position)
    entries.push({ offset, position })
    offset += records
    position += bytes
  }
  return { index, entries, end: position }
}

test('the offset index gives the last noted batch at or before any offset', () => {
  fc.assert(
    fc.property(steps, fc.integer({ min: 0, max: 40_000 }), (pairs, wanted) => {
      const { index, entries } = indexOf(pairs, 1000)
      const found = index.floor(wanted)
      const best = entries.filter((entry) => entry.offset <= wanted).at(-1)
      expect(found?.position).toBe(best?.position)
    }),
  )
})

test('an offset index survives its file, and a file that lies is refused', () => {
  fc.assert(
    fc.property(steps, fc.uint8Array({ maxLength: 64 }), (pairs, garbage) => {
      const { index, entries, end } = indexOf(pairs, 7)
      const again = OffsetIndex.decode(index.encode(7), 7, end)
      for (const { offset, position } of entries) {
        expect(again?.floor(offset)).toEqual({ baseOffset: offset, position })
      }
      // Whatever the bytes are: an index with growing entries inside the segment, or none.
      const odd = OffsetIndex.decode(garbage, 7, 1000)
      if (odd !== null) expect((odd.floor(Number.MAX_SAFE_INTEGER)?.position ?? 0) < 1000).toBe(true)
    }),
  )
})

test('no record of a timestamp lies before where the time index starts the search', () => {
  const batches = fc.array(fc.tuple(fc.integer({ min: 0, max: 10_000 }), fc.integer({ min: 1, max: 9 })), {
    maxLength: 50,
  })
  fc.assert(
    fc.property(batches, fc.integer({ min: 0, max: 10_001 }), (pairs, wanted) => {
      const index = new TimeIndex()
      let offset = 0
      let max = 0
      const records: { offset: number; timestamp: number }[] = []
      for (const [timestamp, count] of pairs) {
        for (let i = 0; i < count; i += 1) records.push({ offset: offset + i, timestamp })
        offset += count
        max = Math.max(max, timestamp)
        index.add(max, offset)
      }
      const again = TimeIndex.decode(index.encode(0), 0)
      expect(again?.length).toBe(index.length)
      const first = records.find((record) => record.timestamp >= wanted)
      if (first !== undefined) expect(index.searchFrom(wanted, 0)).toBeLessThanOrEqual(first.offset)
    }),
  )
})

test('retention takes the oldest segments by age and by bytes, and never the active one', () => {
  const segments = [100, 200, 300, 400].map((appendedAt, i) => ({
    baseOffset: i * 10,
    bytes: 50,
    appendedAt,
  }))
  expect(expiredSegments(segments, { ageMs: null, bytesMax: null }, 1000)).toBe(0)
  expect(expiredSegments(segments, { ageMs: 750, bytesMax: null }, 1000)).toBe(2)
  expect(expiredSegments(segments, { ageMs: 1, bytesMax: null }, 1000)).toBe(3)
  expect(expiredSegments(segments, { ageMs: null, bytesMax: 100 }, 1000)).toBe(2)
  expect(expiredSegments(segments, { ageMs: null, bytesMax: 101 }, 1000)).toBe(1)
  expect(expiredSegments(segments, { ageMs: null, bytesMax: 1 }, 1000)).toBe(3)
  expect(expiredSegments([], { ageMs: 1, bytesMax: 1 }, 1000)).toBe(0)
})
