// OffsetIndex: sparse, from record offset to byte position in one segment; a hint that can always be rebuilt.

/** Bytes of one entry on disk: int32 offset minus the segment's base, int32 position of the batch (Kafka's `.index`). */
const offsetEntryBytes = 8

/** Offsets and positions of some batches of one segment, both growing. Pure memory: see docs/storage-format.md. */
export class OffsetIndex {
  #offsets: number[] = []
  #positions: number[] = []

  get length(): number {
    return this.#offsets.length
  }

  /** Notes that the batch whose first offset is `baseOffset` starts at `position`. Both must be larger than before. */
  add(baseOffset: number, position: number): void {
    this.#offsets.push(baseOffset)
    this.#positions.push(position)
  }

  /** The noted batch at or before `offset`, or null when the search must start at the segment's first byte. */
  floor(offset: number): { readonly baseOffset: number; readonly position: number } | null {
    const at = lastAtOrBelow(this.#offsets, offset)
    if (at < 0) return null
    return { baseOffset: this.#offsets[at] as number, position: this.#positions[at] as number }
  }

  /** Forgets everything at or after the position. */
  truncate(position: number): void {
    while ((this.#positions.at(-1) ?? -1) >= position) {
      this.#positions.pop()
      this.#offsets.pop()
    }
  }

  encode(segmentBase: number): Uint8Array {
    const bytes = new Uint8Array(this.#offsets.length * offsetEntryBytes)
    const view = new DataView(bytes.buffer)
    for (let i = 0; i < this.#offsets.length; i += 1) {
      view.setInt32(i * 8, (this.#offsets[i] as number) - segmentBase)
      view.setInt32(i * 8 + 4, this.#positions[i] as number)
    }
    return bytes
  }

  /** The index in the bytes of a file, or null when they cannot be the index of a segment of `segmentBytes`. */
  static decode(bytes: Uint8Array, segmentBase: number, segmentBytes: number): OffsetIndex | null {
    if (bytes.length % offsetEntryBytes !== 0) return null
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const index = new OffsetIndex()
    let offsetBefore = -1
    let positionBefore = -1
    for (let at = 0; at < bytes.length; at += offsetEntryBytes) {
      const offset = view.getInt32(at)
      const position = view.getInt32(at + 4)
      if (offset <= offsetBefore || position <= positionBefore || position >= segmentBytes) return null
      index.add(segmentBase + offset, position)
      offsetBefore = offset
      positionBefore = position
    }
    return index
  }
}

/** Index of the last value <= wanted in a growing array, -1 when all are larger. */
export function lastAtOrBelow(values: readonly number[], wanted: number): number {
  let low = 0
  let high = values.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((values[middle] as number) <= wanted) low = middle + 1
    else high = middle
  }
  return low - 1
}
