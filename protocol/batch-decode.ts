// Decodes RecordBatch v2 into arrays over its unpacked bytes: no copy of a value, no object per record.

import { LogdriveError } from '../core/errors.ts'
import type { DecodedBatch, LogRecord, RecordHeader } from '../core/records.ts'
import { assert } from './assert.ts'
import {
  BATCH_OVERHEAD,
  type BatchHeader,
  type BatchLimits,
  corrupt,
  RECORD_BYTES_MIN,
  readHeader,
  verifyBatch,
} from './batch-header.ts'
import { decompress, decompressPrefix } from './compression.ts'
import { type Cursor, readVarint, readVarlong } from './varint.ts'

/** A decoded batch and the header it was read with. */
export interface DecodedRecords extends DecodedBatch {
  readonly header: BatchHeader
}

/**
 * Verifies the batch at `at` (CRC included) and decodes its records. Every length is checked against what is there
 * before anything is allocated for it. The result's `bytes` are a view of `bytes` when the codec is none, else fresh.
 * Throws BATCH_CORRUPT, BATCH_TOO_LARGE.
 */
export function decodeBatch(bytes: Uint8Array, at: number, limits: BatchLimits): DecodedRecords {
  const header = verifyBatch(bytes, at, limits)
  const section = bytes.subarray(at + BATCH_OVERHEAD, at + header.length)
  // Of a batch that compaction emptied nothing is left, not even what packs nothing.
  const records = header.count === 0 ? section : decompress(header.codec, section, limits.unpackedBytesMax)
  if (header.count * RECORD_BYTES_MIN > records.length) {
    throw corrupt(at, `${header.count} records do not fit into ${records.length} bytes`, 57)
  }
  const batch = emptyBatch(header, records)
  const end = decodeRecords(batch)
  if (end !== records.length) {
    throw new LogdriveError(
      'BATCH_CORRUPT',
      `${records.length - end} bytes are left behind the last record of a batch`,
    )
  }
  return batch
}

/**
 * The first record of a verified batch, unpacking no more than it must: this is how the log reads a batch's facts (its
 * source and positions, see `headerKeys`) when it opens. The rest of the records is not looked at. Throws as
 * `decodeBatch` does, but for the CRC, which the caller has checked.
 */
export function firstRecord(bytes: Uint8Array, at: number, limits: BatchLimits): LogRecord {
  const header = readHeader(bytes, at)
  const section = bytes.subarray(at + BATCH_OVERHEAD, at + header.length)
  let records = decompressPrefix(header.codec, section, limits.unpackedBytesMax)
  if (!holdsRecord(records)) records = decompress(header.codec, section, limits.unpackedBytesMax)
  const batch = emptyBatch({ ...header, count: 1 }, records)
  decodeRecord(batch, records, { at: 0 }, 0)
  if (header.timestampType === 'append') batch.timestamps[0] = header.maxTimestamp
  return recordAt(batch, 0)
}

/** The headers of one record, decoded now; values are views. */
export function recordHeaders(batch: DecodedBatch, index: number): readonly RecordHeader[] {
  assert(index >= 0 && index < batch.count, 'a record of this batch')
  const { bytes } = batch
  const cursor: Cursor = { at: batch.headersFrom[index] as number }
  const count = readVarint(bytes, cursor, bytes.length)
  const headers: RecordHeader[] = []
  for (let header = 0; header < count; header++) {
    const keyLength = readVarint(bytes, cursor, bytes.length)
    const key = decoder.decode(bytes.subarray(cursor.at, cursor.at + keyLength))
    cursor.at += keyLength
    const valueLength = readVarint(bytes, cursor, bytes.length)
    const value = valueLength < 0 ? null : bytes.subarray(cursor.at, cursor.at + valueLength)
    cursor.at += Math.max(0, valueLength)
    headers.push({ key, value })
  }
  return headers
}

