// @platformatic/kafka as a driver of the interop rig.
import {
  Admin,
  type BaseOptions,
  ConfigResourceTypes,
  Consumer,
  FetchIsolationLevels,
  IncrementalAlterConfigOperationTypes,
  ListOffsetTimestamps,
  type Message,
  type ProduceResult,
  Producer,
} from '@platformatic/kafka'
import type { AdminStep, ConsumeJob, Job, JobRecord, MemberJob } from '../job.ts'
import { countdown, type Operations, serve, tell, tellRecord } from './node-driver.ts'
import { acksFrom, decoded, encoded, loginOf, tlsOf } from './values.ts'

function base(job: Job): BaseOptions {
  const tls = tlsOf(job)
  const sasl = loginOf(job, (name) => name)
  return {
    clientId: 'interop-platformatic',
    bootstrapBrokers: job.brokers.split(','),
    ...(tls === undefined ? {} : { tls }),
    ...(sasl === undefined ? {} : { sasl }),
  }
}

/** Its types know no null keys and values, its wire code does: undefined is written as null. */
function messages(topic: string, records: readonly JobRecord[]) {
  return records.map((record) => ({
    topic,
    ...(record.key === null ? {} : { key: decoded(record.key) ?? Buffer.alloc(0) }),
    ...(record.value === null ? {} : { value: decoded(record.value) ?? Buffer.alloc(0) }),
    ...(record.partition === undefined ? {} : { partition: record.partition }),
    ...(record.timestamp === undefined ? {} : { timestamp: BigInt(record.timestamp) }),
    headers: new Map(
      (record.headers ?? []).map(([name, value]) => [Buffer.from(name), decoded(value) ?? Buffer.alloc(0)]),
    ),
  }))
}

function acks(records: readonly JobRecord[], { offsets = [] }: ProduceResult) {
  return acksFrom(
    records,
    offsets.map(({ partition, offset }) => ({ partition, offset: Number(offset) })),
  )
}

function out(message: Message): void {
  tellRecord({
    partition: message.partition,
    offset: Number(message.offset),
    timestamp: Number(message.timestamp),
    key: encoded(message.key),
    value: encoded(message.value),
    headers: message.headerEntries.map(([name, value]) => [name.toString(), encoded(value)] as const),
  })
}

function reader(job: ConsumeJob | MemberJob): Consumer {
  const common = { ...base(job), groupId: job.group, maxWaitTime: 100, autocommit: false }
  if (job.op === 'member' && job.groupProtocol === 'consumer') {
    return new Consumer({ ...common, groupProtocol: job.groupProtocol })
  }
  const sessionTimeout = (job.op === 'member' ? job.sessionTimeoutMs : undefined) ?? 10_000
  return new Consumer({ ...common, heartbeatInterval: 1000, sessionTimeout })
}

/** Tells what the member holds. In the newer protocol no event says so: it is looked at after each heartbeat. */
function tellAssigned(consumer: Consumer, { topic, groupProtocol }: MemberJob): void {
  let told = ''
  const tellNow = (assignments: typeof consumer.assignments) => {
    const partitions = (assignments ?? []).flatMap((each) => (each.topic === topic ? each.partitions : []))
    if (told === partitions.join()) return
    told = partitions.join()
    tell({ ev: 'assigned', partitions })
  }
  if (groupProtocol === undefined) {
    consumer.on('consumer:group:join', ({ assignments }) => tellNow(assignments ?? null))
  } else consumer.on('consumer:heartbeat:end', () => tellNow(consumer.assignments))
}

