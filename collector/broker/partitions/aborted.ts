// AbortedIndex: the aborted transactions of a partition, found by the offsets that they cover.
import type { AbortedTransaction } from './kafka-append.ts'

/** One aborted transaction: from its first record to its marker. */
export interface Aborted extends AbortedTransaction {
  /** The offset of its marker. */
  readonly lastOffset: number
  /** The last stable offset once it had ended: every transaction that ends later begins there or behind. */
  readonly lastStableOffset: number
}

/** As saved: producer id, first, last, last stable offset; in the order of the log. */
export type SavedAborted = readonly (readonly [number, number, number, number])[]

/**
 * Sorted by `lastOffset`, as transactions end. As large as the log has aborted transactions: it is trimmed with the
 * log's start, and each entry stands for a marker of 78 bytes there.
 */
export class AbortedIndex {
  #entries: Aborted[] = []

  get size(): number {
    return this.#entries.length
  }

  add(entry: Aborted): void {
    this.#entries.push(entry)
  }

  /** The aborted transactions with records or their marker in [fromOffset, toOffset), by their first offset. */
  overlapping(fromOffset: number, toOffset: number): readonly Aborted[] {
    const found: Aborted[] = []
    for (let i = this.#firstEndingAt(fromOffset); i < this.#entries.length; i += 1) {
      const entry = this.#entries[i] as Aborted
      if (entry.firstOffset < toOffset) found.push(entry)
      if (entry.lastStableOffset >= toOffset) break
    }
    return found.length < 2 ? found : found.sort((a, b) => a.firstOffset - b.firstOffset)
  }

  /** True when a record of the producer at the offset belongs to an aborted transaction. */
  covers(producerId: number, offset: number): boolean {
    for (let i = this.#firstEndingAt(offset); i < this.#entries.length; i += 1) {
      const entry = this.#entries[i] as Aborted
      if (entry.producerId === producerId && entry.firstOffset <= offset) return true
      if (entry.lastStableOffset > offset) break
    }
    return false
  }

  /** Forgets what ended below the start of the log. */
  trim(startOffset: number): void {
    const from = this.#firstEndingAt(startOffset)
    if (from > 0) this.#entries = this.#entries.slice(from)
  }

  save(): SavedAborted {
    return this.#entries.map((entry) => [
      entry.producerId,
      entry.firstOffset,
      entry.lastOffset,
      entry.lastStableOffset,
    ])
  }

  /** Takes what `save` gave; anything else is refused by returning false. */
  restore(saved: unknown): boolean {
    if (!Array.isArray(saved)) return false
    for (const entry of saved) {
      if (!Array.isArray(entry) || entry.length !== 4 || !entry.every(Number.isSafeInteger)) return false
      const [producerId, firstOffset, lastOffset, lastStableOffset] = entry
      this.add({ producerId, firstOffset, lastOffset, lastStableOffset })
    }
    return true
  }

  /** The index of the first entry whose marker is at or behind the offset. */
  #firstEndingAt(offset: number): number {
    let low = 0
    let high = this.#entries.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#entries[middle] as Aborted).lastOffset < offset) low = middle + 1
      else high = middle
    }
    return low
  }
}
