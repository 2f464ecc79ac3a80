// A Kafka client for tests: one connection that is made anew when it broke, and requests that retry what may be retried.
import type { Random } from '../../core/runtime.ts'
import type { ApiName, RequestInput, ResponseOf } from '../../protocol/apis/index.ts'
import { KafkaError, type KafkaErrorName, kafkaErrorName } from '../../protocol/errors.ts'
import {
  type ConnectionOptions,
  type ConnectionParts,
  type KafkaConnection,
  openConnection,
  Unanswered,
} from './connection.ts'

export interface ClientParts extends ConnectionParts {
  readonly random: Random
}

/** The broker is not ready, or too busy, or did not get through: the same request may be sent again. */
const retriable: ReadonlySet<KafkaErrorName> = new Set([
  'UNKNOWN_TOPIC_OR_PARTITION',
  'LEADER_NOT_AVAILABLE',
  'NOT_LEADER_OR_FOLLOWER',
  'REQUEST_TIMED_OUT',
  'NETWORK_EXCEPTION',
  'COORDINATOR_LOAD_IN_PROGRESS',
  'COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR',
  'NOT_ENOUGH_REPLICAS',
  'KAFKA_STORAGE_ERROR',
  'CONCURRENT_TRANSACTIONS',
  'UNSTABLE_OFFSET_COMMIT',
  'THROTTLING_QUOTA_EXCEEDED',
])

/** Whether the same request may be sent again after this. */
export function isRetriable(error: unknown): boolean {
  if (error instanceof Unanswered) return true
  return error instanceof KafkaError && retriable.has(error.error)
}

/** Throws the KafkaError of a code; nothing for 0. */
export function throwCode(code: number, what: string): void {
  if (code === 0) return
  throw new KafkaError(kafkaErrorName(code) ?? 'UNKNOWN_SERVER_ERROR', `${what}: code ${code}`)
}

export class KafkaClient {
  readonly options: ConnectionOptions
  readonly parts: ClientParts
  readonly signal: AbortSignal
  #connection: KafkaConnection | null = null
  #opening: Promise<KafkaConnection> | null = null

  constructor(options: ConnectionOptions, parts: ClientParts, signal: AbortSignal) {
    this.options = options
    this.parts = parts
    this.signal = signal
    signal.addEventListener('abort', () => this.close(), { once: true })
  }

  /** One request, sent once. `waitMs` is how long the broker was asked to wait. */
  async request<Name extends ApiName>(
    name: Name,
    body: RequestInput<Name>,
    waitMs = 0,
  ): Promise<ResponseOf<Name>> {
    const connection = await this.connection()
    return await connection.request(name, body, waitMs)
  }

  /** The open connection, made when there is none. */
  async connection(): Promise<KafkaConnection> {
    this.signal.throwIfAborted()
    if (this.#connection !== null && !this.#connection.isBroken) return this.#connection
    this.#opening ??= openConnection(this.options, this.parts, this.signal).finally(() => {
      this.#opening = null
    })
    this.#connection = await this.#opening
    return this.#connection
  }

  /**
   * Does something again until it does not fail in a way that may pass. `withinMs` is the patience; the last error is thrown
   * when it is over. `onRetry` hears of every error before.
   */
  async retry<T>(
    withinMs: number,
    attempt: () => Promise<T>,
    onRetry: (error: unknown) => void = () => undefined,
  ): Promise<T> {
    const { clock, random } = this.parts
    const end = clock.monotonic() + withinMs
    for (let pauseMs = 10; ; pauseMs = Math.min(pauseMs * 2, 400)) {
      try {
        return await attempt()
      } catch (error) {
        if (!isRetriable(error) || clock.monotonic() > end) throw error
        onRetry(error)
        await this.pause(pauseMs * (0.5 + random.next()))
      }
    }
  }

  async pause(ms: number): Promise<void> {
    await this.parts.clock.sleep(ms, this.signal)
    this.signal.throwIfAborted()
  }

  /** Breaks the connection, as a cable does. */
  close(): void {
    this.#connection?.close()
    this.#connection = null
  }
}
