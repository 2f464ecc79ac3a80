// Compression of a batch's records section: gzip and zstd of node:zlib, our own snappy and LZ4, always with a bound on what comes out.
//
// Why our own: the WebAssembly unpackers there are allocate what a sender claims, and after some thousand hostile frames
// their memory is full for good (measured); these are as fast, check first, and allocate once.

import { promisify } from 'node:util'
import {
  constants,
  gunzipSync,
  gzipSync,
  zstdCompress,
  zstdCompressSync,
  zstdDecompressSync,
} from 'node:zlib'
import { LogdriveError } from '../core/errors.ts'
import { assert } from './assert.ts'
import { lz4Size, unpackLz4 } from './lz4.ts'
import { packLz4 } from './lz4-pack.ts'
import { snappySize, unpackSnappy } from './snappy.ts'
import { packSnappy } from './snappy-pack.ts'
import { ZstdPacker } from './zstd-packer.ts'

/** The codecs of a RecordBatch, at the index that is their id in the batch's attributes. */
export const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const

/** How a batch's records section is packed. */
export type Codec = (typeof codecs)[number]

/** The codec of an id in a batch's attributes, or null for an id that Kafka never gave out. */
export function codecOf(id: number): Codec | null {
  return codecs[id] ?? null
}

/** The id of a codec in a batch's attributes. */
export function codecId(codec: Codec): number {
  return codecs.indexOf(codec)
}

/**
 * Packs bytes; `none` returns the very same array. Default level 1: on logs zstd 3 is slower and packs no better.
 * Synchronous on purpose: below 1 MiB the thread pool costs more than it gives. Snappy and LZ4 know no levels.
 */
export function compress(codec: Codec, bytes: Uint8Array, level = 1): Uint8Array {
  switch (codec) {
    case 'none':
      return bytes
    case 'gzip':
      return gzipSync(bytes, { level, chunkSize: packedChunkSize(bytes.length) })
    case 'zstd':
      return packZstd(bytes, level)
    case 'snappy':
      return packSnappy(bytes)
    case 'lz4':
      return packLz4(bytes)
  }
}

function packZstd(bytes: Uint8Array, level: number): Uint8Array {
  const packed = level === 1 ? packer.pack(bytes) : null
  return (
    packed ?? zstdCompressSync(bytes, { chunkSize: packedChunkSize(bytes.length), params: zstdParams(level) })
  )
}

/**
 * Packs with zstd and level 1, much of it on another core: the bytes must stay as they are until it resolves. What is little is
 * packed at once: handing it over costs more than packing it.
 */
export async function zstdLater(bytes: Uint8Array): Promise<Uint8Array> {
  if (bytes.length <= inPlaceBytesMax) return packZstd(bytes, 1)
  const chunkSize = packedChunkSize(bytes.length)
  // Told, the frame says how much it unpacks to, as the others do: who unpacks it needs one buffer of that size.
  return await zstdOnPool(bytes, { chunkSize, params: zstdParams(1), pledgedSrcSize: bytes.length })
}

const zstdOnPool = promisify(zstdCompress)

/**
 * Unpacks bytes to at most `limit` bytes; `none` returns the very same array. The size that the bytes declare is
 * checked before anything is allocated, and what really comes out is bounded too. Throws BATCH_TOO_LARGE above the
 * limit, BATCH_CORRUPT for bytes that do not unpack.
 */
export function decompress(codec: Codec, bytes: Uint8Array, limit: number): Uint8Array {
  assert(limit > 0, 'the limit of unpacked bytes is positive')
  const declared = unpackedSize(codec, bytes)
  if (declared !== null && declared > limit) throw tooLarge(codec, limit, declared)
  if (codec === 'none') return bytes
  if (codec === 'snappy' || codec === 'lz4') return unpackOwn(codec, bytes, declared)
  const options = {
    maxOutputLength: limit,
    chunkSize: unpackedChunkSize(codec, bytes.length, declared, limit),
  }
  const unpacked = unpack(codec, bytes, options)
  // zstd itself lets a frame end early in an empty block, whatever its header said.
  if (codec === 'zstd' && declared !== null && unpacked.length < declared) {
    throw new LogdriveError(
      'BATCH_CORRUPT',
      `a zstd batch unpacks to ${unpacked.length} bytes, it says ${declared}`,
    )
  }
  return unpacked
}

