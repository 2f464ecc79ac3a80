// FlushGroup: what goes to the disk together: one write, one fdatasync, one answer for everybody in it.
//
// A power cut may keep any part of an unsynced write, also a later batch without an earlier one. Every batch therefore
// says where its write began (log/write-mark.ts), and recovery cuts a torn write at its first hole: what survives of a
// group is its beginning, so that a later batch of a sender never stands without an earlier one.
import type { NewRecord } from '../../../core/records.ts'
import type { BatchBuilder } from '../../../protocol/batch-encode.ts'
import { type BatchHeader, readHeader, stampBatch } from '../../../protocol/batch-header.ts'
import type { Marker } from '../../../protocol/control-batch.ts'
import type { LogBatch } from '../../log/segment.ts'
import { encodeMark } from '../../log/write-mark.ts'
import { headersOf } from './record-source.ts'
import type { GuardedRange, Kept } from './sources.ts'

/** Batches above this are packed before they are stored. */
const packBytesMin = 4096

/** A whole batch that waits in a group. */
export interface WaitingBatch {
  readonly bytes: Uint8Array
  readonly header: BatchHeader
  readonly marker: Marker | null
  /** Made by a Kafka client. */
  readonly isForeign: boolean
  /** The largest one in it, ms. */
  readonly timestamp: number
  /** Known once the group is sealed. */
  baseOffset: number
}

export class FlushGroup {
  /** Resolves once everything in the group is durable; rejects when nothing of it is stored. */
  readonly done: Promise<void>
  /** Where the sources of the group stand once it is durable. */
  readonly ranges = new Map<string, Kept>()
  readonly records = new Map<string, Kept>()
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

  /** Takes one whole batch of a source. */
  append(bytes: Uint8Array, range: GuardedRange): void {
    this.#add(bytes, readHeader(bytes, 0), null, false)
    this.ranges.set(range.source, { epoch: range.epoch, to: range.to, guard: range.guard })
  }

  /** Takes one whole batch of a Kafka client, or the marker of a transaction. */
  appendKafka(bytes: Uint8Array, header: BatchHeader, marker: Marker | null): WaitingBatch {
    return this.#add(bytes, header, marker, true)
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
      const { bytes, header, isForeign } = waiting
      stampBatch(bytes, 0, next, encodeMark({ isForeign, distance: next - baseOffset }))
      waiting.baseOffset = next
      sealed.push(placed(bytes, next, header))
      next += header.lastOffsetDelta + 1
    }
    if (this.#builder !== null) {
      this.publishedFrom = next
      const codec = this.#builder.bytes > packBytesMin ? 'zstd' : 'none'
      const bytes = this.#builder.finish({ codec })
      stampBatch(bytes, 0, next, encodeMark({ isForeign: false, distance: next - baseOffset }))
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

  #add(bytes: Uint8Array, header: BatchHeader, marker: Marker | null, isForeign: boolean): WaitingBatch {
    const timestamp = header.maxTimestamp
    const waiting = { bytes, header, marker, isForeign, timestamp, baseOffset: -1 }
    this.batches.push(waiting)
    this.bytes += bytes.length
    return waiting
  }
}

function placed(bytes: Uint8Array, baseOffset: number, header: BatchHeader): LogBatch {
  const { lastOffsetDelta, maxTimestamp } = header
  return { bytes, baseOffset, lastOffset: baseOffset + lastOffsetDelta, timestampMax: maxTimestamp }
}
