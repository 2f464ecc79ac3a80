// The header of a RecordBatch v2: read, checked against its bytes, and stamped with its place in the log.
//
//  at  bytes  field
//   0      8  baseOffset             stamped by the log
//   8      4  batchLength            bytes after this field
//  12      4  partitionLeaderEpoch   stamped by the log
//  16      1  magic                  2
//  17      4  crc                    CRC-32C of bytes 21 to the end
//  21      2  attributes             0-2 codec, 3 timestamp type, 4 transactional, 5 control, 6 delete horizon
//  23      4  lastOffsetDelta
//  27      8  baseTimestamp
//  35      8  maxTimestamp
//  43      8  producerId
//  51      2  producerEpoch
//  53      4  baseSequence
//  57      4  recordsCount
//  61         records, packed as one blob unless the codec is none
//
// All big-endian. Source: kafka.apache.org, implementation/message-format; docs/record-batch.md.

import { LogdriveError } from '../core/errors.ts'
import { assert } from './assert.ts'
import { type Codec, codecOf } from './compression.ts'
import { crc32c } from './crc32c.ts'

/** Bytes of a batch before its records. */
export const BATCH_OVERHEAD = 61
/** Bytes of a batch that batchLength does not count: baseOffset and batchLength itself. */
const LOG_OVERHEAD = 12
/** The fewest bytes a record takes: seven one-byte fields, all of them empty. */
export const RECORD_BYTES_MIN = 7
/** Where the checked bytes begin: the attributes. */
export const CRC_FROM = 21

/** The header of one batch. Offsets, timestamps (ms) and ids are safe integers: anything beyond is refused. */
export interface BatchHeader {
  readonly baseOffset: number
  /** Bytes of the whole batch, the 12 of offset and length included. */
  readonly length: number
  readonly leaderEpoch: number
  readonly magic: number
  readonly crc: number
  readonly attributes: number
  readonly codec: Codec
  /** `append`: the log's clock counts, and every record has `maxTimestamp`. */
  readonly timestampType: 'create' | 'append'
  readonly isTransactional: boolean
  readonly isControl: boolean
  readonly lastOffsetDelta: number
  readonly baseTimestamp: number
  readonly maxTimestamp: number
  /** -1: not an idempotent producer. */
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly count: number
}

/** How large a batch of someone else may be. */
export interface BatchLimits {
  /** The whole batch as sent or stored. */
  readonly batchBytesMax: number
  /** Its records section once unpacked. */
  readonly unpackedBytesMax: number
  /** Its records. */
  readonly recordsMax: number
  /** Records may be missing in it, even all: compaction took them out. Only of our own log. */
  readonly isCompacted?: boolean
}

/** Limits for bytes whose way in has no narrower ones: the HTTP body limit, eight times unpacked, a million records. */
export const defaultLimits: BatchLimits = {
  batchBytesMax: 8 * 1024 * 1024,
  unpackedBytesMax: 64 * 1024 * 1024,
  recordsMax: 1_000_000,
}

/**
 * The whole length of the batch at `at`, or null when fewer than 12 bytes are there. Throws BATCH_CORRUPT for a length
 * that no batch has, so a scanner never stands still or runs away.
 */
export function batchLength(bytes: Uint8Array, at: number): number | null {
  if (at + LOG_OVERHEAD > bytes.length) return null
  const length = readInt32(bytes, at + 8) + LOG_OVERHEAD
  if (length < BATCH_OVERHEAD) {
    throw corrupt(at, `its length ${length} is below the ${BATCH_OVERHEAD} of a header`, 8)
  }
  return length
}

/**
 * Reads the 61 bytes of a header; the records need not be there. Throws BATCH_CORRUPT saying what is wrong and at
 * which byte. The CRC is not checked: see `verifyBatch`.
 */
