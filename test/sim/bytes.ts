// Growable bytes with positions: what a simulated file holds.

/** Bytes that grow when written past the end; holes read as zeros. */
export class Bytes {
  #buffer: Uint8Array
  #size: number

  constructor(initial: Uint8Array = new Uint8Array(0)) {
    this.#buffer = initial.slice()
    this.#size = initial.byteLength
  }

  get size(): number {
    return this.#size
  }

  write(position: number, bytes: Uint8Array): void {
    const end = position + bytes.byteLength
    if (end > this.#buffer.byteLength) {
      const grown = new Uint8Array(Math.max(end, this.#buffer.byteLength * 2, 256))
      grown.set(this.#buffer.subarray(0, this.#size))
      this.#buffer = grown
    }
    this.#buffer.set(bytes, position)
    if (end > this.#size) this.#size = end
  }

  truncate(size: number): void {
    if (size < this.#size) {
      this.#buffer.fill(0, size, this.#size)
      this.#size = size
    } else if (size > this.#size) {
      this.write(size - 1, new Uint8Array(1))
    }
  }

  read(position: number, target: Uint8Array): number {
    const count = Math.max(0, Math.min(target.byteLength, this.#size - position))
    if (count > 0) target.set(this.#buffer.subarray(position, position + count))
    return count
  }

  /** Becomes a copy of the other. */
  replace(other: Bytes): void {
    this.#buffer = other.copy()
    this.#size = other.size
  }

  /** A copy of all of it. */
  copy(): Uint8Array {
    return this.#buffer.slice(0, this.#size)
  }
}
