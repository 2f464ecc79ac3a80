// TransactionLog: transactional ids in `__transaction_state`; written anew when the log rolls, so that it stays small.
import type { UnreadableBatch } from '../../../core/event-log.ts'
import type { NewRecord } from '../../../core/records.ts'
import type { Logger } from '../../../core/runtime.ts'
import type { Partition } from '../partitions/partition.ts'
import { readRecords } from '../read.ts'
import {
  decodeTransactionKey,
  decodeTransactionValue,
  encodeTransactionKey,
  encodeTransactionValue,
} from './transaction-codec.ts'
import type { Transaction } from './transaction-state.ts'

/** The name of the internal topic; it has one partition. */
export const transactionsTopic = '__transaction_state'

/** Everything that the topic holds, the last word on each id. */
export async function readTransactions(
  partition: Partition,
  logger: Logger,
): Promise<ReadonlyMap<string, Transaction>> {
  const found = new Map<string, Transaction>()
  const tell = ({ unreadable, baseOffset }: UnreadableBatch) =>
    logger.error(
      { unreadable, baseOffset },
      'a batch of the transaction log cannot be decoded and was left out',
    )
  const { log, startOffset, highWatermark } = partition
  for await (const { key, value, offset } of readRecords(log, startOffset, highWatermark, tell)) {
    const id = key === null ? null : decodeTransactionKey(key)
    const isGone = value === null || value.length === 0
    const transaction = id === null || isGone ? null : decodeTransactionValue(id, value)
    if (id === null || (!isGone && transaction === null)) {
      logger.error({ offset }, 'a transactional id is unreadable and was left out')
    } else if (transaction === null) found.delete(id)
    else found.set(id, transaction)
  }
  return found
}

export class TransactionLog {
  readonly #partition: Partition
  readonly #logger: Logger
  /** The last word on every id, what is on its way included. */
  readonly #all: () => readonly Transaction[]
  #writtenAnew: number
  #rewriting = false

  constructor(partition: Partition, logger: Logger, all: () => readonly Transaction[]) {
    this.#partition = partition
    this.#logger = logger
    this.#all = all
    this.#writtenAnew = partition.log.activeBaseOffset
  }

  /** Makes the state of an id durable. Throws DISK_FULL, DISK_FAILED, UNAVAILABLE. */
  async write(transaction: Transaction): Promise<void> {
    await this.#partition.publishAll([recordOf(transaction)])
    await this.#rewriteIfDue()
  }

  /** Forgets an id. */
  async remove(transaction: Transaction, now: number): Promise<void> {
    const value = new Uint8Array(0)
    await this.#partition.publishAll([{ ...recordOf(transaction), value, timestamp: now }])
  }

  /** The log went on to a new segment: everything is written behind what is there, then the older segments go. */
  async #rewriteIfDue(): Promise<void> {
    const { log } = this.#partition
    if (this.#rewriting || log.activeBaseOffset === this.#writtenAnew) return
    this.#rewriting = true
    try {
      const base = log.activeBaseOffset
      await this.#partition.publishAll(this.#all().map(recordOf))
      await log.trim(base)
      this.#writtenAnew = log.activeBaseOffset
    } catch (error) {
      // What was to be written is durable: the copy is tried again with the next write.
      this.#logger.warn({ err: error }, 'the transaction log could not be written anew; will retry')
    } finally {
      this.#rewriting = false
    }
  }
}

function recordOf(transaction: Transaction): NewRecord {
  return {
    key: encodeTransactionKey(transaction.transactionalId),
    value: encodeTransactionValue(transaction),
    timestamp: transaction.updatedAt,
    headers: [],
    source: null,
  }
}
