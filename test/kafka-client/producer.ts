// A Kafka producer for tests: idempotent, with a window of five batches a partition, retries under the same sequences.
import { KafkaError } from '../../protocol/errors.ts'
import { type KafkaClient, throwCode } from './client.ts'
import type { KafkaConnection } from './connection.ts'
import { encodeValues } from './records.ts'

export interface Target {
  readonly topic: string
  readonly partition: number
}

/** What became of one batch. */
export interface Sent {
  /** `info`: not answered within the patience; it may be there, or come later. */
  readonly outcome: 'ok' | 'fail' | 'info'
  /** Of the first record; null when the broker did not say. */
  readonly baseOffset: number | null
  readonly error: unknown
}

export interface ProducerOptions {
  /** Null: idempotent without transactions. */
  readonly transactionalId: string | null
  readonly transactionTimeoutMs: number
  /** How long to go on with what fails in a way that may pass. */
  readonly patienceMs: number
}

interface Batch {
  readonly sequence: number
  readonly bytes: Uint8Array
  /** A try of it got no answer, or a good one: a refusal later on says nothing about that one. */
  isDoubtful: boolean
}

/** Batches a broker remembers, and so the most that may be under way. */
export const windowMax = 5
const sequences = 2 ** 31

export class KafkaProducer {
  readonly #client: KafkaClient
  readonly #options: ProducerOptions
  #producerId = -1
  #producerEpoch = -1
  #firstSequence = 0
  readonly #sequences = new Map<string, number>()

  constructor(client: KafkaClient, options: ProducerOptions) {
    this.#client = client
    this.#options = options
  }

  get producerId(): number {
    return this.#producerId
  }

  get producerEpoch(): number {
    return this.#producerEpoch
  }

  get transactionalId(): string | null {
    return this.#options.transactionalId
  }

  /**
   * Takes a producer id and epoch; a transaction of the same transactional id that is open is aborted by this. A new
   * producer may begin at any sequence.
   */
  async init(firstSequence = 0): Promise<void> {
    const { transactionalId, transactionTimeoutMs, patienceMs } = this.#options
    const answer = await this.#client.retry(patienceMs, async () => {
      const body = { transactionalId, transactionTimeoutMs, producerId: -1, producerEpoch: -1 }
      const response = await this.#client.request('InitProducerId', body)
      throwCode(response.errorCode, 'InitProducerId')
      return response
    })
    this.#producerId = answer.producerId
    this.#producerEpoch = answer.producerEpoch
    this.#sequences.clear()
    this.#firstSequence = firstSequence
  }

  /**
   * Sends up to five batches into one partition at once, in order; resolves when the fate of all of them is known, or
   * the patience is over.
   */
  async send(target: Target, batches: readonly (readonly string[])[]): Promise<readonly Sent[]> {
    const window = batches.map((values) => this.#prepare(target, values))
    const sent: Sent[] = []
    const { clock } = this.#client.parts
    const end = clock.monotonic() + this.#options.patienceMs
    let pauseMs = 10
    while (sent.length < window.length) {
      const answers = await this.#sendOnce(target, window.slice(sent.length))
      for (const answer of answers) {
        if (answer.outcome !== 'ok') break
        sent.push(answer)
      }
      const refused = answers.find(({ outcome }) => outcome !== 'ok')
      if (refused === undefined) continue
      const isOver = clock.monotonic() > end
      if (refused.outcome === 'info' && !isOver) {
        await this.#client.pause(pauseMs)
        pauseMs = Math.min(pauseMs * 2, 400)
        continue
      }
      // The first is refused for good, or nobody knows: what comes behind it is not tried again.
      const rest = answers.slice(answers.indexOf(refused))
      for (const [index, answer] of rest.entries()) {
        const isDoubtful = window[sent.length]?.isDoubtful === true || refused.outcome === 'info'
        const outcome = isDoubtful ? 'info' : 'fail'
        sent.push(answer.outcome === 'ok' ? answer : { ...(index === 0 ? answer : refused), outcome })
      }
    }
    return sent
  }

  #prepare({ topic, partition }: Target, values: readonly string[]): Batch {
    const key = `${topic}-${partition}`
    const sequence = this.#sequences.get(key) ?? this.#firstSequence
    this.#sequences.set(key, (sequence + values.length) % sequences)
    const bytes = encodeValues(values, {
      producerId: this.#producerId,
      producerEpoch: this.#producerEpoch,
      baseSequence: sequence,
      isTransactional: this.#options.transactionalId !== null,
      codec: 'none',
      timestampMs: this.#client.parts.clock.now(),
    })
    return { sequence, bytes, isDoubtful: false }
  }

  /** One try of each: `info` where another may follow. The first that is not `ok` decides about those behind it. */
  async #sendOnce(target: Target, batches: readonly Batch[]): Promise<readonly Sent[]> {
    let connection: KafkaConnection
    try {
      connection = await this.#client.connection()
    } catch (error) {
      this.#client.signal.throwIfAborted()
      return batches.map(() => ({ outcome: 'info', baseOffset: null, error }))
    }
    return await Promise.all(batches.map((batch) => this.#sendBatch(connection, target, batch)))
  }

  async #sendBatch(connection: KafkaConnection, { topic, partition }: Target, batch: Batch): Promise<Sent> {
    try {
      const response = await connection.request('Produce', {
        transactionalId: this.#options.transactionalId,
        acks: -1,
        timeoutMs: 10_000,
        // A copy: what was sent may still wait in a socket when it is sent again.
        topicData: [{ name: topic, partitionData: [{ index: partition, records: batch.bytes.slice() }] }],
      })
      const answer = response.responses[0]?.partitionResponses[0]
      if (answer === undefined) throw new KafkaError('UNKNOWN_SERVER_ERROR', 'no answer for the partition')
      throwCode(answer.errorCode, `Produce of sequence ${batch.sequence}`)
      batch.isDoubtful = true
      // A duplicate whose place is not known any more has -1.
      return { outcome: 'ok', baseOffset: answer.baseOffset < 0 ? null : answer.baseOffset, error: null }
    } catch (error) {
      this.#client.signal.throwIfAborted()
      const isFinal = error instanceof KafkaError && !mayPass.has(error.error)
      if (!isFinal) batch.isDoubtful ||= !(error instanceof KafkaError) || isVague.has(error.error)
      return { outcome: isFinal ? 'fail' : 'info', baseOffset: null, error }
    }
  }
}

/** Errors after which the same batch is sent again. A gap is one: what stands before it may have been refused for a moment. */
const mayPass: ReadonlySet<string> = new Set([
  'UNKNOWN_TOPIC_OR_PARTITION',
  'LEADER_NOT_AVAILABLE',
  'NOT_LEADER_OR_FOLLOWER',
  'REQUEST_TIMED_OUT',
  'NETWORK_EXCEPTION',
  'NOT_ENOUGH_REPLICAS',
  'KAFKA_STORAGE_ERROR',
  'CONCURRENT_TRANSACTIONS',
])

/** Errors after which the batch may be there all the same. */
const isVague: ReadonlySet<string> = new Set([
  'REQUEST_TIMED_OUT',
  'NETWORK_EXCEPTION',
  'KAFKA_STORAGE_ERROR',
])
