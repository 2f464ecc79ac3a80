// Lives: the signals of the followers that are at work, and how all of them end.

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
  #stopped = false
  #killed = false

  /** No follower begins anything any more. */
  get stopped(): boolean {
    return this.#stopped
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
    for (const life of this.#running) life.stop.abort()
  }

  kill(): void {
    this.stop()
    this.#killed = true
    for (const life of this.#running) life.kill.abort()
  }
}
