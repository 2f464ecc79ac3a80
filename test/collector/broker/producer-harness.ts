// What the tests of producers and transactions share: batches as Kafka clients make them, and reading as they do.
import type { Broker } from '../../../collector/broker/broker.ts'
import type { Isolation, KafkaAppended } from '../../../collector/broker/partitions/kafka-append.ts'
import type { Partition } from '../../../collector/broker/partitions/partition.ts'
import type { ProducerIdentity } from '../../../collector/broker/transactions/transaction-state.ts'
import { decodeBatch, recordAt } from '../../../protocol/batch-decode.ts'
import { BatchBuilder } from '../../../protocol/batch-encode.ts'
import { defaultLimits, readHeader, verifyBatch } from '../../../protocol/batch-header.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

export interface ClientBatch {
  readonly id?: number
  readonly epoch?: number
  /** The sequence of its first record. */
  readonly sequence?: number
  readonly values: readonly string[]
  readonly transactional?: boolean
  readonly timestamp?: number
}

/** A batch as a client sends it. */
export function clientBatch(batch: ClientBatch): Uint8Array {
  const {
    id = -1,
    epoch = id < 0 ? -1 : 0,
    sequence = id < 0 ? -1 : 0,
    values,
    transactional = false,
  } = batch
  const builder = new BatchBuilder()
  for (const value of values) {
    const bytes = encoder.encode(value)
    builder.append(bytes, 0, bytes.length, batch.timestamp ?? 1_763_690_000_000, null, [])
  }
  return builder.finish({
    codec: 'none',
    producerId: id,
    producerEpoch: epoch,
    baseSequence: sequence,
    isTransactional: transactional,
  })
}

/** Appends it as Produce does. */
export async function produce(partition: Partition, batch: ClientBatch): Promise<KafkaAppended> {
  const bytes = clientBatch(batch)
  return await partition.appendKafka(bytes, { header: verifyBatch(bytes, 0, defaultLimits) })
}

/** `offset=value` of everything that a consumer of this isolation hands to its user, reading `bytesMax` at a time. */
export async function consume(
  partition: Partition,
  isolation: Isolation,
  bytesMax = 1_000_000,
): Promise<readonly string[]> {
  const values: string[] = []
  let next = partition.startOffset
  for (;;) {
    const read = await partition.readKafka(next, { isolation, bytesMax, atLeastOne: true })
    if (read.bytes.length === 0) return values
    // As clients do it: those that abort are forgotten at their marker.
    const upcoming = [...read.aborted]
    const aborting = new Set<number>()
    for (let at = 0; at < read.bytes.length; ) {
      const header = readHeader(read.bytes, at)
      const lastOffset = header.baseOffset + header.lastOffsetDelta
      while (upcoming[0] !== undefined && upcoming[0].firstOffset <= lastOffset) {
        aborting.add((upcoming.shift() as { producerId: number }).producerId)
      }
      if (header.isControl) aborting.delete(header.producerId)
      else if (!(header.isTransactional && aborting.has(header.producerId))) {
        const batch = decodeBatch(read.bytes, at, defaultLimits)
        for (let i = 0; i < batch.count; i += 1) {
          const { offset, value } = recordAt(batch, i)
          if (offset >= next) values.push(`${offset}=${decoder.decode(value ?? undefined)}`)
        }
      }
      at += header.length
      next = Math.max(next, lastOffset + 1)
    }
  }
}

/** The partition of a topic that is there. */
export function partitionOf(broker: Broker, topic = 'logs', index = 0): Partition {
  const partition = broker.partition(topic, index)
  if (partition === null) throw new Error(`there is no ${topic}-${index}`)
  return partition
}

/** A transactional producer after InitProducerId. */
export async function initProducer(broker: Broker, transactionalId: string): Promise<TransactionalClient> {
  const identity = await broker.transactions.initProducerId({
    transactionalId,
    timeoutMs: 60_000,
    producerId: -1,
    producerEpoch: -1,
  })
  return new TransactionalClient(broker, transactionalId, identity)
}

/** What a client library keeps: sequences by partition, the epoch. */
export class TransactionalClient {
  readonly transactionalId: string
  readonly identity: ProducerIdentity
  readonly #broker: Broker
  readonly #sequences = new Map<string, number>()

  constructor(broker: Broker, transactionalId: string, identity: ProducerIdentity) {
    this.#broker = broker
    this.transactionalId = transactionalId
    this.identity = identity
  }

  async add(topic: string, ...partitions: readonly number[]): Promise<void> {
    await this.#broker.transactions.addPartitions(
      this.#named,
      partitions.map((partition) => ({ topic, partition })),
    )
  }

  async send(topic: string, partition: number, ...values: readonly string[]): Promise<KafkaAppended> {
    const key = `${topic}-${partition}`
    const sequence = this.#sequences.get(key) ?? 0
    this.#sequences.set(key, sequence + values.length)
    const { producerId: id, producerEpoch: epoch } = this.identity
    return await produce(partitionOf(this.#broker, topic, partition), {
      id,
      epoch,
      sequence,
      values,
      transactional: true,
    })
  }

  async end(outcome: 'commit' | 'abort'): Promise<void> {
    await this.#broker.transactions.endTransaction(this.#named, outcome)
  }

  get #named() {
    return { transactionalId: this.transactionalId, ...this.identity }
  }
}
