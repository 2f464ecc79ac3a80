// One connection: order, pipelining, what is refused, and the clients that are slow, silent, or gone.
import { expect, test } from 'vitest'
import { apis } from '../../../protocol/apis/index.ts'
import { encodeRequest } from '../../../protocol/message.ts'
import { batchOf, fetchOf, produceOf, startSimulated } from './simulated.ts'

const minuteMs = 60_000

test('a thousand pipelined requests are answered in their order', async () => {
  const { connect } = await startSimulated()
  const client = await connect()
  const sent: {
    readonly name: 'Metadata' | 'Produce' | 'ApiVersions'
    readonly version: number
    id: number
  }[] = []
  for (let i = 0; i < 1_000; i += 1) {
    if (i % 3 === 0)
      sent.push({ name: 'Metadata', version: 4, id: await client.send('Metadata', 4, { topics: null }) })
    else if (i % 3 === 1) {
      const id = await client.send('Produce', 8, produceOf(batchOf([`${i}`])))
      sent.push({ name: 'Produce', version: 8, id })
    } else sent.push({ name: 'ApiVersions', version: 2, id: await client.send('ApiVersions', 2, {}) })
  }
  let offset = 0
  for (const { name, version, id } of sent) {
    const { correlationId, body } = await client.answer(name, version)
    expect(correlationId).toBe(id)
    if (!('responses' in body)) continue
    expect(body.responses[0]?.partitionResponses[0]).toMatchObject({ errorCode: 0, baseOffset: offset })
    offset += 1
  }
  expect(offset).toBe(333)
})

test('a long poll holds up no request behind it: a Produce on the same connection ends it', async () => {
  const { connect, world } = await startSimulated()
  const client = await connect()
  const before = world.now
  await client.send('Fetch', 11, fetchOf(0, { maxWaitMs: 30_000 }))
  await client.send('Produce', 8, produceOf(batchOf(['late'])))
  const fetched = await client.answer('Fetch', 11)
  expect(fetched.body.responses[0]?.partitions[0]?.records?.length).toBeGreaterThan(61)
  expect((await client.answer('Produce', 8)).body.responses[0]?.partitionResponses[0]?.errorCode).toBe(0)
  expect(world.now - before).toBeLessThan(10_000)
})

test('a long poll that gets nothing is answered after its time', async () => {
  const { connect, world } = await startSimulated()
  const client = await connect()
  const before = world.now
  const { responses } = await client.ask('Fetch', 11, fetchOf(0, { maxWaitMs: 500 }))
  expect(responses[0]?.partitions[0]).toMatchObject({ errorCode: 0, highWatermark: 0 })
  expect(world.now - before).toBeGreaterThanOrEqual(500)
  expect(world.now - before).toBeLessThan(1_000)
})

test('acks 0 gets no answer and no place among the answers; its trouble ends the connection', async () => {
  const { connect, broker, logged } = await startSimulated()
  const client = await connect()
  await client.send('Produce', 8, produceOf(batchOf(['a', 'b']), 0))
  const id = await client.send('Metadata', 4, { topics: null })
  expect((await client.answer('Metadata', 4)).correlationId).toBe(id)
  await client.ask('Produce', 8, produceOf(batchOf(['c'])))
  expect(broker.partition('orders', 0)?.highWatermark).toBe(3)
  await client.send('Produce', 8, produceOf(batchOf(['d']), 0, 'nowhere'))
  expect(await client.frame()).toBeNull()
  expect(logged()).toContain('a Kafka connection was cut')
})

