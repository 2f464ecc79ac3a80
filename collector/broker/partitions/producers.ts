// Producers: where a partition stands with each producer that numbers its batches; Kafka's rules, and nothing else.
//
// A producer has a durable side (what the log says; saved and rebuilt) and a latest side (what was taken and is on its
// way to the disk). Batches are judged against the latest side, answered from the durable one; when a write fails, the
// latest side falls back to the durable one, so that a later batch never overtakes a failed one.
import { strict as assert } from 'node:assert'
import type { BatchHeader } from '../../../protocol/batch-header.ts'
import type { Marker, Outcome } from '../../../protocol/control-batch.ts'
import { KafkaError } from '../../../protocol/errors.ts'

/** A numbered batch; -1 as base offset while it is on its way. */
export interface NumberedBatch {
  readonly firstSequence: number
  readonly lastSequence: number
  readonly baseOffset: number
  /** The largest timestamp in it, ms. */
  readonly timestamp: number
}

/** What a producer has open or had last, for those who describe it. */
export interface ProducerFacts {
  readonly producerId: number
  readonly producerEpoch: number
  /** -1 when none is known. */
  readonly lastSequence: number
  /** Largest timestamp of its last batch, ms; -1 when none is known. */
  readonly lastTimestamp: number
  readonly coordinatorEpoch: number
  /** The first offset of its open transaction; -1 without. */
  readonly transactionFrom: number
}

/** A transaction that ended in the partition. */
export interface EndedTransaction {
  readonly producerId: number
  readonly outcome: Outcome
  readonly firstOffset: number
  /** The offset of the marker. */
  readonly lastOffset: number
}

export interface ProducerLimits {
  readonly producersMax: number
  /** A producer without an open transaction goes after this long without a batch. */
  readonly expiryMs: number
}

/** [id, epoch, coordinator epoch, open from, seenAt, then four numbers a batch]; the longest unseen first. */
export type SavedProducers = readonly (readonly number[])[]

/** Retries of a client may come this many batches late: Kafka's clients have five requests in flight at most. */
const batchesKept = 5
/** Sequences count up to 2^31 - 1 and go on at 0. */
const sequences = 0x80000000
const fixedFields = 5

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] }
type Batch = Mutable<NumberedBatch>

interface Producer {
  readonly id: number
  /** Durable; -1: nothing durable is known of it. */
  epoch: number
  coordinatorEpoch: number
  /** First offset of the open transaction, -1 without. */
  transactionFrom: number
  /** The last durable ones, all of `epoch`. */
  readonly batches: Batch[]
  /** Everything that is on its way, in order. */
  readonly pending: Batch[]
  latestEpoch: number
  latestSequence: number
  isLatestOpen: boolean
  /** While nothing durable is known: where it wanted to begin. */
  readonly first: Pick<BatchHeader, 'producerEpoch' | 'baseSequence'>
  seenAt: number
}

export class Producers {
  readonly #limits: ProducerLimits
  /** In order of the last batch. */
  readonly #producers = new Map<number, Producer>()
  /** Those with an open transaction: first offsets, which only grow. */
  readonly #open = new Map<number, number>()
  #evicted = 0

  constructor(limits: ProducerLimits) {
    this.#limits = limits
  }

  get size(): number {
    return this.#producers.size
  }

  /** Producers dropped because there were too many, since the start: their next retries are not recognised. */
  get evicted(): number {
    return this.#evicted
  }

