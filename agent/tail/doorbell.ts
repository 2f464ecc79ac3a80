// Doorbell: wakes the one who waits for something to do.

export class Doorbell {
  #wake: (() => void) | null = null

  /** Resolves when it rings next; one may wait at a time. */
  async heard(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve
    })
    this.#wake = null
  }

  ring(): void {
    this.#wake?.()
  }
}
