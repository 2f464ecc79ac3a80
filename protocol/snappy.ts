// Snappy, read: raw blocks and the framing of xerial's snappy-java around them, every length checked and bounded.
//
// A raw block is the varint of its unpacked size and elements. The low two bits of an element's first byte say what it
// is: 0 literals (6 bits of size - 1; 60 to 63: in that many less 59 bytes behind), 1 a copy of 4 to 11 bytes with 11
// bits of distance, 2 a copy of 1 to 64 bytes with 16 bits of distance, 3 the same with 32.
// Xerial: 82 53 4E 41 50 50 59 00, int32 version, int32 compatible version, then int32 sizes and raw blocks, big-endian.
// Java and librdkafka write that, others raw blocks. Source: format_description.txt of github.com/google/snappy,
// SnappyOutputStream of github.com/xerial/snappy-java.
import { Unpacked } from './unpacked.ts'

const XERIAL = [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]
const XERIAL_HEADER_BYTES = 16
/** No element makes more than 64 bytes out of three. */
const RATIO_MAX = 22

/** What the blocks say that they hold together; null when they are not whole, or say what cannot be. */
export function snappySize(bytes: Uint8Array): number | null {
  let size = 0
  for (const block of blocksOf(bytes)) {
    const preamble = block === null ? null : readSize(bytes, block)
    if (preamble === null) return null
    size += preamble.size
  }
  return size <= bytes.length * RATIO_MAX ? size : null
}

/** Unpacks bytes of which `snappySize` gave the size. Null for bytes that are not snappy. */
export function unpackSnappy(bytes: Uint8Array, size: number): Uint8Array | null {
  const output = new Unpacked(size)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (const block of blocksOf(bytes)) {
    const preamble = block === null ? null : readSize(bytes, block)
    if (block === null || preamble === null) return null
    const body = { from: preamble.at, end: block.end }
    if (!unpackBlock(bytes, view, body, output, output.length + preamble.size)) return null
  }
  return output.take()
}

interface Block {
  readonly from: number
  readonly end: number
}

/** The raw blocks: the chunks of the xerial framing, or all the bytes; a null where the framing makes no sense. */
function* blocksOf(bytes: Uint8Array): Generator<Block | null> {
  if (!isXerial(bytes)) return yield { from: 0, end: bytes.length }
  for (let at = XERIAL_HEADER_BYTES; at < bytes.length; ) {
    if (at + 4 > bytes.length) return yield null
    const from = at + 4
    const end =
      from +
      (bytes[at] as number) * 0x1000000 +
      ((bytes[at + 1] as number) << 16) +
      ((bytes[at + 2] as number) << 8) +
      (bytes[at + 3] as number)
    if (end > bytes.length) return yield null
    yield { from, end }
    at = end
  }
}

function isXerial(bytes: Uint8Array): boolean {
  return bytes.length >= XERIAL_HEADER_BYTES && XERIAL.every((byte, index) => bytes[index] === byte)
}

/** The unpacked size that a block begins with, and where its elements begin. */
function readSize(bytes: Uint8Array, block: Block): { readonly size: number; readonly at: number } | null {
  let size = 0
  for (let index = 0; index < 5 && block.from + index < block.end; index += 1) {
    const byte = bytes[block.from + index] as number
    size += (byte & 0x7f) * 2 ** (7 * index)
    if (byte < 0x80) return { size, at: block.from + index + 1 }
  }
  return null
}

/** Appends a block that must fill the output up to `full`; its copies do not reach back beyond itself. */
function unpackBlock(
  bytes: Uint8Array,
  view: DataView,
  block: Block,
  output: Unpacked,
  full: number,
): boolean {
  const floor = output.length
  const { end } = block
  let at = block.from
  while (at < end) {
    const tag = bytes[at++] as number
    const kind = tag & 3
    if (kind === 0) {
      let length = (tag >> 2) + 1
      if (length > 60) {
        const count = length - 60
        if (at + count > end) return false
        length = littleEndian(bytes, at, count) + 1
        at += count
      }
      if (length > end - at || length > full - output.length) return false
      output.copy(bytes, view, at, length)
      at += length
      continue
    }
    let distance: number
    let length: number
    if (kind === 1) {
      if (at + 1 > end) return false
      distance = ((tag >> 5) << 8) | (bytes[at] as number)
      length = ((tag >> 2) & 7) + 4
      at += 1
    } else {
      const count = kind === 2 ? 2 : 4
      if (at + count > end) return false
      distance = littleEndian(bytes, at, count)
      length = (tag >> 2) + 1
      at += count
    }
    if (distance === 0 || distance > output.length - floor || length > full - output.length) return false
    output.repeat(distance, length)
  }
  return output.length === full
}

function littleEndian(bytes: Uint8Array, at: number, count: number): number {
  let value = bytes[at] as number
  if (count > 1) value |= (bytes[at + 1] as number) << 8
  if (count > 2) value |= (bytes[at + 2] as number) << 16
  if (count > 3) value |= (bytes[at + 3] as number) << 24
  return value >>> 0
}