test.each([
  ['larger than allowed', [0x7f, 0xff, 0xff, 0xff]],
  ['of a negative length', [0xff, 0xff, 0xff, 0xff]],
  ['too short for a header', [0, 0, 0, 1, 9]],
  ['of an unknown API', [0, 0, 0, 10, 0x7f, 0, 0, 0, 0, 0, 0, 1, 0xff, 0xff]],
  ['of a version that is not served', [0, 0, 0, 10, 0, 1, 0, 3, 0, 0, 0, 1, 0xff, 0xff]],
])('a frame %s ends the connection, and holds no memory', async (_what, bytes) => {
  const { connect, server, logged, complete } = await startSimulated()
  const client = await connect()
  await client.sendBytes([Uint8Array.from(bytes)])
  expect(await client.frame()).toBeNull()
  expect(server.status()).toMatchObject({ frameBytes: 0, cutConnections: 1 })
  expect(logged()).toContain('a Kafka connection was cut')
  const other = await connect()
  await other.ask('ApiVersions', 0, {})
  await complete(Promise.resolve(server[Symbol.asyncDispose]()))
})

test('a version of ApiVersions from the future is answered in the oldest form', async () => {
  const { connect } = await startSimulated()
  const client = await connect()
  const request = encodeRequest(apis.ApiVersions, { version: 4, correlationId: 9, clientId: null, body: {} })
  const bytes = Buffer.concat(request)
  bytes.writeInt16BE(99, 6)
  await client.sendBytes([bytes])
  const { correlationId, body } = await client.answer('ApiVersions', 0)
  expect(correlationId).toBe(9)
  expect(body).toMatchObject({ errorCode: 35, apiKeys: [{ apiKey: 18, minVersion: 0, maxVersion: 4 }] })
})

test('versions of Produce that are only offered for old clients are refused, not misread', async () => {
  const { connect } = await startSimulated()
  const client = await connect()
  const { responses } = await client.ask('Produce', 2, produceOf(batchOf(['x'])))
  expect(responses[0]?.partitionResponses[0]?.errorCode).toBe(35)
})

test.each([
  ['TLS', Buffer.from('16030102', 'hex')],
  ['HTTP', Buffer.from('GET / HTTP/1.1\r\n')],
])('a client that speaks %s instead is cut, and the log says what it seems to speak', async (name, bytes) => {
  const { connect, server, reasons } = await startSimulated()
  const client = await connect()
  await client.sendBytes([bytes])
  expect(await client.frame()).toBeNull()
  expect(server.status()).toMatchObject({ cutConnections: 1 })
  expect(reasons()).toContainEqual(expect.stringMatching(`; it begins as ${name} does$`))
})

test('a client that asks and does not read is cut, its answers bounded', async () => {
  const limits = { writeMs: 10_000, answerBytesMax: 256 * 1024 }
  const { connect, world, server } = await startSimulated({ limits })
  const writer = await connect()
  const large = 'x'.repeat(200_000)
  for (let i = 0; i < 5; i += 1) await writer.ask('Produce', 8, produceOf(batchOf([large])))
  const client = await connect()
  for (let i = 0; i < 50; i += 1) {
    await client.connection.write(
      encodeRequest(apis.Fetch, { version: 11, correlationId: i, clientId: null, body: fetchOf(0) }),
    )
  }
  await world.runFor(5_000)
  const requests = server.status().apis.find(({ api }) => api === 'Fetch')?.requests ?? 0
  expect(requests).toBeLessThan(10)
  expect(server.status().connections).toBe(2)
  await world.runFor(30_000)
  expect(server.status()).toMatchObject({ connections: 1, cutConnections: 1 })
})

test('half a request does not wait for its rest for ever', async () => {
  const { connect, world, server } = await startSimulated({ limits: { requestMs: 5_000 } })
  const client = await connect()
  await client.sendBytes([Uint8Array.of(0, 0, 4, 0, 1, 2, 3)])
  await world.runFor(2_000)
  expect(server.status()).toMatchObject({ connections: 1, frameBytes: 1024 })
  await world.runFor(20_000)
  expect(server.status()).toMatchObject({ connections: 0, frameBytes: 0, cutConnections: 1 })
})

test('who says nothing for ten minutes is let go; a client that vanished too', async () => {
  const { connect, world, server } = await startSimulated()
  const idle = await connect()
  const gone = await connect()
  await gone.send('Fetch', 11, fetchOf(0, { maxWaitMs: 200_000 }))
  await idle.ask('ApiVersions', 0, {})
  world.network.sockets.silence('broker', 'client')
  await world.runFor(minuteMs)
  expect(server.status().connections).toBe(2)
  await world.runFor(11 * minuteMs)
  expect(server.status().connections).toBe(0)
})

