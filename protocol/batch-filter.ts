// Rewrites a stored batch without some of its records: offsets, times, producer and place in the log stay as they are.
import { assert } from './assert.ts'
import type { DecodedRecords } from './batch-decode.ts'
import { BATCH_OVERHEAD, type BatchHeader, sealBatch, stampBatch } from './batch-header.ts'
import { compress } from './compression.ts'
import { type Cursor, readVarint, varintSize, varlongSize, writeVarint, writeVarlong } from './varint.ts'

/** Attributes: the base timestamp is the time (ms) from which on the batch's tombstones may go. */
const deleteHorizonBit = 64
const appendTimeBit = 8
const codecBits = 7
/** Kafka's word for "no time". */
const noTimestamp = -1

/** From when on (wall-clock ms) the tombstones of a batch may go; null when nobody said. */
export function deleteHorizonOf({ attributes, baseTimestamp }: BatchHeader): number | null {
  return (attributes & deleteHorizonBit) === 0 ? null : baseTimestamp
}

/**
 * The batch with the records at `indexes` only (in order, at least one), packed as it was. With a horizon, that is what
 * its base timestamp says.
 */
export function filterBatch(
  batch: DecodedRecords,
  indexes: readonly number[],
  deleteHorizonMs: number | null,
): Uint8Array {
  assert(indexes.length > 0, 'a filtered batch keeps a record')
  const { header, timestamps } = batch
  const times = indexes.map((index) => timestamps[index] as number)
  const base = deleteHorizonMs ?? (times[0] as number)
  const records = encodeRecords(batch, indexes, base)
  const packed = compress(header.codec, records)
  const bytes = Buffer.allocUnsafeSlow(BATCH_OVERHEAD + packed.length)
  bytes.set(packed, BATCH_OVERHEAD)
  const isAppendTime = (header.attributes & appendTimeBit) !== 0
  sealBatch(bytes, {
    ...header,
    length: bytes.length,
    attributes:
      deleteHorizonMs === null ? header.attributes & ~deleteHorizonBit : header.attributes | deleteHorizonBit,
    baseTimestamp: base,
    maxTimestamp: isAppendTime ? header.maxTimestamp : times.reduce((a, b) => Math.max(a, b)),
    count: indexes.length,
  })
  stampBatch(bytes, 0, header.baseOffset, header.leaderEpoch)
  return bytes
}

/** The batch without any record: what remains of it is its range of offsets and where its producer stood. */
export function emptiedBatch(header: BatchHeader): Uint8Array {
  const bytes = new Uint8Array(BATCH_OVERHEAD)
  sealBatch(bytes, {
    ...header,
    length: BATCH_OVERHEAD,
    attributes: header.attributes & ~(codecBits | deleteHorizonBit),
    baseTimestamp: noTimestamp,
    maxTimestamp: noTimestamp,
    count: 0,
  })
  stampBatch(bytes, 0, header.baseOffset, header.leaderEpoch)
  return bytes
}

/** A batch of no records and nobody's, which stands for offsets [fromOffset, toOffset) that compaction emptied. */
export function fillerBatch(fromOffset: number, toOffset: number): Uint8Array {
  assert(toOffset > fromOffset && toOffset - fromOffset <= 0x80000000, 'a filler stands for some offsets')
  const bytes = new Uint8Array(BATCH_OVERHEAD)
  sealBatch(bytes, {
    length: BATCH_OVERHEAD,
    attributes: 0,
    lastOffsetDelta: toOffset - fromOffset - 1,
    baseTimestamp: noTimestamp,
    maxTimestamp: noTimestamp,
    producerId: -1,
    producerEpoch: -1,
    baseSequence: -1,
    count: 0,
  })
  stampBatch(bytes, 0, fromOffset, -1)
  return bytes
}

/** The records at the indexes, framed anew; keys, values and headers are copied as they are. */
function encodeRecords(batch: DecodedRecords, indexes: readonly number[], baseTimestamp: number): Uint8Array {
  const framed = indexes.map((index) => frameOf(batch, index, baseTimestamp))
  const target = Buffer.allocUnsafeSlow(framed.reduce((sum, { body }) => sum + varintSize(body) + body, 0))
  let at = 0
  for (const { index, body, delta, headersEnd } of framed) {
    at = writeVarint(target, at, body)
    target[at++] = 0
    at = writeVarlong(target, at, delta)
    at = writeVarint(target, at, batch.offsetDeltas[index] as number)
    for (const [from, to] of fieldsOf(batch, index)) {
      at = writeVarint(target, at, from < 0 ? -1 : to - from)
      if (from >= 0) {
        target.set(batch.bytes.subarray(from, to), at)
        at += to - from
      }
    }
    const headers = batch.bytes.subarray(batch.headersFrom[index], headersEnd)
    target.set(headers, at)
    at += headers.length
  }
  assert(at === target.length, 'records are as long as computed')
  return target
}

function frameOf(batch: DecodedRecords, index: number, baseTimestamp: number) {
  const delta = (batch.timestamps[index] as number) - baseTimestamp
  const headersEnd = endOfHeaders(batch, index)
  let body = 1 + varlongSize(delta) + varintSize(batch.offsetDeltas[index] as number)
  for (const [from, to] of fieldsOf(batch, index)) {
    body += from < 0 ? varintSize(-1) : varintSize(to - from) + to - from
  }
  body += headersEnd - (batch.headersFrom[index] as number)
  return { index, body, delta, headersEnd }
}

/** Key and value: where they are, -1 for null. */
function fieldsOf(batch: DecodedRecords, index: number): readonly (readonly [number, number])[] {
  const { keyFrom, keyTo, valueFrom, valueTo } = batch
  return [
    [keyFrom[index] as number, keyTo[index] as number],
    [valueFrom[index] as number, valueTo[index] as number],
  ]
}

/** Decoding has checked the section: this cannot fail. */
function endOfHeaders({ bytes, headersFrom }: DecodedRecords, index: number): number {
  const cursor: Cursor = { at: headersFrom[index] as number }
  const count = readVarint(bytes, cursor, bytes.length)
  for (let field = 0; field < count * 2; field += 1) {
    const length = readVarint(bytes, cursor, bytes.length)
    cursor.at += Math.max(0, length)
  }
  return cursor.at
}
