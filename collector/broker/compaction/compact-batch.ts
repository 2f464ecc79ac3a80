// Compacting one batch after the other: which records stay. Pure; batches are given in the order of the log, from its start.
//
// A record goes when a later one has its key, or when its transaction was aborted. A tombstone (no value) stays until
// the delete horizon of its batch, which is set when the batch is first cleaned, so that a reader who is not further
// behind than that sees the deletion. A record without a key stays: it is nobody's older word.
// The marker of a committed transaction stays while there is something of the transaction, and for the same time; that
// of an aborted one stays: readers of committed records are told of the abort until they come to it.
// A batch of which nothing is left stays empty when it is the last one of its producer: its sequence is still needed.
import { isCode } from '../../../core/errors.ts'
import { type DecodedRecords, decodeBatch } from '../../../protocol/batch-decode.ts'
import { deleteHorizonOf, emptiedBatch, filterBatch } from '../../../protocol/batch-filter.ts'
import type { BatchHeader } from '../../../protocol/batch-header.ts'
import { decodeMarker } from '../../../protocol/control-batch.ts'
import { storedLimits } from '../../log/scan.ts'

export interface CompactionRules {
  /** A later record with the key is known. */
  readonly isSuperseded: (key: Uint8Array, offset: number) => boolean
  /** The batch belongs to an aborted transaction. */
  readonly isAborted: (header: BatchHeader) => boolean
  /** The batch holds the last sequence of its producer. */
  readonly isLastOf: (producerId: number, baseOffset: number) => boolean
  /** Wall-clock ms. */
  readonly now: number
  readonly deleteRetentionMs: number
}

export class BatchCompactor {
  readonly #rules: CompactionRules
  /** Producers with something left of the transaction whose marker comes next. */
  readonly #inTransaction = new Set<number>()

  constructor(rules: CompactionRules) {
    this.#rules = rules
  }

  /** What stays of the batch: all of it (the very same array), another one with the same offsets, or null. */
  compact(bytes: Uint8Array, header: BatchHeader): Uint8Array | null {
    const { producerId, isTransactional } = header
    if (header.isControl) return this.#isMarkerKept(bytes, header) ? bytes : null
    const kept = this.#records(bytes, header)
    if (kept !== null && isTransactional) this.#inTransaction.add(producerId)
    return kept
  }

  #isMarkerKept(bytes: Uint8Array, header: BatchHeader): boolean {
    const marker = decodeMarker(bytes, 0)
    const hasRecords = this.#inTransaction.delete(header.producerId)
    if (marker?.outcome !== 'commit' || hasRecords) return true
    const { now, deleteRetentionMs, isLastOf } = this.#rules
    const isFresh = now - header.maxTimestamp < deleteRetentionMs
    return isFresh || isLastOf(header.producerId, header.baseOffset)
  }

  #records(bytes: Uint8Array, header: BatchHeader): Uint8Array | null {
    if (header.count === 0) return this.#empty(bytes, header)
    if (this.#rules.isAborted(header)) return this.#empty(null, header)
    const batch = decoded(bytes)
    // What cannot be read is for a reader to find.
    if (batch === null) return bytes
    const horizon = deleteHorizonOf(header)
    const kept: number[] = []
    let tombstones = 0
    for (let index = 0; index < batch.count; index += 1) {
      const isTombstone = batch.valueFrom[index] === -1
      if (!this.#isRecordKept(batch, index, isTombstone, horizon)) continue
      kept.push(index)
      if (isTombstone && batch.keyFrom[index] !== -1) tombstones += 1
    }
    if (kept.length === 0) return this.#empty(null, header)
    const isHorizonNew = tombstones > 0 && horizon === null
    if (kept.length === batch.count && !isHorizonNew) return bytes
    const { now, deleteRetentionMs } = this.#rules
    return filterBatch(batch, kept, tombstones === 0 ? null : (horizon ?? now + deleteRetentionMs))
  }

  #isRecordKept(batch: DecodedRecords, index: number, isTombstone: boolean, horizon: number | null): boolean {
    const keyFrom = batch.keyFrom[index] as number
    if (keyFrom === -1) return true
    if (isTombstone && horizon !== null && this.#rules.now >= horizon) return false
    const key = batch.bytes.subarray(keyFrom, batch.keyTo[index] as number)
    return !this.#rules.isSuperseded(key, batch.baseOffset + (batch.offsetDeltas[index] as number))
  }

  /** A batch without records: only kept for its producer's sequence. */
  #empty(bytes: Uint8Array | null, header: BatchHeader): Uint8Array | null {
    const { producerId, baseOffset } = header
    if (producerId < 0 || !this.#rules.isLastOf(producerId, baseOffset)) return null
    return bytes ?? emptiedBatch(header)
  }
}

/** Null for a batch whose bytes make no sense. */
export function decoded(bytes: Uint8Array): DecodedRecords | null {
  try {
    return decodeBatch(bytes, 0, storedLimits)
  } catch (error) {
    if (isCode(error, 'BATCH_CORRUPT') || isCode(error, 'BATCH_TOO_LARGE')) return null
    throw error
  }
}
