// kafkajs as a driver of the interop rig; the codecs it leaves to its users are plugged in as its documents say.
import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { compressionsAlgorithms } from '@platformatic/kafka'
import kafkajs, { type Kafka as Client, type Consumer, type EachMessagePayload } from 'kafkajs'
import type { AdminStep, ConsumeJob, Job, JobRecord, MemberJob } from '../job.ts'
import { countdown, type Operations, serve, tell, tellRecord } from './node-driver.ts'
import { acksFrom, decoded, encoded, loginOf, tlsOf } from './values.ts'

const { CompressionCodecs, CompressionTypes, ConfigResourceTypes, Kafka, Partitioners, logLevel } = kafkajs

const compressions = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD,
}

function plug(type: number, compress: (data: Buffer) => Buffer, decompress: (data: Buffer) => Buffer): void {
  Object.assign(CompressionCodecs, {
    [type]: () => ({
      compress: async (encoder: { buffer: Buffer }) => compress(encoder.buffer),
      decompress: async (data: Buffer) => decompress(data),
    }),
  })
}

const { snappy, lz4 } = compressionsAlgorithms
plug(CompressionTypes.GZIP, gzipSync, gunzipSync)
plug(
  CompressionTypes.Snappy,
  (data) => snappy.compressSync(data),
  (data) => snappy.decompressSync(data),
)
plug(
  CompressionTypes.LZ4,
  (data) => lz4.compressSync(data),
  (data) => lz4.decompressSync(data),
)
plug(CompressionTypes.ZSTD, zstdCompressSync, zstdDecompressSync)

function client(job: Job): Client {
  const ssl = tlsOf(job)
  const sasl = loginOf(job, (name) => name.toLowerCase() as 'plain')
  return new Kafka({
    clientId: 'interop-kafkajs',
    brokers: job.brokers.split(','),
    logLevel: logLevel.NOTHING,
    retry: { retries: 4 },
    ...(ssl === undefined ? {} : { ssl }),
    ...(sasl === undefined ? {} : { sasl }),
  })
}

function messages(records: readonly JobRecord[]) {
  return records.map((record) => ({
    key: decoded(record.key),
    value: decoded(record.value),
    ...(record.partition === undefined ? {} : { partition: record.partition }),
    ...(record.timestamp === undefined ? {} : { timestamp: String(record.timestamp) }),
    headers: headersOf(record),
  }))
}

function headersOf(record: JobRecord): Record<string, Buffer | Buffer[]> {
  const headers: Record<string, Buffer | Buffer[]> = {}
  for (const [name, value] of record.headers ?? []) {
    const bytes = decoded(value) ?? Buffer.alloc(0)
    const before = headers[name]
    headers[name] = before === undefined ? bytes : [...(Array.isArray(before) ? before : [before]), bytes]
  }
  return headers
}

function acks(records: readonly JobRecord[], told: readonly { partition: number; baseOffset?: string }[]) {
  return acksFrom(
    records,
    told.map(({ partition, baseOffset }) => ({ partition, offset: Number(baseOffset) })),
  )
}

function out({ partition, message }: EachMessagePayload): void {
  const headers = Object.entries(message.headers ?? {}).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((one) => [name, encoded(one)] as const),
  )
  tellRecord({
    partition,
    offset: Number(message.offset),
    timestamp: Number(message.timestamp),
    key: encoded(message.key),
    value: encoded(message.value),
    headers,
  })
}

const partitioner = { createPartitioner: Partitioners.DefaultPartitioner }

