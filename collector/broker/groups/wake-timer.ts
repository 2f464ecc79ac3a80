// WakeTimer: one alarm of a group, set anew only when something is due earlier than it thinks.
import type { Clock } from '../../../core/runtime.ts'
import type { Scope } from '../../../core/scope.ts'

/** It waits no longer; then the group looks again. */
const sleepMsMax = 60 * 60 * 1000

export class WakeTimer {
  readonly #clock: Clock
  readonly #scope: Scope
  readonly #ring: () => void
  #armedAt = Number.POSITIVE_INFINITY
  #disarm: (() => void) | null = null

  /** `ring` sets it again. */
  constructor(clock: Clock, scope: Scope, ring: () => void) {
    this.#clock = clock
    this.#scope = scope
    this.#ring = ring
  }

  /** Rings at this time, in monotonic ms, or earlier. */
  set(wakeAt: number): void {
    if (wakeAt >= this.#armedAt || this.#scope.signal.aborted) return
    this.stop()
    const stop = new AbortController()
    this.#armedAt = wakeAt
    this.#disarm = () => stop.abort()
    const sleepMs = Math.min(sleepMsMax, Math.max(0, wakeAt - this.#clock.monotonic()))
    this.#scope.spawn(async (signal) => {
      await this.#clock.sleep(sleepMs, AbortSignal.any([signal, stop.signal]))
      if (stop.signal.aborted || signal.aborted) return
      this.#armedAt = Number.POSITIVE_INFINITY
      this.#disarm = null
      this.#ring()
    })
  }

  stop(): void {
    this.#disarm?.()
    this.#disarm = null
    this.#armedAt = Number.POSITIVE_INFINITY
  }
}
