// What goes over the Kafka listener, in numbers.
import { type ApiName, apis } from '../../protocol/apis/index.ts'
import type { KafkaApiCount } from '../broker/kafka-status.ts'

/** Counters of one listener. Bounded by the number of APIs. */
export class Traffic {
  bytesIn = 0
  bytesOut = 0
  /** Connections that were turned away: too many, or not from a machine that may connect. */
  refusedConnections = 0
  /** Connections that we ended because of what came over them, or did not. */
  cutConnections = 0
  throttledMs = 0
  readonly #counts = new Map<ApiName, { requests: number; errors: number }>(
    Object.values(apis).map((api) => [api.name, { requests: 0, errors: 0 }]),
  )

  request(name: ApiName): void {
    const count = this.#counts.get(name)
    if (count !== undefined) count.requests += 1
  }

  /** The whole request failed: a handler threw. */
  error(name: ApiName): void {
    const count = this.#counts.get(name)
    if (count !== undefined) count.errors += 1
  }

  /** Only what was asked for at least once. */
  apis(): readonly KafkaApiCount[] {
    return [...this.#counts].flatMap(([api, count]) => (count.requests === 0 ? [] : [{ api, ...count }]))
  }
}
