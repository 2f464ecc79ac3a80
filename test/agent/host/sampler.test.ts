// Sampler: scrapers that fail, hang and come back cost their own points only.
import { expect, test } from 'vitest'
import { gauge } from '../../../agent/host/point.ts'
import { Sampler } from '../../../agent/host/sampler.ts'
import type { Scrape } from '../../../agent/host/scrapers.ts'
import { Losses } from '../../../agent/state/losses.ts'
import { LogdriveError } from '../../../core/errors.ts'
import { MemoryLogger } from '../../sim/logger.ts'

const never = new AbortController().signal
const good: Scrape = async () => [gauge('good', '1', 1)]

const immediate = () => new Promise((resolve) => setImmediate(resolve))

/** A clock whose sleeps end when the test says so. */
function stage(load: Scrape) {
  const logger = new MemoryLogger()
  const losses = new Losses(logger)
  const slept: (() => void)[] = []
  const clock = {
    now: () => 0,
    monotonic: () => 0,
    sleep: (_ms: number, signal: AbortSignal) =>
      new Promise<void>((resolve) => {
        slept.push(resolve)
        signal.addEventListener('abort', () => resolve(), { once: true })
      }),
  }
  const sampler = new Sampler(new Map([['cpu', good] as const, ['load', load] as const]), {
    clock,
    logger,
    losses,
  })
  const said = () => logger.lines.map(({ level, message }) => `${level} ${message}`)
  return { sampler, losses, said, tick: () => slept.splice(0).forEach((wake) => void wake()) }
}

test('a failure is counted each time and said once, as is its end', async () => {
  let fails = true
  const { sampler, losses, said } = stage(async () => {
    if (fails) throw new LogdriveError('NOT_FOUND', 'no such file')
    return [gauge('load', '1', 2)]
  })
  expect((await sampler.sample(never)).map(({ metric }) => metric)).toEqual(['good'])
  await sampler.sample(never)
  expect(losses.byReason()).toEqual({ metrics_failed: { times: 2, bytes: 0 } })
  expect(said()).toEqual(['warn host metrics cannot be measured; will try again'])
  fails = false
  expect((await sampler.sample(never)).map(({ metric }) => metric)).toEqual(['good', 'load'])
  expect(said().at(-1)).toBe('info host metrics are measured again')
})

test('one that hangs is given up on, not started again, and used when it is back', async () => {
  let started = 0
  const hung = Promise.withResolvers<void>()
  const { sampler, losses, tick } = stage(async () => {
    started += 1
    await hung.promise
    return []
  })
  const first = sampler.sample(never)
  await immediate()
  tick()
  expect((await first).length).toBe(1)
  expect((await sampler.sample(never)).length).toBe(1)
  expect(started).toBe(1)
  expect(losses.byReason().metrics_failed?.times).toBe(2)
  hung.resolve()
  await immediate()
  await sampler.sample(never)
  expect(started).toBe(2)
})

test('a bug is not hidden', async () => {
  const { sampler } = stage(async () => {
    throw new TypeError('a bug')
  })
  await expect(sampler.sample(never)).rejects.toThrow('a bug')
})