/** One record as an object, for paths where comfort counts more than speed; its byte arrays are views. */
export function recordAt(batch: DecodedBatch, index: number): LogRecord {
  assert(index >= 0 && index < batch.count, 'a record of this batch')
  return {
    offset: batch.baseOffset + (batch.offsetDeltas[index] as number),
    timestamp: batch.timestamps[index] as number,
    key: view(batch.bytes, batch.keyFrom[index] as number, batch.keyTo[index] as number),
    value: view(batch.bytes, batch.valueFrom[index] as number, batch.valueTo[index] as number),
    headers: recordHeaders(batch, index),
  }
}

const decoder = new TextDecoder()

function view(bytes: Uint8Array, from: number, to: number): Uint8Array | null {
  return from < 0 ? null : bytes.subarray(from, to)
}

/** Whether the record at the start of the bytes is all there. */
function holdsRecord(bytes: Uint8Array): boolean {
  if (bytes.length < RECORD_BYTES_MIN) return false
  const cursor: Cursor = { at: 0 }
  return readVarint(bytes, cursor, bytes.length) <= bytes.length - cursor.at
}

function emptyBatch(header: BatchHeader, bytes: Uint8Array): DecodedRecords {
  const { count } = header
  return {
    header,
    baseOffset: header.baseOffset,
    count,
    bytes,
    offsetDeltas: new Int32Array(count),
    timestamps: new Float64Array(count),
    keyFrom: new Int32Array(count),
    keyTo: new Int32Array(count),
    valueFrom: new Int32Array(count),
    valueTo: new Int32Array(count),
    headersFrom: new Int32Array(count),
  }
}

/**
 * Fills the arrays and returns the position behind the last record. Nearly every record has no key or headers, a small
 * timestamp delta and lengths of one or two bytes: those are read inline, everything else by `decodeRecord`.
 */
function decodeRecords(batch: DecodedRecords): number {
  const { header, offsetDeltas, timestamps, keyFrom, keyTo, valueFrom, valueTo, headersFrom } = batch
  // Always a plain Uint8Array here, never a Buffer: one shape keeps the loop fast.
  const bytes = new Uint8Array(batch.bytes.buffer, batch.bytes.byteOffset, batch.bytes.byteLength)
  const { baseTimestamp, count } = header
  const inlineEnd = bytes.length - INLINE_BYTES
  const cursor: Cursor = { at: 0 }
  let at = 0
  for (let index = 0; index < count; index++) {
    if (at <= inlineEnd) {
      let next = at
      let length = bytes[next++] as number
      if (length >= 0x80) length = (length & 0x7f) | ((bytes[next++] as number) << 7)
      const end = next + (length >>> 1)
      const timestampDelta = bytes[next + 1] as number
      let offsetDelta = bytes[next + 2] as number
      next += 3
      if (offsetDelta >= 0x80) {
        offsetDelta = (offsetDelta & 0x7f) | ((bytes[next++] as number) << 7)
        if (offsetDelta >= 0x4000) offsetDelta = (offsetDelta & 0x3fff) | ((bytes[next++] as number) << 14)
      }
      const keyLength = bytes[next++] as number
      let valueLength = bytes[next++] as number
      if (valueLength >= 0x80) valueLength = (valueLength & 0x7f) | ((bytes[next++] as number) << 7)
      const valueEnd = next + (valueLength >>> 1)
      const isPlain =
        // No longer varint and no negative length, no key, and a value and an empty header section that end the record.
        // The header count being there, and 0, says too that the record lies inside the bytes.
        length < 0x4000 &&
        offsetDelta === index << 1 &&
        offsetDelta < 0x200000 &&
        timestampDelta < 0x80 &&
        keyLength === 1 &&
        valueLength < 0x4000 &&
        ((length | valueLength) & 1) === 0 &&
        valueEnd + 1 === end &&
        bytes[valueEnd] === 0
      if (isPlain) {
        offsetDeltas[index] = index
        timestamps[index] = baseTimestamp + ((timestampDelta >>> 1) ^ -(timestampDelta & 1))
        keyFrom[index] = -1
        keyTo[index] = -1
        valueFrom[index] = next
        valueTo[index] = valueEnd
        headersFrom[index] = valueEnd
        at = end
        continue
      }
    }
    cursor.at = at
    decodeRecord(batch, bytes, cursor, index)
    at = cursor.at
  }
  if (header.timestampType === 'append') timestamps.fill(header.maxTimestamp)
  return at
}

