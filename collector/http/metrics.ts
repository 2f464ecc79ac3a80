// GET /metrics: the same facts as /v1/status in Prometheus' text format 0.0.4.
import type { KafkaAbsence, KafkaListenerStatus } from '../broker/kafka-status.ts'
import type { BrokerStatus } from '../broker/status.ts'
import { groupList, type ShownGroup } from './groups.ts'
import type { Route } from './router.ts'
import { missingParts, type StatusParts } from './status.ts'

/** The route. */
export function metricRoutes(parts: StatusParts): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/metrics',
      access: 'admin',
      about: 'Metrics in the Prometheus text format.',
      handle: async ({ request }) => ({
        status: 200,
        headers: {
          'content-type': 'text/plain; version=0.0.4; charset=utf-8',
          'cache-control': 'no-store',
          'x-content-type-options': 'nosniff',
        },
        body: (await families(parts, request.signal)).map(write).join(''),
      }),
    },
  ]
}

interface Family {
  readonly name: string
  readonly kind: 'counter' | 'gauge'
  readonly help: string
  readonly samples: readonly (readonly [labels: Readonly<Record<string, string | number>>, value: number])[]
}

async function families(parts: StatusParts, signal: AbortSignal): Promise<readonly Family[]> {
  const log = parts.admin.status()
  const now = parts.clock.now()
  const single = (name: string, help: string, value: number): Family => {
    return { name, kind: 'gauge', help, samples: [[{}, value]] }
  }
  return [
    single('logdrive_ready', '1 when /readyz answers 200.', missingParts(parts).length === 0 ? 1 : 0),
    single('logdrive_uptime_seconds', 'Time since the start.', Math.max(0, now - parts.startedAt) / 1000),
    single('logdrive_http_open_requests', 'Requests being answered.', parts.traffic.openRequests),
    single('logdrive_http_in_flight_bytes', 'Bytes of bodies in memory.', parts.budget.usedBytes),
    single('logdrive_log_pending_bytes', 'Bytes on their way to the disk.', log.pendingBytes),
    {
      name: 'logdrive_http_requests_total',
      kind: 'counter',
      help: 'Requests answered, by route and status.',
      samples: parts.traffic.counts().map(({ route, status, count }) => [{ route, status }, count]),
    },
    ...kafkaFamilies(parts.kafka()),
    ...topicFamilies(log),
    ...groupFamilies(await groupList(parts.admin, parts.clock, signal)),
    {
      name: 'logdrive_lost_total',
      kind: 'counter',
      help: 'What was not delivered: positions or offsets of the loss ledger.',
      samples: log.losses.map(({ reason, topic, units }) => [{ reason, topic }, units]),
    },
  ]
}

function kafkaFamilies(status: KafkaListenerStatus | KafkaAbsence): readonly Family[] {
  if ('reason' in status) return []
  const { connections, refusedConnections, cutConnections, bytesIn, bytesOut, throttledMs, apis } = status
  const counter = (name: string, help: string, samples: Family['samples']): Family => {
    return { name, kind: 'counter', help, samples }
  }
  return [
    {
      name: 'logdrive_kafka_connections',
      kind: 'gauge',
      help: 'Connections of Kafka clients.',
      samples: [[{}, connections]],
    },
    counter('logdrive_kafka_connections_ended_total', 'Connections refused, and cut for cause.', [
      [{ how: 'refused' }, refusedConnections],
      [{ how: 'cut' }, cutConnections],
    ]),
    counter('logdrive_kafka_bytes_total', 'Bytes of requests and answers.', [
      [{ direction: 'in' }, bytesIn],
      [{ direction: 'out' }, bytesOut],
    ]),
    counter('logdrive_kafka_throttled_seconds_total', 'Pauses that clients over a quota were told to make.', [
      [{}, throttledMs / 1000],
    ]),
    counter(
      'logdrive_kafka_requests_total',
      'Requests of Kafka clients.',
      apis.map(({ api, requests }) => [{ api }, requests]),
    ),
    counter(
      'logdrive_kafka_errors_total',
      'Requests of Kafka clients that failed as a whole.',
      apis.map(({ api, errors }) => [{ api }, errors]),
    ),
  ]
}

function topicFamilies(log: BrokerStatus): readonly Family[] {
  const ranges = log.topics.flatMap(({ name: topic, partitions }) =>
    topic.startsWith('__')
      ? []
      : partitions.map((range) => ({ labels: { topic, partition: range.partition }, range })),
  )
  return [
    {
      name: 'logdrive_partition_end_offset',
      kind: 'gauge',
      help: 'The offset that the next record gets.',
      samples: ranges.map(({ labels, range }) => [labels, range.highWatermark]),
    },
    {
      name: 'logdrive_partition_start_offset',
      kind: 'gauge',
      help: 'The first offset that is still kept.',
      samples: ranges.map(({ labels, range }) => [labels, range.startOffset]),
    },
    {
      name: 'logdrive_partition_bytes',
      kind: 'gauge',
      help: 'Bytes on disk.',
      samples: ranges.map(({ labels, range }) => [labels, range.bytes]),
    },
  ]
}

function groupFamilies(groups: readonly ShownGroup[]): readonly Family[] {
  const positions = groups.flatMap(({ group, partitions }) =>
    partitions.map((position) => ({
      labels: { group, topic: position.topic, partition: position.partition },
      position,
    })),
  )
  const timed = positions.flatMap(({ labels, position }) =>
    position.lag_ms === null ? [] : [[labels, position.lag_ms / 1000] as const],
  )
  return [
    {
      name: 'logdrive_group_lag_records',
      kind: 'gauge',
      help: 'Records that the group has not read.',
      samples: positions.map(({ labels, position }) => [labels, position.lag_records]),
    },
    {
      name: 'logdrive_group_lag_seconds',
      kind: 'gauge',
      help: 'Age of the oldest record that the group has not read.',
      samples: timed,
    },
  ]
}

function write(family: Family): string {
  const { name, kind, help, samples } = family
  const lines = samples.map(([labels, value]) => {
    const shown = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabel(String(text))}"`)
    return `${name}${shown.length > 0 ? `{${shown.join(',')}}` : ''} ${value}\n`
  })
  return `# HELP ${name} ${help}\n# TYPE ${name} ${kind}\n${lines.join('')}`
}

function escapeLabel(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}