const operations: Operations = {
  async produce(job) {
    const producer = new Producer({ ...base(job), idempotent: job.idempotent ?? false })
    const result = await producer.send({
      messages: messages(job.topic, job.records),
      acks: -1,
      compression: job.codec ?? 'none',
    })
    await producer.close()
    return { acks: acks(job.records, result) }
  },

  async consume(job) {
    const consumer = reader(job)
    const { from } = job
    const timestamp =
      typeof from === 'object'
        ? BigInt(from.time)
        : from === 'end'
          ? ListOffsetTimestamps.LATEST
          : ListOffsetTimestamps.EARLIEST
    const found = (await consumer.listOffsets({ topics: [job.topic], timestamp })).get(job.topic) ?? []
    const ends = (await consumer.listOffsets({ topics: [job.topic] })).get(job.topic) ?? []
    const stream = await consumer.consume({
      topics: [job.topic],
      mode: 'manual',
      offsets: found.map((offset, partition) => ({
        topic: job.topic,
        partition,
        offset: offset < 0n ? (ends[partition] ?? 0n) : offset,
      })),
      isolationLevel:
        job.isolation === 'read_committed'
          ? FetchIsolationLevels.READ_COMMITTED
          : FetchIsolationLevels.READ_UNCOMMITTED,
    })
    const { count, over } = countdown(job.count, job.timeoutMs)
    const failed = new Promise<never>((_, reject) => stream.on('error', reject))
    stream.on('data', (message: Message) => {
      out(message)
      count()
    })
    tell({ ev: 'ready' })
    await Promise.race([over, failed])
    await consumer.close(true)
    return {}
  },

  async member(job, signal) {
    const consumer = reader(job)
    tellAssigned(consumer, job)
    const stream = await consumer.consume({
      topics: [job.topic],
      mode: 'committed',
      fallbackMode: 'earliest',
    })
    signal.addEventListener('abort', () => stream.destroy())
    try {
      for await (const message of stream) {
        out(message)
        await Promise.resolve(message.commit()).catch(() => {
          // A rebalance overtook it: the next owner reads the record again.
        })
      }
    } catch (error) {
      if (!signal.aborted) throw error
    }
    await consumer.close(true)
    return {}
  },

  async transact(job) {
    const producer = new Producer({
      ...base(job),
      idempotent: true,
      transactionalId: job.transactionalId,
    })
    const told = []
    for (const one of job.transactions) {
      const transaction = await producer.beginTransaction()
      const sent = await transaction.send({ messages: messages(job.topic, one.records), acks: -1 })
      told.push(acks(one.records, sent))
      if (one.offsets !== undefined) {
        const consumer = new Consumer({ ...base(job), groupId: one.offsets.group })
        await transaction.addConsumer(consumer)
        await transaction.addOffset(await lastRead(consumer, one.offsets))
        await consumer.close(true)
      }
      await (one.end === 'commit' ? transaction.commit() : transaction.abort())
    }
    await producer.close()
    return { transactions: told }
  },

  async step(job, step) {
    const admin = new Admin(base(job))
    try {
      return await answer(admin, step)
    } finally {
      await admin.close()
    }
  },
}

/** The message before the offset that is to be committed: the client commits what it has read. */
async function lastRead(
  consumer: Consumer,
  { topic, partition, offset }: { topic: string; partition: number; offset: number },
): Promise<Message> {
  const offsets = [{ topic, partition, offset: BigInt(offset - 1) }]
  const stream = await consumer.consume({ topics: [topic], mode: 'manual', offsets })
  for await (const message of stream) if (message.partition === partition) return message
  throw new Error(`nothing to read at ${topic}-${partition}@${offset - 1}`)
}

async function answer(admin: Admin, step: AdminStep): Promise<unknown> {
  const ok = () => 'ok'
  const resourceType = ConfigResourceTypes.TOPIC
  switch (step[0]) {
    case 'createTopic': {
      const configs = Object.entries(step[3]).map(([name, value]) => ({ name, value }))
      return admin.createTopics({ topics: [step[1]], partitions: step[2], replicas: 1, configs }).then(ok)
    }
    case 'listTopics':
      return admin.listTopics()
    case 'partitions':
      return (await admin.metadata({ topics: [step[1]], forceUpdate: true })).topics.get(step[1])
        ?.partitionsCount
    case 'createPartitions':
      return admin
        .createPartitions({ topics: [{ name: step[1], count: step[2], assignments: null }] })
        .then(ok)
    case 'configs': {
      const [found] = await admin.describeConfigs({ resources: [{ resourceType, resourceName: step[1] }] })
      return Object.fromEntries((found?.configs ?? []).map(({ name, value }) => [name, value]))
    }
    case 'alterConfigs': {
      const configs = Object.entries(step[2]).map(([name, value]) => ({
        name,
        configOperation: IncrementalAlterConfigOperationTypes.SET,
        value,
      }))
      const resources = [{ resourceType, resourceName: step[1], configs }]
      return admin.incrementalAlterConfigs({ resources }).then(ok)
    }
    case 'deleteTopic':
      return admin.deleteTopics({ topics: [step[1]] }).then(ok)
    case 'listGroups':
      return [...(await admin.listGroups()).keys()]
    case 'describeGroup': {
      const group = (await admin.describeGroups({ groups: [step[1]] })).get(step[1])
      return { state: group?.state, members: group?.members.size }
    }
    case 'groupOffsets': {
      const [group] = await admin.listConsumerGroupOffsets({ groups: [step[1]] })
      const topic = group?.topics.find(({ name }) => name === step[2])
      const known = (topic?.partitions ?? []).filter(({ committedOffset }) => committedOffset >= 0n)
      return Object.fromEntries(known.map((one) => [one.partitionIndex, Number(one.committedOffset)]))
    }
    case 'deleteGroup':
      return admin.deleteGroups({ groups: [step[1]] }).then(ok)
    case 'deleteRecords': {
      const partitions = [{ partition: step[2], offset: BigInt(step[3]) }]
      return admin.deleteRecords({ topics: [{ name: step[1], partitions }] }).then(ok)
    }
  }
}

await serve(operations)
