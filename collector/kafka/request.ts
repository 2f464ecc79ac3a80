// The context of one request: what a handler may ask about its client, made cheaply, for there is one for each.
import type { Clock, Logger, Random } from '../../core/runtime.ts'
import type { ApiName } from '../../protocol/apis/index.ts'
import type { RequestHeader } from '../../protocol/message.ts'
import type { Broker } from '../broker/broker.ts'
import type { Slot } from './answers.ts'
import type { KafkaConnection } from './connection.ts'
import type { ClusterView, RequestContext } from './context.ts'
import { Loan } from './frame-pool.ts'
import type { KafkaLimits } from './limits.ts'
import type { Quota } from './quotas.ts'
import type { SecuritySession } from './security.ts'

/** Everything but the header's fields is looked up when it is asked for. */
export class KafkaRequest implements RequestContext {
  readonly apiName: ApiName
  readonly connection: KafkaConnection
  readonly #header: RequestHeader
  readonly #slot: Slot | null

  constructor(connection: KafkaConnection, apiName: ApiName, header: RequestHeader, slot: Slot | null) {
    this.#slot = slot
    this.connection = connection
    this.apiName = apiName
    this.#header = header
  }

  get apiVersion(): number {
    return this.#header.apiVersion
  }

  get correlationId(): number {
    return this.#header.correlationId
  }

  get clientId(): string | null {
    return this.#header.clientId
  }

  get session(): SecuritySession {
    return this.connection.session
  }

  get cluster(): ClusterView {
    return this.connection.cluster
  }

  get signal(): AbortSignal {
    return this.connection.signal
  }

  get limits(): KafkaLimits {
    return this.connection.limits
  }

  get quotas(): readonly Quota[] {
    return this.connection.quotas
  }

  get broker(): Broker {
    return this.connection.services.broker
  }

  get clock(): Clock {
    return this.connection.services.clock
  }

  get random(): Random {
    return this.connection.services.random
  }

  get logger(): Logger {
    return this.connection.services.logger
  }

  get lendableBytes(): number {
    return Math.max(0, this.limits.lentBytesMax - this.connection.pool.lentBytes)
  }

  lend(length: number): Uint8Array {
    if (this.#slot === null) return Buffer.allocUnsafeSlow(length)
    this.#slot.loan ??= new Loan(this.connection.pool)
    return this.#slot.loan.take(length)
  }

  authorize(...question: Parameters<SecuritySession['authorize']>): boolean {
    return this.connection.session.authorize(...question)
  }
}
