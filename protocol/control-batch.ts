// Control batches: the markers that end a transaction in a partition; one record that no consumer hands to its user.
//
// key:   int16 version 0, int16 type (0 abort, 1 commit)
// value: int16 version 0, int32 coordinator epoch
//
// Attributes: transactional and control; base sequence -1. Source: kafka EndTransactionMarker, ControlRecordType.
import { BATCH_OVERHEAD, readHeader, sealBatch } from './batch-header.ts'

/** How a transaction ended. */
export type Outcome = 'commit' | 'abort'

/** The end of one producer's transaction. */
export interface Marker {
  readonly producerId: number
  readonly producerEpoch: number
  readonly outcome: Outcome
  readonly coordinatorEpoch: number
}

const transactionalControl = 0x30
const recordBytes = 17

/** A whole batch with the marker in it, to be stamped by the log. `timestamp` in ms. */
export function encodeMarker(marker: Marker, timestamp: number): Uint8Array {
  const bytes = new Uint8Array(BATCH_OVERHEAD + recordBytes)
  const view = new DataView(bytes.buffer)
  // Zigzag varints: length 16, attributes 0, both deltas 0, a key of 4 bytes, a value of 6, no headers.
  bytes.set([2 * (recordBytes - 1), 0, 0, 0, 8], BATCH_OVERHEAD)
  view.setInt16(BATCH_OVERHEAD + 7, marker.outcome === 'commit' ? 1 : 0)
  bytes[BATCH_OVERHEAD + 9] = 12
  view.setInt32(BATCH_OVERHEAD + 12, marker.coordinatorEpoch)
  sealBatch(bytes, {
    length: bytes.length,
    attributes: transactionalControl,
    lastOffsetDelta: 0,
    baseTimestamp: timestamp,
    maxTimestamp: timestamp,
    producerId: marker.producerId,
    producerEpoch: marker.producerEpoch,
    baseSequence: -1,
    count: 1,
  })
  return bytes
}

/** The marker in the control batch at `at`, or null for a control batch of another kind. */
export function decodeMarker(bytes: Uint8Array, at: number): Marker | null {
  const header = readHeader(bytes, at)
  const isMarker = header.isControl && header.isTransactional && header.codec === 'none'
  if (!isMarker || header.length < BATCH_OVERHEAD + recordBytes) return null
  const view = new DataView(bytes.buffer, bytes.byteOffset + at + BATCH_OVERHEAD, recordBytes)
  const isOurs = view.getInt8(0) === 2 * (recordBytes - 1) && view.getInt8(4) === 8 && view.getInt8(9) === 12
  const type = view.getInt16(7)
  if (!isOurs || (type !== 0 && type !== 1)) return null
  return {
    producerId: header.producerId,
    producerEpoch: header.producerEpoch,
    outcome: type === 1 ? 'commit' : 'abort',
    coordinatorEpoch: view.getInt32(12),
  }
}
