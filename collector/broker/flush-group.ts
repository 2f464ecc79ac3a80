// FlushGroup: what goes to the disk together: one write, one fdatasync, one answer for everybody in it.
//
// A group that is synced holds at most one batch of a source and of a producer. A crash may keep any part of an unsynced
// write, also a later batch without an earlier one (recovery keeps what is whole behind a hole: it may be acknowledged
// data behind bit rot). With two batches of one sender in it, the second alone would move the kept position or sequence
// over the first, which could then be stored no more, or only out of order.
import type { NewRecord } from '../../core/records.ts'
import type { BatchBuilder } from '../../protocol/batch-encode.ts'
import { type BatchHeader, readHeader, stampBatch } from '../../protocol/batch-header.ts'
import type { Marker } from '../../protocol/control-batch.ts'
import type { LogBatch } from '../log/segment.ts'
import { headersOf } from './record-source.ts'
import type { GuardedRange, Kept } from './sources.ts'

/** Batches above this are packed before they are stored. */
const packBytesMin = 4096

/** The leader epoch in batches that this broker or an agent made: their headers are facts about sources. */
const ownLeaderEpoch = 0
/**
 * The leader epoch in batches of Kafka clients, "none" to every reader: whatever their records' headers say, they are
 * no facts of ours. The field lies outside of the CRC; on a single node it has no other use.
 */
export const foreignLeaderEpoch = -1

/** A whole batch that waits in a group. */
export interface WaitingBatch {
  readonly bytes: Uint8Array
  readonly header: BatchHeader
  readonly marker: Marker | null
  readonly leaderEpoch: number
  /** Known once the group is sealed. */
  baseOffset: number
}

export class FlushGroup {
  /** Resolves once everything in the group is durable; rejects when nothing of it is stored. */
  readonly done: Promise<void>
  /** Where the sources of the group stand once it is durable. */
  readonly ranges = new Map<string, Kept>()
  readonly records = new Map<string, Kept>()
  /** The producers with a batch in it. */
  readonly producers = new Set<number>()
  readonly batches: WaitingBatch[] = []
  /** Bytes that wait in it. */
  bytes = 0
  /** The offset of the first published record, once sealed. */
  publishedFrom = 0
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
  #builder: BatchBuilder | null = null
  #published = 0

  constructor() {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.done = promise
    this.resolve = resolve
    this.reject = reject
    // Everybody in the group awaits it; a group whose members went away is nobody's business.
    promise.catch(() => undefined)
  }

  /** Published records so far: the next one has this index. */
  get published(): number {
    return this.#published
  }

  /** Unpacked bytes of the published records. */
  get publishedBytes(): number {
    return this.#builder?.bytes ?? 0
  }

  has(source: string): boolean {
    return this.ranges.has(source) || this.records.has(source)
  }

  /** Takes one whole batch of a source. */
  append(bytes: Uint8Array, range: GuardedRange): void {
    this.#add({ bytes, header: readHeader(bytes, 0), marker: null, leaderEpoch: ownLeaderEpoch })
    this.ranges.set(range.source, { epoch: range.epoch, to: range.to, guard: range.guard })
  }

  /** Takes one whole batch of a Kafka client, or the marker of a transaction. */
  appendKafka(bytes: Uint8Array, header: BatchHeader, marker: Marker | null): WaitingBatch {
    if (header.producerId >= 0) this.producers.add(header.producerId)
    return this.#add({ bytes, header, marker, leaderEpoch: foreignLeaderEpoch })
  }

  /** Takes one record into the open batch; returns its index. */
  publish(record: NewRecord, takeBuilder: () => BatchBuilder): number {
    this.#builder ??= takeBuilder()
    const { value, timestamp, key, source } = record
    const before = this.#builder.bytes
    this.#builder.append(value, 0, value.length, timestamp, key, headersOf(record))
    this.bytes += this.#builder.bytes - before
    if (source !== null) this.records.set(source.source, { epoch: source.epoch, to: source.position })
    this.#published += 1
    return this.#published - 1
  }

  /** Closes the open batch and stamps all batches, from `baseOffset` on; the builder goes back through `giveBuilder`. */
  seal(baseOffset: number, giveBuilder: (builder: BatchBuilder) => void): readonly LogBatch[] {
    const sealed: LogBatch[] = []
    let next = baseOffset
    for (const waiting of this.batches) {
      const { bytes, header } = waiting
      stampBatch(bytes, 0, next, waiting.leaderEpoch)
      waiting.baseOffset = next
      sealed.push(placed(bytes, next, header))
      next += header.lastOffsetDelta + 1
    }
    if (this.#builder !== null) {
      this.publishedFrom = next
      const codec = this.#builder.bytes > packBytesMin ? 'zstd' : 'none'
      const bytes = this.#builder.finish({ codec })
      stampBatch(bytes, 0, next, ownLeaderEpoch)
      sealed.push(placed(bytes, next, readHeader(bytes, 0)))
      giveBuilder(this.#builder)
      this.#builder = null
    }
    return sealed
  }

  /** Gives the builder back without using what is in it. */
  drop(giveBuilder: (builder: BatchBuilder) => void): void {
    if (this.#builder === null) return
    this.#builder.reset()
    giveBuilder(this.#builder)
    this.#builder = null
  }

  #add(batch: Omit<WaitingBatch, 'baseOffset'>): WaitingBatch {
    const waiting = { ...batch, baseOffset: -1 }
    this.batches.push(waiting)
    this.bytes += batch.bytes.length
    return waiting
  }
}

function placed(bytes: Uint8Array, baseOffset: number, header: BatchHeader): LogBatch {
  const { lastOffsetDelta, maxTimestamp } = header
  return { bytes, baseOffset, lastOffset: baseOffset + lastOffsetDelta, timestampMax: maxTimestamp }
}
