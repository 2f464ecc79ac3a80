// A clock that stands still until the test moves it, and the microtask drain that everything simulated uses.
import type { Clock } from '../../core/runtime.ts'
import { isUnpacking } from './unpacking-work.ts'

const setImmediateReal = setImmediate

/** Runs everything that promises have queued, and what that queues, until nothing is left. */
export async function drain(): Promise<void> {
  for (let wasUnpacking = true; wasUnpacking || isUnpacking(); ) {
    wasUnpacking = isUnpacking()
    await new Promise((resolve) => {
      setImmediateReal(resolve)
    })
  }
}

interface Timer {
  readonly at: number
  readonly fire: () => void
}

/** For tests of one part without a world: time moves only in `advance`. */
export class ManualClock implements Clock {
  #now: number
  #monotonic = 0
  #timers: Timer[] = []

  /** Starts at this wall-clock time, in ms. */
  constructor(now = Date.UTC(2026, 0, 1)) {
    this.#now = now
  }

  now(): number {
    return this.#now
  }

  monotonic(): number {
    return this.#monotonic
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const fire = () => {
        signal.removeEventListener('abort', fire)
        this.#timers = this.#timers.filter((other) => other !== timer)
        resolve()
      }
      const timer = { at: this.#monotonic + Math.max(0, ms), fire }
      this.#timers.push(timer)
      signal.addEventListener('abort', fire, { once: true })
    })
  }

  /** Sleeps that wait. */
  get sleeping(): number {
    return this.#timers.length
  }

  /** Moves time on, waking sleepers in order and letting each do what it does before the next. */
  async advance(ms: number): Promise<void> {
    const end = this.#monotonic + ms
    await drain()
    for (;;) {
      let next: Timer | null = null
      for (const timer of this.#timers) {
        if (timer.at <= end && (next === null || timer.at < next.at)) next = timer
      }
      if (next === null) break
      this.#move(next.at)
      next.fire()
      await drain()
    }
    this.#move(end)
  }

  /** Wall-clock time jumps, as when somebody sets it; monotonic time does not. */
  jump(ms: number): void {
    this.#now += ms
  }

  #move(at: number): void {
    this.#now += at - this.#monotonic
    this.#monotonic = at
  }
}