/** The fields of a plain record take no more than this before its value: they can be read without asking for the end. */
const INLINE_BYTES = 11

/** Decodes any record there may be and moves the cursor behind it. */
function decodeRecord(batch: DecodedRecords, bytes: Uint8Array, cursor: Cursor, index: number): void {
  const { header, offsetDeltas, timestamps, keyFrom, keyTo, valueFrom, valueTo, headersFrom } = batch
  const start = cursor.at
  const length = readVarint(bytes, cursor, bytes.length)
  const end = cursor.at + length
  if (length < RECORD_BYTES_MIN - 1 || end > bytes.length)
    throw badRecord(index, start, `its length is ${length}`)
  cursor.at++ // The attributes of a record: unused by Kafka, ignored as Kafka does.
  timestamps[index] = header.baseTimestamp + readVarlong(bytes, cursor, end)
  const offsetDelta = readVarint(bytes, cursor, end)
  const before = index === 0 ? -1 : (offsetDeltas[index - 1] as number)
  // In a compacted batch deltas grow; in any other they count from 0.
  const isNext = header.lastOffsetDelta === header.count - 1 ? offsetDelta === index : offsetDelta > before
  if (!isNext || offsetDelta > header.lastOffsetDelta)
    throw badRecord(index, start, `its offset delta is ${offsetDelta}`)
  offsetDeltas[index] = offsetDelta
  const keyLength = readLength(bytes, cursor, end, index)
  keyFrom[index] = keyLength < 0 ? -1 : cursor.at
  cursor.at += Math.max(0, keyLength)
  keyTo[index] = keyLength < 0 ? -1 : cursor.at
  const valueLength = readLength(bytes, cursor, end, index)
  valueFrom[index] = valueLength < 0 ? -1 : cursor.at
  cursor.at += Math.max(0, valueLength)
  valueTo[index] = valueLength < 0 ? -1 : cursor.at
  headersFrom[index] = cursor.at
  skipHeaders(bytes, cursor, end, index)
  if (cursor.at !== end) throw badRecord(index, start, `${end - cursor.at} bytes are left in it`)
}

/** A length of bytes that are all there, or -1 for null. */
function readLength(bytes: Uint8Array, cursor: Cursor, end: number, index: number): number {
  const at = cursor.at
  const length = readVarint(bytes, cursor, end)
  if (length < -1 || length > end - cursor.at)
    throw badRecord(index, at, `a field of it has the length ${length}`)
  return length
}

/** Checks the headers of a record and moves behind them, so that decoding them later cannot fail. */
function skipHeaders(bytes: Uint8Array, cursor: Cursor, end: number, index: number): void {
  const at = cursor.at
  const count = readVarint(bytes, cursor, end)
  // A header takes two bytes at least.
  if (count < 0 || count * 2 > end - cursor.at) throw badRecord(index, at, `it counts ${count} headers`)
  for (let header = 0; header < count; header++) {
    const keyLength = readLength(bytes, cursor, end, index)
    if (keyLength < 0) throw badRecord(index, cursor.at, 'a header of it has no key')
    cursor.at += keyLength
    const valueLength = readLength(bytes, cursor, end, index)
    cursor.at += Math.max(0, valueLength)
  }
}

function badRecord(index: number, at: number, what: string): LogdriveError {
  return new LogdriveError(
    'BATCH_CORRUPT',
    `record ${index} of a batch is corrupt: ${what} (byte ${at} of its records)`,
  )
}
