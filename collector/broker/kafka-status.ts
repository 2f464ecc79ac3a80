// What the Kafka listener says of itself; here because HTTP shows it and does not know the listener.
import type { Address } from '../../core/runtime.ts'

/** Requests since the start. */
export interface KafkaApiCount {
  readonly api: string
  readonly requests: number
  /** Requests that failed as a whole; refusals of single topics are not counted. */
  readonly errors: number
}

/** Facts and counters of the listener. */
export interface KafkaListenerStatus {
  readonly address: Address
  /** Null: each client is told the address that it has reached. */
  readonly advertised: Address | null
  /** `PLAINTEXT`, `SSL`, `SASL_PLAINTEXT` or `SASL_SSL`. */
  readonly protocol: string
  readonly connections: number
  readonly refusedConnections: number
  readonly cutConnections: number
  /** Client libraries of the connections that are open. */
  readonly clients: readonly {
    readonly name: string
    readonly version: string
    readonly connections: number
  }[]
  /** Bytes of requests in memory. */
  readonly frameBytes: number
  readonly bytesIn: number
  readonly bytesOut: number
  /** Pauses that clients over their quota were told to make, in ms. */
  readonly throttledMs: number
  readonly apis: readonly KafkaApiCount[]
}

/** Off by configuration, or not there because its default port is taken; `address` is the one it would have. */
export interface KafkaAbsence {
  readonly address: Address | null
  readonly reason: 'off' | 'port taken'
}
