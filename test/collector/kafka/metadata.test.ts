// Metadata, ApiVersions, ListOffsets, OffsetForLeaderEpoch: what a client asks before it writes or reads anything.
import { expect, test } from 'vitest'
import { batchOf, produceOf, startSimulated } from './simulated.ts'

test('each version names the one broker at the address that the client has reached', async () => {
  const { connect } = await startSimulated()
  const client = await connect()
  for (let version = 0; version <= 12; version += 1) {
    const answer = await client.ask('Metadata', version, { topics: [{ name: 'orders' }] })
    expect(answer.brokers).toEqual([{ nodeId: 0, host: 'broker', port: 9092, rack: null }])
    expect(answer.topics).toHaveLength(1)
    expect(answer.topics[0]).toMatchObject({ errorCode: 0, name: 'orders' })
    expect(answer.topics[0]?.partitions[0]).toMatchObject({ leaderId: 0, replicaNodes: [0], isrNodes: [0] })
    if (version >= 1) expect(answer.controllerId).toBe(0)
    if (version >= 2) expect(answer.clusterId).toMatch(/^[\w-]{22}$/)
  }
})

test('all topics: null, and an empty list only in the oldest version', async () => {
  const { connect } = await startSimulated()
  const client = await connect()
  const names = async (version: number, topics: [] | null) =>
    (await client.ask('Metadata', version, { topics })).topics.map((topic) => topic.name)
  expect(await names(0, [])).toContain('orders')
  expect(await names(1, null)).toContain('orders')
  expect(await names(1, [])).toEqual([])
  const { topics } = await client.ask('Metadata', 12, { topics: null })
  const internal = topics.filter((topic) => topic.isInternal).map((topic) => topic.name)
  expect(internal).toContain('__consumer_offsets')
  expect(topics.every((topic) => topic.topicId !== '00000000-0000-0000-0000-000000000000')).toBe(true)
})

test('a missing topic is made when the client wants it and the broker allows it', async () => {
  const { connect, broker } = await startSimulated()
  const client = await connect()
  const ask = async (name: string, allowAutoTopicCreation: boolean) =>
    (await client.ask('Metadata', 4, { topics: [{ name }], allowAutoTopicCreation })).topics[0]
  expect(await ask('fresh', false)).toMatchObject({ errorCode: 3, name: 'fresh' })
  expect(broker.findTopic('fresh')).toBeNull()
  expect(await ask('fresh', true)).toMatchObject({ errorCode: 0, partitions: [{ partitionIndex: 0 }] })
  expect(await ask('no/such name', true)).toMatchObject({ errorCode: 17 })
})

test('without auto_create_topics nothing is made', async () => {
  const { connect } = await startSimulated({ broker: { autoCreate: false } })
  const client = await connect()
  const { topics } = await client.ask('Metadata', 4, { topics: [{ name: 'fresh' }] })
  expect(topics[0]).toMatchObject({ errorCode: 3 })
})

test('topics by id; an unknown id has no name', async () => {
  const { connect, broker } = await startSimulated()
  const client = await connect()
  const topicId = broker.findTopic('orders')?.id ?? ''
  const unknown = '00000000-0000-4000-8000-000000000001'
  const { topics } = await client.ask('Metadata', 12, {
    topics: [
      { topicId, name: null },
      { topicId: unknown, name: null },
    ],
  })
  expect(topics[0]).toMatchObject({ errorCode: 0, name: 'orders', topicId })
  expect(topics[1]).toMatchObject({ errorCode: 100, name: null, topicId: unknown })
})