const operations: Operations = {
  async produce(job) {
    const producer = client(job).producer({ ...partitioner, idempotent: job.idempotent ?? false })
    await producer.connect()
    const compression = compressions[job.codec ?? 'none']
    const told = await producer.send({
      topic: job.topic,
      acks: -1,
      compression,
      messages: messages(job.records),
    })
    await producer.disconnect()
    return { acks: acks(job.records, told) }
  },

  async consume(job) {
    const kafka = client(job)
    const { from } = job
    const admin = kafka.admin()
    await admin.connect()
    const starts =
      typeof from === 'object'
        ? await admin.fetchTopicOffsetsByTimestamp(job.topic, from.time)
        : (await admin.fetchTopicOffsets(job.topic)).map(({ partition, low, high }) => ({
            partition,
            offset: from === 'end' ? high : low,
          }))
    await admin.disconnect()
    const consumer = reader(kafka, job, job.isolation !== 'read_committed')
    const { count, over } = countdown(job.count, job.timeoutMs)
    await consumer.connect()
    await consumer.subscribe({ topic: job.topic, fromBeginning: true })
    const joined = new Promise<void>((resolve) => consumer.on(consumer.events.GROUP_JOIN, () => resolve()))
    await consumer.run({
      autoCommit: false,
      eachMessage: async (payload) => {
        out(payload)
        count()
      },
    })
    for (const { partition, offset } of starts) consumer.seek({ topic: job.topic, partition, offset })
    await joined
    tell({ ev: 'ready' })
    await over
    await consumer.disconnect()
    return {}
  },

  async member(job, signal) {
    const consumer = reader(client(job), job, true)
    const { promise: failed, reject } = Promise.withResolvers<never>()
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) =>
      tell({ ev: 'assigned', partitions: payload.memberAssignment[job.topic] ?? [] }),
    )
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      if (!payload.restart) reject(payload.error)
    })
    await consumer.connect()
    await consumer.subscribe({ topic: job.topic, fromBeginning: true })
    await consumer.run({
      autoCommit: true,
      autoCommitThreshold: 1,
      eachMessage: async (payload) => out(payload),
    })
    const stopped = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
    await Promise.race([stopped, failed])
    await consumer.disconnect()
    return {}
  },

  async transact(job) {
    const producer = client(job).producer({
      ...partitioner,
      idempotent: true,
      maxInFlightRequests: 1,
      transactionalId: job.transactionalId,
    })
    await producer.connect()
    const told = []
    for (const one of job.transactions) {
      const transaction = await producer.transaction()
      const sent = await transaction.send({ topic: job.topic, acks: -1, messages: messages(one.records) })
      told.push(acks(one.records, sent))
      if (one.offsets !== undefined) {
        const { group, topic, partition, offset } = one.offsets
        const partitions = [{ partition, offset: String(offset) }]
        await transaction.sendOffsets({ consumerGroupId: group, topics: [{ topic, partitions }] })
      }
      await (one.end === 'commit' ? transaction.commit() : transaction.abort())
    }
    await producer.disconnect()
    return { transactions: told }
  },

  async step(job, step) {
    const admin = client(job).admin()
    await admin.connect()
    try {
      return await answer(admin, step)
    } finally {
      await admin.disconnect()
    }
  },
}

function reader(kafka: Client, job: ConsumeJob | MemberJob, readUncommitted: boolean): Consumer {
  const sessionTimeout = job.op === 'member' ? (job.sessionTimeoutMs ?? 10_000) : 10_000
  return kafka.consumer({
    groupId: job.group,
    readUncommitted,
    sessionTimeout,
    heartbeatInterval: 1000,
    maxWaitTimeInMs: 100,
  })
}

async function answer(admin: ReturnType<Client['admin']>, step: AdminStep): Promise<unknown> {
  const topicConfigs = ConfigResourceTypes.TOPIC
  switch (step[0]) {
    case 'createTopic': {
      const configEntries = Object.entries(step[3]).map(([name, value]) => ({ name, value }))
      await admin.createTopics({ topics: [{ topic: step[1], numPartitions: step[2], configEntries }] })
      return 'ok'
    }
    case 'listTopics':
      return admin.listTopics()
    case 'partitions':
      return (await admin.fetchTopicMetadata({ topics: [step[1]] })).topics[0]?.partitions.length
    case 'createPartitions':
      await admin.createPartitions({ topicPartitions: [{ topic: step[1], count: step[2] }] })
      return 'ok'
    case 'configs': {
      const resources = [{ type: topicConfigs, name: step[1] }]
      const found = await admin.describeConfigs({ includeSynonyms: false, resources })
      return Object.fromEntries(
        found.resources.flatMap((one) =>
          one.configEntries.map((entry) => [entry.configName, entry.configValue]),
        ),
      )
    }
    case 'alterConfigs': {
      const configEntries = Object.entries(step[2]).map(([name, value]) => ({ name, value }))
      await admin.alterConfigs({
        validateOnly: false,
        resources: [{ type: topicConfigs, name: step[1], configEntries }],
      })
      return 'ok'
    }
    case 'deleteTopic':
      await admin.deleteTopics({ topics: [step[1]] })
      return 'ok'
    case 'listGroups':
      return (await admin.listGroups()).groups.map(({ groupId }) => groupId)
    case 'describeGroup': {
      const [group] = (await admin.describeGroups([step[1]])).groups
      return { state: group?.state, members: group?.members.length }
    }
    case 'groupOffsets': {
      const [found] = await admin.fetchOffsets({ groupId: step[1], topics: [step[2]] })
      const known = (found?.partitions ?? []).filter(({ offset }) => Number(offset) >= 0)
      return Object.fromEntries(known.map(({ partition, offset }) => [partition, Number(offset)]))
    }
    case 'deleteGroup':
      await admin.deleteGroups([step[1]])
      return 'ok'
    case 'deleteRecords':
      // It deletes only in topics whose metadata it has loaded for something else.
      await admin.fetchTopicOffsets(step[1])
      await admin.deleteTopicRecords({
        topic: step[1],
        partitions: [{ partition: step[2], offset: String(step[3]) }],
      })
      return 'ok'
  }
}

await serve(operations)
