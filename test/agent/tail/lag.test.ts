// Since when a file has unacknowledged bytes.
import { expect, test } from 'vitest'
import { Lag } from '../../../agent/tail/lag.ts'

test('what is acknowledged has no lag', () => {
  const lag = new Lag()
  lag.note(10, 10, 1000)
  expect(lag.ageMs(10, 5000)).toBe(0)
})

test('it is the age of the oldest byte that is left, not of the newest', () => {
  const lag = new Lag()
  for (let second = 1; second <= 10; second += 1) lag.note(second * 100, 0, second * 1000)
  expect(lag.ageMs(0, 11_000)).toBe(10_000)
  expect(lag.ageMs(450, 11_000)).toBe(6000)
  lag.note(1000, 1000, 11_000)
  expect(lag.ageMs(1000, 12_000)).toBe(0)
})

test('an hour of lag is told as such, and roughly where the position is', () => {
  const lag = new Lag()
  for (let second = 1; second <= 3600; second += 1) lag.note(second * 100, 0, second * 1000)
  expect(lag.ageMs(0, 3_600_000)).toBe(3_599_000)
  const half = lag.ageMs(180_000, 3_600_000)
  expect(half).toBeGreaterThan(1_200_000)
  expect(half).toBeLessThan(1_900_000)
})
