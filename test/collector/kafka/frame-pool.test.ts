// The buffers of frames and answers, and the bytes that all frames may take: given, taken back, waited for.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ByteBudget } from '../../../collector/kafka/byte-budget.ts'
import { FramePool, Loan } from '../../../collector/kafka/frame-pool.ts'

const never = new AbortController().signal
const kibibyte = 1024

test('a buffer that was given back comes again, cut to the new length', () => {
  const pool = new FramePool(1024 * kibibyte)
  const first = pool.take(100 * kibibyte)
  pool.give(first)
  const second = pool.take(70 * kibibyte)
  expect(second.buffer).toBe(first.buffer)
  expect(second).toHaveLength(70 * kibibyte)
  expect(pool.keptBytes).toBe(0)
})

test('what is in use is never given out twice, and no more is kept than allowed', () => {
  const lengths = fc.integer({ min: 0, max: 300 * kibibyte })
  fc.assert(
    fc.property(fc.array(fc.tuple(lengths, fc.boolean()), { maxLength: 60 }), (steps) => {
      const pool = new FramePool(512 * kibibyte)
      const held: Buffer[] = []
      for (const [length, givesBack] of steps) {
        const buffer = pool.take(length)
        if (buffer.length !== length) return false
        const isLarge = length >= 4 * kibibyte
        if (isLarge && held.some((other) => other.buffer === buffer.buffer)) return false
        held.push(buffer)
        const last = givesBack ? held.shift() : undefined
        if (last !== undefined) pool.give(last)
        if (pool.keptBytes > 512 * kibibyte) return false
      }
      return true
    }),
  )
})

test('a loan counts until it ends; one that was lost is not used again', () => {
  const pool = new FramePool(1024 * kibibyte)
  const loan = new Loan(pool)
  const lost = loan.take(64 * kibibyte)
  expect(pool.lentBytes).toBe(64 * kibibyte)
  loan.end('lost')
  expect([pool.lentBytes, pool.keptBytes]).toEqual([0, 0])
  const other = new Loan(pool)
  expect(other.take(64 * kibibyte).buffer).not.toBe(lost.buffer)
  other.end('sent')
  expect(pool.keptBytes).toBe(64 * kibibyte)
})

test('the budget is taken in order, one large frame is let through alone, and who leaves makes room', async () => {
  const budget = new ByteBudget(100)
  expect(budget.tryTake(250)).toBe(true)
  const order: string[] = []
  const leaving = new AbortController()
  const first = budget.take(80, leaving.signal).then((taken) => order.push(`first ${taken}`))
  const second = budget.take(30, never).then((taken) => order.push(`second ${taken}`))
  expect(budget.tryTake(1)).toBe(false)
  leaving.abort()
  budget.give(250)
  await Promise.all([first, second])
  expect(order).toEqual(['first false', 'second true'])
  expect([budget.usedBytes, budget.waiting]).toEqual([30, 0])
  expect(await budget.take(1, AbortSignal.abort())).toBe(false)
})
