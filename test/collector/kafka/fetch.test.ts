// Fetch and its long polls: the limits of KIP-74, what wakes a poll, and every error it can say.
import { expect, test } from 'vitest'
import type { RequestInput, ResponseOf } from '../../../protocol/apis/index.ts'
import { ZERO_UUID } from '../../../protocol/bytes.ts'
import { batchOf, type Client, fetchOf, produceOf, type Simulated, startSimulated } from './simulated.ts'

const first = (answer: ResponseOf<'Fetch'>) => answer.responses[0]?.partitions[0]
const size = (answer: ResponseOf<'Fetch'>) => first(answer)?.records?.length ?? 0

async function withRecords(count: number, bytes = 1_000): Promise<Simulated & { readonly client: Client }> {
  const simulated = await startSimulated()
  const client = await simulated.connect()
  const batch = batchOf(['v'.repeat(bytes)])
  for (let i = 0; i < count; i += 1) await client.ask('Produce', 8, produceOf(batch))
  return { ...simulated, client }
}

test('the first batch comes whole however small the limits, the others only within them', async () => {
  const { client } = await withRecords(5)
  const whole = size(await client.ask('Fetch', 11, fetchOf(0)))
  const one = whole / 5
  expect(size(await client.ask('Fetch', 11, fetchOf(0, {}, 1)))).toBe(one)
  expect(size(await client.ask('Fetch', 11, fetchOf(0, { maxBytes: 1 })))).toBe(one)
  expect(size(await client.ask('Fetch', 11, fetchOf(0, {}, one * 2 + 10)))).toBe(one * 2)
  expect(size(await client.ask('Fetch', 11, fetchOf(3, {}, one * 5)))).toBe(one * 2)
})

test('an answer is bounded over partitions: later ones stay empty, in the order of the request', async () => {
  const { client, broker, complete } = await withRecords(3)
  await complete(broker.createTopic('more', { partitions: 1 }))
  await client.ask('Produce', 8, produceOf(batchOf(['v'.repeat(1_000)]), -1, 'more'))
  const asked = (topic: string) => ({
    topic,
    partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1024 * 1024 }],
  })
  const fetch = (maxBytes: number) =>
    client.ask('Fetch', 11, { ...fetchOf(0), maxBytes, topics: [asked('more'), asked('orders')] })
  const both = await fetch(1024 * 1024)
  expect(both.responses.map((topic) => topic.partitions[0]?.records?.length ?? 0)).toEqual([1070, 3210])
  const little = await fetch(1_100)
  expect(little.responses.map((topic) => topic.partitions[0]?.records?.length ?? 0)).toEqual([1070, 0])
})

test('an answer that is nearly full is full: it goes out at once, and no further partition is looked into', async () => {
  const { client, broker, complete, world } = await withRecords(16)
  await complete(broker.createTopic('small', { partitions: 1 }))
  const small = batchOf(['v'])
  await client.ask('Produce', 8, produceOf(small, -1, 'small'))
  const topics = ['orders', 'small'].map((topic) => ({
    topic,
    partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1024 * 1024 }],
  }))
  const before = world.now
  const fetch = async (maxBytes: number) => {
    const limits = { maxBytes, minBytes: maxBytes, maxWaitMs: 60_000 }
    const { responses } = await client.ask('Fetch', 11, { ...fetchOf(0, limits), topics })
    return responses.map((topic) => topic.partitions[0]?.records?.length ?? 0)
  }
  expect(await fetch(15 * 1070 + 900)).toEqual([15 * 1070, 0])
  expect(world.now - before).toBeLessThan(1_000)
  expect(await fetch(13 * 1070 + 1_000)).toEqual([13 * 1070, small.length])
})

