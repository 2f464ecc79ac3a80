// LZ4 frames: unpacked in two passes, the first one only adds up lengths, so that nothing is allocated on trust.
//
//  bytes  field
//      4  magic 184D2204, little-endian
//      1  FLG: 7-6 version 01, 5 blocks are independent, 4 block checksums, 3 content size, 2 content checksum, 0 dictionary
//      1  BD: 6-4 largest block (4: 64 KiB, 5: 256 KiB, 6: 1 MiB, 7: 4 MiB)
//      8  content size, if FLG says so
//      1  checksum of the descriptor
//         blocks: uint32 size (the top bit: stored as it is), bytes, uint32 checksum if FLG says so
//      4  end mark 0
//      4  content checksum, if FLG says so
//
// A block is sequences of: token (4 bits of literals, 4 bits of match, 15 goes on in bytes of 255), literals, uint16
// distance back, match; the last one ends behind its literals. Checksums are not looked at: the batch's own CRC-32C is
// over all these bytes. Source: lz4_Frame_format.md and lz4_Block_format.md of github.com/lz4/lz4.
import { Unpacked } from './unpacked.ts'

const MAGIC = 0x184d2204
/** Frames that carry something for somebody else: 184D2A50 to 184D2A5F. */
const MAGIC_SKIPPABLE = 0x184d2a5
const MATCH_BYTES_MIN = 4

/** How many bytes the frames hold, all lengths inside checked; null for bytes that are no LZ4 frames. */
export function lz4Size(bytes: Uint8Array): number | null {
  let size = 0
  for (const block of blocksOf(bytes)) {
    if (block === null) return null
    const blockSize = block.isStored ? block.end - block.from : measureBlock(bytes, block.from, block.end)
    if (blockSize === null || blockSize > block.bytesMax) return null
    size += blockSize
  }
  return size
}

/** Unpacks frames of which `lz4Size` gave the size. Null when a match reaches back beyond what is there. */
export function unpackLz4(bytes: Uint8Array, size: number): Uint8Array | null {
  const output = new Unpacked(size)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let frameStart = 0
  for (const block of blocksOf(bytes)) {
    if (block === null) return null
    if (block.isFirst) frameStart = output.length
    if (block.isStored) output.copy(bytes, view, block.from, block.end - block.from)
    else if (!unpackBlock(bytes, view, block, output, block.isIndependent ? output.length : frameStart))
      return null
  }
  return output.take()
}

interface Block {
  readonly from: number
  readonly end: number
  readonly isStored: boolean
  /** The first of its frame. */
  readonly isFirst: boolean
  readonly isIndependent: boolean
  /** What it may unpack to. */
  readonly bytesMax: number
}

/** The blocks of all frames; a null ends them where the bytes make no sense. */
function* blocksOf(bytes: Uint8Array): Generator<Block | null> {
  let at = 0
  do {
    if (at + 8 > bytes.length) return yield null
    const magic = uint32(bytes, at)
    if (magic >>> 4 === MAGIC_SKIPPABLE) {
      at += 8 + uint32(bytes, at + 4)
      continue
    }
    const flags = bytes[at + 4] as number
    // A dictionary is something we do not have.
    if (magic !== MAGIC || flags >> 6 !== 1 || (flags & 1) === 1) return yield null
    const bytesMax = 1 << (8 + 2 * (((bytes[at + 5] as number) >> 4) & 7))
    const isIndependent = (flags & 0x20) !== 0
    const checksumBytes = (flags & 0x10) === 0 ? 0 : 4
    at += 7 + ((flags & 0x08) === 0 ? 0 : 8)
    for (let isFirst = true; ; isFirst = false) {
      if (at + 4 > bytes.length) return yield null
      const word = uint32(bytes, at)
      at += 4
      if (word === 0) break
      const end = at + (word & 0x7fffffff)
      if (end + checksumBytes > bytes.length) return yield null
      yield { from: at, end, isStored: word > 0x7fffffff, isFirst, isIndependent, bytesMax }
      at = end + checksumBytes
    }
    at += (flags & 0x04) === 0 ? 0 : 4
  } while (at < bytes.length)
  if (at > bytes.length) yield null
}

/** What a block unpacks to, its lengths checked, or null. */
function measureBlock(bytes: Uint8Array, from: number, end: number): number | null {
  let size = 0
  let at = from
  while (at < end) {
    const token = bytes[at++] as number
    let literals = token >> 4
    if (literals === 15) {
      let more = 255
      while (more === 255) {
        if (at >= end) return null
        more = bytes[at++] as number
        literals += more
      }
    }
    at += literals
    size += literals
    if (at === end) return size
    at += 2
    let match = token & 15
    if (match === 15) {
      let more = 255
      while (more === 255) {
        if (at >= end) return null
        more = bytes[at++] as number
        match += more
      }
    }
    size += match + MATCH_BYTES_MIN
  }
  // Every block ends with literals, if with none of them.
  return null
}

/** Appends a block that was measured; matches do not reach back beyond `floor`. False when one would. */
function unpackBlock(
  bytes: Uint8Array,
  view: DataView,
  block: Block,
  output: Unpacked,
  floor: number,
): boolean {
  let at = block.from
  for (;;) {
    const token = bytes[at++] as number
    let literals = token >> 4
    if (literals === 15) {
      let more = 255
      while (more === 255) {
        more = bytes[at++] as number
        literals += more
      }
    }
    if (literals > 0) output.copy(bytes, view, at, literals)
    at += literals
    if (at === block.end) return true
    const distance = (bytes[at] as number) | ((bytes[at + 1] as number) << 8)
    at += 2
    let match = token & 15
    if (match === 15) {
      let more = 255
      while (more === 255) {
        more = bytes[at++] as number
        match += more
      }
    }
    if (distance === 0 || distance > output.length - floor) return false
    output.repeat(distance, match + MATCH_BYTES_MIN)
  }
}

function uint32(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)) >>>
    0
  )
}