test('large requests wait for each other when memory is short, and all come through', async () => {
  const { connect, complete, server, broker } = await startSimulated({ limits: { framesBytesMax: 150_000 } })
  const clients = [await connect(), await connect(), await connect()]
  const records = batchOf(['y'.repeat(100_000)])
  const sending = clients.map((client, i) =>
    client.connection.write(
      encodeRequest(apis.Produce, { version: 8, correlationId: i, clientId: null, body: produceOf(records) }),
    ),
  )
  await complete(Promise.all(sending))
  for (const client of clients) expect((await client.answer('Produce', 8)).body.responses).toHaveLength(1)
  expect(broker.partition('orders', 0)?.highWatermark).toBe(3)
  expect(server.status().frameBytes).toBe(0)
})

test('one address has a bounded number of connections', async () => {
  const { connect, server } = await startSimulated({ limits: { connectionsPerPeerMax: 2 } })
  const first = await connect()
  await connect()
  const third = await connect()
  expect(await third.frame()).toBeNull()
  await first.ask('ApiVersions', 0, {})
  expect(server.status()).toMatchObject({ connections: 2, refusedConnections: 1 })
})

test('a stop answers what is under way, long polls at once, and then closes', async () => {
  const { connect, complete, world, server } = await startSimulated()
  const client = await connect()
  await client.send('Fetch', 11, fetchOf(0, { maxWaitMs: 200_000 }))
  await world.runFor(100)
  const before = world.now
  const stopping = complete(Promise.resolve(server[Symbol.asyncDispose]()))
  expect((await client.answer('Fetch', 11)).body.responses[0]?.partitions[0]?.errorCode).toBe(0)
  expect(await client.frame()).toBeNull()
  await stopping
  expect(world.now - before).toBeLessThan(2_500)
  expect(server.status().connections).toBe(0)
})

test('a producer over its quota is told to pause, and not read from meanwhile', async () => {
  const quota = {
    principal: null,
    clientId: 'test',
    producerBytesPerSecond: 10_000,
    consumerBytesPerSecond: null,
  }
  const { connect, world, server } = await startSimulated({ quotas: [quota] })
  const client = await connect()
  const body = produceOf(batchOf(['z'.repeat(30_000)]))
  const first = await client.ask('Produce', 8, body)
  expect(first.throttleTimeMs).toBeGreaterThan(1_500)
  const before = world.now
  await client.ask('ApiVersions', 0, {})
  expect(world.now - before).toBeGreaterThan(1_500)
  expect(server.status().throttledMs).toBe(first.throttleTimeMs)
})

test('requests wait while others are many objects, and all come through', async () => {
  const limits = { decodedBytesMax: 100_000 }
  const { connect, world, server } = await startSimulated({ limits })
  const greedy = [await connect(), await connect(), await connect()]
  const other = await connect()
  const asked = (name: string) => server.status().apis.find(({ api }) => api === name)?.requests ?? 0
  const partitions = Array.from({ length: 2_000 }, () => ({
    partition: 0,
    fetchOffset: 0,
    partitionMaxBytes: 1,
  }))
  const poll = fetchOf(0, { topics: [{ topic: 'orders', partitions }], maxWaitMs: 60_000 })
  for (const client of greedy) {
    await client.send('Fetch', 11, poll)
    await world.runFor(1_000)
  }
  await other.send('Metadata', 12, { topics: [] })
  await world.runFor(30_000)
  expect([asked('Fetch'), asked('Metadata')]).toEqual([1, 0])
  // What the first one leaves is for one of those who wait, not for all of them.
  for (const [index, client] of greedy.entries()) {
    expect((await client.answer('Fetch', 11)).body.responses[0]?.partitions).toHaveLength(2_000)
    await world.runFor(1_000)
    expect(asked('Fetch')).toBe(Math.min(index + 2, greedy.length))
  }
  await other.answer('Metadata', 12)
})
