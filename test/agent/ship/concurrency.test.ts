// How many requests are open at a time, by what became of those before.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Concurrency, type Outcome } from '../../../agent/ship/concurrency.ts'

const never = new AbortController().signal

/** Requests that end when and how the test says. */
function stage(bounds = { requestsMin: 1, requestsMax: 8 }) {
  const concurrency = new Concurrency(bounds)
  const open: ((outcome: Outcome) => void)[] = []
  const ask = () =>
    concurrency.run(
      () =>
        new Promise<{ value: null; outcome: Outcome }>((end) =>
          open.push((outcome) => end({ value: null, outcome })),
        ),
      never,
    )
  return { concurrency, open, ask }
}

test('it begins with four, gets one more with each round that went well, up to the bound', async () => {
  const { concurrency, open, ask } = stage()
  for (let n = 0; n < 100; n += 1) void ask()
  await settled()
  const rounds: number[] = []
  for (let round = 0; round < 6; round += 1) {
    rounds.push(open.length)
    for (const end of open.splice(0)) end('good')
    await settled()
  }
  expect(rounds).toEqual([4, 4, 5, 6, 7, 8])
  expect(concurrency.limit).toBe(8)
})

test('a busy collector halves it once a round, down to the bound', async () => {
  const { concurrency, open, ask } = stage()
  for (let n = 0; n < 100; n += 1) void ask()
  await settled()
  const limits: number[] = []
  for (let round = 0; round < 4; round += 1) {
    for (const end of open.splice(0)) end('busy')
    await settled()
    limits.push(concurrency.limit)
    expect(open.length).toBe(concurrency.limit)
  }
  expect(limits).toEqual([2, 1, 1, 1])
})

test('where fewer are asked for than may be, it does not grow', async () => {
  const { concurrency, open, ask } = stage()
  for (let n = 0; n < 50; n += 1) {
    const done = ask()
    await settled()
    open.pop()?.('good')
    await done
  }
  expect(concurrency.limit).toBe(4)
})

test('whatever the answers, it stays within its bounds and everybody gets a turn', async () => {
  const outcomes = fc.array(fc.constantFrom<Outcome>('good', 'busy', 'other'), { maxLength: 60 })
  const bounds = fc.tuple(fc.integer({ min: 1, max: 5 }), fc.nat(10)).map(([min, more]) => ({
    requestsMin: min,
    requestsMax: min + more,
  }))
  await fc.assert(
    fc.asyncProperty(outcomes, bounds, async (ends, bound) => {
      const { concurrency, open, ask } = stage(bound)
      const asked = ends.map(() => ask())
      for (const outcome of ends) {
        await settled()
        expect(open.length).toBeGreaterThan(0)
        expect(concurrency.open).toBeLessThanOrEqual(bound.requestsMax)
        expect(concurrency.limit).toBeGreaterThanOrEqual(bound.requestsMin)
        open.shift()?.(outcome)
      }
      await Promise.all(asked)
      expect(concurrency.open).toBe(0)
    }),
    { numRuns: 50 },
  )
})

test('a request that fails counts as busy, one that was stopped as nothing', async () => {
  const concurrency = new Concurrency({ requestsMin: 1, requestsMax: 8 })
  const fail = () => Promise.reject(new Error('no answer'))
  await expect(concurrency.run(fail, never)).rejects.toThrow('no answer')
  expect(concurrency.limit).toBe(2)
  const stop = new AbortController()
  const stopped = concurrency.run(async () => {
    stop.abort()
    return fail()
  }, stop.signal)
  await expect(stopped).rejects.toThrow('no answer')
  expect(concurrency.limit).toBe(2)
})

/** Lets everything run that can. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve()
}
