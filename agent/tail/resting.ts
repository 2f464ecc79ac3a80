// Resting: the followed files at rest. One costs its sighting and its checkpoint; a follower is made when there is something to do.
import type { Checkpoint } from '../state/checkpoint.ts'
import type { Rested } from './extent.ts'
import { isChanged, type Sighting } from './sighting.ts'

/** What a file has behind it since the start of the agent. */
export interface FilePast {
  readonly retries: number
  readonly shippedBytes: number
  readonly shippedLines: number
}

export const noPast: FilePast = { retries: 0, shippedBytes: 0, shippedLines: 0 }

/** A file that nobody reads: nothing of it is open, in memory or on its way. */
export interface RestingFile {
  /** As it was seen last. */
  readonly sighting: Sighting
  /** How it came to rest; null for one that was not read since the start of the agent. */
  readonly rested: Rested | null
  readonly past: FilePast
}

/** By the keys of their locators. Those with something to read wait in line to be woken. */
export class Resting {
  readonly #files = new Map<string, RestingFile>()
  /** Since when they wait, monotonic ms; in the order in which they are to be woken. */
  readonly #waiting = new Map<string, number>()

  get files(): ReadonlyMap<string, RestingFile> {
    return this.#files
  }

  has(key: string): boolean {
    return this.#files.has(key)
  }

  /** Since when it waits to be woken, monotonic ms; null when there is nothing to do. */
  waitsSince(key: string): number | null {
    return this.#waiting.get(key) ?? null
  }

  /** A file comes to rest. */
  rest(key: string, file: RestingFile): void {
    this.#files.set(key, file)
  }

  /** A file that was not followed before: it waits where it is not as its checkpoint says. */
  add(key: string, sighting: Sighting, checkpoint: Checkpoint | null, now: number): void {
    this.#files.set(key, { sighting, rested: null, past: noPast })
    const { size, mtimeMs } = sighting
    if (checkpoint === null || checkpoint.position !== size || checkpoint.mtimeMs !== mtimeMs)
      this.#waiting.set(key, now)
  }

  /** Takes over how it was seen now. */
  observe(key: string, sighting: Sighting, now: number): void {
    const before = this.#files.get(key)
    if (before === undefined || before.sighting === sighting) return
    this.#files.set(key, { ...before, sighting })
    if (isChanged(before.sighting, sighting) && !this.#waiting.has(key)) this.#waiting.set(key, now)
  }

  /** The next one to be woken. */
  next(): string | null {
    for (const key of this.#waiting.keys()) return key
    return null
  }

  /** It rests no more. */
  take(key: string): RestingFile | null {
    const file = this.#files.get(key) ?? null
    this.#files.delete(key)
    this.#waiting.delete(key)
    return file
  }
}