  /** The largest producer id, -1 without any. */
  get idMax(): number {
    let max = -1
    for (const id of this.#producers.keys()) max = Math.max(max, id)
    return max
  }

  /** The first offset of the oldest open transaction, or null. */
  get firstOpenOffset(): number | null {
    for (const offset of this.#open.values()) return offset
    return null
  }

  /** Producer ids with open transactions and where these begin, oldest first. */
  open(): ReadonlyMap<number, number> {
    return this.#open
  }

  /** The batch that this one repeats, durable or on its way; null for a new one. Only the last five are known. */
  duplicateOf(header: BatchHeader): NumberedBatch | null {
    const producer = this.#producers.get(header.producerId)
    if (producer === undefined || header.baseSequence < 0) return null
    if (producer.latestEpoch !== header.producerEpoch) return null
    const last = lastSequenceOf(header)
    const isSame = (batch: Batch) =>
      batch.firstSequence === header.baseSequence && batch.lastSequence === last
    const pending = producer.pending.find(isSame)
    if (pending !== undefined) return pending
    return producer.epoch === header.producerEpoch ? (producer.batches.find(isSame) ?? null) : null
  }

  /**
   * Takes a batch that is on its way to the disk. Throws INVALID_PRODUCER_EPOCH, OUT_OF_ORDER_SEQUENCE_NUMBER,
   * INVALID_TXN_STATE, and REQUEST_TIMED_OUT when there is no room for one more producer.
   */
  take(header: BatchHeader, now: number): void {
    const known = this.#producers.get(header.producerId)
    if (known !== undefined) refuse(known, header)
    else if (this.#producers.size >= this.#limits.producersMax && !this.#evictOne()) {
      throw new KafkaError('REQUEST_TIMED_OUT', 'too many producers have an open transaction here')
    }
    const producer = known ?? this.#add(header, now)
    const numbered = header.baseSequence >= 0
    const lastSequence = numbered ? lastSequenceOf(header) : -1
    producer.pending.push({
      firstSequence: header.baseSequence,
      lastSequence,
      baseOffset: -1,
      timestamp: header.maxTimestamp,
    })
    if (producer.latestEpoch !== header.producerEpoch) producer.latestSequence = -1
    producer.latestEpoch = header.producerEpoch
    if (numbered) producer.latestSequence = lastSequence
    producer.isLatestOpen = header.isTransactional && !header.isControl
  }

  /**
   * A batch is durable at `baseOffset`: in the order of the log, live as well as when it is read again. Gives back the
   * transaction that a marker ended.
   */
  apply(
    header: BatchHeader,
    baseOffset: number,
    marker: Marker | null,
    now: number,
  ): EndedTransaction | null {
    const producer = this.#touch(header, now)
    const batch = producer.pending.shift() ?? {
      firstSequence: header.baseSequence,
      lastSequence: header.baseSequence < 0 ? -1 : lastSequenceOf(header),
      baseOffset,
      timestamp: header.maxTimestamp,
    }
    assert(batch.firstSequence === header.baseSequence, 'batches become durable in the order they were taken')
    batch.baseOffset = baseOffset
    if (producer.epoch !== header.producerEpoch) producer.batches.length = 0
    producer.epoch = header.producerEpoch
    if (header.baseSequence >= 0) {
      producer.batches.push(batch)
      if (producer.batches.length > batchesKept) producer.batches.shift()
    }
    const ended = marker === null ? null : this.#end(producer, marker, baseOffset)
    if (header.isTransactional && !header.isControl && producer.transactionFrom < 0) {
      producer.transactionFrom = baseOffset
      this.#open.set(producer.id, baseOffset)
    }
    if (producer.pending.length === 0) settle(producer)
    return ended
  }

  /**
   * A batch was refused for a reason that passes: if its producer is not known, nothing that comes behind it may be taken
   * for its beginning.
   */
  noteRefused(header: BatchHeader, now: number): void {
    if (this.#producers.has(header.producerId) || header.baseSequence < 0) return
    if (this.#producers.size < this.#limits.producersMax || this.#evictOne()) settle(this.#add(header, now))
  }

  /** Everything on its way has failed. */
  dropPending(): void {
    for (const producer of this.#producers.values()) {
      producer.pending.length = 0
      settle(producer)
    }
  }

  /** Forgets producers without traffic; never one with an open transaction. */
  expire(now: number): void {
    for (const producer of this.#producers.values()) {
      if (now - producer.seenAt < this.#limits.expiryMs) break
      if (isIdle(producer)) this.#producers.delete(producer.id)
    }
  }

  /** Where the last numbered batch of a producer is; -1 when none is known. */
  lastOffsetOf(producerId: number): number {
    return this.#producers.get(producerId)?.batches.at(-1)?.baseOffset ?? -1
  }

  /** Those with something durable. */
  facts(): readonly ProducerFacts[] {
    return [...this.#producers.values()]
      .filter((producer) => producer.epoch >= 0)
      .map((producer) => ({
        producerId: producer.id,
        producerEpoch: producer.epoch,
        lastSequence: producer.batches.at(-1)?.lastSequence ?? -1,
        lastTimestamp: producer.batches.at(-1)?.timestamp ?? -1,
        coordinatorEpoch: producer.coordinatorEpoch,
        transactionFrom: producer.transactionFrom,
      }))
  }

  /** The durable side. */
  save(): SavedProducers {
    return [...this.#producers.values()]
      .filter((producer) => producer.epoch >= 0)
      .map((producer) => [
        producer.id,
        producer.epoch,
        producer.coordinatorEpoch,
        producer.transactionFrom,
        producer.seenAt,
        ...producer.batches.flatMap((batch) => [
          batch.firstSequence,
          batch.lastSequence,
          batch.baseOffset,
          batch.timestamp,
        ]),
      ])
  }

  /** What was open begins below the start of the log: only batches that are still there can open it again. */
  forgetOpen(): void {
    this.#open.clear()
    for (const producer of this.#producers.values()) {
      producer.transactionFrom = -1
      settle(producer)
    }
  }

  /** Takes what `save` gave; anything else is refused by returning false. */
  restore(saved: unknown): boolean {
    if (!Array.isArray(saved)) return false
    const open: (readonly [number, number])[] = []
    for (const entry of saved) {
      const producer = restored(entry)
      if (producer === null || this.#producers.has(producer.id)) return false
      this.#producers.set(producer.id, producer)
      if (producer.transactionFrom >= 0) open.push([producer.id, producer.transactionFrom])
    }
    for (const [id, from] of open.sort((a, b) => a[1] - b[1])) this.#open.set(id, from)
    return true
  }

  #end(producer: Producer, marker: Marker, lastOffset: number): EndedTransaction | null {
    producer.coordinatorEpoch = marker.coordinatorEpoch
    const firstOffset = producer.transactionFrom
    if (firstOffset < 0) return null
    producer.transactionFrom = -1
    this.#open.delete(producer.id)
    return { producerId: producer.id, outcome: marker.outcome, firstOffset, lastOffset }
  }

  /** The producer, moved to the end of the order; made when it is new. */
  #touch(header: BatchHeader, now: number): Producer {
    const known = this.#producers.get(header.producerId)
    if (known === undefined) {
      if (this.#producers.size >= this.#limits.producersMax) this.#evictOne()
      return this.#add(header, now)
    }
    known.seenAt = now
    this.#producers.delete(known.id)
    this.#producers.set(known.id, known)
    return known
  }

  #add({ producerId: id, producerEpoch, baseSequence }: BatchHeader, now: number): Producer {
    const producer: Producer = {
      id,
      first: { producerEpoch, baseSequence },
      epoch: -1,
      coordinatorEpoch: -1,
      transactionFrom: -1,
      batches: [],
      pending: [],
      latestEpoch: -1,
      latestSequence: -1,
      isLatestOpen: false,
      seenAt: now,
    }
    this.#producers.set(id, producer)
    return producer
  }

  /** Makes room: the longest unseen producer that has nothing open goes. False when all have. */
  #evictOne(): boolean {
    for (const producer of this.#producers.values()) {
      if (!isIdle(producer)) continue
      this.#producers.delete(producer.id)
      this.#evicted += 1
      return true
    }
    return false
  }
}

/** The sequence of the batch's last record. */
function lastSequenceOf(header: BatchHeader): number {
  return (header.baseSequence + header.lastOffsetDelta) % sequences
}

function refuse(producer: Producer, header: BatchHeader): void {
  const { latestEpoch, latestSequence } = producer
  const { producerEpoch, baseSequence } = header
  if (producerEpoch < latestEpoch) {
    const message = `producer ${producer.id} is at epoch ${latestEpoch}, not ${producerEpoch}`
    throw new KafkaError('INVALID_PRODUCER_EPOCH', message)
  }
  if (producer.isLatestOpen && !header.isTransactional) {
    throw new KafkaError('INVALID_TXN_STATE', `producer ${producer.id} has a transaction open here`)
  }
  // A coordinator's batch has no number.
  if (baseSequence < 0 || latestEpoch < 0) return
  const expected = producerEpoch === latestEpoch ? (latestSequence + 1) % sequences : 0
  if (baseSequence === expected) return
  const message = `producer ${producer.id} sent sequence ${baseSequence} at epoch ${producerEpoch}, expected ${expected}`
  throw new KafkaError('OUT_OF_ORDER_SEQUENCE_NUMBER', message)
}

/** Nothing is on its way: the latest side is the durable one. One that has none begins where it wanted to. */
function settle(producer: Producer): void {
  const { producerEpoch, baseSequence } = producer.first
  producer.isLatestOpen = producer.transactionFrom >= 0
  if (producer.epoch < 0) {
    producer.latestEpoch = baseSequence < 0 ? -1 : producerEpoch
    producer.latestSequence = (baseSequence + sequences - 1) % sequences
    return
  }
  producer.latestEpoch = producer.epoch
  producer.latestSequence = producer.batches.at(-1)?.lastSequence ?? -1
}

function isIdle(producer: Producer): boolean {
  return producer.transactionFrom < 0 && producer.pending.length === 0
}

function restored(entry: unknown): Producer | null {
  if (!Array.isArray(entry) || !entry.every(Number.isFinite)) return null
  if (entry.length < fixedFields || (entry.length - fixedFields) % 4 !== 0) return null
  const [id, epoch, coordinatorEpoch, transactionFrom, seenAt] = entry
  const batches: Batch[] = []
  for (let at = fixedFields; at < entry.length; at += 4) {
    const [firstSequence, lastSequence, baseOffset, timestamp] = entry.slice(at, at + 4)
    batches.push({ firstSequence, lastSequence, baseOffset, timestamp })
  }
  const producer: Producer = {
    id,
    first: { producerEpoch: -1, baseSequence: -1 },
    epoch,
    coordinatorEpoch,
    transactionFrom,
    batches,
    pending: [],
    latestEpoch: epoch,
    latestSequence: -1,
    isLatestOpen: false,
    seenAt,
  }
  settle(producer)
  return producer
}
