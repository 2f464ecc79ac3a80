// Runs a collector and its sinks until it is told to stop or its disk fails: what `collector` and `up` share.

import { type Collector, startCollector } from '../collector/collector.ts'
import type { Statics } from '../collector/http/statics.ts'
import type { Config } from '../config/schema.ts'
import type { ListenTls, Runtime } from '../core/runtime.ts'
import { Scope } from '../core/scope.ts'
import { lockFolder } from '../runtime/lock.ts'
import { type RunningSinks, runSinks, type SinkStatus } from '../sinks/run.ts'
import { collectorOptions, sinkSpecs } from './collector-options.ts'
import type { Io } from './command.ts'
import { readListenTls, watchListenTls } from './listen-tls.ts'
import { sinkTypes } from './sink-types.ts'
import { version } from './version.ts'

export interface ServeOptions {
  readonly config: Config
  readonly statics: Statics
  readonly io: Io
}

/** A running collector with its sinks, and what can be said about them. */
export interface Serving {
  readonly collector: Collector
  readonly sinks: RunningSinks
  /** `http://host:port` for people and for the local agent. */
  readonly url: string
  /** `host:port` for Kafka clients, null when they are not served. */
  readonly kafka: string | null
}

/**
 * Starts collector and sinks, calls `whileServing` once they are there, and stops them in order when its promise or
 * the signal ends. Rejects when the disk failed: nothing was acknowledged since, and a restart recovers.
 */
export async function serve(
  options: ServeOptions,
  runtime: Runtime,
  signal: AbortSignal,
  whileServing: (serving: Serving, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const { config, statics, io } = options
  const fromYaml = collectorOptions(config)
  await using _lock = await lockFolder(fromYaml.folder)
  const specs = sinkSpecs(
    config,
    sinkTypes((text) => io.stdout.write(text)),
  )
  let sinks: RunningSinks | null = null
  const statuses = () => sinks?.status() ?? []
  const parts = {
    statics,
    version: version(),
    sinks: () => statuses().map(describeSink),
    checks: specs.map(({ name }) => sinkCheck(name, statuses)),
  }
  await using collector = await startCollector({ ...fromYaml, ...parts }, runtime)
  const stopping = new AbortController()
  await using running = runSinks(collector.log, specs, runtime, stopping.signal)
  sinks = running
  await using scope = new Scope(stopping.signal)
  watchCertificates(config, collector, runtime, scope)
  const failed = collector.log.failed.then((error) => {
    throw error
  })
  const serving = {
    collector,
    sinks: running,
    url: urlOf(collector, fromYaml.tls !== null),
    kafka: kafkaOf(collector),
  }
  try {
    await Promise.race([
      whileServing(serving, signal),
      untilAborted(signal),
      failed,
      running.wait().then(never),
    ])
  } finally {
    // First nothing new comes in; then the sinks stop where they are: what they did not write is in the log.
    await collector.drain()
    stopping.abort(new Error('stopping'))
  }
}

/** Renewed certificates count without a restart. */
function watchCertificates(config: Config, collector: Collector, runtime: Runtime, scope: Scope): void {
  const { kafka, http } = config.collector
  const watch = (listener: string, tls: typeof http.tls, renew: (tls: ListenTls) => void) => {
    const read = () => readListenTls(tls, `collector.${listener}.tls`)
    scope.spawn((signal) => watchListenTls(read, renew, { ...runtime, listener }, signal))
  }
  watch('http', http.tls, (tls) => collector.renewTls(tls))
  if (kafka !== undefined && kafka !== 'off') watch('kafka', kafka.tls, (tls) => collector.renewKafkaTls(tls))
}

/** Sinks that were never open keep /readyz at 503. */
function sinkCheck(name: string, statuses: () => readonly SinkStatus[]) {
  return {
    name: `sink ${name}`,
    missing: () => {
      const status = statuses().find((one) => one.name === name)
      if (status !== undefined && status.state !== 'opening') return null
      return status?.lastError?.message ?? 'is being opened'
    },
  }
}

/** A sink as /v1/status shows it; where ClickHouse can be asked stands in a field of its own. */
function describeSink(status: SinkStatus): object {
  const { name, type, topics, state, rows, batches, refused, retries, lastError, lastWrittenAt, details } =
    status
  const { url, database } = details
  return {
    name,
    type,
    state,
    topics,
    rows,
    batches,
    refused,
    retries,
    last_written_at: lastWrittenAt === null ? null : new Date(lastWrittenAt).toISOString(),
    last_error:
      lastError === null ? null : { message: lastError.message, at: new Date(lastError.at).toISOString() },
    details,
    ...(type === 'clickhouse' ? { clickhouse: { url, database } } : {}),
  }
}

function urlOf({ address }: Collector, isSecure: boolean): string {
  const host = /^(0\.0\.0\.0|::)$/.test(address.host) ? '127.0.0.1' : address.host
  return `${isSecure ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${address.port}`
}

function kafkaOf(collector: Collector): string | null {
  const status = collector.kafka()
  if ('reason' in status) return null
  const { host, port } = status.address
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}

function never(): Promise<never> {
  return new Promise(() => {})
}
