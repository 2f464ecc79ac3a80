// TransactionMarkers: the end of a transaction, written into every partition that has entered it.
import type { Logger } from '../../../core/runtime.ts'
import type { Outcome } from '../../../protocol/control-batch.ts'
import { KafkaError } from '../../../protocol/errors.ts'
import type { Partition } from '../partitions/partition.ts'
import type { Transaction, TransactionPartition } from './transaction-state.ts'

/** One node: its coordinator was never replaced by another. */
const coordinatorEpoch = 0

export class TransactionMarkers {
  readonly #partitionOf: (place: TransactionPartition) => Partition | null
  readonly #logger: Logger

  constructor(partitionOf: (place: TransactionPartition) => Partition | null, logger: Logger) {
    this.#partitionOf = partitionOf
    this.#logger = logger
  }

  /** Resolves to true once a marker is durable in each partition that is still there; false: try again later. */
  async write(transaction: Transaction, outcome: Outcome): Promise<boolean> {
    const { partitions } = transaction
    const written = await Promise.all(partitions.map((place) => this.#writeOne(transaction, place, outcome)))
    return written.every(Boolean)
  }

  async #writeOne(
    { producerId, producerEpoch, transactionalId }: Transaction,
    place: TransactionPartition,
    outcome: Outcome,
  ): Promise<boolean> {
    try {
      const marker = { producerId, producerEpoch, outcome, coordinatorEpoch }
      await this.#partitionOf(place)?.appendMarker(marker)
      return true
    } catch (error) {
      const fields = { err: error, transactionalId, ...place }
      if (error instanceof KafkaError && error.error === 'INVALID_PRODUCER_EPOCH') {
        // The partition has seen a later epoch: nothing of this transaction can be open there.
        this.#logger.error(fields, 'a partition refuses the end of a transaction')
        return true
      }
      this.#logger.warn(fields, 'the end of a transaction could not be written; will retry')
      return false
    }
  }
}
