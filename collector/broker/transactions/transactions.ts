// TransactionCoordinator: producer ids and transactions of Kafka clients: writes each step down, then acts on it.
import { LogdriveError } from '../../../core/errors.ts'
import type { Clock, Logger } from '../../../core/runtime.ts'
import type { Scope } from '../../../core/scope.ts'
import type { Outcome } from '../../../protocol/control-batch.ts'
import { KafkaError } from '../../../protocol/errors.ts'
import type { BrokerConfig } from '../config.ts'
import type { TransactionGuard, TransactionRefusal } from '../partitions/kafka-append.ts'
import type { Partition } from '../partitions/partition.ts'
import type { ProducerIds } from './producer-ids.ts'
import type { TransactionLog } from './transaction-log.ts'
import type { TransactionMarkers } from './transaction-markers.ts'
import {
  addPartitions,
  completed,
  endTransaction,
  initProducer,
  isExpired,
  isIdle,
  newTransaction,
  outcomeOf,
  type ProducerIdentity,
  partitionKey,
  type Step,
  type Transaction,
  type TransactionPartition,
  timedOut,
} from './transaction-state.ts'

/** A producer with its transactional id. */
export interface TransactionalProducer extends ProducerIdentity {
  readonly transactionalId: string
}

export interface InitProducer extends ProducerIdentity {
  /** Null: a producer that is idempotent only. */
  readonly transactionalId: string | null
  readonly timeoutMs: number
}

export interface CoordinatorParts {
  readonly ids: ProducerIds
  readonly markers: TransactionMarkers
  readonly config: BrokerConfig
  readonly clock: Clock
  readonly logger: Logger
}

interface Entry {
  /** What is durable. */
  known: Transaction
  /** Its partitions. */
  entered: ReadonlySet<string>
  /** What is being written. */
  pending: Transaction | null
  /** Monotonic ms when its transaction began: the wall clock may jump, and a timeout must come. */
  openSince: number
  /** Markers are being written. */
  ending: Promise<boolean> | null
}

/** How often timeouts and expiry are looked at. */
const checkMs = 1000
/** Pause between tries to write the markers of a transaction. */
const retryMs = 250

export class TransactionCoordinator implements TransactionGuard {
  readonly #parts: CoordinatorParts
  readonly #log: TransactionLog
  readonly #entries = new Map<string, Entry>()
  readonly #byProducer = new Map<number, Entry>()
  #scope: Scope | null = null

  /** `open` makes the log of the coordinator, which asks back for everything that it should hold. */
  constructor(
    known: ReadonlyMap<string, Transaction>,
    open: (all: () => readonly Transaction[]) => TransactionLog,
    parts: CoordinatorParts,
  ) {
    this.#parts = parts
    this.#log = open(() => this.#all())
    for (const transaction of known.values()) this.#become(this.#add(transaction), transaction)
  }

  /** Ends what was being ended, and goes on looking after timeouts, until the scope ends. */
  start(scope: Scope): void {
    const { clock } = this.#parts
    this.#scope = scope
    for (const entry of this.#entries.values()) {
      if (outcomeOf(entry.known) !== null) this.#finishLater(entry, 0)
    }
    scope.spawn(async (signal) => {
      while (!signal.aborted) {
        await clock.sleep(checkMs, signal)
        if (!signal.aborted) await this.#check()
      }
    })
  }

