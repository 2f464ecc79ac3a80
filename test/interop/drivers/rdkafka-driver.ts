// node-rdkafka (librdkafka in Node) as a driver of the interop rig. NODE_RDKAFKA is the folder that it is installed in.
// It is bundled for the Node that node-rdkafka was compiled for, which may be as old as 20.
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type {
  Ack,
  AdminJob,
  AdminStep,
  ConsumeJob,
  Job,
  JobRecord,
  MemberJob,
  ProduceJob,
  TransactJob,
} from '../job.ts'
import { countdown, type Operations, serve, tell, tellRecord } from './node-driver.ts'
import { decoded, encoded } from './values.ts'

type Callback<Value = unknown> = (error: Error | null, value: Value) => void
type Settings = Readonly<Record<string, string | number | boolean>>
type Header = Readonly<Record<string, Buffer>>

interface Place {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

interface Received extends Place {
  readonly key: Buffer | string | null
  readonly value: Buffer | null
  readonly timestamp: number
  readonly headers?: readonly Header[]
}

interface Report extends Place {
  readonly opaque: number
}

interface Listed {
  readonly topics: readonly {
    readonly name: string
    readonly partitions: readonly { readonly id: number }[]
  }[]
}

interface Client {
  connect(options: Record<string, never>, callback: Callback): void
  disconnect(callback?: () => void): void
  on(event: string, listener: (...values: never[]) => void): void
  getMetadata(options: { topic?: string; timeout: number }, callback: Callback<Listed>): void
  queryWatermarkOffsets(
    topic: string,
    partition: number,
    timeoutMs: number,
    callback: Callback<{ lowOffset: number; highOffset: number }>,
  ): void
}

interface Producer extends Client {
  setPollInterval(ms: number): void
  produce(
    topic: string,
    partition: number | null,
    value: Buffer | null,
    key: Buffer | null,
    timestamp: number | null,
    opaque: number,
    headers: readonly Header[],
  ): void
  flush(timeoutMs: number, callback: Callback): void
  initTransactions(timeoutMs: number, callback: Callback): void
  beginTransaction(callback: Callback): void
  commitTransaction(timeoutMs: number, callback: Callback): void
  abortTransaction(timeoutMs: number, callback: Callback): void
  sendOffsetsToTransaction(
    offsets: readonly Place[],
    consumer: Consumer,
    timeoutMs: number,
    callback: Callback,
  ): void
}

interface Consumer extends Client {
  assign(places: readonly Place[]): void
  subscribe(topics: readonly string[]): void
  consume(): void
  commitMessageSync(message: Received): void
  assignments(): readonly Place[]
  offsetsForTimes(places: readonly Place[], timeoutMs: number, callback: Callback<readonly Place[]>): void
}

interface Admin {
  createTopic(
    topic: Readonly<Record<string, unknown>>,
    timeoutMs: number,
    callback: (error?: Error | null) => void,
  ): void
  deleteTopic(topic: string, timeoutMs: number, callback: (error?: Error | null) => void): void
  createPartitions(
    topic: string,
    count: number,
    timeoutMs: number,
    callback: (error?: Error | null) => void,
  ): void
  disconnect(): void
}

const Kafka = createRequire(join(process.env.NODE_RDKAFKA ?? '.', 'package.json'))('node-rdkafka') as {
  readonly Producer: new (settings: Settings, topicSettings?: Settings) => Producer
  readonly KafkaConsumer: new (settings: Settings, topicSettings?: Settings) => Consumer
  readonly AdminClient: { create(settings: Settings): Admin }
}

const limitMs = 20_000

/** Calls something that ends with a callback. */
function called<Value>(start: (callback: Callback<Value>) => void): Promise<Value> {
  return new Promise((resolve, reject) => {
    start((error, value) => (error ? reject(error) : resolve(value)))
  })
}

function settings(job: Job): Settings {
  const { security } = job
  const all: Record<string, string | undefined> = {
    'metadata.broker.list': job.brokers,
    'security.protocol': security?.protocol,
    'sasl.mechanism': security?.mechanism,
    'sasl.username': security?.username,
    'sasl.password': security?.password,
    'ssl.ca.location': security?.ca,
    'ssl.certificate.location': security?.cert,
    'ssl.key.location': security?.key,
  }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as Settings
}

async function producer(job: ProduceJob | TransactJob, more: Settings): Promise<Producer> {
  const own = { dr_cb: true, 'queue.buffering.max.ms': 20, 'message.timeout.ms': 30_000 }
  const made = new Kafka.Producer({ ...settings(job), ...own, ...more }, { acks: -1 })
  await called((callback) => made.connect({}, callback))
  made.setPollInterval(20)
  return made
}

async function send(one: Producer, topic: string, records: readonly JobRecord[]): Promise<Ack[]> {
  const acks: Ack[] = []
  const failed = new Promise<never>((_, reject) => {
    one.on('delivery-report', (error: Error | null, report: Report) => {
      if (error) reject(error)
      else acks[report.opaque] = [report.partition, report.offset]
    })
  })
  failed.catch(() => {})
  for (const [index, record] of records.entries()) {
    const headers = (record.headers ?? []).map(([name, value]) => ({
      [name]: decoded(value) ?? Buffer.alloc(0),
    }))
    const partition = record.partition ?? null
    one.produce(
      topic,
      partition,
      decoded(record.value),
      decoded(record.key),
      record.timestamp ?? null,
      index,
      headers,
    )
  }
  await Promise.race([called((callback) => one.flush(limitMs, callback)), failed])
  const until = performance.now() + 2000
  while (Object.keys(acks).length < records.length && performance.now() < until) {
    await Promise.race([new Promise((resolve) => setTimeout(resolve, 20)), failed])
  }
  if (Object.keys(acks).length < records.length) throw new Error('not all records were acknowledged')
  return acks
}

function reader(job: ConsumeJob | MemberJob): Consumer {
  return new Kafka.KafkaConsumer(
    {
      ...settings(job),
      'group.id': job.group,
      'enable.auto.commit': false,
      ...membership(job),
      'fetch.wait.max.ms': 100,
      'check.crcs': true,
      'isolation.level': (job.op === 'consume' ? job.isolation : undefined) ?? 'read_uncommitted',
      ...(job.op === 'member' ? { rebalance_cb: true } : {}),
    },
    { 'auto.offset.reset': 'earliest' },
  )
}

/** In the newer protocol the broker says how long sessions are. */
function membership(job: ConsumeJob | MemberJob): Readonly<Record<string, string | number>> {
  if (job.op === 'member' && job.groupProtocol !== undefined) return { 'group.protocol': job.groupProtocol }
  const sessionMs = (job.op === 'member' ? job.sessionTimeoutMs : undefined) ?? 10_000
  return { 'session.timeout.ms': sessionMs, 'heartbeat.interval.ms': 1000 }
}

function out(message: Received): void {
  const { partition, offset, timestamp, key, value } = message
  const headers = (message.headers ?? []).flatMap((header) =>
    Object.entries(header).map(([name, bytes]) => [name, encoded(bytes)] as const),
  )
  tellRecord({ partition, offset, timestamp, key: encoded(key), value: encoded(value), headers })
}

async function starts({ topic, from }: ConsumeJob, consumer: Consumer): Promise<Place[]> {
  const listed = await called<Listed>((callback) =>
    consumer.getMetadata({ topic, timeout: limitMs }, callback),
  )
  const ids = listed.topics.find(({ name }) => name === topic)?.partitions.map(({ id }) => id) ?? []
  if (typeof from === 'object') {
    const times = ids.map((partition) => ({ topic, partition, offset: from.time }))
    return [
      ...(await called<readonly Place[]>((callback) => consumer.offsetsForTimes(times, limitMs, callback))),
    ]
  }
  return Promise.all(
    ids.map(async (partition) => {
      const marks = await called<{ lowOffset: number; highOffset: number }>((callback) =>
        consumer.queryWatermarkOffsets(topic, partition, limitMs, callback),
      )
      return { topic, partition, offset: from === 'end' ? marks.highOffset : marks.lowOffset }
    }),
  )
}

const operations: Operations = {
  async produce(job) {
    const more = { 'compression.codec': job.codec ?? 'none', 'enable.idempotence': job.idempotent ?? false }
    const one = await producer(job, more)
    const acks = await send(one, job.topic, job.records)
    await new Promise<void>((resolve) => one.disconnect(resolve))
    return { acks }
  },

  async consume(job) {
    const consumer = reader(job)
    await called((callback) => consumer.connect({}, callback))
    consumer.assign(await starts(job, consumer))
    const { count, over } = countdown(job.count, job.timeoutMs)
    consumer.on('data', (message: Received) => {
      out(message)
      count()
    })
    consumer.consume()
    tell({ ev: 'ready' })
    await over
    await new Promise<void>((resolve) => consumer.disconnect(resolve))
    return {}
  },

  async member(job, signal) {
    const consumer = reader(job)
    consumer.on('rebalance', () =>
      setImmediate(() =>
        tell({ ev: 'assigned', partitions: consumer.assignments().map(({ partition }) => partition) }),
      ),
    )
    consumer.on('data', (message: Received) => {
      out(message)
      try {
        consumer.commitMessageSync(message)
      } catch {
        // A rebalance overtook it: the next owner reads the record again.
      }
    })
    await called((callback) => consumer.connect({}, callback))
    consumer.subscribe([job.topic])
    consumer.consume()
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
    await new Promise<void>((resolve) => consumer.disconnect(resolve))
    return {}
  },

  async transact(job) {
    const one = await producer(job, { 'transactional.id': job.transactionalId })
    await called((callback) => one.initTransactions(limitMs, callback))
    const told: Ack[][] = []
    for (const { records, offsets, end } of job.transactions) {
      await called((callback) => one.beginTransaction(callback))
      told.push(await send(one, job.topic, records))
      if (offsets !== undefined) {
        const consumer = new Kafka.KafkaConsumer({ ...settings(job), 'group.id': offsets.group })
        await called((callback) => consumer.connect({}, callback))
        await called((callback) => one.sendOffsetsToTransaction([offsets], consumer, limitMs, callback))
        await new Promise<void>((resolve) => consumer.disconnect(resolve))
      }
      if (end === 'commit') await called((callback) => one.commitTransaction(limitMs, callback))
      else await called((callback) => one.abortTransaction(limitMs, callback))
    }
    await new Promise<void>((resolve) => one.disconnect(resolve))
    return { transactions: told }
  },

  async step(job, step) {
    const admin = Kafka.AdminClient.create(settings(job))
    try {
      return await answer(job, admin, step)
    } finally {
      admin.disconnect()
    }
  },
}

async function answer(job: AdminJob, admin: Admin, step: AdminStep): Promise<unknown> {
  const ok = () => 'ok'
  switch (step[0]) {
    case 'createTopic': {
      const topic = { topic: step[1], num_partitions: step[2], replication_factor: 1, config: step[3] }
      return called((callback) =>
        admin.createTopic(topic, limitMs, (error) => callback(error ?? null, null)),
      ).then(ok)
    }
    case 'createPartitions':
      return called((callback) =>
        admin.createPartitions(step[1], step[2], limitMs, (error) => callback(error ?? null, null)),
      ).then(ok)
    case 'deleteTopic':
      return called((callback) =>
        admin.deleteTopic(step[1], limitMs, (error) => callback(error ?? null, null)),
      ).then(ok)
    case 'listTopics':
    case 'partitions': {
      const client = new Kafka.Producer(settings(job))
      await called((callback) => client.connect({}, callback))
      const { topics } = await called<Listed>((callback) =>
        client.getMetadata({ timeout: limitMs }, callback),
      )
      await new Promise<void>((resolve) => client.disconnect(resolve))
      if (step[0] === 'listTopics') return topics.map(({ name }) => name)
      return topics.find(({ name }) => name === step[1])?.partitions.length
    }
    default:
      return { unsupported: step[0] }
  }
}

await serve(operations)
