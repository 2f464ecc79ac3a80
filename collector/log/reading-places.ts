// Where readers of a segment stopped: the next read of each begins there, without a look into the index and the file.

/** Readers of one segment that go on where they were. */
const placesMax = 32

/** Offsets and the positions of the batches that begin with them; hints, the oldest forgotten first. */
export class ReadingPlaces {
  readonly #positions = new Map<number, number>()

  remember(offset: number, position: number): void {
    this.#positions.delete(offset)
    this.#positions.set(offset, position)
    if (this.#positions.size <= placesMax) return
    const [oldest] = this.#positions.keys()
    if (oldest !== undefined) this.#positions.delete(oldest)
  }

  /** The position of the batch that begins with the offset, as far as is known; null when it is not. */
  find(offset: number): number | null {
    return this.#positions.get(offset) ?? null
  }

  forget(offset: number): void {
    this.#positions.delete(offset)
  }

  clear(): void {
    this.#positions.clear()
  }
}
