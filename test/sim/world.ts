// The simulated world: virtual time, one seed, processes that crash, and a count of everything that went wrong.
import { drain } from './clock.ts'
import { EventHeap, type ScheduledEvent } from './heap.ts'
import { Network } from './http.ts'
import { Process, type ProcessOptions } from './process.ts'
import { SeededRandom } from './random.ts'

export interface WorldOptions {
  readonly seed: number
  /** Wall-clock time at the start, in ms. */
  readonly startMs?: number
}

/** More events at the same instant are a loop that never lets time pass. */
const atOnceMax = 100_000

/** Everything happens in here, one event at a time; the same seed gives the same events in the same order. */
export class World {
  readonly seed: number
  readonly startMs: number
  readonly network: Network
  /** Faults that were injected, by kind. */
  readonly faults = new Map<string, number>()
  /** Events that have happened. */
  events = 0
  #now = 0
  #atOnce = 0
  #hash = 0x811c9dc5
  readonly #heap = new EventHeap()
  readonly #streams = new Map<string, SeededRandom>()
  readonly #ties: SeededRandom

  constructor(options: WorldOptions) {
    this.seed = options.seed
    this.startMs = options.startMs ?? Date.UTC(2026, 0, 1)
    this.#ties = new SeededRandom(options.seed, 'ties')
    this.network = new Network(this)
  }

  /** Virtual ms since the start. */
  get now(): number {
    return this.#now
  }

  /** A digest of all events so far: equal for equal seeds. */
  get trace(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, '0')
  }

  /** The stream of chance of one subsystem: a draw in one never shifts another. */
  random(name: string): SeededRandom {
    let stream = this.#streams.get(name)
    if (stream === undefined) {
      stream = new SeededRandom(this.seed, name)
      this.#streams.set(name, stream)
    }
    return stream
  }

  /** Something will happen in `ms`; gives a way to call it off. */
  schedule(label: string, ms: number, action: () => void): () => void {
    if (Number.isNaN(ms)) throw new RangeError(`${label}: not a number of ms`)
    // Whole microseconds, rounded up: a wait so short that it vanishes in the sum would never let time pass.
    const at = ms > 0 ? Math.ceil((this.#now + Math.max(ms, 0.001)) * 1000) / 1000 : this.#now
    const event: ScheduledEvent = { at, tie: this.#ties.bits(), label, action }
    this.#heap.push(event)
    return () => {
      event.action = null
    }
  }

  /** Counts a fault that was injected. */
  count(fault: string): void {
    this.faults.set(fault, (this.faults.get(fault) ?? 0) + 1)
  }

  /** Mixes a fact into the trace, so that two runs that differ in it have different digests. */
  note(fact: string): void {
    for (let i = 0; i < fact.length; i += 1) {
      this.#hash = Math.imul(this.#hash ^ fact.charCodeAt(i), 0x01000193)
    }
  }

  /** A machine with a disk, on which a program runs, crashes and starts again. */
  process(name: string, options: ProcessOptions = {}): Process {
    return new Process(this, name, options)
  }

  /** Lets `ms` of virtual time pass. */
  async runFor(ms: number): Promise<void> {
    const end = this.#now + ms
    await drain()
    for (;;) {
      const next = this.#heap.peek()
      if (next === undefined || next.at > end) break
      await this.#step()
    }
    this.#now = end
  }

  /** Runs until the condition holds; throws when it does not within so many virtual ms, or nothing can happen any more. */
  async runUntil(condition: () => boolean, withinMs: number): Promise<void> {
    const end = this.#now + withinMs
    await drain()
    while (!condition()) {
      const next = this.#heap.peek()
      if (next === undefined) throw new Error(`deadlock at ${this.#now} ms: nothing is scheduled any more`)
      if (next.at > end) throw new Error(`not within ${withinMs} virtual ms (now ${this.#now})`)
      await this.#step()
    }
  }

  /** Runs until the promise settles and gives its value or error. */
  async complete<T>(promise: Promise<T>, withinMs = 60_000): Promise<T> {
    let settled = false
    const done = () => {
      settled = true
    }
    promise.then(done, done)
    await this.runUntil(() => settled, withinMs)
    return promise
  }

  async #step(): Promise<void> {
    const event = this.#heap.pop()
    if (event === undefined || event.action === null) return
    if (event.at > this.#now) {
      this.#now = event.at
      this.#atOnce = 0
    }
    this.#atOnce += 1
    if (this.#atOnce > atOnceMax)
      throw new Error(`livelock at ${this.#now} ms: ${event.label} again and again`)
    this.events += 1
    this.note(event.label)
    this.#hash = Math.imul(this.#hash ^ Math.floor(this.#now * 1000), 0x01000193)
    event.action()
    await drain()
  }
}
