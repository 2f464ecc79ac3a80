// TransactionGate: stands in for the transaction coordinator until that is loaded; partitions open before it.
import type { TransactionGuard, TransactionRefusal } from '../partitions/kafka-append.ts'

export class TransactionGate implements TransactionGuard {
  #guard: TransactionGuard | null = null

  /** From now on the guard is asked. */
  open(guard: TransactionGuard): void {
    this.#guard = guard
  }

  refusal(
    producerId: number,
    producerEpoch: number,
    topic: string,
    partition: number,
  ): TransactionRefusal | null {
    if (this.#guard === null) return 'NOT_ENOUGH_REPLICAS'
    return this.#guard.refusal(producerId, producerEpoch, topic, partition)
  }
}
