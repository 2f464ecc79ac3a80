// AgeClock: the time by which records grow old. The wall clock, but a large jump forward counts only once it has held.
//
// A clock that is set a year ahead for a minute (a bad time server, a wrong battery clock) must not make retention remove
// everything. Back it may go at any time: then nothing is old. A jump while the broker is not running cannot be seen.
import type { Clock } from '../../core/runtime.ts'

/** A step ahead of the monotonic clock that is believed at once: summer time, a nap of the machine. */
const jumpMsMax = 60 * 60 * 1000
/** How long a larger one must hold. */
const holdMs = 60 * 60 * 1000

export class AgeClock {
  readonly #clock: Clock
  /** Told once a jump, with its size in ms. */
  readonly #onJump: (jumpMs: number) => void
  #time: number
  #monotonic: number
  #jumpedAt: number | null = null

  constructor(clock: Clock, onJump: (jumpMs: number) => void) {
    this.#clock = clock
    this.#onJump = onJump
    this.#time = clock.now()
    this.#monotonic = clock.monotonic()
  }

  /** Wall-clock ms, without a jump that is too new to be believed. Ask now and then: it measures from call to call. */
  now(): number {
    const wall = this.#clock.now()
    const monotonic = this.#clock.monotonic()
    const expected = this.#time + monotonic - this.#monotonic
    this.#monotonic = monotonic
    if (wall - expected <= jumpMsMax) this.#jumpedAt = null
    else if (this.#jumpedAt === null) {
      this.#jumpedAt = monotonic
      this.#onJump(wall - expected)
    }
    const isHeldBack = this.#jumpedAt !== null && monotonic - this.#jumpedAt < holdMs
    if (!isHeldBack) this.#jumpedAt = null
    this.#time = isHeldBack ? expected : wall
    return this.#time
  }
}
