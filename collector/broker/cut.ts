// Cutting: how far a batch of a feed reaches, from headers alone, always at a RecordBatch's end.
import { crc32c } from '../../protocol/crc32c.ts'
import type { LogHeader } from '../log/segment-row.ts'

export interface CutLimits {
  readonly rowsMax: number
  /** Unpacked bytes. */
  readonly bytesMax: number
}

/** What a RecordBatch that does not say its unpacked size is taken for: logs pack about so well. */
const guessedRatio = 4

/** Collects RecordBatches from `first` on until one more would go over a limit. */
export class Cut {
  readonly first: number
  #next: number
  #count = 0
  #bytes = 0
  #crc = 0
  #full = false

  constructor(first: number) {
    this.first = first
    this.#next = first
  }

  /** The offset behind what was taken. */
  get next(): number {
    return this.#next
  }

  get count(): number {
    return this.#count
  }

  get bytes(): number {
    return this.#bytes
  }

  /** CRC-32C over the CRCs of its batches, 4 big-endian bytes each. */
  get crc(): number {
    return this.#crc
  }

  get isFull(): boolean {
    return this.#full
  }

  /**
   * Takes the batch unless the cut is full; one that is larger than the limits is taken alone. A hidden batch (a marker,
   * an aborted one) belongs to the range but has no rows.
   */
  add({ header, unpackedBytes }: LogHeader, limits: CutLimits, isHidden = false): boolean {
    const end = header.baseOffset + header.lastOffsetDelta + 1
    const inRange = end - Math.max(this.first, header.baseOffset)
    const rows = isHidden ? 0 : Math.min(header.count, inRange)
    const bytes = isHidden ? 0 : (unpackedBytes ?? header.length * guessedRatio)
    const isOver = this.#count + rows > limits.rowsMax || this.#bytes + bytes > limits.bytesMax
    if (this.#full || (this.#count > 0 && isOver)) {
      this.#full = true
      return false
    }
    const crc = new Uint8Array(4)
    new DataView(crc.buffer).setUint32(0, header.crc)
    this.#crc = crc32c(crc, this.#crc)
    this.#count += rows
    this.#bytes += bytes
    this.#next = end
    this.#full = this.#count >= limits.rowsMax || this.#bytes >= limits.bytesMax
    return true
  }
}
