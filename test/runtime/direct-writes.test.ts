// DirectWrites: how long a slow write keeps the next ones off the main thread; needs nothing.
import { expect, test } from 'vitest'
import { DirectWrites } from '../../runtime/direct-writes.ts'

test('fast writes are never refused', () => {
  const direct = new DirectWrites()
  for (let i = 0; i < 100; i += 1) {
    direct.took(2)
    expect(direct.mayWrite()).toBe(true)
  }
})

test('the pause after a slow write is as long as the write was slow, up to a bound', () => {
  const pauses = [3, 30, 5000].map((ms) => {
    const direct = new DirectWrites()
    direct.took(ms)
    let refused = 0
    while (!direct.mayWrite()) refused += 1
    return refused
  })
  expect(pauses).toEqual([20, 200, 1000])
})
