// GET /v1/status and its parts: health, topics, agents, sinks, lag, losses, durability, in one answer.
import type { Address, Clock } from '../../core/runtime.ts'
import type { KafkaAbsence, KafkaListenerStatus } from '../broker/kafka-status.ts'
import type { BrokerStatus } from '../broker/status.ts'
import type { Agents } from './agents.ts'
import { json } from './errors.ts'
import { groupList } from './groups.ts'
import type { ByteBudget } from './limits.ts'
import type { LogAdmin } from './log-admin.ts'
import type { Route } from './router.ts'
import type { Traffic } from './traffic.ts'

/** One thing that has to be true for the collector to be ready: null when it is, else what is missing. */
export interface Check {
  readonly name: string
  missing(): string | null
}

/** What the status is put together from. */
export interface StatusParts {
  readonly version: string
  /** Wall-clock ms. */
  readonly startedAt: number
  readonly admin: LogAdmin
  readonly agents: Agents
  readonly traffic: Traffic
  readonly budget: ByteBudget
  /** The sinks as they are now; their owner knows. */
  sinks(): readonly object[]
  /** The listener for Kafka clients, or why there is none. */
  kafka(): KafkaListenerStatus | KafkaAbsence
  readonly checks: readonly Check[]
  readonly clock: Clock
}

/** The routes of status and health. */
export function statusRoutes(parts: StatusParts): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/healthz',
      access: 'public',
      about: 'The process is alive.',
      handle: async () => json(200, { status: 'ok' }),
    },
    {
      method: 'GET',
      path: '/readyz',
      access: 'public',
      about: 'The log is writable and the sinks are open; 503 names what is missing.',
      handle: async () => {
        const missing = missingParts(parts)
        return json(missing.length === 0 ? 200 : 503, {
          status: missing.length === 0 ? 'ready' : 'not ready',
          missing,
        })
      },
    },
    {
      method: 'GET',
      path: '/v1/status',
      access: 'admin',
      about: 'Health, topics, agents, sinks, lag, losses, durability, version, uptime.',
      handle: async ({ request }) => json(200, await status(parts, request.signal)),
    },
    {
      method: 'GET',
      path: '/v1/sinks',
      access: 'admin',
      about: 'The sinks with their state and last error.',
      handle: async () => json(200, { sinks: parts.sinks() }),
    },
    {
      method: 'GET',
      path: '/v1/agents',
      access: 'admin',
      about: 'Agents that have shipped since the start.',
      handle: async () => json(200, { agents: agentList(parts) }),
    },
  ]
}

/** What keeps the collector from being ready, by name. */
export function missingParts(
  parts: StatusParts,
): readonly { readonly name: string; readonly reason: string }[] {
  const missing = parts.checks.flatMap((check) => {
    const reason = check.missing()
    return reason === null ? [] : [{ name: check.name, reason }]
  })
  const { failed, isDiskFull } = parts.admin.status()
  if (isDiskFull) missing.unshift({ name: 'log', reason: 'the disk is full: writes are refused' })
  if (failed !== null) missing.unshift({ name: 'log', reason: failed })
  if (parts.traffic.isDraining) missing.unshift({ name: 'collector', reason: 'stopping' })
  return missing
}

async function status(parts: StatusParts, signal: AbortSignal): Promise<object> {
  const missing = missingParts(parts)
  const log = parts.admin.status()
  const now = parts.clock.now()
  return {
    health: missing.length === 0 ? 'ok' : 'degraded',
    missing,
    version: parts.version,
    started_at: new Date(parts.startedAt).toISOString(),
    uptime_ms: Math.max(0, now - parts.startedAt),
    durability: durabilityOf(log.durability),
    topics: topicList(log),
    agents: agentList(parts),
    sinks: parts.sinks(),
    kafka: kafkaStatus(parts.kafka()),
    groups: await groupList(parts.admin, parts.clock, signal),
    losses: { totals: log.losses, recent: log.recentLosses },
    unreadable_topics: log.unreadableTopics,
    http: {
      open_requests: parts.traffic.openRequests,
      in_flight_bytes: parts.budget.usedBytes,
      pending_log_bytes: log.pendingBytes,
    },
  }
}

/** `commit`: an acknowledged record is on the disk; else what was chosen instead. */
function durabilityOf(flush: BrokerStatus['durability']): object {
  if (typeof flush === 'string') return { flush }
  return { flush: 'interval', interval_ms: flush.intervalMs }
}

function topicList(log: BrokerStatus): readonly object[] {
  return log.topics.flatMap(({ name, partitions }) => {
    if (name.startsWith('__')) return []
    let records = 0
    let bytes = 0
    for (const partition of partitions) {
      records += partition.highWatermark - partition.startOffset
      bytes += partition.bytes
    }
    return { name, partitions: partitions.length, records, bytes }
  })
}

function agentList(parts: StatusParts): readonly object[] {
  const now = parts.clock.now()
  return parts.agents.list().map((agent) => ({
    name: agent.name,
    address: agent.address,
    first_seen_at: new Date(agent.firstSeenAt).toISOString(),
    last_seen_at: new Date(agent.lastSeenAt).toISOString(),
    silent_ms: Math.max(0, now - agent.lastSeenAt),
    batches: agent.batches,
    bytes: agent.bytes,
    last_topic: agent.lastTopic,
  }))
}

/** The listener as JSON: where it is and who is there, or why there is none. */
function kafkaStatus(status: KafkaListenerStatus | KafkaAbsence): object {
  if ('reason' in status) return { state: status.reason, address: addressText(status.address) }
  return {
    state: 'listening',
    address: addressText(status.address),
    advertised: addressText(status.advertised),
    protocol: status.protocol,
    connections: status.connections,
    refused_connections: status.refusedConnections,
    cut_connections: status.cutConnections,
    clients: status.clients,
    bytes_in: status.bytesIn,
    bytes_out: status.bytesOut,
    throttled_ms: status.throttledMs,
    requests: status.apis,
  }
}

function addressText(address: Address | null): string | null {
  if (address === null) return null
  const { host, port } = address
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}
