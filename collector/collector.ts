// The collector: opens the broker, serves HTTP over it, and stops both in the right order.
import { LogdriveError } from '../core/errors.ts'
import type { Address, HttpLimits, Runtime } from '../core/runtime.ts'
import { type Broker, openBroker } from './broker/broker.ts'
import type { BrokerConfig } from './broker/config.ts'
import { defaultHttpLimits } from './http/server.ts'
import { createService, type ServiceOptions } from './http/service.ts'

export interface CollectorOptions extends Omit<ServiceOptions, 'log' | 'admin'> {
  /** The data folder, locked by the caller. */
  readonly folder: string
  readonly broker: Partial<BrokerConfig>
  readonly listen: Address
  readonly connectionsMax: number
}

export interface Collector extends AsyncDisposable {
  /** The topics, for sinks. */
  readonly log: Broker
  readonly address: Address
  /** Refuses new requests and waits for those under way, a few seconds at most. Disposal drains by itself. */
  drain(): Promise<void>
}

/** How long requests under way may take at a stop. */
const drainMs = 5_000

/** Recovers the log, then listens. Throws PORT_TAKEN, DISK_FULL, DISK_FAILED. */
export async function startCollector(options: CollectorOptions, runtime: Runtime): Promise<Collector> {
  const broker = await openBroker({ folder: options.folder, config: options.broker }, runtime)
  try {
    return await serve(broker, options, runtime)
  } catch (error) {
    await broker[Symbol.asyncDispose]()
    throw portHint(error)
  }
}

async function serve(broker: Broker, options: CollectorOptions, runtime: Runtime): Promise<Collector> {
  const service = createService({ ...options, log: broker, admin: broker }, runtime)
  const limits: HttpLimits = { ...defaultHttpLimits, connectionsMax: options.connectionsMax }
  const server = await runtime.http.serve(options.listen, service.handler, limits)
  let drained: Promise<void> | null = null
  const drain = () => {
    drained ??= within(drainMs, runtime, (signal) => service.drain(signal))
    return drained
  }
  return {
    log: broker,
    address: server.address,
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

function portHint(error: unknown): unknown {
  if (!(error instanceof LogdriveError) || error.code !== 'PORT_TAKEN') return error
  const hint = 'Stop the other process, or set collector.http.listen in the YAML to another port.'
  return new LogdriveError('PORT_TAKEN', error.message, { hint, cause: error })
}
