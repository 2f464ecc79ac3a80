// A compacted topic over real sockets: kafkajs and @platformatic/kafka read what is left, at the offsets it always had.
import { Consumer, MessagesStreamModes, Producer } from '@platformatic/kafka'
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { compactPartition } from '../../../collector/broker/compaction/compaction.ts'
import { deleteRecords } from '../../../collector/broker/partitions/delete-records.ts'
import type { Partition } from '../../../collector/broker/partitions/partition.ts'
import type { Codec } from '../../../protocol/compression.ts'
import { listen } from './listening.ts'

const forever = new AbortController().signal
let listener: Awaited<ReturnType<typeof listen>>

beforeAll(async () => {
  listener = await listen({})
})

afterAll(() => listener[Symbol.asyncDispose]())

/** Makes a topic, writes 300 records with these codecs in turn, compacts, and deletes the first two; what is left. */
async function compacted(topic: string, codecs: readonly Codec[]): Promise<readonly string[]> {
  const configs = {
    'cleanup.policy': 'compact,delete',
    'segment.bytes': '2000',
    'min.cleanable.dirty.ratio': '0',
  }
  await listener.broker.createTopic(topic, { partitions: 1, configs })
  const producer = new Producer({ clientId: 'writer', bootstrapBrokers: [listener.address], retries: 0 })
  try {
    for (let offset = 0; offset < 300; offset += 3) {
      const messages = [offset, offset + 1, offset + 2].map((at) => {
        return { topic, key: Buffer.from(keyAt(at)), value: Buffer.from(`${at}`) }
      })
      const compression = codecs[Math.floor(offset / 30) % codecs.length] as Codec
      await producer.send({ messages, compression, acks: -1 })
    }
  } finally {
    await producer.close()
  }
  const partition = listener.broker.partition(topic, 0) as Partition
  const end = partition.log.activeBaseOffset
  expect(await compactPartition(partition, { now: Date.now(), keysMax: 1000 }, forever)).not.toBe(null)
  await deleteRecords(partition, 2)
  const latest = new Map<string, number>()
  for (let offset = 0; offset < end; offset += 1) latest.set(keyAt(offset), offset)
  const left: string[] = []
  for (let offset = 2; offset < 300; offset += 1) {
    if (offset >= end || latest.get(keyAt(offset)) === offset) left.push(`${offset}=${offset}`)
  }
  expect(left.length).toBeLessThan(100)
  return left
}

/** Keys of the beginning that never come again, then the same few ones over and over. */
function keyAt(offset: number): string {
  return offset < 12 ? `early-${offset}` : `k${offset % 4}`
}

test('@platformatic/kafka', async () => {
  const topic = 'all-codecs'
  const left = await compacted(topic, ['none', 'gzip', 'snappy', 'lz4', 'zstd'])
  const consumer = new Consumer({
    clientId: 'reader',
    groupId: 'platformatic',
    bootstrapBrokers: [listener.address],
  })
  try {
    const stream = await consumer.consume({
      topics: [topic],
      mode: MessagesStreamModes.EARLIEST,
      maxWaitTime: 100,
    })
    const values: string[] = []
    for await (const message of stream) {
      values.push(`${message.offset}=${String(message.value)}`)
      if (values.length === left.length) break
    }
    expect(values).toEqual(left)
  } finally {
    await consumer.close(true)
  }
})

test('kafkajs', async () => {
  // It brings no other codecs.
  const topic = 'two-codecs'
  const left = await compacted(topic, ['none', 'gzip'])
  const kafka = new Kafka({ clientId: 'kafkajs', brokers: [listener.address], logLevel: logLevel.NOTHING })
  const consumer = kafka.consumer({ groupId: 'kafkajs', maxWaitTimeInMs: 100, maxBytes: 300 })
  try {
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning: true })
    const values: string[] = []
    await new Promise<void>((resolve, reject) => {
      const eachMessage = async ({
        message,
      }: {
        readonly message: { readonly offset: string; readonly value: Buffer | null }
      }) => {
        values.push(`${message.offset}=${String(message.value)}`)
        if (values.length === left.length) resolve()
      }
      consumer.run({ eachMessage }).catch(reject)
    })
    expect(values).toEqual(left)
  } finally {
    await consumer.disconnect()
  }
})
