// Scope: tasks are cancelled together and awaited together.
import { expect, test } from 'vitest'
import { Scope } from '../../core/scope.ts'

const never = new AbortController().signal

test('waits for all tasks', async () => {
  await using scope = new Scope(never)
  const done: number[] = []
  for (const index of [1, 2, 3]) scope.spawn(async () => void done.push(index))
  await scope.wait()
  expect(done).toEqual([1, 2, 3])
})

test('a failure cancels the others and comes out of wait', async () => {
  await using scope = new Scope(never)
  const stopped = Promise.withResolvers<void>()
  scope.spawn((signal) => untilAborted(signal).then(() => stopped.resolve()))
  scope.spawn(async () => {
    throw new Error('broken')
  })
  await expect(scope.wait()).rejects.toThrow('broken')
  await stopped.promise
})

test('tasks that are spawned by tasks are awaited too', async () => {
  await using scope = new Scope(never)
  let inner = false
  scope.spawn(async () => {
    scope.spawn(async () => {
      await Promise.resolve()
      inner = true
    })
  })
  await scope.wait()
  expect(inner).toBe(true)
})

test('disposing cancels and waits, and dying errors are not kept', async () => {
  const scope = new Scope(never)
  let ended = false
  scope.spawn(async (signal) => {
    await untilAborted(signal)
    ended = true
    throw new Error('while dying')
  })
  await scope[Symbol.asyncDispose]()
  expect(ended).toBe(true)
})

test('follows its parent', async () => {
  const parent = new AbortController()
  await using scope = new Scope(parent.signal)
  scope.spawn(untilAborted)
  parent.abort()
  await scope.wait()
  expect(scope.signal.aborted).toBe(true)
})

function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}
