// Transactions of a Kafka producer for tests: what goes between begin and end, and what is known of the outcome.
import { KafkaError } from '../../protocol/errors.ts'
import { type KafkaClient, throwCode } from './client.ts'
import { Unanswered } from './connection.ts'
import type { Identity } from './membership.ts'
import type { KafkaProducer, Target } from './producer.ts'

/** `ok`: done. `fail`: surely not done, and never will be. `info`: nobody knows. */
export type EndOutcome = 'ok' | 'fail' | 'info'

/** An offset that a group has processed up to. */
export interface GroupOffset extends Target {
  readonly offset: number
}

/** One transaction at a time. `client` talks to the coordinator; the producer may have a connection of its own. */
export class KafkaTransactions {
  readonly #client: KafkaClient
  readonly #producer: KafkaProducer
  readonly #patienceMs: number

  constructor(client: KafkaClient, producer: KafkaProducer, patienceMs: number) {
    this.#client = client
    this.#producer = producer
    this.#patienceMs = patienceMs
  }

  /** Takes partitions into the transaction, which begins with the first. */
  async addPartitions(targets: readonly Target[]): Promise<void> {
    const topics = Map.groupBy(targets, ({ topic }) => topic)
    await this.#client.retry(this.#patienceMs, async () => {
      const response = await this.#client.request('AddPartitionsToTxn', {
        v3AndBelowTransactionalId: this.#transactionalId,
        v3AndBelowProducerId: this.#producer.producerId,
        v3AndBelowProducerEpoch: this.#producer.producerEpoch,
        v3AndBelowTopics: [...topics].map(([name, each]) => ({
          name,
          partitions: each.map(({ partition }) => partition),
        })),
      })
      for (const { resultsByPartition } of response.resultsByTopicV3AndBelow) {
        for (const { partitionErrorCode } of resultsByPartition) {
          throwCode(partitionErrorCode, 'AddPartitionsToTxn')
        }
      }
    })
  }

  /** Commits offsets of a group with the transaction. */
  async commitOffsets(member: Identity, offsets: readonly GroupOffset[]): Promise<void> {
    const common = {
      transactionalId: this.#transactionalId,
      producerId: this.#producer.producerId,
      producerEpoch: this.#producer.producerEpoch,
      groupId: member.groupId,
    }
    await this.#client.retry(this.#patienceMs, async () => {
      const response = await this.#client.request('AddOffsetsToTxn', common)
      throwCode(response.errorCode, 'AddOffsetsToTxn')
    })
    const topics = [...Map.groupBy(offsets, ({ topic }) => topic)].map(([name, each]) => ({
      name,
      partitions: each.map(({ partition, offset }) => ({
        partitionIndex: partition,
        committedOffset: offset,
        committedMetadata: null,
      })),
    }))
    await this.#client.retry(this.#patienceMs, async () => {
      const { memberId, generation } = member
      const body = { ...common, memberId, generationId: generation, groupInstanceId: null, topics }
      const response = await this.#client.request('TxnOffsetCommit', body)
      for (const { partitions } of response.topics) {
        for (const { errorCode } of partitions) throwCode(errorCode, 'TxnOffsetCommit')
      }
    })
  }

  /** Commits or aborts. */
  async end(committed: boolean): Promise<EndOutcome> {
    let isDoubtful = false
    const note = (error: unknown) => {
      isDoubtful ||= error instanceof Unanswered || (error instanceof KafkaError && vague.has(error.error))
    }
    const { producerId, producerEpoch } = this.#producer
    try {
      await this.#client.retry(
        this.#patienceMs,
        async () => {
          const transactionalId = this.#transactionalId
          const body = { transactionalId, producerId, producerEpoch, committed }
          const response = await this.#client.request('EndTxn', body)
          throwCode(response.errorCode, 'EndTxn')
        },
        note,
      )
      return 'ok'
    } catch (error) {
      this.#client.signal.throwIfAborted()
      note(error)
      return isDoubtful ? 'info' : 'fail'
    }
  }

  /** Leaves it open for a while. */
  async pause(ms: number): Promise<void> {
    await this.#client.pause(ms)
  }

  get #transactionalId(): string {
    return this.#producer.transactionalId ?? ''
  }
}

/** Answers of a coordinator that may have decided all the same. */
const vague: ReadonlySet<string> = new Set([
  'REQUEST_TIMED_OUT',
  'NETWORK_EXCEPTION',
  'KAFKA_STORAGE_ERROR',
  'COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR',
])
