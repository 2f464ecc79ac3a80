// kafkajs and @platformatic/kafka over real sockets: every codec goes in and comes out, by both of them where they can.
import { Consumer, MessagesStreamModes, Producer } from '@platformatic/kafka'
import { CompressionTypes, Kafka, logLevel } from 'kafkajs'
import { expect, test } from 'vitest'
import { listen } from './listening.ts'

const text = 'the same words again and again, '.repeat(200)
const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const

function kafkajsOf(address: string): Kafka {
  return new Kafka({ clientId: 'kafkajs', brokers: [address], logLevel: logLevel.NOTHING })
}

async function readWithPlatformatic(address: string, count: number): Promise<readonly string[]> {
  const consumer = new Consumer({ clientId: 'reader', groupId: 'platformatic', bootstrapBrokers: [address] })
  try {
    const stream = await consumer.consume({
      topics: ['orders'],
      mode: MessagesStreamModes.EARLIEST,
      maxWaitTime: 100,
    })
    const values: string[] = []
    for await (const message of stream) {
      values.push(String(message.value))
      if (values.length === count) break
    }
    return values
  } finally {
    await consumer.close(true)
  }
}

async function readWithKafkajs(address: string, count: number): Promise<readonly string[]> {
  const consumer = kafkajsOf(address).consumer({ groupId: 'kafkajs', maxWaitTimeInMs: 100 })
  try {
    await consumer.connect()
    await consumer.subscribe({ topic: 'orders', fromBeginning: true })
    const values: string[] = []
    await new Promise<void>((resolve, reject) => {
      const eachMessage = async ({ message }: { readonly message: { readonly value: Buffer | null } }) => {
        values.push(String(message.value))
        if (values.length === count) resolve()
      }
      consumer.run({ eachMessage }).catch(reject)
    })
    return values
  } finally {
    await consumer.disconnect()
  }
}

test('@platformatic/kafka writes with every codec and reads it all back, in order', async () => {
  await using listener = await listen({})
  const producer = new Producer({ clientId: 'writer', bootstrapBrokers: [listener.address], retries: 0 })
  const sent: string[] = []
  try {
    for (const compression of codecs) {
      const values = [0, 1, 2].map((index) => `${compression} ${index}: ${text}`)
      const messages = values.map((value) => ({ topic: 'orders', value: Buffer.from(value) }))
      await producer.send({ messages, compression, acks: -1 })
      sent.push(...values)
    }
  } finally {
    await producer.close()
  }
  expect(await readWithPlatformatic(listener.address, sent.length)).toEqual(sent)
})

test('what kafkajs writes, both read', async () => {
  await using listener = await listen({})
  const producer = kafkajsOf(listener.address).producer()
  await producer.connect()
  const sent: string[] = []
  for (const compression of [CompressionTypes.None, CompressionTypes.GZIP]) {
    const values = [0, 1, 2].map((index) => `${compression} ${index}: ${text}`)
    await producer.send({ topic: 'orders', compression, messages: values.map((value) => ({ value })) })
    sent.push(...values)
  }
  await producer.disconnect()
  expect(await readWithKafkajs(listener.address, sent.length)).toEqual(sent)
  expect(await readWithPlatformatic(listener.address, sent.length)).toEqual(sent)
})

test('a consumer that waits gets a record as soon as it is written', async () => {
  await using listener = await listen({})
  const reading = readWithKafkajs(listener.address, 1)
  const producer = kafkajsOf(listener.address).producer()
  await producer.connect()
  await producer.send({ topic: 'orders', messages: [{ value: 'now' }] })
  expect(await reading).toEqual(['now'])
  await producer.disconnect()
  expect(listener.requests('Fetch')).toBeGreaterThan(0)
})
