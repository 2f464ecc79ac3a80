// A Kafka listener in the simulated world, and clients that speak bytes: time is virtual, the network as bad as wanted.
import { type Broker, openBroker } from '../../../collector/broker/broker.ts'
import type { BrokerConfig } from '../../../collector/broker/config.ts'
import type { KafkaLimits } from '../../../collector/kafka/limits.ts'
import type { Quota } from '../../../collector/kafka/quotas.ts'
import { openSecurity } from '../../../collector/kafka/security.ts'
import { type KafkaServer, startKafkaServer } from '../../../collector/kafka/server.ts'
import type { Connection } from '../../../core/runtime.ts'
import { type ApiName, apis, type RequestInput, type ResponseOf } from '../../../protocol/apis/index.ts'
import { BatchBuilder } from '../../../protocol/batch-encode.ts'
import type { Codec } from '../../../protocol/compression.ts'
import { decodeResponse, encodeRequest } from '../../../protocol/message.ts'
import type { Api, Input } from '../../../protocol/schema.ts'
import { World } from '../../sim/world.ts'
import { openToAll } from './asking.ts'

const never = new AbortController().signal

export interface SimulatedOptions {
  readonly seed?: number
  readonly limits?: Partial<KafkaLimits>
  readonly quotas?: readonly Quota[]
  readonly broker?: Partial<BrokerConfig>
}

export interface Simulated {
  readonly world: World
  readonly broker: Broker
  readonly server: KafkaServer
  /** What the listener logged, sentences only. */
  logged(): readonly string[]
  /** The reasons beside them. */
  reasons(): readonly unknown[]
  connect(): Promise<Client>
  complete<T>(promise: Promise<T>): Promise<T>
}

/** One broker with the topic `orders` of one partition, and a listener on `broker:9092`. */
export async function startSimulated(options: SimulatedOptions = {}): Promise<Simulated> {
  const world = new World({ seed: options.seed ?? 1 })
  const machine = world.process('broker')
  const { runtime } = machine
  const complete = <T>(promise: Promise<T>) => world.complete(promise, 3_600_000)
  const open = async () => {
    const broker = await openBroker(
      { folder: '/data', config: { partitions: 1, ...options.broker } },
      runtime,
    )
    await broker.createTopic('orders', { partitions: 1 })
    const { clock, random, logger, transport } = runtime
    const security = await openSecurity(
      { ...openToAll, insecure: true },
      { store: broker.security, clock, random, logger },
    )
    const server = await startKafkaServer(
      {
        listen: { host: '0.0.0.0', port: 9092 },
        advertise: null,
        tls: null,
        limits: options.limits ?? {},
        quotas: options.quotas ?? [],
      },
      security,
      { broker, clock, random, logger, transport },
    )
    return { broker, server }
  }
  const { broker, server } = await complete(open())
  const client = world.process('client').runtime
  return {
    world,
    broker,
    server,
    logged: () => machine.lines.map((line) => line.message),
    reasons: () => machine.lines.map((line) => Reflect.get(line.fields, 'reason')),
    complete,
    async connect() {
      const address = { host: 'broker', port: 9092 }
      return new Client(await complete(client.transport.connect(address, { tls: null }, never)), complete)
    },
  }
}

/** Requests and answers of one connection, apart: so that a test can send many before it reads. */
export class Client {
  readonly connection: Connection
  readonly #complete: <T>(promise: Promise<T>) => Promise<T>
  #correlationId = 0

  constructor(connection: Connection, complete: <T>(promise: Promise<T>) => Promise<T>) {
    this.connection = connection
    this.#complete = complete
  }

  /** Sends one request; gives its correlation id. */
  async send<Name extends ApiName>(name: Name, version: number, body: RequestInput<Name>): Promise<number> {
    this.#correlationId += 1
    const correlationId = this.#correlationId
    const request = { version, correlationId, clientId: 'test', body: body as Input<Api['request']> }
    await this.sendBytes(encodeRequest(apis[name] as Api, request))
    return correlationId
  }

  async sendBytes(pieces: readonly Uint8Array[]): Promise<void> {
    await this.#complete(this.connection.write(pieces))
  }

  /** The next frame, or null when the broker closed the connection. */
  async frame(): Promise<Buffer | null> {
    const read = async () => {
      const head = Buffer.alloc(4)
      if ((await this.connection.read(head, 4)) < 4) return null
      const frame = Buffer.alloc(head.readInt32BE(0))
      return (await this.connection.read(frame, frame.length)) < frame.length ? null : frame
    }
    return await this.#complete(read().catch(() => null))
  }

  /** The next answer, which has to be one of this API. */
  async answer<Name extends ApiName>(
    name: Name,
    version: number,
  ): Promise<{ readonly correlationId: number; readonly body: ResponseOf<Name> }> {
    const frame = await this.frame()
    if (frame === null) throw new Error(`${name}: the broker closed the connection`)
    const { correlationId, body } = decodeResponse(apis[name] as Api, version, frame)
    return { correlationId, body: body as ResponseOf<Name> }
  }

  async ask<Name extends ApiName>(
    name: Name,
    version: number,
    body: RequestInput<Name>,
  ): Promise<ResponseOf<Name>> {
    await this.send(name, version, body)
    return (await this.answer(name, version)).body
  }
}

/** A batch of records with these values. */
export function batchOf(values: readonly string[], codec: Codec = 'none'): Uint8Array {
  const builder = new BatchBuilder()
  for (const value of values) {
    const bytes = Buffer.from(value)
    builder.append(bytes, 0, bytes.length, Date.UTC(2026, 0, 1), null, [])
  }
  return Uint8Array.from(builder.finish({ codec }))
}

/** A Produce of one batch to the partition 0 of `orders`. */
export function produceOf(records: Uint8Array | null, acks = -1, topic = 'orders'): RequestInput<'Produce'> {
  return {
    transactionalId: null,
    acks,
    timeoutMs: 1_000,
    topicData: [{ name: topic, partitionData: [{ index: 0, records }] }],
  }
}

/** A Fetch of the partition 0 of `orders`. */
export function fetchOf(
  fetchOffset: number,
  options: Partial<RequestInput<'Fetch'>> = {},
  partitionMaxBytes = 1024 * 1024,
): RequestInput<'Fetch'> {
  return {
    maxWaitMs: 0,
    minBytes: 1,
    maxBytes: 50 * 1024 * 1024,
    topics: [{ topic: 'orders', partitions: [{ partition: 0, fetchOffset, partitionMaxBytes }] }],
    ...options,
  }
}
