// Rest: the bytes at the end of a file that are no whole record yet, and when they are taken as they are.
import type { Flush } from './block.ts'

export class Rest {
  #bytes = 0
  #grownAt: number

  /** Times are monotonic ms. */
  constructor(now: number) {
    this.#grownAt = now
  }

  /** Bytes behind the last whole record. */
  get bytes(): number {
    return this.#bytes
  }

  /** The file grew, or something else began to count anew. */
  grew(now: number): void {
    this.#grownAt = now
  }

  /** Takes over what a read found. */
  note(bytes: number, now: number): void {
    if (bytes !== this.#bytes) this.#grownAt = now
    this.#bytes = bytes
  }

  /** How long the file did not grow. */
  restedMs(now: number): number {
    return now - this.#grownAt
  }

  /** What is to be taken of the rest behind `position`: whole lines after `groupMs`, all of it after `lineMs`. */
  due(position: number, now: number, { lineMs, groupMs }: { lineMs: number; groupMs: number }): Flush | null {
    const rested = this.restedMs(now)
    if (this.#bytes === 0 || rested < Math.min(lineMs, groupMs)) return null
    return { what: rested >= lineMs ? 'line' : 'group', at: position + this.#bytes }
  }
}
