// Records of tests: numbered values in batches, and what a consumer does with fetched bytes.
import { decodeBatch, recordAt } from '../../protocol/batch-decode.ts'
import { BatchBuilder } from '../../protocol/batch-encode.ts'
import { batchLength, defaultLimits, readHeader } from '../../protocol/batch-header.ts'
import type { Codec } from '../../protocol/compression.ts'

/** Who writes a batch; ids of -1 for a plain producer. */
export interface BatchOrigin {
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly isTransactional: boolean
}

export interface EncodeOptions extends BatchOrigin {
  readonly codec: Codec
  readonly timestampMs: number
}

const encoder = new TextEncoder()
/** One for all: a batch is begun and finished in one go. */
const builder = new BatchBuilder()

/** One batch of text values. */
export function encodeValues(values: readonly string[], options: EncodeOptions): Uint8Array {
  for (const value of values) {
    const bytes = encoder.encode(value)
    builder.append(bytes, 0, bytes.length, options.timestampMs, null, [])
  }
  return builder.finish(options)
}

/** A batch as it lies in the log: what may never change once somebody saw it. */
export interface SeenBatch {
  readonly baseOffset: number
  readonly lastOffset: number
  readonly isControl: boolean
  /** CRC, producer, epoch and sequence. */
  readonly fingerprint: string
}

/** What a consumer is given. */
export interface SeenRecord {
  readonly offset: number
  readonly value: string
}

export interface Seen {
  readonly batches: readonly SeenBatch[]
  readonly records: readonly SeenRecord[]
  /** Where to fetch next. */
  readonly position: number
}

export interface Aborted {
  readonly producerId: number
  readonly firstOffset: number
}

/** Decodes fetched bytes as a consumer does: skips what is before the position, markers, and aborted records. */
export function readFetched(bytes: Uint8Array, position: number, aborted: readonly Aborted[] | null): Seen {
  const batches: SeenBatch[] = []
  const records: SeenRecord[] = []
  const pending = [...(aborted ?? [])].sort((a, b) => a.firstOffset - b.firstOffset)
  const aborting = new Set<number>()
  let next = position
  for (let at = 0; at < bytes.length; ) {
    const length = batchLength(bytes, at)
    if (length === null || at + length > bytes.length) break
    const header = readHeader(bytes, at)
    const { baseOffset, producerId, isControl, isTransactional } = header
    const lastOffset = baseOffset + header.lastOffsetDelta
    while (pending[0] !== undefined && pending[0].firstOffset <= lastOffset) {
      aborting.add((pending.shift() as Aborted).producerId)
    }
    const fingerprint = `${header.crc}/${producerId}/${header.producerEpoch}/${header.baseSequence}`
    batches.push({ baseOffset, lastOffset, isControl, fingerprint })
    if (isControl) aborting.delete(producerId)
    else if (!(isTransactional && aborting.has(producerId)) && lastOffset >= position) {
      readRecords(bytes, at, position, records)
    }
    next = Math.max(next, lastOffset + 1)
    at += length
  }
  return { batches, records, position: next }
}

function readRecords(bytes: Uint8Array, at: number, position: number, into: SeenRecord[]): void {
  const batch = decodeBatch(bytes, at, defaultLimits)
  for (let i = 0; i < batch.count; i += 1) {
    const { offset, value } = recordAt(batch, i)
    if (offset >= position) into.push({ offset, value: Buffer.from(value ?? []).toString() })
  }
}