test('a poll for many bytes sleeps through the first of them', async () => {
  const { client, connect, world } = await withRecords(0)
  await client.send('Fetch', 11, fetchOf(0, { minBytes: 3_000, maxWaitMs: 20_000 }))
  const writer = await connect()
  const batch = batchOf(['v'.repeat(1_000)])
  let answered = false
  const answer = client.answer('Fetch', 11).then((got) => {
    answered = true
    return got
  })
  for (let i = 0; i < 2; i += 1) {
    await writer.ask('Produce', 8, produceOf(batch))
    await world.runFor(100)
    expect(answered).toBe(false)
  }
  await writer.ask('Produce', 8, produceOf(batch))
  expect(size((await answer).body)).toBeGreaterThan(3_000)
  expect(world.now).toBeLessThan(10_000)
})

test('what comes while a poll waits for too many bytes is there when its time is over', async () => {
  const { client, connect } = await withRecords(1)
  await client.send('Fetch', 11, fetchOf(0, { minBytes: 100_000, maxWaitMs: 1_000 }))
  const writer = await connect()
  await writer.ask('Produce', 8, produceOf(batchOf(['v'.repeat(1_000)])))
  expect(size((await client.answer('Fetch', 11)).body)).toBeGreaterThan(2_000)
})

test('an error is answered at once, whatever else could be waited for', async () => {
  const { client, world } = await withRecords(1)
  const before = world.now
  const { responses } = await client.ask('Fetch', 11, {
    ...fetchOf(1, { maxWaitMs: 60_000 }),
    topics: [
      {
        topic: 'orders',
        partitions: [
          { partition: 0, fetchOffset: 1, partitionMaxBytes: 1_000 },
          { partition: 7, fetchOffset: 0, partitionMaxBytes: 1_000 },
        ],
      },
    ],
  })
  expect(responses[0]?.partitions.map((one) => one.errorCode)).toEqual([0, 3])
  expect(world.now - before).toBeLessThan(1_000)
})

test.each([
  ['an offset beyond the end', { fetchOffset: 5 }, 1],
  ['an offset below the start', { fetchOffset: -3 }, 1],
  ['an older leader epoch', { currentLeaderEpoch: 5 }, 75],
])('%s has its own error', async (_what, partition, code) => {
  const { client } = await withRecords(2)
  const { responses } = await client.ask('Fetch', 11, {
    ...fetchOf(0),
    topics: [
      {
        topic: 'orders',
        partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000, ...partition }],
      },
    ],
  })
  expect(responses[0]?.partitions[0]?.errorCode).toBe(code)
})

test('topics by id, from version 13 on', async () => {
  const { client, broker } = await withRecords(2)
  const fetch = (topicId: string): RequestInput<'Fetch'> => ({
    ...fetchOf(0),
    topics: [{ topicId, partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 10_000 }] }],
  })
  const known = await client.ask('Fetch', 16, fetch(broker.findTopic('orders')?.id ?? ''))
  expect(size(known)).toBeGreaterThan(2_000)
  for (const id of [ZERO_UUID, '00000000-0000-4000-8000-000000000001']) {
    expect(first(await client.ask('Fetch', 16, fetch(id)))?.errorCode).toBe(100)
  }
})

test('sessions are never granted, and unknown ones are said to be unknown', async () => {
  const { client } = await withRecords(1)
  const full = await client.ask('Fetch', 11, fetchOf(0, { sessionId: 0, sessionEpoch: 0 }))
  expect(full).toMatchObject({ errorCode: 0, sessionId: 0 })
  expect(size(full)).toBeGreaterThan(0)
  const incremental = await client.ask('Fetch', 11, fetchOf(0, { sessionId: 77, sessionEpoch: 3 }))
  expect(incremental.errorCode).toBe(70)
  const closing = await client.ask('Fetch', 11, fetchOf(0, { sessionId: 77, sessionEpoch: -1 }))
  expect(closing).toMatchObject({ errorCode: 0, sessionId: 0 })
})

test('a follower, or another cluster, is refused', async () => {
  const { client } = await withRecords(1)
  expect((await client.ask('Fetch', 11, fetchOf(0, { replicaId: 2 }))).errorCode).toBe(42)
  expect((await client.ask('Fetch', 12, fetchOf(0, { clusterId: 'other' }))).errorCode).toBe(104)
})
