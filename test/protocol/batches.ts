// What the tests of batches share: a batch laid out by hand, an independent decoder, and generators.

import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import fc from 'fast-check'
import type { RecordHeader } from '../../core/records.ts'
import type { BatchBuilder } from '../../protocol/batch-encode.ts'
import type { BatchLimits } from '../../protocol/batch-header.ts'
import { crc32cPortable } from '../../protocol/crc32c.ts'

export const limits: BatchLimits = { batchBytesMax: 1 << 20, unpackedBytesMax: 4 << 20, recordsMax: 10_000 }

/** A record as the tests speak of it. */
export interface PlainRecord {
  readonly timestamp: number
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: readonly RecordHeader[]
}

/** Two records, written byte by byte from Kafka's description of the format, without any of our code. */
const goldenHex = [
  '0000000000000000', // baseOffset
  '00000050', // batchLength: 92 - 12
  'ffffffff', // partitionLeaderEpoch -1
  '02', // magic
  'cccccccc', // crc, filled in below
  '0000', // attributes: no codec, create time
  '00000001', // lastOffsetDelta
  '0000019aa3ca4200', // baseTimestamp 1763684532736
  '0000019aa3ca43f4', // maxTimestamp, 500 ms later
  'ffffffffffffffff', // producerId -1
  'ffff', // producerEpoch -1
  'ffffffff', // baseSequence -1
  '00000002', // recordsCount
  // first record
  '16', // length 11
  '00', // attributes
  '00', // timestamp delta 0
  '00', // offset delta 0
  '01', // key: null
  '0a68656c6c6f', // value: 5 bytes, hello
  '00', // no headers
  // second record
  '24', // length 18
  '00', // attributes
  'e807', // timestamp delta 500: zigzag 1000
  '02', // offset delta 1
  '026b', // key: 1 byte, k
  '0476', // value: 2 bytes, v!
  '21',
  '04', // 2 headers
  '0261', // key: 1 byte, a
  '0462', // value: 2 bytes, bc
  '63',
  '027a', // key: 1 byte, z
  '01', // value: null
].join('')

/** The golden batch with its CRC, summed by the portable implementation. */
export function goldenBatch(): Buffer {
  const batch = Buffer.from(goldenHex.replace('cccccccc', '00000000'), 'hex')
  batch.writeUInt32BE(crc32cPortable(batch.subarray(21)), 17)
  return batch
}

/** Puts a right CRC onto a batch that a test has bent, so that the check behind the CRC is what refuses it. */
export function reseal(batch: Buffer): Buffer {
  batch.writeUInt32BE(crc32cPortable(batch.subarray(21)), 17)
  return batch
}

/**
 * The second opinion: a plain, strict decoder by DataView and bigint that shares nothing with protocol/. Throws on
 * anything that Kafka's format does not allow.
 */
export function decodeSlowly(batch: Uint8Array): readonly PlainRecord[] {
  const view = new DataView(batch.buffer, batch.byteOffset, batch.byteLength)
  const codec = view.getInt16(21) & 7
  const packed = batch.subarray(61)
  const bytes = codec === 1 ? gunzipSync(packed) : codec === 4 ? zstdDecompressSync(packed) : packed
  let at = 0
  const integer = (bits: 32 | 64, end: number): number => {
    let zigzag = 0n
    for (let shift = 0n; ; shift += 7n) {
      must(at < end, 'a varint is cut')
      const byte = bytes[at++] as number
      zigzag |= BigInt(byte & 0x7f) << shift
      must(zigzag < 1n << BigInt(bits) && shift < BigInt(bits), 'a varint is too long')
      if (byte < 0x80) return Number((zigzag >> 1n) ^ -(zigzag & 1n))
    }
  }
  const field = (end: number): Uint8Array | null => {
    const length = integer(32, end)
    if (length === -1) return null
    must(length >= 0 && at + length <= end, 'a field is cut')
    at += length
    return Uint8Array.from(bytes.subarray(at - length, at))
  }
  const header = (end: number): RecordHeader => {
    const key = field(end)
    if (key === null) throw new Error('a header has no key')
    return { key: new TextDecoder().decode(key), value: field(end) }
  }
  const decoded: PlainRecord[] = []
  for (let index = 0; index < view.getInt32(57); index++) {
    const length = integer(32, bytes.length)
    const end = at + length
    must(length > 0 && end <= bytes.length, 'a record is cut')
    at++
    const timestamp = Number(view.getBigInt64(27)) + integer(64, end)
    must(integer(32, end) === index, 'an offset delta is wrong')
    const key = field(end)
    const value = field(end)
    const headers: RecordHeader[] = []
    const count = integer(32, end)
    must(count >= 0, 'a header count is negative')
    while (headers.length < count) headers.push(header(end))
    must(at === end, 'a record has another length')
    decoded.push({ timestamp, key, value, headers })
  }
  must(at === bytes.length, 'bytes are left over')
  return decoded
}

function must(condition: boolean, what: string): void {
  if (!condition) throw new Error(what)
}

const bytesOrNull = fc.option(fc.uint8Array({ maxLength: 40 }), { nil: null })

/** Records with every oddity: null and empty keys and values, headers, times out of order and far apart. */
export const records: fc.Arbitrary<readonly PlainRecord[]> = fc.array(
  fc.record({
    timestamp: fc.oneof(
      fc.integer({ min: 1_700_000_000_000, max: 1_700_000_100_000 }),
      fc.integer({ min: -1, max: 8_640_000_000_000_000 }),
    ),
    key: bytesOrNull,
    value: fc.oneof(bytesOrNull, fc.uint8Array({ minLength: 100, maxLength: 400 })),
    headers: fc.oneof(
      fc.constant([]),
      fc.array(fc.record({ key: fc.string({ unit: 'grapheme', maxLength: 10 }), value: bytesOrNull }), {
        maxLength: 4,
      }),
    ),
  }),
  { minLength: 1, maxLength: 80 },
)

/** Appends records to a builder, whole values. */
export function appendAll(builder: BatchBuilder, wanted: readonly PlainRecord[]): BatchBuilder {
  for (const { value, timestamp, key, headers } of wanted) {
    builder.append(value, 0, value?.length ?? 0, timestamp, key, headers)
  }
  return builder
}