export function readHeader(bytes: Uint8Array, at: number): BatchHeader {
  if (at + BATCH_OVERHEAD > bytes.length) {
    throw corrupt(
      at,
      `cut short: ${Math.max(0, bytes.length - at)} bytes of a ${BATCH_OVERHEAD}-byte header`,
      0,
    )
  }
  const magic = bytes[at + 16] as number
  if (magic !== 2) throw corrupt(at, `its magic is ${magic}, only 2 is understood`, 16)
  const length = readInt32(bytes, at + 8) + LOG_OVERHEAD
  if (length < BATCH_OVERHEAD) {
    throw corrupt(at, `its length ${length} is below the ${BATCH_OVERHEAD} of a header`, 8)
  }
  const attributes = readInt16(bytes, at + 21)
  const codec = codecOf(attributes & 7)
  if (codec === null) throw corrupt(at, `its codec ${attributes & 7} is unknown`, 21)
  return {
    baseOffset: readSafeInt64(bytes, at, 0, 'base offset'),
    length,
    leaderEpoch: readInt32(bytes, at + 12),
    magic,
    crc: readInt32(bytes, at + 17) >>> 0,
    attributes,
    codec,
    timestampType: (attributes & 8) === 0 ? 'create' : 'append',
    isTransactional: (attributes & 16) !== 0,
    isControl: (attributes & 32) !== 0,
    lastOffsetDelta: readInt32(bytes, at + 23),
    baseTimestamp: readSafeInt64(bytes, at, 27, 'base timestamp'),
    maxTimestamp: readSafeInt64(bytes, at, 35, 'maximum timestamp'),
    producerId: readSafeInt64(bytes, at, 43, 'producer id'),
    producerEpoch: readInt16(bytes, at + 51),
    baseSequence: readInt32(bytes, at + 53),
    count: readInt32(bytes, at + 57),
  }
}

/**
 * Checks the whole batch at `at` without looking into its records: magic, length, count, CRC. Throws BATCH_CORRUPT, or
 * BATCH_TOO_LARGE above a limit, each saying what is wrong and at which byte.
 */
export function verifyBatch(bytes: Uint8Array, at: number, limits: BatchLimits): BatchHeader {
  const header = readHeader(bytes, at)
  if (header.length > limits.batchBytesMax) {
    throw tooLarge(at, `it takes ${header.length} bytes`, limits.batchBytesMax)
  }
  if (at + header.length > bytes.length) {
    throw corrupt(at, `cut short: ${bytes.length - at} of ${header.length} bytes`, 8)
  }
  if (limits.isCompacted !== true && header.count < 1)
    throw corrupt(at, `it counts ${header.count} records`, 57)
  if (!countFits(header, limits.isCompacted === true)) {
    throw corrupt(at, `${header.count} records do not end at offset delta ${header.lastOffsetDelta}`, 23)
  }
  if (header.count > limits.recordsMax) {
    throw tooLarge(at, `it counts ${header.count} records`, limits.recordsMax)
  }
  const recordsBytes = header.length - BATCH_OVERHEAD
  if (header.codec === 'none' && header.count * RECORD_BYTES_MIN > recordsBytes) {
    throw corrupt(at, `${header.count} records do not fit into ${recordsBytes} bytes`, 57)
  }
  const crc = crc32c(bytes.subarray(at + CRC_FROM, at + header.length))
  if (crc !== header.crc) throw corrupt(at, `its CRC is ${hex(crc)}, it says ${hex(header.crc)}`, 17)
  return header
}

/** Whether so many records can end where the header says; when it was compacted, there may be fewer, or none. */
export function countFits({ count, lastOffsetDelta }: BatchHeader, isCompacted: boolean): boolean {
  if (!isCompacted) return count >= 1 && lastOffsetDelta === count - 1
  return count >= 0 && lastOffsetDelta >= 0 && count <= lastOffsetDelta + 1
}

/** The offset behind the batch: never `count`, as compaction takes records out and leaves offsets alone. */
export function nextOffsetOf({ baseOffset, lastOffsetDelta }: BatchHeader): number {
  return baseOffset + lastOffsetDelta + 1
}

/**
 * Writes the batch's place into it, in place. Both fields are outside the CRC, so it stays valid; nothing is checked
 * but the arguments.
 */
export function stampBatch(bytes: Uint8Array, at: number, baseOffset: number, leaderEpoch: number): void {
  assert(at >= 0 && at + BATCH_OVERHEAD <= bytes.length, 'the stamped batch lies inside its bytes')
  assert(Number.isSafeInteger(baseOffset) && baseOffset >= 0, 'a base offset is a safe integer from 0')
  assert(leaderEpoch === (leaderEpoch | 0), 'a leader epoch is a 32-bit integer')
  writeInt64(bytes, at, baseOffset)
  writeInt32(bytes, at + 12, leaderEpoch)
}

