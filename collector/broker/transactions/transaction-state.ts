// TransactionState: what may happen to a transactional id, as pure steps: Kafka's rules (KIP-98, KIP-360, KIP-890 part 1).
//
//   Empty -> Ongoing -> PrepareCommit -> CompleteCommit -> Ongoing ...
//                    -> PrepareAbort  -> CompleteAbort  -> Ongoing ...
//
// A step gives the next state to be written, or says why not. Nothing counts before it is durable.
import type { Outcome } from '../../../protocol/control-batch.ts'
import type { KafkaErrorName } from '../../../protocol/errors.ts'

export const transactionStates = [
  'Empty',
  'Ongoing',
  'PrepareCommit',
  'PrepareAbort',
  'CompleteCommit',
  'CompleteAbort',
] as const
export type TransactionStateName = (typeof transactionStates)[number]

export interface TransactionPartition {
  readonly topic: string
  readonly partition: number
}

/** All that is known of a transactional id. Times are wall-clock ms. */
export interface Transaction {
  readonly transactionalId: string
  readonly producerId: number
  /** The id before the last one ran out of epochs, -1 without. */
  readonly lastProducerId: number
  /** -1: nobody has been given an epoch yet. */
  readonly producerEpoch: number
  /** The epoch before the last increment that a producer asked for, -1 when nobody may repeat it. */
  readonly lastProducerEpoch: number
  readonly timeoutMs: number
  readonly state: TransactionStateName
  readonly partitions: readonly TransactionPartition[]
  /** When the transaction began, -1 before the first one. */
  readonly startedAt: number
  readonly updatedAt: number
}

/** A producer as it names itself; id and epoch -1 when it has none yet. */
export interface ProducerIdentity {
  readonly producerId: number
  readonly producerEpoch: number
}

/**
 * `write`: make `next` durable. `unchanged`: it is as asked for. `refused`: tell the client. `needsId`: ask again with a
 * fresh producer id.
 */
export type Step =
  | { readonly kind: 'write'; readonly next: Transaction }
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'needsId' }
  | { readonly kind: 'refused'; readonly error: KafkaErrorName }

/** The largest epoch that is given to a producer: one more is left to fence it. */
export const producerEpochMax = 32_766

const unchanged: Step = { kind: 'unchanged' }

/**
 * A producer asks for its id and epoch. A transaction that is open is aborted first, under an epoch that nobody has: the
 * producer is told CONCURRENT_TRANSACTIONS then, and asks again.
 */
export function initProducer(
  known: Transaction,
  asking: ProducerIdentity,
  options: { readonly timeoutMs: number; readonly freshId: number | null; readonly now: number },
): Step {
  if (!isOwn(known, asking)) return refused('PRODUCER_FENCED')
  if (isPrepared(known)) return refused('CONCURRENT_TRANSACTIONS')
  const { timeoutMs, freshId, now } = options
  const { producerEpoch: epoch } = known
  const isAnonymous = asking.producerEpoch === -1 || epoch === -1
  const isCurrent = asking.producerId === known.producerId && asking.producerEpoch === epoch
  if (known.state === 'Ongoing') {
    // A late repetition of what was answered before the transaction began must not abort it.
    return isAnonymous || isCurrent ? write(fenced(known, now)) : refused('PRODUCER_FENCED')
  }
  const begun = { ...known, timeoutMs, state: 'Empty', partitions: [], updatedAt: now } as const
  // Its first try was heard, the answer was not: the same answer again.
  if (!isAnonymous && !isCurrent) return write(begun)
  if (epoch >= producerEpochMax) {
    if (freshId === null) return { kind: 'needsId' }
    const lastProducerEpoch = isAnonymous ? -1 : epoch
    const lastProducerId = known.producerId
    return write({ ...begun, producerId: freshId, lastProducerId, producerEpoch: 0, lastProducerEpoch })
  }
  return write({ ...begun, producerEpoch: epoch + 1, lastProducerEpoch: isAnonymous ? -1 : epoch })
}

/** Partitions enter the transaction, which begins with the first ones. */
export function addPartitions(
  known: Transaction,
  asking: ProducerIdentity,
  partitions: readonly TransactionPartition[],
  now: number,
): Step {
  const refusal = refusalOf(known, asking)
  if (refusal !== null) return refused(refusal)
  if (isPrepared(known)) return refused('CONCURRENT_TRANSACTIONS')
  const isOpen = known.state === 'Ongoing'
  const before = isOpen ? known.partitions : []
  const entered = new Set(before.map(partitionKey))
  const added = partitions.filter((one) => !entered.has(partitionKey(one)))
  if (isOpen && added.length === 0) return unchanged
  const startedAt = isOpen ? known.startedAt : now
  return write({ ...known, state: 'Ongoing', partitions: [...before, ...added], startedAt, updatedAt: now })
}

