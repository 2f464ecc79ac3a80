// FlushGroup: what goes to the disk together: one write, one fdatasync, one answer for everybody in it.
//
// A group holds at most one batch per source. A crash may keep any part of an unsynced write, also a later batch
// without an earlier one; with two batches of one source in it, the second alone would move the kept position over the
// first, which nobody would send again.
import type { NewRecord } from '../../core/records.ts'
import type { BatchBuilder } from '../../protocol/batch-encode.ts'
import { type BatchHeader, readHeader, stampBatch } from '../../protocol/batch-header.ts'
import type { LogBatch } from '../log/segment.ts'
import { headersOf } from './record-source.ts'
import type { GuardedRange, Kept } from './sources.ts'

/** Batches above this are packed before they are stored. */
const packBytesMin = 4096

/** A batch of a Kafka client in a group. */
export interface KafkaWaiting {
  readonly bytes: Uint8Array
  readonly header: BatchHeader
  /** Known once the group is sealed. */
  baseOffset: number
}

export class FlushGroup {
  /** Resolves once everything in the group is durable; rejects when nothing of it is stored. */
  readonly done: Promise<void>
  /** Where the sources of the group stand once it is durable. */
  readonly ranges = new Map<string, Kept>()
  readonly records = new Map<string, Kept>()
  /** Bytes that wait in it. */
  bytes = 0
  /** The offset of the first published record, once sealed. */
  publishedFrom = 0
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
  readonly #batches: Uint8Array[] = []
  readonly #kafka: KafkaWaiting[] = []
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
    this.#batches.push(bytes)
    this.bytes += bytes.length
    this.ranges.set(range.source, { epoch: range.epoch, to: range.to, guard: range.guard })
  }

  /** Takes one whole batch of a Kafka client. */
  appendKafka(bytes: Uint8Array, header: BatchHeader): KafkaWaiting {
    const waiting = { bytes, header, baseOffset: -1 }
    this.#kafka.push(waiting)
    this.bytes += bytes.length
    return waiting
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
  seal(
    baseOffset: number,
    leaderEpoch: number,
    giveBuilder: (builder: BatchBuilder) => void,
  ): readonly LogBatch[] {
    const sealed: LogBatch[] = []
    let next = baseOffset
    for (const bytes of this.#batches) {
      sealed.push(stamp(bytes, next, leaderEpoch))
      next = (sealed.at(-1) as LogBatch).lastOffset + 1
    }
    for (const waiting of this.#kafka) {
      const { bytes, header } = waiting
      stampBatch(bytes, 0, next, leaderEpoch)
      waiting.baseOffset = next
      const lastOffset = next + header.lastOffsetDelta
      sealed.push({ bytes, baseOffset: next, lastOffset, timestampMax: header.maxTimestamp })
      next = lastOffset + 1
    }
    if (this.#builder !== null) {
      this.publishedFrom = next
      const codec = this.#builder.bytes > packBytesMin ? 'zstd' : 'none'
      sealed.push(stamp(this.#builder.finish({ codec }), next, leaderEpoch))
      giveBuilder(this.#builder)
      this.#builder = null
    }
    this.#batches.length = 0
    return sealed
  }

  /** Gives the builder back without using what is in it. */
  drop(giveBuilder: (builder: BatchBuilder) => void): void {
    if (this.#builder === null) return
    this.#builder.reset()
    giveBuilder(this.#builder)
    this.#builder = null
  }
}

function stamp(bytes: Uint8Array, baseOffset: number, leaderEpoch: number): LogBatch {
  stampBatch(bytes, 0, baseOffset, leaderEpoch)
  const { lastOffsetDelta, maxTimestamp } = readHeader(bytes, 0)
  return { bytes, baseOffset, lastOffset: baseOffset + lastOffsetDelta, timestampMax: maxTimestamp }
}