  /**
   * Gives a producer its id and epoch. Throws INVALID_REQUEST, INVALID_TRANSACTION_TIMEOUT, PRODUCER_FENCED,
   * CONCURRENT_TRANSACTIONS, COORDINATOR_NOT_AVAILABLE (try again).
   */
  async initProducerId(asking: InitProducer): Promise<ProducerIdentity> {
    const { transactionalId, timeoutMs } = asking
    if (transactionalId === null) return { producerId: await this.#freshId(), producerEpoch: 0 }
    if (transactionalId === '') throw new KafkaError('INVALID_REQUEST', 'a transactional id is not empty')
    if (timeoutMs <= 0 || timeoutMs > this.#parts.config.transactionTimeoutMsMax) {
      throw new KafkaError('INVALID_TRANSACTION_TIMEOUT', `a transaction timeout of ${timeoutMs} ms`)
    }
    const entry = this.#entries.get(transactionalId) ?? (await this.#make(transactionalId))
    return await this.#init(entry, asking, timeoutMs)
  }

  /** Lets partitions enter a producer's transaction. Throws KafkaError. */
  async addPartitions(
    producer: TransactionalProducer,
    partitions: readonly TransactionPartition[],
  ): Promise<void> {
    const now = this.#parts.clock.now()
    await this.#step(producer, (known) => addPartitions(known, producer, partitions, now))
  }

  /**
   * Ends a producer's transaction: decided once durable, answered when the markers are out as well (or when they cannot
   * be written now: the coordinator goes on trying). Throws KafkaError.
   */
  async endTransaction(producer: TransactionalProducer, outcome: Outcome): Promise<void> {
    const now = this.#parts.clock.now()
    const entry = await this.#step(producer, (known) => endTransaction(known, producer, outcome, now))
    await this.#finish(entry)
  }

  refusal(
    producerId: number,
    producerEpoch: number,
    topic: string,
    partition: number,
  ): TransactionRefusal | null {
    const entry = this.#byProducer.get(producerId)
    if (entry === undefined) return 'INVALID_TXN_STATE'
    const { known, entered, pending } = entry
    if (known.producerEpoch !== producerEpoch) return 'INVALID_PRODUCER_EPOCH'
    const isEnding = outcomeOf(known) !== null || (pending !== null && outcomeOf(pending) !== null)
    // Kafka's word to clients for "try again": they know no better one here.
    if (isEnding) return 'NOT_ENOUGH_REPLICAS'
    const isOpen = known.state === 'Ongoing' && entered.has(partitionKey({ topic, partition }))
    return isOpen ? null : 'INVALID_TXN_STATE'
  }

  /** What is durable of a transactional id, or null. */
  describe(transactionalId: string): Transaction | null {
    const known = this.#entries.get(transactionalId)?.known
    return known === undefined || known.producerEpoch < 0 ? null : known
  }

  /** All transactional ids. */
  list(): readonly Transaction[] {
    return [...this.#entries.values()].map(({ known }) => known).filter((known) => known.producerEpoch >= 0)
  }

  /**
   * Aborts what is open in a partition although no transaction says so. That happens when markers were lost: the disk was
   * damaged, or the power failed in a flush mode that syncs late.
   */
  async endHanging(partition: Partition): Promise<void> {
    const epochs = new Map(
      partition.producers.facts().map((facts) => [facts.producerId, facts.producerEpoch]),
    )
    for (const [producerId, firstOffset] of partition.producers.openTransactions()) {
      const { topic, index } = partition
      const entry = this.#byProducer.get(producerId)
      if (entry?.entered.has(partitionKey({ topic, partition: index })) === true) continue
      const fields = { topic, partition: index, producerId, firstOffset }
      this.#parts.logger.error(fields, 'a transaction lost its end; its records here are aborted')
      const producerEpoch = epochs.get(producerId) ?? 0
      await partition.appendMarker({ producerId, producerEpoch, outcome: 'abort', coordinatorEpoch: 0 })
    }
  }

  async #init(entry: Entry, asking: InitProducer, timeoutMs: number): Promise<ProducerIdentity> {
    let identity: ProducerIdentity = asking
    let freshId: number | null = null
    for (;;) {
      await this.#settle(entry)
      const step = initProducer(entry.known, identity, { timeoutMs, freshId, now: this.#parts.clock.now() })
      if (step.kind === 'needsId') freshId = await this.#freshId()
      else {
        await this.#take(entry, step)
        const { producerId, producerEpoch } = entry.known
        if (outcomeOf(entry.known) === null) return { producerId, producerEpoch }
        // Its old transaction was open: it is aborted under a new epoch, and the one who asks is the next to get one.
        await this.#finish(entry)
        identity = { producerId, producerEpoch }
      }
    }
  }

  async #step(producer: TransactionalProducer, decide: (known: Transaction) => Step): Promise<Entry> {
    const { transactionalId } = producer
    if (transactionalId === '') throw new KafkaError('INVALID_REQUEST', 'a transactional id is not empty')
    const entry = this.#entries.get(transactionalId)
    if (entry === undefined) {
      throw new KafkaError('INVALID_PRODUCER_ID_MAPPING', `transactional id ${transactionalId} is not known`)
    }
    await this.#settle(entry)
    await this.#take(entry, decide(entry.known))
    return entry
  }

  /**
   * Lets a transaction that is being ended come to its end: Kafka's clients would only ask again after a pause. Throws
   * CONCURRENT_TRANSACTIONS when that takes longer, or another request changes the id right now.
   */
  async #settle(entry: Entry): Promise<void> {
    const isSettled = outcomeOf(entry.known) === null || (await this.#tryFinish(entry))
    if (!isSettled || entry.pending !== null) throw beingChanged(entry.known)
  }

  async #take(entry: Entry, step: Step): Promise<void> {
    // Requests that arrived together all found it settled: the first one of them goes on.
    if (entry.pending !== null) throw beingChanged(entry.known)
    if (step.kind === 'refused') {
      const { transactionalId, state, producerEpoch } = entry.known
      throw new KafkaError(
        step.error,
        `transactional id ${transactionalId} is ${state} at epoch ${producerEpoch}`,
      )
    }
    if (step.kind === 'write') await this.#write(entry, step.next)
  }

  async #write(entry: Entry, next: Transaction): Promise<void> {
    entry.pending = next
    try {
      await this.#log.write(next)
      this.#become(entry, next)
    } catch (error) {
      if (entry.known.producerEpoch < 0) this.#forget(entry)
      throw notAvailable(error)
    } finally {
      entry.pending = null
    }
  }

