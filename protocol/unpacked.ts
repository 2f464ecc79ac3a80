// Unpacked: where an unpacker writes: literals and repetitions, in steps of 16 bytes, into a buffer of known size.

/** Steps may write this much behind what is asked for; the buffer has room for it. */
const STEP = 16

/** A buffer of exactly the size that comes out. The caller checks that all it writes and repeats lies inside. */
export class Unpacked {
  readonly #bytes: Buffer
  readonly #view: DataView
  readonly #size: number
  #length = 0

  constructor(size: number) {
    this.#size = size
    this.#bytes = Buffer.allocUnsafeSlow(size + STEP)
    this.#view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.byteLength)
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#length
  }

  /** Bytes that are still to come. */
  get room(): number {
    return this.#size - this.#length
  }

  /** Appends `source[from, from + length)`. */
  copy(source: Uint8Array, sourceView: DataView, from: number, length: number): void {
    const at = this.#length
    this.#length = at + length
    if (length > LOOP_BYTES_MAX || from + length + STEP > source.length) {
      this.#bytes.set(source.subarray(from, from + length), at)
      return
    }
    const view = this.#view
    for (let i = 0; i < length; i += STEP) {
      view.setBigInt64(at + i, sourceView.getBigInt64(from + i, true), true)
      view.setBigInt64(at + i + 8, sourceView.getBigInt64(from + i + 8, true), true)
    }
  }

  /** Appends `length` bytes beginning `distance` back, which may be what is being written. */
  repeat(distance: number, length: number): void {
    const at = this.#length
    const end = at + length
    this.#length = end
    if (distance >= STEP) {
      const view = this.#view
      for (let to = at; to < end; to += STEP) {
        view.setBigInt64(to, view.getBigInt64(to - distance, true), true)
        view.setBigInt64(to + 8, view.getBigInt64(to + 8 - distance, true), true)
      }
      return
    }
    const bytes = this.#bytes
    if (distance === 1) {
      bytes.fill(bytes[at - 1] as number, at, end)
      return
    }
    for (let to = at; to < end; to += 1) bytes[to] = bytes[to - distance] as number
  }

  /** What was written. */
  take(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }
}

/** Above this one call into native code is faster than the loop. */
const LOOP_BYTES_MAX = 256