/**
 * Unpacks the beginning of packed bytes, as many as come cheaply: the first block of a zstd frame (at most 128 KiB), the
 * first 16 KiB of a gzip stream, all of the others. For looking at a first record without unpacking a whole batch; what is
 * behind the beginning is not checked. Throws as `decompress` does.
 */
export function decompressPrefix(codec: Codec, bytes: Uint8Array, limit: number): Uint8Array {
  switch (codec) {
    case 'none':
      return bytes
    case 'gzip':
      return unpack(codec, bytes.subarray(0, GZIP_PREFIX_BYTES), {
        maxOutputLength: limit,
        chunkSize: Math.min(limit, GZIP_PREFIX_BYTES * 8),
        finishFlush: constants.Z_SYNC_FLUSH,
      })
    case 'zstd': {
      const end = zstdFirstBlockEnd(bytes)
      if (end === null) return decompress(codec, bytes, limit)
      return unpack(codec, bytes.subarray(0, end), {
        maxOutputLength: limit,
        chunkSize: ZSTD_BLOCK_BYTES_MAX,
        finishFlush: constants.ZSTD_e_flush,
      })
    }
    case 'snappy':
    case 'lz4':
      return decompress(codec, bytes, limit)
  }
}

/**
 * What the packed bytes say they unpack to, read from the zstd frame header (RFC 8878), the gzip trailer (RFC 1952), or
 * the lengths in all of a snappy or LZ4 section; null when they do not say. A claim of the sender (but for LZ4, whose
 * lengths are what comes out): good for sizing a buffer and for refusing early, nothing else.
 */
export function unpackedSize(codec: Codec, bytes: Uint8Array): number | null {
  switch (codec) {
    case 'none':
      return bytes.length
    case 'gzip':
      return bytes.length < GZIP_BYTES_MIN ? null : littleEndian32(bytes, bytes.length - 4)
    case 'zstd':
      return zstdContentSize(bytes)
    case 'snappy':
      return snappySize(bytes)
    case 'lz4':
      return lz4Size(bytes)
  }
}

/** A gzip member is at least its header (10), an empty deflate stream (2) and its trailer (8). */
const GZIP_BYTES_MIN = 20
const ZSTD_MAGIC = 0xfd2fb528
const ZSTD_BLOCK_BYTES_MAX = 128 * 1024
const GZIP_PREFIX_BYTES = 16 * 1024
const CHUNK_BYTES_MIN = 16 * 1024
/** The best any deflate stream can do is 1032:1. */
const GZIP_RATIO_MAX = 1032
/** A zstd block of 4 bytes (3 of header, 1 repeated) unpacks to at most 128 KiB. */
const ZSTD_RATIO_MAX = 32 * 1024

function unpack(codec: 'gzip' | 'zstd', bytes: Uint8Array, options: ZlibBounds): Uint8Array {
  try {
    return codec === 'gzip' ? gunzipSync(bytes, options) : zstdDecompressSync(bytes, options)
  } catch (error) {
    if (isTooLarge(error)) throw tooLarge(codec, options.maxOutputLength, null)
    throw new LogdriveError('BATCH_CORRUPT', `the ${codec} bytes of a batch do not unpack`, { cause: error })
  }
}

function unpackOwn(codec: 'snappy' | 'lz4', bytes: Uint8Array, size: number | null): Uint8Array {
  const unpack = codec === 'snappy' ? unpackSnappy : unpackLz4
  const unpacked = size === null ? null : unpack(bytes, size)
  if (unpacked !== null) return unpacked
  throw new LogdriveError('BATCH_CORRUPT', `the ${codec} bytes of a batch do not unpack`)
}

interface ZlibBounds {
  readonly maxOutputLength: number
  readonly chunkSize: number
  /** Left out: the packed bytes are whole, and it is an error when they are not. */
  readonly finishFlush?: number
}

