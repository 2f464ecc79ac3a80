// Reading ahead in own and in shared memory, with reads and landings in any order; in memory.
import { expect, test } from 'vitest'
import { Bursts, SlabReader } from '../../runtime/socket-reader.ts'
import { runs } from '../runs.ts'
import { SeededRandom } from '../sim/random.ts'

/** What node does with a socket: bytes that count up land in the buffer that was named last, unless it was told to stop. */
class Source {
  landed = 0
  isPaused = false
  #named: Uint8Array
  readonly #reader: SlabReader

  constructor(reader: SlabReader) {
    this.#reader = reader
    this.#named = (reader.onread.buffer as () => Uint8Array)()
    reader.resume = () => {
      this.isPaused = false
    }
  }

  /** At most so many bytes come; true when they filled the buffer. */
  land(bytesMax: number): boolean {
    const named = this.#named
    const count = Math.min(named.length, bytesMax)
    for (let at = 0; at < count; at += 1) named[at] = byteAt(this.landed + at)
    this.landed += count
    this.isPaused = !(this.#reader.onread.callback as (count: number) => boolean)(count)
    this.#named = (this.#reader.onread.buffer as () => Uint8Array)()
    return count === named.length
  }
}

function byteAt(position: number): number {
  return (position * 31 + (position >> 8)) & 0xff
}

test('bytes come in their order, whoever was faster, and shared memory comes back', async () => {
  const bursts = new Bursts()
  for (let seed = 1; seed <= runs(12, 6); seed += 1) {
    const random = new SeededRandom(seed)
    const reader = new SlabReader(bursts)
    const source = new Source(reader)
    let taken = 0
    let pending: Promise<void> | null = null
    const read = () => {
      const target = new Uint8Array(1 + random.below(random.chance(0.3) ? 600_000 : 70_000))
      const check = (count: number) => {
        for (let at = 0; at < count; at += 1) if (target[at] !== byteAt(taken + at)) throw new Error('order')
        taken += count
        pending = null
      }
      const result = reader.read(target, 1 + random.below(target.length))
      if (typeof result === 'number') check(result)
      else pending = result.then(check)
    }
    for (let turn = 0; turn < 40; turn += 1) {
      const bytes = random.chance(0.5) ? 2_000_000 : 1 + random.below(100_000)
      for (let left = 8; left > 0 && !source.isPaused && source.land(bytes); left -= 1) {
        if (random.chance(0.5)) await Promise.resolve()
      }
      for (let reads = random.below(5); reads > 0 && pending === null; reads -= 1) read()
      await Promise.resolve()
    }
    while (pending !== null) {
      source.land(1_000_000)
      await Promise.resolve()
    }
    while (taken < source.landed) {
      const rest = new Uint8Array(source.landed - taken)
      const count = await reader.read(rest, 1)
      for (let at = 0; at < count; at += 1) if (rest[at] !== byteAt(taken + at)) throw new Error('order')
      taken += count
    }
    reader.end(null)
  }
  expect(lendable(bursts)).toBe(lendable(new Bursts()))
})

test('a connection that ends with shared memory in use leaves the others theirs', () => {
  const bursts = new Bursts()
  for (let connection = 0; connection < 100; connection += 1) {
    const reader = new SlabReader(bursts)
    const source = new Source(reader)
    source.land(64 * 1024)
    source.land(1000)
    reader.end(new Error('gone'))
  }
  expect(lendable(bursts)).toBe(lendable(new Bursts()))
})

function lendable(bursts: Bursts): number {
  let count = 0
  while (count < 1000 && bursts.take() !== null) count += 1
  return count
}