test('what the client may do is said only when it asks', async () => {
  const { connect } = await startSimulated()
  const client = await connect()
  const ask = (asked: boolean) =>
    client.ask('Metadata', 10, {
      topics: [{ name: 'orders' }],
      includeTopicAuthorizedOperations: asked,
      includeClusterAuthorizedOperations: asked,
    })
  const silent = await ask(false)
  expect([silent.topics[0]?.topicAuthorizedOperations, silent.clusterAuthorizedOperations]).toEqual([
    -(2 ** 31),
    -(2 ** 31),
  ])
  const said = await ask(true)
  expect(said.topics[0]?.topicAuthorizedOperations).toBe(0b1101_1111_1000 & ~(1 << 9))
  expect(said.clusterAuthorizedOperations).toBeGreaterThan(0)
})

test('ApiVersions offers every API of the table, sorted, and remembers the software', async () => {
  const { connect, server } = await startSimulated()
  const client = await connect()
  const software = { clientSoftwareName: 'franz-go', clientSoftwareVersion: 'v1.20.0' }
  const { errorCode, apiKeys } = await client.ask('ApiVersions', 4, software)
  expect(errorCode).toBe(0)
  const keys = apiKeys.map((api) => api.apiKey)
  expect(keys).toEqual([...keys].sort((one, other) => one - other))
  expect(apiKeys).toContainEqual({ apiKey: 0, minVersion: 0, maxVersion: 11 })
  expect(apiKeys).toContainEqual({ apiKey: 1, minVersion: 4, maxVersion: 16 })
  expect(server.status().clients).toEqual([{ name: 'franz-go', version: 'v1.20.0', connections: 1 }])
})

test('a client software whose name is not one is refused', async () => {
  const { connect } = await startSimulated()
  const client = await connect()
  const bad = { clientSoftwareName: 'no spaces', clientSoftwareVersion: '1' }
  expect((await client.ask('ApiVersions', 3, bad)).errorCode).toBe(42)
})

test('where a partition begins and ends, and its epochs', async () => {
  const { connect } = await startSimulated()
  const client = await connect()
  await client.ask('Produce', 8, produceOf(batchOf(['a', 'b', 'c'])))
  const list = async (timestamp: number, version = 8, extra = {}) => {
    const partitions = [{ partitionIndex: 0, timestamp, ...extra }]
    const { topics } = await client.ask('ListOffsets', version, { topics: [{ name: 'orders', partitions }] })
    return topics[0]?.partitions[0]
  }
  expect(await list(-1)).toMatchObject({ errorCode: 0, offset: 3, timestamp: -1, leaderEpoch: 0 })
  expect(await list(-2)).toMatchObject({ errorCode: 0, offset: 0 })
  expect(await list(-4)).toMatchObject({ errorCode: 0, offset: 0 })
  expect(await list(-3)).toMatchObject({ errorCode: 0, timestamp: Date.UTC(2026, 0, 1) })
  expect(await list(Date.UTC(2026, 0, 1))).toMatchObject({ errorCode: 0, offset: 0 })
  expect(await list(Date.UTC(2027, 0, 1))).toMatchObject({ errorCode: 0, offset: -1 })
  expect(await list(-3, 6)).toMatchObject({ errorCode: 35 })
  expect(await list(-1, 8, { currentLeaderEpoch: 4 })).toMatchObject({ errorCode: 75 })
  expect(await list(-1, 8, { partitionIndex: 8 })).toMatchObject({ errorCode: 3 })
})

test('a leader epoch ends where the log does; others were never there', async () => {
  const { connect } = await startSimulated()
  const client = await connect()
  await client.ask('Produce', 8, produceOf(batchOf(['a', 'b', 'c'])))
  const endOf = async (leaderEpoch: number) => {
    const partitions = [{ partition: 0, leaderEpoch }]
    const { topics } = await client.ask('OffsetForLeaderEpoch', 4, {
      topics: [{ topic: 'orders', partitions }],
    })
    return topics[0]?.partitions[0]
  }
  expect(await endOf(0)).toMatchObject({ errorCode: 0, leaderEpoch: 0, endOffset: 3 })
  expect(await endOf(5)).toMatchObject({ errorCode: 0, leaderEpoch: -1, endOffset: -1 })
})
