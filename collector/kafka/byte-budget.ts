// A bound for bytes that all connections share, such as those of frames: who finds it used up waits for its turn.

interface Waiting {
  readonly bytes: number
  readonly go: (taken: boolean) => void
}

/** Bytes that all connections share; first come, first served. */
export class ByteBudget {
  readonly bytesMax: number
  #used = 0
  readonly #waiting: Waiting[] = []

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax
  }

  get usedBytes(): number {
    return this.#used
  }

  /** How many wait: a gauge of overload. */
  get waiting(): number {
    return this.#waiting.length
  }

  /** Takes the bytes if that is possible now. Whoever is larger than the whole budget has to be alone. */
  tryTake(bytes: number): boolean {
    if (this.#waiting.length > 0 || !this.#fits(bytes)) return false
    this.#used += bytes
    return true
  }

  /** Waits for the bytes; false when the signal aborted before, and nothing is taken then. */
  take(bytes: number, signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return Promise.resolve(false)
    if (this.tryTake(bytes)) return Promise.resolve(true)
    return new Promise((resolve) => {
      const leave = () => {
        const at = this.#waiting.indexOf(waiting)
        if (at >= 0) this.#waiting.splice(at, 1)
        resolve(false)
        this.#next()
      }
      const waiting: Waiting = {
        bytes,
        go: (taken) => {
          signal.removeEventListener('abort', leave)
          resolve(taken)
        },
      }
      signal.addEventListener('abort', leave, { once: true })
      this.#waiting.push(waiting)
    })
  }

  /** Counts bytes that are there already, even beyond the bound: who comes next waits. */
  add(bytes: number): void {
    this.#used += bytes
  }

  give(bytes: number): void {
    this.#used -= bytes
    this.#next()
  }

  #next(): void {
    for (;;) {
      const first = this.#waiting[0]
      if (first === undefined || !this.#fits(first.bytes)) return
      this.#waiting.shift()
      this.#used += first.bytes
      first.go(true)
    }
  }

  #fits(bytes: number): boolean {
    return this.#used === 0 || this.#used + bytes <= this.bytesMax
  }
}