/** A producer ends its transaction. */
export function endTransaction(
  known: Transaction,
  asking: ProducerIdentity,
  outcome: Outcome,
  now: number,
): Step {
  const refusal = refusalOf(known, asking)
  if (refusal !== null) return refused(refusal)
  const isCommit = outcome === 'commit'
  switch (known.state) {
    case 'Ongoing':
      return write({ ...known, state: isCommit ? 'PrepareCommit' : 'PrepareAbort', updatedAt: now })
    case 'CompleteCommit':
    case 'CompleteAbort':
      return (known.state === 'CompleteCommit') === isCommit ? unchanged : refused('INVALID_TXN_STATE')
    case 'PrepareCommit':
    case 'PrepareAbort':
      return refused(
        (known.state === 'PrepareCommit') === isCommit ? 'CONCURRENT_TRANSACTIONS' : 'INVALID_TXN_STATE',
      )
    case 'Empty':
      return refused('INVALID_TXN_STATE')
  }
}

/** All markers are written: null when there is nothing to complete. */
export function completed(known: Transaction, now: number): Transaction | null {
  const outcome = outcomeOf(known)
  if (outcome === null) return null
  const state = outcome === 'commit' ? 'CompleteCommit' : 'CompleteAbort'
  return { ...known, state, partitions: [], updatedAt: now }
}

/** What is done when a transaction has been open for too long: null when it has not. */
export function timedOut(known: Transaction, openForMs: number, now: number): Transaction | null {
  const isLate = known.state === 'Ongoing' && openForMs > known.timeoutMs
  return isLate ? fenced(known, now) : null
}

/** True for an id without a transaction that was not used for so long. */
export function isExpired(known: Transaction, expiryMs: number, now: number): boolean {
  return isIdle(known) && now - known.updatedAt >= expiryMs
}

/** True for an id that has no transaction. */
export function isIdle(known: Transaction): boolean {
  return known.state !== 'Ongoing' && !isPrepared(known)
}

/** How a transaction that is being ended ends; null for any other. */
export function outcomeOf(known: Transaction): Outcome | null {
  if (known.state === 'PrepareCommit') return 'commit'
  return known.state === 'PrepareAbort' ? 'abort' : null
}

/** An id that was never seen, with the producer id that it gets. */
export function newTransaction(transactionalId: string, producerId: number, now: number): Transaction {
  return {
    transactionalId,
    producerId,
    lastProducerId: -1,
    producerEpoch: -1,
    lastProducerEpoch: -1,
    timeoutMs: 0,
    state: 'Empty',
    partitions: [],
    startedAt: -1,
    updatedAt: now,
  }
}

/** The open transaction aborted under an epoch that no producer has: the one that had it is fenced. */
function fenced(known: Transaction, now: number): Transaction {
  const producerEpoch = known.producerEpoch + 1
  return { ...known, producerEpoch, lastProducerEpoch: -1, state: 'PrepareAbort', updatedAt: now }
}

/** Whether who asks with an id and an epoch is the current producer, or the one that repeats its last request. */
function isOwn(known: Transaction, { producerId, producerEpoch }: ProducerIdentity): boolean {
  if (producerEpoch === -1 || known.producerEpoch === -1) return true
  if (producerId === known.producerId) {
    return producerEpoch === known.producerEpoch || producerEpoch === known.lastProducerEpoch
  }
  return producerId === known.lastProducerId && producerEpoch === known.lastProducerEpoch
}

function refusalOf(known: Transaction, asking: ProducerIdentity): KafkaErrorName | null {
  if (known.producerId !== asking.producerId) return 'INVALID_PRODUCER_ID_MAPPING'
  return known.producerEpoch === asking.producerEpoch ? null : 'PRODUCER_FENCED'
}

function isPrepared({ state }: Transaction): boolean {
  return state === 'PrepareCommit' || state === 'PrepareAbort'
}

/** The partition as one string. */
export function partitionKey({ topic, partition }: TransactionPartition): string {
  return `${topic}\0${partition}`
}

function write(next: Transaction): Step {
  return { kind: 'write', next }
}

function refused(error: KafkaErrorName): Step {
  return { kind: 'refused', error }
}
