// The HTTP interface put together: all routes, keys and counters as one handler, and its orderly stop.
import type { EventLog } from '../../core/event-log.ts'
import type { HttpHandler, Runtime } from '../../core/runtime.ts'
import type { KafkaAbsence, KafkaListenerStatus } from '../broker/kafka-status.ts'
import { parseNetwork } from './addresses.ts'
import { createAgents } from './agents.ts'
import { groupRoutes } from './groups.ts'
import type { Ingest } from './ingest.ts'
import { batchRoutes } from './ingest-batches.ts'
import { eventRoutes } from './ingest-events.ts'
import { recordRoutes } from './ingest-records.ts'
import { segmentRoutes } from './ingest-segment.ts'
import { createKeyring, type KeyConfig } from './keys.ts'
import { createByteBudget, type IngestLimits } from './limits.ts'
import type { LogAdmin } from './log-admin.ts'
import { metricRoutes } from './metrics.ts'
import { openapiRoutes } from './openapi.ts'
import type { Route } from './router.ts'
import { createHandler } from './server.ts'
import { sourceRoutes } from './sources.ts'
import { type Statics, staticRoutes } from './statics.ts'
import { type Check, type StatusParts, statusRoutes } from './status.ts'
import { tailRoutes } from './tail.ts'
import { topicRoutes } from './topics.ts'
import { createTraffic } from './traffic.ts'

/** What the collector hands to its HTTP interface. */
export interface ServiceOptions {
  readonly log: EventLog
  /** What only our own broker can; the same object as `log` there. */
  readonly admin: LogAdmin
  /** None: only loopback clients may do anything. */
  readonly keys: readonly KeyConfig[]
  /** Addresses or networks whose X-Forwarded-For is believed. */
  readonly trustedProxies: readonly string[]
  readonly limits: IngestLimits
  readonly statics: Statics
  readonly version: string
  /** Facts about the sinks for /v1/sinks and /v1/status. */
  sinks(): readonly object[]
  /** The listener for Kafka clients, or why there is none. */
  kafka(): KafkaListenerStatus | KafkaAbsence
  /** What has to be true besides a writable log for /readyz to say yes. */
  readonly checks: readonly Check[]
}

export interface HttpService {
  readonly handler: HttpHandler
  readonly routes: readonly Route[]
  /**
   * Answers 503 to new requests from now on (and /readyz says why); resolves when the open ones are answered or the
   * signal aborts. Stop listening afterwards.
   */
  drain(signal: AbortSignal): Promise<void>
}

/** Puts the interface together. Throws CONFIG_INVALID for a proxy that is no address. */
export function createService(
  options: ServiceOptions,
  runtime: Pick<Runtime, 'clock' | 'random' | 'logger'>,
): HttpService {
  const { log, admin, limits, version } = options
  const traffic = createTraffic(runtime.clock)
  const budget = createByteBudget(limits.inFlightBytesMax)
  const agents = createAgents(runtime.clock)
  const ingest: Ingest = { log, limits, budget, runtime, signal: new AbortController().signal }
  const parts: StatusParts = {
    version,
    startedAt: runtime.clock.now(),
    admin,
    agents,
    traffic,
    budget,
    sinks: () => options.sinks(),
    kafka: () => options.kafka(),
    checks: options.checks,
    clock: runtime.clock,
  }
  const declared: readonly Route[] = [
    ...recordRoutes(ingest, admin),
    ...batchRoutes(ingest, agents),
    ...eventRoutes(ingest),
    ...segmentRoutes(ingest),
    ...sourceRoutes(log),
    ...topicRoutes(log, admin),
    ...groupRoutes(admin, runtime.clock),
    ...statusRoutes(parts),
    ...metricRoutes(parts),
    ...tailRoutes(admin, runtime.clock),
    ...staticRoutes(options.statics),
  ]
  const routes = [...declared, ...openapiRoutes(declared, version)]
  const trustedProxies = options.trustedProxies.map(parseNetwork)
  const handler = createHandler(
    { routes, keyring: createKeyring(options.keys), trustedProxies, traffic },
    runtime,
  )
  return { handler, routes, drain: (signal) => traffic.drain(signal) }
}
