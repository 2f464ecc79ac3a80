// TimeIndex: sparse, from the largest timestamp so far to a record offset in one segment; a hint, as the OffsetIndex.
import { lastAtOrBelow } from './offset-index.ts'

/** Bytes of one entry on disk: int64 timestamp in ms, int32 offset minus the segment's base (Kafka's `.timeindex`). */
const timeEntryBytes = 12

/**
 * Entry (t, o): every record before offset `o` has a timestamp <= t, and t is the largest among them. Timestamps
 * and offsets grow from entry to entry.
 */
export class TimeIndex {
  #timestamps: number[] = []
  #offsets: number[] = []

  get length(): number {
    return this.#offsets.length
  }

  /** The largest timestamp noted, or null when there is none. */
  get timestampMax(): number | null {
    return this.#timestamps.at(-1) ?? null
  }

  /** Notes the largest timestamp among the records before `nextOffset`; ignored unless both grew. */
  add(timestamp: number, nextOffset: number): void {
    if (timestamp <= (this.#timestamps.at(-1) ?? Number.NEGATIVE_INFINITY)) return
    if (nextOffset <= (this.#offsets.at(-1) ?? -1)) return
    this.#timestamps.push(timestamp)
    this.#offsets.push(nextOffset)
  }

  /** An offset with no record of `timestamp` or later before it: where a search for that timestamp may start. */
  searchFrom(timestamp: number, segmentBase: number): number {
    const at = lastAtOrBelow(this.#timestamps, timestamp - 1)
    return at < 0 ? segmentBase : (this.#offsets[at] as number)
  }

  /** The last note that only speaks of records before `endOffset`, or null. */
  before(endOffset: number): { readonly timestamp: number; readonly nextOffset: number } | null {
    const at = lastAtOrBelow(this.#offsets, endOffset)
    if (at < 0) return null
    return { timestamp: this.#timestamps[at] as number, nextOffset: this.#offsets[at] as number }
  }

  /** Forgets what was noted beyond the offset. */
  truncate(endOffset: number): void {
    while ((this.#offsets.at(-1) ?? -1) > endOffset) {
      this.#offsets.pop()
      this.#timestamps.pop()
    }
  }

  encode(segmentBase: number): Uint8Array {
    const bytes = new Uint8Array(this.#offsets.length * timeEntryBytes)
    const view = new DataView(bytes.buffer)
    for (let i = 0; i < this.#offsets.length; i += 1) {
      view.setBigInt64(i * 12, BigInt(this.#timestamps[i] as number))
      view.setInt32(i * 12 + 8, (this.#offsets[i] as number) - segmentBase)
    }
    return bytes
  }

  /** The index in the bytes of a file, or null when they cannot be one. */
  static decode(bytes: Uint8Array, segmentBase: number): TimeIndex | null {
    if (bytes.length % timeEntryBytes !== 0) return null
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const index = new TimeIndex()
    for (let at = 0; at < bytes.length; at += timeEntryBytes) {
      const timestamp = Number(view.getBigInt64(at))
      const offset = view.getInt32(at + 8)
      if (!Number.isSafeInteger(timestamp) || offset < 0) return null
      index.add(timestamp, segmentBase + offset)
      if (index.length !== at / timeEntryBytes + 1) return null
    }
    return index
  }
}