/**
 * At level 1 the match finder hardly looks back further than 256 KiB, and a window of that size stays in the CPU's
 * cache: on 1 MiB of logs 14 % faster for 0.2 % more bytes. Higher levels use what they choose themselves.
 */
function zstdParams(level: number): Record<number, number> {
  const params: Record<number, number> = { [constants.ZSTD_c_compressionLevel]: level }
  if (level === 1) params[constants.ZSTD_c_windowLog] = 18
  return params
}

/** Keeps its room for as much as a batch of logs; larger ones are rare. */
const packer = new ZstdPacker(4 * 1024 * 1024, zstdParams(1))
/** Above it a batch takes half a millisecond and more. */
const inPlaceBytesMax = 256 * 1024

/** One output chunk holds what logs mostly pack to; anything denser takes another chunk, no harm done. */
function packedChunkSize(size: number): number {
  return Math.max(CHUNK_BYTES_MIN, Math.ceil(size / 8))
}

/**
 * The declared size, so that zlib fills one buffer of exactly that size instead of joining many; but never more than
 * the packed bytes could possibly hold, so that a small lie allocates little.
 */
function unpackedChunkSize(codec: Codec, packed: number, declared: number | null, limit: number): number {
  const ratioMax = codec === 'gzip' ? GZIP_RATIO_MAX : ZSTD_RATIO_MAX
  const possible = Math.min(limit, packed * ratioMax)
  const wanted = declared ?? packed * 4
  return Math.max(64, Math.min(wanted, possible))
}

/** Where the content size of a zstd frame stands and how many bytes it has (0: it does not say); null: no frame. */
function zstdContentSizeField(bytes: Uint8Array): { readonly at: number; readonly sizeBytes: number } | null {
  if (bytes.length < 6 || littleEndian32(bytes, 0) !== ZSTD_MAGIC) return null
  const descriptor = bytes[4] as number
  const singleSegment = (descriptor & 0x20) !== 0
  const sizeFlag = descriptor >> 6
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] as number
  const at = 5 + (singleSegment ? 0 : 1) + dictionaryBytes
  const sizeBytes = sizeFlag === 0 && !singleSegment ? 0 : 1 << sizeFlag
  return at + sizeBytes > bytes.length ? null : { at, sizeBytes }
}

function zstdContentSize(bytes: Uint8Array): number | null {
  const field = zstdContentSizeField(bytes)
  if (field === null) return null
  const { at, sizeBytes } = field
  switch (sizeBytes) {
    case 0:
      return null
    case 1:
      return bytes[at] as number
    case 2:
      // Two bytes count from 256, because one byte covers what is below.
      return (bytes[at] as number) + (bytes[at + 1] as number) * 256 + 256
    case 4:
      return littleEndian32(bytes, at)
    default:
      return littleEndian32(bytes, at + 4) * 0x100000000 + littleEndian32(bytes, at)
  }
}

/** The position behind the first block of a frame, or null when it is not all there. */
function zstdFirstBlockEnd(bytes: Uint8Array): number | null {
  const field = zstdContentSizeField(bytes)
  if (field === null) return null
  const at = field.at + field.sizeBytes
  if (at + 3 > bytes.length) return null
  const header = (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16)
  // A repeated byte (type 1) is stored once, whatever its size says.
  const end = at + 3 + (((header >> 1) & 3) === 1 ? 1 : header >> 3)
  return end > bytes.length ? null : end
}

function littleEndian32(bytes: Uint8Array, at: number): number {
  const [a, b, c, d] = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]] as [
    number,
    number,
    number,
    number,
  ]
  return (a | (b << 8) | (c << 16) | (d << 24)) >>> 0
}

function isTooLarge(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE'
}

function tooLarge(codec: Codec, limit: number, declared: number | null): LogdriveError {
  const says = declared === null ? '' : ` (it says ${declared})`
  return new LogdriveError('BATCH_TOO_LARGE', `a ${codec} batch unpacks to more than ${limit} bytes${says}`, {
    hint: 'Send smaller batches.',
    details: { limit },
  })
}
