// Extent: how long a file is, as far as stats and reads can tell, and how much of it a truncation cost.

/** What is known of the extent of a file at rest. */
export interface Rested {
  /** Where what is read of it ended. */
  readonly size: number
  /** How it was seen last. */
  readonly seen: { readonly size: number; readonly mtimeMs: number }
}

/** Knows the size of one file. A stat may be older than the last read: it says that something changed, a read says what. */
export class Extent {
  #size = 0
  /** How much of the size is known to be of the content being read: nothing that a later truncation brought. */
  #confirmed = 0
  #seen: { readonly size: number; readonly mtimeMs: number } | null = null

  /** It was at rest: all of it was read when it was seen so last. */
  rested({ size, seen }: Rested): void {
    this.#size = size
    this.#confirmed = size
    this.#seen = seen
  }

  /** Where the file ends as far as is known. */
  get size(): number {
    return this.#size
  }

  /** The modification time of the last stat; null before the first. */
  get mtimeMs(): number | null {
    return this.#seen?.mtimeMs ?? null
  }

  /** Takes over a stat: `first` of this file, `changed` since the one before, or the `same`. */
  note(size: number, mtimeMs: number): 'first' | 'changed' | 'same' {
    const before = this.#seen
    if (before !== null && before.size === size && before.mtimeMs === mtimeMs) return 'same'
    this.#seen = { size, mtimeMs }
    this.#size = Math.max(this.#size, size)
    return before === null ? 'first' : 'changed'
  }

  /** Takes over a read whose content was the expected one up to `end`; returns bytes known to be cut off behind it. */
  learn(end: number, more: boolean): number {
    const cut = more ? 0 : Math.max(0, this.#confirmed - end)
    this.#size = more ? Math.max(this.#size, end) : end
    this.#confirmed = this.#size
    return cut
  }

  /** Bytes behind `position` that are known to have been there. */
  behind(position: number): number {
    return Math.max(0, this.#confirmed - position)
  }

  /** The content began anew; returns how many bytes of the old one behind `position` were never read. */
  restart(position: number): number {
    const lost = this.behind(position)
    this.#confirmed = 0
    // What was seen may have been the old content: the next read tells.
    this.#size = 0
    return lost
  }
}
