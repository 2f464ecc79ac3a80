// The collector: opens the broker, serves HTTP and Kafka clients over it, and stops all in the right order.
import { LogdriveError } from '../core/errors.ts'
import type { Address, HttpLimits, ListenTls, Runtime } from '../core/runtime.ts'
import { type Broker, openBroker } from './broker/broker.ts'
import type { BrokerConfig } from './broker/config.ts'
import type { KafkaAbsence, KafkaListenerStatus } from './broker/kafka-status.ts'
import { defaultHttpLimits } from './http/server.ts'
import { createService, type ServiceOptions } from './http/service.ts'
import { type KafkaListener, type KafkaListenerOptions, startKafkaListener } from './kafka/listener.ts'

export interface CollectorOptions extends Omit<ServiceOptions, 'log' | 'admin' | 'kafka'> {
  /** The data folder, locked by the caller. */
  readonly folder: string
  readonly broker: Partial<BrokerConfig>
  readonly listen: Address
  /** Null: plain http. */
  readonly tls?: ListenTls | null
  readonly connectionsMax: number
  /** Null: no Kafka clients. */
  readonly kafka: KafkaListenerOptions | null
}

export interface Collector extends AsyncDisposable {
  /** The topics, for sinks. */
  readonly log: Broker
  readonly address: Address
  /** The listener for Kafka clients, or why there is none. */
  kafka(): KafkaListenerStatus | KafkaAbsence
  /** New clients see this certificate. Throws CONFIG_INVALID. */
  renewTls(tls: ListenTls): void
  /** New Kafka clients see this certificate. Throws CONFIG_INVALID. */
  renewKafkaTls(tls: ListenTls): void
  /** Refuses new requests and waits for those under way, a few seconds at most. Disposal drains by itself. */
  drain(): Promise<void>
}

/** How long requests under way may take at a stop. */
const drainMs = 5_000

/** Recovers the log, then listens. Throws PORT_TAKEN, DISK_FULL, DISK_FAILED. */
export async function startCollector(options: CollectorOptions, runtime: Runtime): Promise<Collector> {
  const broker = await openBroker({ folder: options.folder, config: options.broker }, runtime)
  try {
    const kafka = await startKafkaListener(options.kafka, { ...runtime, broker }).catch((error) => {
      throw portHint(error, 'collector.kafka.listen')
    })
    try {
      return await serve({ broker, kafka }, options, runtime)
    } catch (error) {
      await kafka[Symbol.asyncDispose]()
      throw portHint(error, 'collector.http.listen')
    }
  } catch (error) {
    await broker[Symbol.asyncDispose]()
    throw error
  }
}

async function serve(
  { broker, kafka }: { readonly broker: Broker; readonly kafka: KafkaListener },
  options: CollectorOptions,
  runtime: Runtime,
): Promise<Collector> {
  const status = () => kafka.status()
  const service = createService({ ...options, log: broker, admin: broker, kafka: status }, runtime)
  const limits: HttpLimits = { ...defaultHttpLimits, connectionsMax: options.connectionsMax }
  const server = await runtime.http.serve(options.listen, service.handler, limits, options.tls)
  let drained: Promise<void> | null = null
  const drain = () => {
    drained ??= Promise.all([
      within(drainMs, runtime, (signal) => service.drain(signal)),
      kafka[Symbol.asyncDispose](),
    ]).then(() => undefined)
    return drained
  }
  return {
    log: broker,
    address: server.address,
    kafka: status,
    renewTls: (tls) => server.renew(tls),
    renewKafkaTls: (tls) => kafka.renewTls(tls),
    drain,
    async [Symbol.asyncDispose]() {
      await drain()
      await server[Symbol.asyncDispose]()
      await broker[Symbol.asyncDispose]()
    },
  }
}

/** Runs a task with a signal that aborts after `ms`. */
async function within(
  ms: number,
  runtime: Pick<Runtime, 'clock'>,
  task: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const late = new AbortController()
  const done = new AbortController()
  const timer = runtime.clock.sleep(ms, done.signal).then(() => late.abort())
  await task(late.signal)
  done.abort()
  await timer
}

function portHint(error: unknown, key: string): unknown {
  if (!(error instanceof LogdriveError) || error.code !== 'PORT_TAKEN') return error
  const hint = `Stop the other process, or set ${key} in the YAML to another port.`
  return new LogdriveError('PORT_TAKEN', error.message, { hint, cause: error })
}
