// Snappy, written: one raw block, which every Kafka client takes for what it is.
import { findMatches, type MatchSink } from './matches.ts'

/** Packs bytes into one raw block. */
export function packSnappy(bytes: Uint8Array): Uint8Array {
  // The worst case of the format's own library: nothing packs, and every literal needs its length said.
  const target = Buffer.allocUnsafeSlow(32 + bytes.length + Math.ceil(bytes.length / 6))
  const writer = new BlockWriter(bytes, target)
  writer.size(bytes.length)
  if (bytes.length > 0) findMatches(bytes, 0, bytes.length, writer)
  return target.subarray(0, writer.at)
}

/** Writes the elements of a block. */
class BlockWriter implements MatchSink {
  at = 0
  readonly #source: Uint8Array
  readonly #target: Uint8Array

  constructor(source: Uint8Array, target: Uint8Array) {
    this.#source = source
    this.#target = target
  }

  size(value: number): void {
    let left = value
    for (; left >= 0x80; left = Math.floor(left / 0x80)) this.#target[this.at++] = (left & 0x7f) | 0x80
    this.#target[this.at++] = left
  }

  match(from: number, to: number, distance: number, length: number): void {
    this.rest(from, to)
    let left = length
    // At least four bytes stay for the last copy: none is shorter.
    for (; left >= 68; left -= 64) this.#copy(distance, 64)
    if (left > 64) {
      this.#copy(distance, 60)
      left -= 60
    }
    this.#copy(distance, left)
  }

  rest(from: number, to: number): void {
    const count = to - from
    if (count === 0) return
    const value = count - 1
    if (value < 60) this.#target[this.at++] = value << 2
    else {
      const bytes = value < 0x100 ? 1 : value < 0x10000 ? 2 : value < 0x1000000 ? 3 : 4
      this.#target[this.at++] = (59 + bytes) << 2
      for (let i = 0; i < bytes; i += 1) this.#target[this.at++] = value >>> (8 * i)
    }
    const source = this.#source
    if (count > 32) {
      this.#target.set(source.subarray(from, to), this.at)
      this.at += count
      return
    }
    for (let i = from; i < to; i += 1) this.#target[this.at++] = source[i] as number
  }

  #copy(distance: number, length: number): void {
    if (length < 12 && distance < 2048) {
      this.#target[this.at++] = ((distance >> 8) << 5) | ((length - 4) << 2) | 1
      this.#target[this.at++] = distance
      return
    }
    this.#target[this.at++] = ((length - 1) << 2) | 2
    this.#target[this.at++] = distance
    this.#target[this.at++] = distance >> 8
  }
}
