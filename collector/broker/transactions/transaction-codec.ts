// Transactional ids as records of `__transaction_state`, in Kafka's layouts: key version 0, value version 0.
//
// Source: kafka TransactionLogKey.json, TransactionLogValue.json; docs/storage-format.md. What version 0 has no place for
// is what a repeated InitProducerId is recognised by: after a restart such a repetition is fenced, as in Kafka.
import { array, field, int8, int16, int32, int64, string, struct } from '../../../protocol/schema.ts'
import { decodeValue, encodeValue, versionOf } from '../../../protocol/values.ts'
import type { Transaction, TransactionPartition } from './transaction-state.ts'

const layoutVersion = 0

/** States by their number on disk; 6 and 7 (Dead, PrepareEpochFence) are never written. */
const stateNumbers = {
  Empty: 0,
  Ongoing: 1,
  PrepareCommit: 2,
  PrepareAbort: 3,
  CompleteCommit: 4,
  CompleteAbort: 5,
} as const

const transactionKey = struct({ transactionalId: field(string, '0', 'The transactional id.') })

const transactionTopic = struct({
  topic: field(string, '0+', 'The name of the topic.'),
  partitionIds: field(array(int32), '0+', 'The partitions that have entered.'),
})

const transactionValue = struct({
  producerId: field(int64, '0+', 'The producer id.'),
  producerEpoch: field(int16, '0+', 'Its epoch.'),
  transactionTimeoutMs: field(int32, '0+', 'After how long the transaction is aborted.'),
  transactionStatus: field(int8, '0+', 'The number of the state.'),
  transactionPartitions: field(array(transactionTopic), '0+', 'What has entered; null: nothing can.', {
    nullable: '0+',
  }),
  transactionLastUpdateTimestampMs: field(int64, '0+', 'When the record was written.'),
  transactionStartTimestampMs: field(int64, '0+', 'When the transaction began, -1 before the first one.'),
})

export function encodeTransactionKey(transactionalId: string): Uint8Array {
  return encodeValue(transactionKey, layoutVersion, { transactionalId })
}

/** The transactional id in the bytes, or null for another version or bytes that are none. */
export function decodeTransactionKey(key: Uint8Array): string | null {
  if (versionOf(key) !== layoutVersion) return null
  return decodeValue(transactionKey, layoutVersion, key, true)?.transactionalId ?? null
}

export function encodeTransactionValue(transaction: Transaction): Uint8Array {
  const byTopic = new Map<string, number[]>()
  for (const { topic, partition } of transaction.partitions) {
    const known = byTopic.get(topic)
    if (known === undefined) byTopic.set(topic, [partition])
    else known.push(partition)
  }
  const topics = Array.from(byTopic, ([topic, partitionIds]) => ({ topic, partitionIds }))
  return encodeValue(transactionValue, layoutVersion, {
    producerId: transaction.producerId,
    producerEpoch: transaction.producerEpoch,
    transactionTimeoutMs: transaction.timeoutMs,
    transactionStatus: stateNumbers[transaction.state],
    transactionPartitions: transaction.state === 'Empty' ? null : topics,
    transactionLastUpdateTimestampMs: transaction.updatedAt,
    transactionStartTimestampMs: transaction.startedAt,
  })
}

/** The value in the bytes, or null for another version or bytes that are none. */
export function decodeTransactionValue(transactionalId: string, value: Uint8Array): Transaction | null {
  if (versionOf(value) !== layoutVersion) return null
  const decoded = decodeValue(transactionValue, layoutVersion, value, true)
  if (decoded === null) return null
  const state = stateNumbered(decoded.transactionStatus)
  if (state === null) return null
  return {
    transactionalId,
    producerId: decoded.producerId,
    lastProducerId: -1,
    producerEpoch: decoded.producerEpoch,
    lastProducerEpoch: -1,
    timeoutMs: decoded.transactionTimeoutMs,
    state,
    partitions: (decoded.transactionPartitions ?? []).flatMap(partitionsOf),
    startedAt: decoded.transactionStartTimestampMs,
    updatedAt: decoded.transactionLastUpdateTimestampMs,
  }
}

function partitionsOf({
  topic,
  partitionIds,
}: {
  readonly topic: string
  readonly partitionIds: readonly number[]
}): readonly TransactionPartition[] {
  return partitionIds.map((partition) => ({ topic, partition }))
}

function stateNumbered(number: number): Transaction['state'] | null {
  for (const [name, known] of Object.entries(stateNumbers)) {
    if (known === number) return name as Transaction['state']
  }
  return null
}
