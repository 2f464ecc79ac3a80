// Lives: the signals of the followers that are at work, and how all of them end.

/** Followers at work at a time. One at work costs some 20 KB, one that waits for its turn a promise. */
const workingMax = 64

/** Signals of one follower at work: `stop` ends reading, `kill` ends what is under way too. */
export interface Life {
  readonly stop: AbortController
  readonly kill: AbortController
}

/**
 * Each follower has signals of its own, and only while it works. Ten thousand listeners on one shared signal would cost
 * the square: a signal looks through all its listeners when one more is added.
 */
export class Lives {
  readonly #running = new Set<Life>()
  readonly #waiting: (() => void)[] = []
  #working = 0
  #stopped = false
  #killed = false

  /** No follower begins anything any more. */
  get stopped(): boolean {
    return this.#stopped
  }

  /** Somebody waits for a turn: who has worked for a while should end. */
  get isCrowded(): boolean {
    return this.#waiting.length > 0
  }

  /** Waits for a turn to work, first come first served; at a stop everybody has one. The result gives it back, once. */
  async turn(): Promise<() => void> {
    if (this.#working >= workingMax && !this.#stopped) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
    this.#working += 1
    let isGiven = false
    return () => {
      if (isGiven) return
      isGiven = true
      this.#working -= 1
      this.#waiting.shift()?.()
    }
  }

  begin(): Life {
    const life = { stop: new AbortController(), kill: new AbortController() }
    if (this.#stopped) life.stop.abort()
    if (this.#killed) life.kill.abort()
    this.#running.add(life)
    return life
  }

  end(life: Life): void {
    this.#running.delete(life)
  }

  stop(): void {
    this.#stopped = true
    for (const resolve of this.#waiting.splice(0)) resolve()
    for (const life of this.#running) life.stop.abort()
  }

  kill(): void {
    this.stop()
    this.#killed = true
    for (const life of this.#running) life.kill.abort()
  }
}
