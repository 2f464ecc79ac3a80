// OffsetsLog: the records of `__consumer_offsets`, appended in whole batches and written anew whenever the log rolls.
import { LogdriveError } from '../../../core/errors.ts'
import type { Clock } from '../../../core/runtime.ts'
import { decodeBatch, recordAt } from '../../../protocol/batch-decode.ts'
import { BatchBuilder } from '../../../protocol/batch-encode.ts'
import { type BatchHeader, readHeader } from '../../../protocol/batch-header.ts'
import { decodeMarker, type Marker } from '../../../protocol/control-batch.ts'
import { storedLimits } from '../../log/scan.ts'
import type { Partition } from '../partitions/partition.ts'

/** The name of the internal topic; it has one partition. */
export const offsetsTopic = '__consumer_offsets'

export interface OffsetsRecord {
  readonly key: Uint8Array
  /** Null takes the key back. */
  readonly value: Uint8Array | null
}

/** Whose transaction a batch is a part of. */
export interface TransactionPart {
  readonly producerId: number
  readonly producerEpoch: number
  /** The client knows TRANSACTION_ABORTABLE. */
  readonly knowsAbortable: boolean
}

/** What the log holds, in order. */
export type OffsetsEntry =
  | {
      readonly kind: 'record'
      readonly key: Uint8Array
      readonly value: Uint8Array | null
      readonly offset: number
      /** The producer in whose open transaction the record is; -1 for one that counts at once. */
      readonly producerId: number
    }
  | { readonly kind: 'marker'; readonly marker: Marker }
  | { readonly kind: 'unreadable'; readonly reason: string; readonly offset: number }

/** Everything that counts, to be written behind what is there. */
export interface OffsetsCopy {
  readonly records: readonly OffsetsRecord[]
  /** What is not copied and may not be removed begins here; infinite when all is copied. */
  readonly keepFrom: number
  /** Told the offset of each copy, by its index, once they are durable. */
  readonly onCopied: (offsets: readonly number[]) => void
}

const readBytes = 1024 * 1024
/** A copy goes in batches of about this size. */
const batchBytes = 1024 * 1024

/** Everything in the log, from its start to its end. */
export async function* readOffsets(partition: Partition): AsyncGenerator<OffsetsEntry> {
  const { log, highWatermark } = partition
  let next = partition.startOffset
  while (next < highWatermark) {
    const { bytes, nextOffset } = await log.read(next, highWatermark, readBytes)
    for (let at = 0; at < bytes.length; ) {
      const header = readHeader(bytes, at)
      yield* entriesOf(bytes.subarray(at, at + header.length), header)
      at += header.length
    }
    if (nextOffset <= next) return
    next = nextOffset
  }
}

export class OffsetsLog {
  readonly partition: Partition
  readonly #clock: Clock
  readonly #copyOf: () => OffsetsCopy
  readonly #builder = new BatchBuilder()
  #writtenAnew: number
  #rewriting = false

  /** `copyOf` is asked for the whole state when the log has rolled. */
  constructor(partition: Partition, clock: Clock, copyOf: () => OffsetsCopy) {
    this.partition = partition
    this.#clock = clock
    this.#copyOf = copyOf
    this.#writtenAnew = partition.log.activeBaseOffset
  }

  /** Writes the whole state behind what is there once the log has rolled, then removes the older segments. */
  async rewriteIfDue(): Promise<void> {
    const { log } = this.partition
    if (this.#rewriting || log.activeBaseOffset === this.#writtenAnew) return
    this.#rewriting = true
    try {
      const base = log.activeBaseOffset
      // Taken and handed over in one turn: nothing that is committed later is overtaken by its older copy.
      const { records, keepFrom, onCopied } = this.#copyOf()
      const batches = [...inBatches(records)]
      const firsts = await Promise.all(batches.map((batch) => this.append(batch, null)))
      onCopied(batches.flatMap((batch, i) => batch.map((_, index) => (firsts[i] ?? 0) + index)))
      await log.trim(Math.min(base, keepFrom))
      this.#writtenAnew = log.activeBaseOffset
    } finally {
      this.#rewriting = false
    }
  }

  /** Appends one batch, in the order of calls; resolves to the offset of the first record once it is durable. */
  async append(records: readonly OffsetsRecord[], part: TransactionPart | null): Promise<number> {
    const now = this.#clock.now()
    try {
      for (const { key, value } of records) this.#builder.append(value, 0, value?.length ?? 0, now, key)
    } catch (error) {
      this.#builder.reset()
      throw error
    }
    const bytes = this.#builder.finish({
      codec: 'none',
      ...(part === null
        ? {}
        : { producerId: part.producerId, producerEpoch: part.producerEpoch, isTransactional: true }),
    })
    const { baseOffset } = await this.partition.appendKafka(bytes, {
      header: readHeader(bytes, 0),
      origin: 'coordinator',
      knowsAbortable: part?.knowsAbortable ?? false,
    })
    return baseOffset
  }
}

function* entriesOf(bytes: Uint8Array, header: BatchHeader): Generator<OffsetsEntry> {
  if (header.isControl) {
    const marker = decodeMarker(bytes, 0)
    if (marker !== null) yield { kind: 'marker', marker }
    return
  }
  try {
    const batch = decodeBatch(bytes, 0, storedLimits)
    const producerId = header.isTransactional ? header.producerId : -1
    for (let index = 0; index < batch.count; index += 1) {
      const { key, value, offset } = recordAt(batch, index)
      if (key !== null) yield { kind: 'record', key, value, offset, producerId }
    }
  } catch (error) {
    if (!(error instanceof LogdriveError)) throw error
    yield { kind: 'unreadable', reason: error.message, offset: header.baseOffset }
  }
}

function* inBatches(records: readonly OffsetsRecord[]): Generator<readonly OffsetsRecord[]> {
  let batch: OffsetsRecord[] = []
  let bytes = 0
  for (const record of records) {
    batch.push(record)
    bytes += record.key.length + (record.value?.length ?? 0)
    if (bytes < batchBytes) continue
    yield batch
    batch = []
    bytes = 0
  }
  if (batch.length > 0) yield batch
}
