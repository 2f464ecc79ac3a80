// The Kafka listener: takes connections within bounds, watches over them, and stops in good order.
import type { Address, Connection, ListenTls, Transport, TransportListener } from '../../core/runtime.ts'
import { Scope } from '../../core/scope.ts'
import type { KafkaListenerStatus } from '../broker/kafka-status.ts'
import { ByteBudget } from './byte-budget.ts'
import { KafkaConnection, type ListenerParts } from './connection.ts'
import type { KafkaServices } from './context.ts'
import { FramePool } from './frame-pool.ts'
import { type KafkaLimits, kafkaLimits } from './limits.ts'
import { type Quota, Quotas } from './quotas.ts'
import type { Security } from './security.ts'
import { Traffic } from './traffic.ts'

export interface KafkaOptions {
  readonly listen: Address
  /** What all clients are told; null: each the address that it has reached. */
  readonly advertise: Address | null
  readonly tls: ListenTls | null
  readonly limits: Partial<KafkaLimits>
  readonly quotas: readonly Quota[]
}

/** A running listener. Disposing drains it. */
export interface KafkaServer extends AsyncDisposable {
  readonly address: Address
  /** New connections see this certificate. Throws CONFIG_INVALID. */
  renewTls(tls: ListenTls): void
  status(): KafkaListenerStatus
}

/** Buffers that are kept for the next frames. */
const keptBytesMax = 64 * 1024 * 1024
const sweepMs = 1000

/** Listens. Throws PORT_TAKEN, FORBIDDEN, CONFIG_INVALID. */
export async function startKafkaServer(
  options: KafkaOptions,
  security: Security,
  parts: KafkaServices & { readonly transport: Transport },
): Promise<KafkaServer> {
  const server = new Listener(options, security, parts)
  await server.start(parts.transport)
  return server
}

class Listener implements KafkaServer {
  readonly #options: KafkaOptions
  readonly #parts: ListenerParts
  readonly #connections = new Map<KafkaConnection, Promise<void>>()
  readonly #perPeer = new Map<string, number>()
  readonly #stopping = new AbortController()
  readonly #scope = new Scope(this.#stopping.signal)
  #listener: TransportListener | null = null
  #disposing: Promise<void> | null = null
  #lastId = 0

  constructor(options: KafkaOptions, security: Security, services: KafkaServices) {
    const limits = { ...kafkaLimits, ...options.limits }
    this.#options = options
    this.#parts = {
      services,
      security,
      limits,
      budget: new ByteBudget(limits.framesBytesMax),
      decoded: new ByteBudget(limits.decodedBytesMax),
      pool: new FramePool(keptBytesMax),
      quotas: new Quotas(options.quotas),
      traffic: new Traffic(),
      listenerName: protocolOf(options, security),
      advertised: options.advertise,
    }
  }

  get address(): Address {
    return this.#listener?.address ?? this.#options.listen
  }

  async start(transport: Transport): Promise<void> {
    const { tls, listen } = this.#options
    const { connectionsMax } = this.#parts.limits
    this.#listener = await transport.listen(listen, { tls, connectionsMax }, (one) => this.#accept(one))
    this.#scope.spawn((signal) => this.#sweep(signal))
  }

  renewTls(tls: ListenTls): void {
    this.#listener?.renew(tls)
  }

  status(): KafkaListenerStatus {
    const { traffic, budget, listenerName } = this.#parts
    const { bytesIn, bytesOut, throttledMs, refusedConnections, cutConnections } = traffic
    return {
      address: this.address,
      advertised: this.#options.advertise,
      protocol: listenerName,
      connections: this.#connections.size,
      refusedConnections,
      cutConnections,
      clients: this.#clients(),
      frameBytes: budget.usedBytes,
      bytesIn,
      bytesOut,
      throttledMs,
      apis: traffic.apis(),
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposing ??= this.#dispose()
    return this.#disposing
  }

  #accept(connection: Connection): void {
    const { limits, traffic } = this.#parts
    const { host } = connection.peer
    const ofPeer = this.#perPeer.get(host) ?? 0
    if (ofPeer >= limits.connectionsPerPeerMax || this.#stopping.signal.aborted) {
      traffic.refusedConnections += 1
      connection.abort()
      return
    }
    this.#lastId += 1
    const client = new KafkaConnection(this.#lastId, connection, this.#parts)
    this.#perPeer.set(host, ofPeer + 1)
    const running = client.run().then(() => {
      this.#connections.delete(client)
      const left = (this.#perPeer.get(host) ?? 1) - 1
      if (left > 0) this.#perPeer.set(host, left)
      else this.#perPeer.delete(host)
    })
    this.#connections.set(client, running)
  }

  async #sweep(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts.services
    while (!signal.aborted) {
      await clock.sleep(sweepMs, signal)
      const now = clock.monotonic()
      for (const client of this.#connections.keys()) client.sweep(now)
    }
  }

  #clients(): KafkaListenerStatus['clients'] {
    const counts = new Map<string, { readonly name: string; readonly version: string; connections: number }>()
    for (const { software } of this.#connections.keys()) {
      const { name, version } = software ?? { name: 'unknown', version: '' }
      const known = counts.get(`${name} ${version}`)
      if (known === undefined) counts.set(`${name} ${version}`, { name, version, connections: 1 })
      else known.connections += 1
    }
    return [...counts.values()]
  }

  /** No new connections; requests under way are answered, long polls with what they have. */
  async #dispose(): Promise<void> {
    this.#stopping.abort()
    await this.#listener?.[Symbol.asyncDispose]()
    await this.#scope[Symbol.asyncDispose]()
    const late = new AbortController()
    const done = new AbortController()
    const { clock } = this.#parts.services
    const timer = clock.sleep(this.#parts.limits.drainMs, done.signal).then(() => late.abort())
    await Promise.all([...this.#connections.keys()].map((client) => client.drain(late.signal)))
    await Promise.all([...this.#connections.values()])
    done.abort()
    await timer
  }
}

/** Kafka's name for what is spoken. */
function protocolOf({ tls }: KafkaOptions, { options }: Security): string {
  const base = tls === null ? 'PLAINTEXT' : 'SSL'
  if (options.sasl === null) return base
  return tls === null ? 'SASL_PLAINTEXT' : 'SASL_SSL'
}
