// What a handler of a Kafka request is given: who asks, over which connection, and the broker that answers.
import type { Address, Clock, Logger, Random, TlsInfo } from '../../core/runtime.ts'
import type { ApiName } from '../../protocol/apis/index.ts'
import type { Broker } from '../broker/broker.ts'
import type { KafkaLimits } from './limits.ts'
import type { Quota } from './quotas.ts'
import type { SecuritySession } from './security.ts'

/** The only broker's node id; it is the controller and every leader and coordinator too. */
export const nodeId = 0

/** What clients are told of the cluster. Addresses depend on the connection: each client hears the one it can reach. */
export interface ClusterView {
  /** Durable: made once for a data folder. */
  readonly clusterId: string
  readonly controllerId: number
  readonly brokers: readonly BrokerView[]
}

export interface BrokerView extends Address {
  readonly nodeId: number
  readonly rack: string | null
}

/** One connection as its handlers see it. */
export interface ClientConnection {
  /** Counts up from 1 in this process. */
  readonly id: number
  /** The address of the other end of the socket. */
  readonly peer: string
  /** `PLAINTEXT`, `SSL`, `SASL_PLAINTEXT` or `SASL_SSL`. */
  readonly listenerName: string
  /** Null without TLS. */
  readonly tls: TlsInfo | null
  /** Where this client is told that the broker is: `advertise` of the configuration, else the address it has reached. */
  readonly advertised: Address
  /** The software the client named in ApiVersions, or null. */
  software: { readonly name: string; readonly version: string } | null
  /** Closes once the answers that are due are out; the reason goes to the log. */
  closeAfterAnswers(reason: string): void
}

/** What all connections of a listener share. */
export interface KafkaServices {
  readonly broker: Broker
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

/** One request on its way; a handler gets it beside the decoded body. */
export interface RequestContext extends KafkaServices {
  readonly apiName: ApiName
  readonly apiVersion: number
  readonly correlationId: number
  readonly clientId: string | null
  readonly connection: ClientConnection
  /** Who the client is and what it may do. */
  readonly session: SecuritySession
  readonly cluster: ClusterView
  readonly limits: KafkaLimits
  readonly quotas: readonly Quota[]
  /** Aborts when the connection is gone or the listener stops: what waits should give up. */
  readonly signal: AbortSignal
  /** What answers may still borrow; a little more does no harm. */
  readonly lendableBytes: number
  /** A buffer for parts of the answer, its content arbitrary; it is taken back when the answer is sent. */
  lend(length: number): Uint8Array
  /** Shorthand for `session.authorize`. */
  authorize: SecuritySession['authorize']
}