/** Makes the log's clock count (LogAppendTime, ms) for all records of one whole batch, in place, and seals it anew. */
export function stampAppendTime(batch: Uint8Array, timestamp: number): void {
  assert(batch.length >= BATCH_OVERHEAD, 'a stamped batch is whole')
  batch[22] = (batch[22] as number) | 8
  writeInt64(batch, 35, timestamp)
  writeInt32(batch, 17, crc32c(batch.subarray(CRC_FROM)))
}

/** A verified batch and where it begins. */
export interface PlacedBatch extends BatchHeader {
  readonly at: number
}

/**
 * Verifies the batches that fill the bytes exactly, one behind the other. Throws as `verifyBatch` does, and
 * BATCH_CORRUPT when there is none or something is left over.
 */
export function splitBatches(bytes: Uint8Array, limits: BatchLimits): readonly PlacedBatch[] {
  const batches: PlacedBatch[] = []
  let at = 0
  while (at < bytes.length || at === 0) {
    const header = verifyBatch(bytes, at, limits)
    batches.push({ ...header, at })
    at += header.length
  }
  return batches
}

/** What a header is written from; `encode` fills what it does not say. */
export interface HeaderFields {
  readonly length: number
  readonly attributes: number
  readonly lastOffsetDelta: number
  readonly baseTimestamp: number
  readonly maxTimestamp: number
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly count: number
}

/** Writes the header at the start of a whole batch (offset 0, leader epoch -1) and seals it with its CRC. */
export function sealBatch(batch: Uint8Array, fields: HeaderFields): void {
  assert(batch.length === fields.length && fields.count >= 0, 'a sealed batch is whole')
  writeInt64(batch, 0, 0)
  writeInt32(batch, 8, fields.length - LOG_OVERHEAD)
  writeInt32(batch, 12, -1)
  batch[16] = 2
  writeInt16(batch, 21, fields.attributes)
  writeInt32(batch, 23, fields.lastOffsetDelta)
  writeInt64(batch, 27, fields.baseTimestamp)
  writeInt64(batch, 35, fields.maxTimestamp)
  writeInt64(batch, 43, fields.producerId)
  writeInt16(batch, 51, fields.producerEpoch)
  writeInt32(batch, 53, fields.baseSequence)
  writeInt32(batch, 57, fields.count)
  writeInt32(batch, 17, crc32c(batch.subarray(CRC_FROM)))
}

/** BATCH_CORRUPT for the batch at `at`, naming the byte of the wrong field. */
export function corrupt(at: number, what: string, field: number): LogdriveError {
  return new LogdriveError(
    'BATCH_CORRUPT',
    `the batch at byte ${at} is corrupt: ${what} (byte ${at + field})`,
  )
}

/** BATCH_TOO_LARGE for the batch at `at`. */
export function tooLarge(at: number, what: string, limit: number): LogdriveError {
  return new LogdriveError(
    'BATCH_TOO_LARGE',
    `the batch at byte ${at} is too large: ${what}, at most ${limit} are allowed`,
    {
      hint: 'Send smaller batches.',
      details: { limit },
    },
  )
}

function hex(crc: number): string {
  return `0x${crc.toString(16).padStart(8, '0')}`
}

function readInt16(bytes: Uint8Array, at: number): number {
  return (((bytes[at] as number) << 24) >> 16) | (bytes[at + 1] as number)
}

function readInt32(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) << 24) |
    ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) |
    (bytes[at + 3] as number)
  )
}

/** Two 32-bit halves: five times faster than a bigint, exact up to 2^53, refused beyond. */
function readSafeInt64(bytes: Uint8Array, at: number, field: number, name: string): number {
  const value = readInt32(bytes, at + field) * 0x100000000 + (readInt32(bytes, at + field + 4) >>> 0)
  if (!Number.isSafeInteger(value)) throw corrupt(at, `its ${name} is beyond 2^53`, field)
  return value
}

function writeInt16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 8
  bytes[at + 1] = value
}

function writeInt32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 24
  bytes[at + 1] = value >> 16
  bytes[at + 2] = value >> 8
  bytes[at + 3] = value
}

function writeInt64(bytes: Uint8Array, at: number, value: number): void {
  writeInt32(bytes, at, Math.floor(value / 0x100000000))
  writeInt32(bytes, at + 4, value >>> 0)
}
