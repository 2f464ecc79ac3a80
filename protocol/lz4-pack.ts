// LZ4 frames, written: independent blocks of 64 KiB without checksums, as Kafka's Java clients write and read them.
import { findMatches, type MatchSink } from './matches.ts'

/** Magic, FLG 60 (version 1, independent blocks), BD 40 (64 KiB), and the checksum of these two: XXH32 of them >> 8. */
const FRAME_HEADER = [0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82]
const BLOCK_BYTES = 64 * 1024
/** The top bit of a block's size: its bytes are stored as they are. */
const STORED = 0x80000000

/** Packs bytes into one frame. */
export function packLz4(bytes: Uint8Array): Uint8Array {
  const blocks = Math.ceil(bytes.length / BLOCK_BYTES)
  // A block that does not get smaller is stored, so this is always enough; the slack is for a block that is given up.
  const slack = Math.ceil(BLOCK_BYTES / 255) + 16
  const target = Buffer.allocUnsafeSlow(FRAME_HEADER.length + bytes.length + blocks * 4 + 4 + slack)
  target.set(FRAME_HEADER)
  let at = FRAME_HEADER.length
  for (let from = 0; from < bytes.length; from += BLOCK_BYTES) {
    const end = Math.min(bytes.length, from + BLOCK_BYTES)
    const writer = new BlockWriter(bytes, target, at + 4)
    findMatches(bytes, from, end, writer)
    const size = writer.at - at - 4
    if (size < end - from) at = target.writeUInt32LE(size, at) + size
    else {
      at = target.writeUInt32LE((STORED | (end - from)) >>> 0, at)
      target.set(bytes.subarray(from, end), at)
      at += end - from
    }
  }
  return target.subarray(0, target.writeUInt32LE(0, at))
}

/** Writes the sequences of one block. */
class BlockWriter implements MatchSink {
  at: number
  readonly #source: Uint8Array
  readonly #target: Uint8Array

  constructor(source: Uint8Array, target: Uint8Array, at: number) {
    this.#source = source
    this.#target = target
    this.at = at
  }

  match(from: number, to: number, distance: number, length: number): void {
    const extra = length - 4
    this.#literals(from, to, Math.min(extra, 15))
    this.#target[this.at++] = distance
    this.#target[this.at++] = distance >> 8
    if (extra >= 15) this.#length(extra - 15)
  }

  rest(from: number, to: number): void {
    this.#literals(from, to, 0)
  }

  #literals(from: number, to: number, matchBits: number): void {
    const count = to - from
    this.#target[this.at++] = (Math.min(count, 15) << 4) | matchBits
    if (count >= 15) this.#length(count - 15)
    this.at = append(this.#source, from, to, this.#target, this.at)
  }

  #length(value: number): void {
    let left = value
    for (; left >= 255; left -= 255) this.#target[this.at++] = 255
    this.#target[this.at++] = left
  }
}

/** Copies `source[from, to)` and returns the position behind it. Short runs are the rule: a loop is faster for them. */
function append(source: Uint8Array, from: number, to: number, target: Uint8Array, at: number): number {
  if (to - from > 32) {
    target.set(source.subarray(from, to), at)
    return at + to - from
  }
  let next = at
  for (let i = from; i < to; i += 1) target[next++] = source[i] as number
  return next
}
