// What a Kafka client's append and read of a partition look like: options and answers.
import type { BatchHeader } from '../../../protocol/batch-header.ts'
import type { Outcome } from '../../../protocol/control-batch.ts'
import type { Allocate } from '../../log/segment-files.ts'

export interface KafkaAppendOptions {
  /** What `verifyBatch` said of the batch. */
  readonly header: BatchHeader
  /**
   * `coordinator`: the broker's own batch in the name of a producer (offsets in a transaction); it has no sequence
   * (-1). A client's batch is checked for that and may not be a control batch.
   */
  readonly origin?: 'client' | 'coordinator'
  /** The client understands TRANSACTION_ABORTABLE (Produce 11, TxnOffsetCommit 4); else it is told INVALID_TXN_STATE. */
  readonly knowsAbortable?: boolean
}

/** Where a batch is, once durable. */
export interface KafkaAppended {
  readonly baseOffset: number
  /** Wall-clock ms; -1 when the producer's clock counts (CreateTime). */
  readonly logAppendTimeMs: number
  readonly logStartOffset: number
}

/** `read_committed` ends at the last stable offset and names the aborted transactions in the range. */
export type Isolation = 'read_uncommitted' | 'read_committed'

export interface KafkaReadOptions {
  readonly isolation: Isolation
  readonly bytesMax: number
  /** One batch at least, however large. */
  readonly atLeastOne: boolean
  /** Where the bytes go; without it into a buffer of their own. */
  readonly allocate?: Allocate
}

/** A transaction whose records are in the way of a reader of committed ones. */
export interface AbortedTransaction {
  readonly producerId: number
  readonly firstOffset: number
}

export interface KafkaRead {
  /** Whole batches as they are stored; the first may begin below the offset that was asked for. */
  readonly bytes: Uint8Array
  readonly highWatermark: number
  readonly lastStableOffset: number
  readonly startOffset: number
  /** By `firstOffset`; empty for `read_uncommitted`. */
  readonly aborted: readonly AbortedTransaction[]
}

/** Called with the producer whose marker became durable in a partition. */
export type MarkerListener = (producerId: number, producerEpoch: number, outcome: Outcome) => void

/** Says which producer may write where: the transaction coordinator, asked before every transactional append. */
export interface TransactionGuard {
  /** Why the producer may not write into the partition as a part of its transaction now; null when it may. */
  refusal(
    producerId: number,
    producerEpoch: number,
    topic: string,
    partition: number,
  ): TransactionRefusal | null
}

/** No such transaction there; another epoch of the producer is current; the last transaction is being ended. */
export type TransactionRefusal = 'INVALID_TXN_STATE' | 'INVALID_PRODUCER_EPOCH' | 'NOT_ENOUGH_REPLICAS'
