// Concurrency: how many requests are open at a time, found out as TCP does: one more while it goes well, half when it does not.
import { Turns } from '../tail/turns.ts'

/**
 * `good`: answered. `busy`: 429, 503 or no answer: too many for the collector or the way to it. `other`: says nothing about
 * that.
 */
export type Outcome = 'good' | 'busy' | 'other'

export interface ConcurrencyBounds {
  readonly requestsMin: number
  readonly requestsMax: number
}

/** Where it begins, as far as the bounds let it. */
const requestsStart = 4

/** AIMD: additive increase, multiplicative decrease (Chiu and Jain 1989), a decrease a round at most. */
export class Concurrency {
  readonly #bounds: ConcurrencyBounds
  readonly #turns: Turns
  #limit: number
  /** Requests begun so far, and how many there were at the last decrease. */
  #begun = 0
  #begunAtDecrease = 0

  constructor(bounds: ConcurrencyBounds) {
    this.#bounds = bounds
    this.#limit = Math.min(bounds.requestsMax, Math.max(bounds.requestsMin, requestsStart))
    this.#turns = new Turns(this.#limit)
  }

  /** Requests that are open. */
  get open(): number {
    return this.#turns.taken
  }

  /** How many may be. */
  get limit(): number {
    return Math.floor(this.#limit)
  }

  /** Runs `request` when it is its turn. Rejects when the signal aborts before, and as `request` does. */
  async run<T>(
    request: () => Promise<{ readonly value: T; readonly outcome: Outcome }>,
    signal: AbortSignal,
  ): Promise<T> {
    await this.#turns.take(signal)
    this.#begun += 1
    const number = this.#begun
    let outcome: Outcome = 'busy'
    try {
      const answer = await request()
      outcome = answer.outcome
      return answer.value
    } finally {
      this.#learn(signal.aborted ? 'other' : outcome, number)
      this.#turns.give()
    }
  }

  #learn(outcome: Outcome, number: number): void {
    const { requestsMin, requestsMax } = this.#bounds
    // Only a limit that is reached tells that one more would be fine.
    if (outcome === 'good' && this.open >= this.limit)
      this.#limit = Math.min(requestsMax, this.#limit + 1 / this.#limit)
    // Those that were under way at the last decrease say again what it was for.
    if (outcome === 'busy' && number > this.#begunAtDecrease) {
      this.#limit = Math.max(requestsMin, this.#limit / 2)
      this.#begunAtDecrease = this.#begun
    }
    this.#turns.resize(this.limit)
  }
}
