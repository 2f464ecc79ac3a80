// Slabs: the memory of batches, taken, given and given back to the system. Needs nothing.
import { expect, test } from 'vitest'
import { Slabs } from '../../../agent/tail/turns.ts'

const never = new AbortController().signal

test('a trim gives back what nobody needed since the trim before, and what is needed stays', async () => {
  const slabs = new Slabs(3, 1024, 16)
  const [first, second, third] = [await slabs.take(never), await slabs.take(never), await slabs.take(never)]
  first.frame.bytes = Buffer.alloc(100_000)
  for (const slab of [first, second, third]) slabs.give(slab)
  slabs.trim()
  const sizes = () => [first, second, third].map(({ bytes, ranges }) => [bytes.length, ranges.valueTo.length])
  expect(sizes()).toEqual([
    [1024, 16],
    [1024, 16],
    [1024, 16],
  ])
  const busy = await slabs.take(never)
  expect(busy).toBe(third)
  slabs.give(busy)
  slabs.trim()
  expect(sizes()).toEqual([
    [0, 0],
    [0, 0],
    [1024, 16],
  ])
  // A request that was answered early may still be read from it.
  expect(first.frame.bytes.length).toBe(100_000)
  expect(await slabs.take(never)).toBe(third)
  const fresh = await slabs.take(never)
  expect([fresh.bytes.length, fresh.ranges.valueFrom.length]).toEqual([1024, 16])
  expect(slabs.taken).toBe(2)
})
