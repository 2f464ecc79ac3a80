// kafkajs and @platformatic/kafka in transactions: consume, transform, produce, all or nothing, against a real listener.
import {
  Consumer,
  MessagesStreamModes,
  Producer,
  stringDeserializers,
  stringSerializers,
} from '@platformatic/kafka'
import { Kafka, type Consumer as KafkajsConsumer, logLevel } from 'kafkajs'
import { expect, test } from 'vitest'
import { listen } from './listening.ts'

const decoder = new TextDecoder()
const forever = new AbortController().signal

type Listener = Awaited<ReturnType<typeof listen>>

function kafkajs({ address }: Listener): Kafka {
  return new Kafka({ clientId: 'kafkajs', brokers: [address], logLevel: logLevel.NOTHING })
}

/** What our own readers see: committed records only. */
async function valuesOf({ broker }: Listener, topic: string): Promise<readonly string[]> {
  const values: string[] = []
  for await (const { value } of broker.tail(
    { topics: [topic], start: 'beginning', follow: false },
    forever,
  )) {
    values.push(decoder.decode(value ?? undefined))
  }
  return values
}

/** Runs until so many records of the topic have come. */
async function collect(consumer: KafkajsConsumer, topic: string, count: number): Promise<readonly string[]> {
  const values: string[] = []
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await new Promise<void>((resolve, reject) => {
    const eachMessage = async ({ message }: { readonly message: { readonly value: Buffer | null } }) => {
      values.push(String(message.value))
      if (values.length === count) resolve()
    }
    consumer.run({ eachMessage }).catch(reject)
  })
  await consumer.disconnect()
  return values
}

test('kafkajs: committed records are consumed, aborted ones are not; offsets go with the transaction', async () => {
  await using listener = await listen({})
  await listener.broker.createTopic('bills', {})
  const kafka = kafkajs(listener)
  const plain = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
  await plain.connect()
  await plain.send({ topic: 'orders', messages: ['1', '2', '3'].map((value) => ({ value })) })
  const producer = kafka.producer({ transactionalId: 'billing', maxInFlightRequests: 1, idempotent: true })
  await producer.connect()
  for (const [round, outcome] of (['commit', 'abort', 'commit'] as const).entries()) {
    const transaction = await producer.transaction()
    await transaction.send({ topic: 'bills', messages: [{ value: `${outcome} ${round}` }] })
    const partitions = [{ partition: 0, offset: String(round + 1) }]
    await transaction.sendOffsets({ consumerGroupId: 'billing', topics: [{ topic: 'orders', partitions }] })
    await (outcome === 'commit' ? transaction.commit() : transaction.abort())
    const admin = kafka.admin()
    await admin.connect()
    const [offsets] = await admin.fetchOffsets({ groupId: 'billing', topics: ['orders'] })
    // What was aborted never was.
    expect([round, offsets?.partitions[0]?.offset]).toEqual([round, round === 2 ? '3' : '1'])
    await admin.disconnect()
  }
  await producer.disconnect()
  await plain.disconnect()
  expect(await valuesOf(listener, 'bills')).toEqual(['commit 0', 'commit 2'])
  expect(await collect(kafka.consumer({ groupId: 'reader' }), 'bills', 2)).toEqual(['commit 0', 'commit 2'])
  const dirty = kafka.consumer({ groupId: 'dirty reader', readUncommitted: true })
  expect(await collect(dirty, 'bills', 3)).toEqual(['commit 0', 'abort 1', 'commit 2'])
}, 60_000)

test('kafkajs: a second producer with the transactional id fences the first one', async () => {
  await using listener = await listen({})
  const kafka = kafkajs(listener)
  const open = async () => {
    const producer = kafka.producer({
      transactionalId: 'tx',
      maxInFlightRequests: 1,
      idempotent: true,
      retry: { retries: 1, initialRetryTime: 10 },
    })
    await producer.connect()
    return producer
  }
  const first = await open()
  const old = await first.transaction()
  await old.send({ topic: 'orders', messages: [{ value: 'old' }] })
  const second = await open()
  const next = await second.transaction()
  await next.send({ topic: 'orders', messages: [{ value: 'new' }] })
  await next.commit()
  await expect(old.commit()).rejects.toThrow()
  await first.disconnect()
  await second.disconnect()
  expect(await valuesOf(listener, 'orders')).toEqual(['new'])
}, 60_000)

test('@platformatic/kafka: commits, aborts, and consumes what was committed', async () => {
  await using listener = await listen({})
  const common = { clientId: 'platformatic', bootstrapBrokers: [listener.address] }
  const producer = new Producer({
    ...common,
    idempotent: true,
    transactionalId: 'tx',
    serializers: stringSerializers,
  })
  for (const outcome of ['commit', 'abort', 'commit'] as const) {
    const transaction = await producer.beginTransaction()
    await transaction.send({ messages: [{ topic: 'orders', value: outcome }] })
    await (outcome === 'commit' ? transaction.commit() : transaction.abort())
  }
  await producer.close()
  expect(await valuesOf(listener, 'orders')).toEqual(['commit', 'commit'])
  const consumer = new Consumer({ ...common, groupId: 'reader', deserializers: stringDeserializers })
  const stream = await consumer.consume({
    topics: ['orders'],
    mode: MessagesStreamModes.EARLIEST,
    isolationLevel: 1,
  })
  const values: (string | undefined)[] = []
  for await (const { value } of stream) {
    values.push(value)
    if (values.length === 2) break
  }
  expect(values).toEqual(['commit', 'commit'])
  await consumer.close(true)
}, 60_000)
