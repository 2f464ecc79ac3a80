// What `logdrive up` shows: one calm screen, then one line of counters.

import type { Agent } from '../agent/agent.ts'
import type { Config } from '../config/schema.ts'
import type { Clock } from '../core/runtime.ts'
import { demoTopic } from './demo.ts'
import { colour, type Output } from './output.ts'
import type { Serving } from './serve.ts'

const refreshMs = 1_000

export interface ScreenFacts {
  readonly config: Config
  readonly demo: boolean
  readonly url: string
  /** Where Kafka clients connect, null when they are not served. */
  readonly kafka: string | null
}

/** The URLs, and what to try next. */
export function screenOf({ config, demo, url, kafka }: ScreenFacts, output: Output): string {
  const { flush } = config.collector
  const promise =
    flush === 'commit' ? 'an acknowledged record is on disk' : 'faster than durable: see collector.flush'
  const clickhouse = clickhouseUrl(config)
  const rows: readonly (readonly [string, string, string])[] = [
    ...(demo ? ([['demo shop', `${url}/demo`, 'open it and click around']] as const) : []),
    ['collector', url, 'POST events, /v1/status, /metrics'],
    ...(kafka === null
      ? []
      : ([['Kafka', kafka, 'any Kafka client: kcat, kafkajs, rsyslog, Java']] as const)),
    ...(clickhouse === null
      ? []
      : ([['ClickHouse', clickhouse, 'database logdrive; curl, Grafana, any client']] as const)),
    ['data', config.data, promise],
  ]
  const left = Math.max(...rows.map(([name]) => name.length))
  const middle = Math.max(...rows.map(([, value]) => value.length))
  const lines = rows.map(
    ([name, value, about]) =>
      `  ${name.padEnd(left)}  ${colour(value.padEnd(middle), 'cyan', output)}  ${colour(about, 'dim', output)}`,
  )
  const tries = [
    'logdrive tail clicks --follow',
    `logdrive sql "SELECT path, count() FROM page_views GROUP BY path"`,
    ...(demo ? [`logdrive sql "SELECT body FROM ${demoTopic} ORDER BY ts DESC LIMIT 5"`] : []),
    'logdrive status',
    'logdrive snippet',
  ].map((command) => `  npx ${command}`)
  return [
    '',
    'Logdrive is up.',
    '',
    ...lines,
    '',
    'Try in another terminal:',
    ...tries,
    '',
    'Ctrl-C stops it.',
    '',
  ].join('\n')
}

/** Repaints one line with counters while stdout is a terminal; elsewhere diagnostics say what there is to say. */
export async function followCounters(
  serving: Serving,
  agent: Agent | null,
  output: Output,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  if (!output.isTerminal) return
  while (!signal.aborted && !output.closed) {
    await output.write(`\r\u001b[2K${counters(serving, agent)}`)
    await clock.sleep(refreshMs, signal)
  }
}

function counters({ collector, sinks }: Serving, agent: Agent | null): string {
  const topics = collector.log.status().topics.filter((topic) => !topic.name.startsWith('__'))
  const stored = sum(topics.flatMap((topic) => topic.partitions.map((one) => one.highWatermark)))
  const written = sum(sinks.status().map((sink) => sink.rows))
  const waiting = sum(collector.log.groups().map((group) => (group.isFeed ? group.lag : 0)))
  const files = agent === null ? '' : `${agent.status().files.length} files tailed · `
  const troubled = sinks.status().find((sink) => sink.state === 'retrying' || sink.state === 'opening')
  const trouble =
    troubled === undefined
      ? ''
      : ` · ${troubled.name} ${troubled.state}: ${troubled.lastError?.message ?? ''}`
  return `${files}${stored} records in the log · ${written} written to sinks · ${waiting} waiting${trouble}`.slice(
    0,
    160,
  )
}

function clickhouseUrl(config: Config): string | null {
  const sink = Object.values(config.sinks).find((one) => one.type === 'clickhouse')
  if (sink === undefined) return null
  const { server, port } = sink
  if (server === 'embedded') return `http://127.0.0.1:${String(port ?? 8123)}`
  const url = typeof server === 'object' && server !== null && 'url' in server ? server.url : null
  return typeof url === 'string' ? url : null
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
