// Counting steps: needs nothing.
import { expect, test } from 'vitest'
import { stepsOf } from './steps.ts'

test('what runs is counted, however hot it is, and the same every time', () => {
  const compareAll = (count: number) => {
    const seen: number[] = []
    for (let n = 0; n < count; n += 1) if (!seen.some((one) => one === n)) seen.push(n)
  }
  for (let n = 0; n < 200; n += 1) compareAll(200)
  const [once, again, more] = [100, 100, 400].map((count) => stepsOf(() => compareAll(count)))
  expect(once).toBeGreaterThan((100 * 99) / 2)
  expect(again).toBe(once)
  expect((more ?? 0) / (once ?? 1)).toBeGreaterThan(15)
})