  /** Writes the markers of a transaction that is being ended; false when that has to go on later. */
  async #finish(entry: Entry): Promise<boolean> {
    if (outcomeOf(entry.known) === null) return true
    const done = await this.#tryFinish(entry)
    if (!done) this.#finishLater(entry, retryMs)
    return done
  }

  #finishLater(entry: Entry, waitMs: number): void {
    this.#scope?.spawn(async (signal) => {
      if (waitMs > 0) await this.#parts.clock.sleep(waitMs, signal)
      while (!signal.aborted && !(await this.#tryFinish(entry)))
        await this.#parts.clock.sleep(retryMs, signal)
    })
  }

  #tryFinish(entry: Entry): Promise<boolean> {
    entry.ending ??= this.#end(entry).finally(() => {
      entry.ending = null
    })
    return entry.ending
  }

  async #end(entry: Entry): Promise<boolean> {
    const outcome = outcomeOf(entry.known)
    if (outcome === null) return true
    if (!(await this.#parts.markers.write(entry.known, outcome))) return false
    const next = completed(entry.known, this.#parts.clock.now())
    if (next === null) return true
    try {
      await this.#write(entry, next)
      return true
    } catch (error) {
      const { transactionalId } = entry.known
      this.#parts.logger.warn(
        { err: error, transactionalId },
        'a transaction could not be completed; will retry',
      )
      return false
    }
  }

  /** Aborts transactions that are open for too long, forgets ids that nobody uses. */
  async #check(): Promise<void> {
    const { clock, config, logger } = this.#parts
    const now = clock.now()
    for (const entry of this.#entries.values()) {
      if (entry.pending !== null) continue
      const { known } = entry
      const next = timedOut(known, clock.monotonic() - entry.openSince, now)
      try {
        if (next !== null) {
          const { transactionalId, timeoutMs } = known
          logger.warn({ transactionalId, timeoutMs }, 'a transaction was open for too long and is aborted')
          await this.#write(entry, next)
          await this.#finish(entry)
        } else if (isExpired(known, config.transactionalIdExpiryMs, now)) {
          this.#forget(entry)
          await this.#log.remove(known, now)
        }
      } catch (error) {
        const { transactionalId } = known
        logger.warn(
          { err: error, transactionalId },
          'a transactional id could not be looked after; will retry',
        )
      }
    }
  }

  async #make(transactionalId: string): Promise<Entry> {
    this.#makeRoom()
    const producerId = await this.#freshId()
    const known = this.#entries.get(transactionalId)
    return known ?? this.#add(newTransaction(transactionalId, producerId, this.#parts.clock.now()))
  }

  /** The id that was not used for longest goes when there are too many; it leaves the disk with the next rewrite. */
  #makeRoom(): void {
    if (this.#entries.size < this.#parts.config.transactionalIdsMax) return
    let oldest: Entry | null = null
    for (const entry of this.#entries.values()) {
      const isFree = isIdle(entry.known) && entry.pending === null
      if (isFree && (oldest === null || entry.known.updatedAt < oldest.known.updatedAt)) oldest = entry
    }
    if (oldest === null) throw new KafkaError('COORDINATOR_NOT_AVAILABLE', 'too many transactions are open')
    this.#forget(oldest)
  }

  async #freshId(): Promise<number> {
    try {
      return await this.#parts.ids.next()
    } catch (error) {
      throw notAvailable(error)
    }
  }

  #add(known: Transaction): Entry {
    const { clock } = this.#parts
    // What was open before a restart goes on counting, as far as the wall clock can be believed.
    const openForMs = Math.min(known.timeoutMs, Math.max(0, clock.now() - known.startedAt))
    const openSince = clock.monotonic() - openForMs
    const entry: Entry = { known, entered: new Set(), pending: null, openSince, ending: null }
    this.#entries.set(known.transactionalId, entry)
    this.#byProducer.set(known.producerId, entry)
    return entry
  }

  #become(entry: Entry, next: Transaction): void {
    this.#entries.set(next.transactionalId, entry)
    if (entry.known.producerId !== next.producerId) this.#byProducer.delete(entry.known.producerId)
    this.#byProducer.set(next.producerId, entry)
    if (entry.known.partitions !== next.partitions || entry.entered.size !== next.partitions.length) {
      entry.entered = new Set(next.partitions.map(partitionKey))
    }
    const isBegun = next.state === 'Ongoing' && entry.known.state !== 'Ongoing'
    if (isBegun) entry.openSince = this.#parts.clock.monotonic()
    entry.known = next
  }

  #forget(entry: Entry): void {
    this.#entries.delete(entry.known.transactionalId)
    this.#byProducer.delete(entry.known.producerId)
  }

  #all(): readonly Transaction[] {
    return [...this.#entries.values()]
      .map(({ known, pending }) => pending ?? known)
      .filter((transaction) => transaction.producerEpoch >= 0)
  }
}

/** Clients try again on these two. */
function beingChanged({ transactionalId, state }: Transaction): KafkaError {
  const message = `transactional id ${transactionalId} (${state}) is being changed by another request`
  return new KafkaError('CONCURRENT_TRANSACTIONS', message)
}

function notAvailable(error: unknown): unknown {
  if (!(error instanceof LogdriveError)) return error
  return new KafkaError('COORDINATOR_NOT_AVAILABLE', error.message, { cause: error })
}
