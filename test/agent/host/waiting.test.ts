// Waiting: bounded, oldest first, never the one that is on its way.
import { expect, test } from 'vitest'
import type { Sample } from '../../../agent/host/sample.ts'
import { drained, Waiting } from '../../../agent/host/waiting.ts'

const never = new AbortController().signal

function sample(atMs: number, bytes = 10): Sample {
  return { bytes: new Uint8Array(bytes), ends: [bytes], count: 1, atMs }
}

function stage(bytesMax: number) {
  const dropped: number[] = []
  const waiting = new Waiting(bytesMax, ({ atMs }) => dropped.push(atMs))
  return { waiting, dropped }
}

test('comes in order, and ends when it is said to', async () => {
  const { waiting, dropped } = stage(100)
  waiting.put(sample(1))
  waiting.put(sample(2))
  waiting.end()
  for (const atMs of [1, 2]) {
    const next = await waiting.next(never)
    expect(next.atMs).toBe(atMs)
    await waiting.commit(next)
  }
  await expect(waiting.next(never)).rejects.toBe(drained)
  expect(dropped).toEqual([])
})

test('drops the oldest that is not on its way', async () => {
  const { waiting, dropped } = stage(30)
  for (const atMs of [1, 2, 3, 4]) waiting.put(sample(atMs))
  expect(dropped).toEqual([1])
  const taken = await waiting.next(never)
  expect(taken.atMs).toBe(2)
  waiting.put(sample(5))
  expect(dropped).toEqual([1, 3])
  await waiting.commit(taken)
  waiting.put(sample(6))
  expect(dropped).toEqual([1, 3])
  await waiting[Symbol.asyncDispose]()
  expect(dropped).toEqual([1, 3, 4, 5, 6])
})

test('one that never fits is dropped itself', async () => {
  const { waiting, dropped } = stage(30)
  waiting.put(sample(1, 31))
  expect(dropped).toEqual([1])
})

test('waits for a sample, and stops waiting at the signal', async () => {
  const { waiting } = stage(30)
  const next = waiting.next(never)
  waiting.put(sample(7))
  expect((await next).atMs).toBe(7)
  await waiting.commit(await next)
  const stop = new AbortController()
  const none = waiting.next(stop.signal)
  stop.abort(new Error('stopped'))
  await expect(none).rejects.toThrow('stopped')
})
