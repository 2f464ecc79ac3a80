// pump: order, retries with jitter, what is refused, commits after writes, cancellation.
import { expect, test } from 'vitest'
import { LogdriveError } from '../../core/errors.ts'
import { type Feed, type PumpOptions, pump, type Refusal, Rejected, type Sink } from '../../core/flow.ts'
import type { Runtime } from '../../core/runtime.ts'

test('moves items in order and commits each after its write', async () => {
  const world = new World([1, 2, 3])
  await world.run()
  expect(world.trace).toEqual(['write 1', 'commit 1', 'write 2', 'commit 2', 'write 3', 'commit 3'])
})

test('tries a failed write again, waiting longer each time up to the bound, and never commits before', async () => {
  const world = new World([1])
  world.failures = 6
  await world.run({ retryMsMin: 100, retryMsMax: 800 })
  expect(world.trace).toEqual([...Array(7).fill('write 1'), 'commit 1'])
  expect(world.waits).toEqual([50, 100, 200, 400, 400, 400])
})

test('a Retry-After of the other side is honoured', async () => {
  const world = new World([1])
  world.failures = 1
  world.failure = new LogdriveError('OVERLOADED', 'later', { details: { retryAfterMs: 1234 } })
  await world.run()
  expect(world.waits).toEqual([1234])
})

test('what is refused is set aside before the commit, and setting aside is tried again too', async () => {
  const world = new World([7])
  world.refusals = [{ offset: 3, reason: 'bad', key: null, value: null }]
  world.setAsideFailures = 1
  await world.run()
  expect(world.trace).toEqual(['write 7', 'aside 7 at 3: bad', 'aside 7 at 3: bad', 'commit 7'])
})

test('an item that is rejected whole is set aside and does not block the next', async () => {
  const world = new World([1, 2])
  world.failures = 1
  world.failure = new Rejected('never')
  await world.run()
  expect(world.trace).toEqual(['write 1', 'aside 1 at -1: never', 'commit 1', 'write 2', 'commit 2'])
})

test('gives up after the tries it was given', async () => {
  const world = new World([1])
  world.failures = 10
  await expect(world.run({ triesMax: 3 })).rejects.toThrow('not now')
  expect(world.trace).toEqual(['write 1', 'write 1', 'write 1'])
})

test.each(['DISK_FAILED', 'POSITION_CONFLICT'] as const)('%s is not tried again', async (code) => {
  const world = new World([1])
  world.failures = 1
  world.failure = new LogdriveError(code, 'no use')
  await expect(world.run()).rejects.toThrow('no use')
  expect(world.trace).toEqual(['write 1'])
})

test('an abort during a wait ends the pump without a commit', async () => {
  const world = new World([1])
  world.failures = 10
  world.abortAfterWaits = 2
  await world.run()
  expect(world.trace).toEqual(['write 1', 'write 1'])
})

/** A feed of numbers, a sink that fails as told, a clock that only notes; aborts when the feed is empty. */
class World implements Feed<number>, Sink<number> {
  readonly trace: string[] = []
  readonly waits: number[] = []
  readonly #items: number[]
  readonly #abort = new AbortController()
  failures = 0
  failure: Error = new Error('not now')
  refusals: Refusal[] = []
  setAsideFailures = 0
  abortAfterWaits = Number.POSITIVE_INFINITY

  constructor(items: number[]) {
    this.#items = items
  }

  async run(options: Partial<PumpOptions<number>> = {}): Promise<void> {
    const defaults = { retryMsMin: 100, retryMsMax: 1000, triesMax: Number.POSITIVE_INFINITY }
    const setAside = (item: number, refusals: readonly Refusal[]) => this.#setAside(item, refusals)
    await pump(this, this, { ...defaults, setAside, ...options }, this.#runtime(), this.#abort.signal)
  }

  async next(signal: AbortSignal): Promise<number> {
    const item = this.#items.shift()
    if (item !== undefined) return item
    this.#abort.abort()
    throw signal.reason
  }

  async commit(item: number): Promise<void> {
    this.trace.push(`commit ${item}`)
  }

  async write(item: number): Promise<readonly Refusal[]> {
    this.trace.push(`write ${item}`)
    if (this.failures === 0) return this.refusals
    this.failures -= 1
    throw this.failure
  }

  async #setAside(item: number, refusals: readonly Refusal[]): Promise<void> {
    for (const refusal of refusals) this.trace.push(`aside ${item} at ${refusal.offset}: ${refusal.reason}`)
    this.setAsideFailures -= 1
    if (this.setAsideFailures >= 0) throw new Error('aside failed')
  }

  #runtime(): Pick<Runtime, 'clock' | 'random' | 'logger'> {
    const silent = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent }
    const sleep = async (ms: number) => {
      this.waits.push(ms)
      if (this.waits.length >= this.abortAfterWaits) this.#abort.abort()
    }
    const clock = { now: () => 0, monotonic: () => 0, sleep }
    return { clock, random: { next: () => 0.5, uuid: () => '' }, logger: silent }
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
