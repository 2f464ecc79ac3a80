// PartitionProducers: the way into a partition for Kafka producers: sequences, transactions, markers.
import type { Clock } from '../../../core/runtime.ts'
import { type BatchHeader, readHeader } from '../../../protocol/batch-header.ts'
import { encodeMarker, type Marker } from '../../../protocol/control-batch.ts'
import { KafkaError } from '../../../protocol/errors.ts'
import type { TopicSettings } from '../topics/topic-settings.ts'
import type { Aborted } from './aborted.ts'
import type { FlushGroup } from './flush-group.ts'
import type { FlushQueue } from './flush-queue.ts'
import { admitBatch } from './kafka-admit.ts'
import type { KafkaAppended, KafkaAppendOptions, MarkerListener, TransactionGuard } from './kafka-append.ts'
import type { ProducerState } from './producer-state.ts'
import type { NumberedBatch, ProducerFacts } from './producers.ts'

export interface PartitionProducersParts {
  readonly topic: string
  readonly partition: number
  readonly state: ProducerState
  readonly queue: FlushQueue
  readonly guard: TransactionGuard
  readonly clock: Clock
}

/** Where a batch is and the largest timestamp in it, ms. */
type Placed = Pick<NumberedBatch, 'baseOffset' | 'timestamp'>

/** A batch that was taken: where it is, is known once `done` has resolved. */
export interface Placing {
  readonly done: Promise<void>
  readonly placed: Placed
}

export class PartitionProducers {
  readonly #parts: PartitionProducersParts
  readonly #state: ProducerState
  readonly #listeners = new Set<MarkerListener>()

  constructor(parts: PartitionProducersParts) {
    this.#parts = parts
    this.#state = parts.state
  }

  /** Producers dropped for lack of room. */
  get evicted(): number {
    return this.#state.producers.evicted
  }

  /** The largest producer id that the partition remembers, -1 without any. */
  get idMax(): number {
    return this.#state.producers.idMax
  }

  /** The producers that the partition remembers. */
  facts(): readonly ProducerFacts[] {
    return this.#state.producers.facts()
  }

  /** Producer ids with a transaction that is open here, and where it begins; oldest first. */
  openTransactions(): ReadonlyMap<number, number> {
    return this.#state.producers.open()
  }

  /** The aborted transactions with something in [fromOffset, toOffset), by their first offset. */
  aborted(fromOffset: number, toOffset: number): readonly Aborted[] {
    return this.#state.aborted.overlapping(fromOffset, toOffset)
  }

  /** True for a batch that is nothing to a reader of committed records: a marker, or a part of an aborted transaction. */
  isHidden({ isControl, isTransactional, producerId, baseOffset }: BatchHeader): boolean {
    if (isControl) return true
    return isTransactional && this.#state.aborted.covers(producerId, baseOffset)
  }

  /** True when the batch at the offset is the last one that its producer numbered: its sequence is still needed. */
  isLastOf(producerId: number, baseOffset: number): boolean {
    return this.#state.producers.lastOffsetOf(producerId) === baseOffset
  }

  lastStableOffset(startOffset: number, highWatermark: number): number {
    return this.#state.lastStableOffset(startOffset, highWatermark)
  }

  /** See `Partition.appendKafka`: decided now, and what refuses the batch is thrown now. */
  append(batch: Uint8Array, options: KafkaAppendOptions, settings: TopicSettings): Placing {
    const now = this.#parts.clock.now()
    const { bytes, header } =
      options.origin === 'coordinator'
        ? { bytes: batch, header: options.header }
        : admitBatch(batch, options.header, settings, now)
    if (header.producerId >= 0) {
      const { producers } = this.#state
      const duplicate = producers.duplicateOf(header)
      if (duplicate !== null) {
        // The answer says that the batch is safe: so wait for the first one when it is still on its way.
        const done = duplicate.baseOffset < 0 ? this.#parts.queue.durable() : Promise.resolve()
        return { done, placed: duplicate }
      }
      if (header.isTransactional) this.#checkTransaction(header, options.knowsAbortable === true)
      producers.take(header, now)
    }
    return this.#append(bytes, header, null)
  }

  /** The client will send this batch again: see `Producers.noteRefused`. */
  noteRefused(header: BatchHeader): void {
    if (header.producerId >= 0) this.#state.producers.noteRefused(header, this.#parts.clock.now())
  }

  /** Ends a producer's transaction; resolves once that is durable. Throws INVALID_PRODUCER_EPOCH. */
  async appendMarker(marker: Marker): Promise<void> {
    const now = this.#parts.clock.now()
    const bytes = encodeMarker(marker, now)
    const header = readHeader(bytes, 0)
    this.#state.producers.take(header, now)
    await this.#append(bytes, header, marker).done
  }

  /** See `Partition.onMarker`. */
  onMarker(listener: MarkerListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** What is in the group is durable: sequences move, transactions open and end. */
  durable({ batches }: FlushGroup, now: number): void {
    for (const { header, baseOffset, marker } of batches) {
      if (header.producerId >= 0) this.#state.apply(header, baseOffset, marker, now)
    }
  }

  /** Tells of the markers in a durable group, once readers can see them. */
  tellOf({ batches }: FlushGroup): void {
    for (const { marker } of batches) {
      if (marker === null) continue
      const { producerId, producerEpoch, outcome } = marker
      for (const listener of this.#listeners) listener(producerId, producerEpoch, outcome)
    }
  }

  /** Forgets producers without traffic, and what lies below the start of the log. */
  expire(now: number, startOffset: number): void {
    this.#state.producers.expire(now)
    this.#state.aborted.trim(startOffset)
  }

  #append(bytes: Uint8Array, header: BatchHeader, marker: Marker | null): Placing {
    const { queue } = this.#parts
    const group = queue.openGroup()
    const placed = group.appendKafka(bytes, header, marker)
    queue.took(bytes.length)
    return { done: group.done, placed }
  }

  /** Asked for every batch of a transaction: a late one of a transaction that has ended must not get into the next. */
  #checkTransaction(header: BatchHeader, knowsAbortable: boolean): void {
    const { producerId, producerEpoch } = header
    const { topic, partition, guard } = this.#parts
    const refusal = guard.refusal(producerId, producerEpoch, topic, partition)
    if (refusal === null) return
    if (refusal === 'NOT_ENOUGH_REPLICAS') this.noteRefused(header)
    const error = refusal === 'INVALID_TXN_STATE' && knowsAbortable ? 'TRANSACTION_ABORTABLE' : refusal
    throw new KafkaError(error, `producer ${producerId} has no such transaction in ${topic}-${partition}`)
  }
}

/** The answer to a Kafka client's append. */
export function kafkaAppended(
  placed: Placed,
  settings: TopicSettings,
  logStartOffset: number,
): KafkaAppended {
  const logAppendTimeMs = settings.timestampType === 'append' ? placed.timestamp : -1
  return { baseOffset: placed.baseOffset, logAppendTimeMs, logStartOffset }
}
