// kafkajs and @platformatic/kafka as members of consumer groups: they share partitions, come, go, die, and are static.
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { Admin, Consumer, MessagesStreamModes, stringDeserializers } from '@platformatic/kafka'
import { AssignerProtocol, Kafka, logLevel } from 'kafkajs'
import { expect, test } from 'vitest'
import { listen } from './listening.ts'

const newer = { consumerSessionTimeoutMs: 3000, consumerHeartbeatMs: 200 }
const config = { partitions: 4, groupSessionTimeoutMsMin: 1000, ...newer }
const root = join(import.meta.dirname, '../../..')
const forever = new AbortController().signal

type Listener = Awaited<ReturnType<typeof listen>>

function kafkajs({ address }: Listener): Kafka {
  return new Kafka({ clientId: 'kafkajs', brokers: [address], logLevel: logLevel.NOTHING })
}

async function fill({ broker }: Listener, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) {
    const value = Buffer.from(String(i))
    const record = { key: null, value, timestamp: 1, headers: [], source: null }
    await broker.publishTo('orders', i % 4, [record])
  }
}

/** Which member reads which partitions, when the group is stable; `<client id>: 0,2`. */
function shares({ broker }: Listener, group: string): readonly string[] {
  const described = broker.groupsCoordinator.describeGroup(group)
  if (described?.phase !== 'Stable') return []
  return described.members.map(({ clientId, assignment }) => {
    const decoded = AssignerProtocol.MemberAssignment.decode(Buffer.from(assignment))
    return `${clientId}: ${[...(decoded?.assignment.orders ?? [])].sort().join(',')}`
  })
}

function offsetsOf({ broker }: Listener, group: string): number {
  const offsets = broker.groupsCoordinator.fetchOffsets(group, null, true)
  return offsets.reduce((sum, { offset }) => sum + offset, 0)
}

/** Something in a process of its own, which can be killed. */
function stranger(script: string): ChildProcess {
  return spawn(process.execPath, ['--input-type=module', '-e', script], { cwd: root, stdio: 'ignore' })
}

function kafkajsStranger(group: string, { address }: Listener): ChildProcess {
  const options = `groupId: '${group}', sessionTimeout: 1500, heartbeatInterval: 300, maxWaitTimeInMs: 200`
  return stranger(`
    import { Kafka } from 'kafkajs'
    const kafka = new Kafka({ clientId: 'stranger', brokers: ['${address}'], logLevel: 0 })
    const consumer = kafka.consumer({ ${options} })
    await consumer.connect()
    await consumer.subscribe({ topic: 'orders', fromBeginning: true })
    await consumer.run({ eachMessage: async () => {} })`)
}

function platformaticStranger(group: string, how: string, { address }: Listener): ChildProcess {
  const options = `clientId: 'stranger', groupId: '${group}', ${how}`
  return stranger(`
    import { Consumer } from '@platformatic/kafka'
    const timing = { sessionTimeout: 6000, heartbeatInterval: 200 }
    const consumer = new Consumer({ bootstrapBrokers: ['${address}'], ${options}, ...timing })
    const stream = await consumer.consume({ topics: ['orders'], maxWaitTime: 100 })
    stream.resume()`)
}

const poll = { timeout: 20_000, interval: 50 }

test('kafkajs: two members share; one is killed, the other takes all; offsets are the group’s', async () => {
  await using listener = await listen({}, null, config)
  await fill(listener, 40)
  const seen: string[] = []
  const consumer = kafkajs(listener).consumer({
    groupId: 'g',
    sessionTimeout: 1500,
    heartbeatInterval: 300,
    maxWaitTimeInMs: 200,
  })
  await consumer.connect()
  await consumer.subscribe({ topic: 'orders', fromBeginning: true })
  await consumer.run({
    autoCommitThreshold: 1,
    eachMessage: async ({ message }) => {
      seen.push(String(message.value))
    },
  })
  await expect.poll(() => new Set(seen).size, poll).toBe(40)
  const other = kafkajsStranger('g', listener)
  await expect.poll(() => shares(listener, 'g').length, poll).toBe(2)
  expect([...shares(listener, 'g')].sort()).toEqual([
    expect.stringMatching(/^kafkajs: \d,\d$/),
    expect.stringMatching(/^stranger: \d,\d$/),
  ])
  other.kill('SIGKILL')
  await expect.poll(() => shares(listener, 'g'), poll).toEqual(['kafkajs: 0,1,2,3'])
  await expect.poll(() => offsetsOf(listener, 'g'), poll).toBe(40)
  await consumer.disconnect()
  expect(listener.broker.groupsCoordinator.describeGroup('g')?.phase).toBe('Empty')
}, 60_000)

test('@platformatic/kafka: a static member that was killed comes back to its partitions without a round', async () => {
  await using listener = await listen({}, null, config)
  await fill(listener, 8)
  const open = async (clientId: string, groupInstanceId: string) => {
    const consumer = new Consumer({
      clientId,
      bootstrapBrokers: [listener.address],
      groupId: 'p',
      groupInstanceId,
      sessionTimeout: 6000,
      heartbeatInterval: 200,
      deserializers: stringDeserializers,
    })
    const mode = MessagesStreamModes.EARLIEST
    const stream = await consumer.consume({ topics: ['orders'], mode, maxWaitTime: 100 })
    stream.resume()
    return consumer
  }
  const killed = platformaticStranger('p', "groupInstanceId: 'one'", listener)
  await expect.poll(() => shares(listener, 'p'), poll).toEqual(['stranger: 0,1,2,3'])
  const second = await open('second', 'two')
  await expect
    .poll(() => [...shares(listener, 'p')].sort(), poll)
    .toEqual([expect.stringMatching(/^second: \d,\d$/), expect.stringMatching(/^stranger: \d,\d$/)])
  killed.kill('SIGKILL')
  const before = [...shares(listener, 'p')].sort()
  const { generation } = listener.broker.groupsCoordinator.describeGroup('p') ?? {}
  const again = await open('stranger', 'one')
  await expect.poll(() => [...shares(listener, 'p')].sort(), poll).toEqual(before)
  expect(listener.broker.groupsCoordinator.describeGroup('p')?.generation).toBe(generation)
  await second.close(true)
  await expect.poll(() => shares(listener, 'p'), poll).toEqual(['stranger: 0,1,2,3'])
  await again.close(true)
}, 60_000)

test('@platformatic/kafka with groupProtocol consumer: two members share; one is killed, the other takes all', async () => {
  await using listener = await listen({}, null, config)
  await fill(listener, 40)
  const consumer = new Consumer({
    clientId: 'first',
    bootstrapBrokers: [listener.address],
    groupId: 'n',
    groupProtocol: 'consumer',
    deserializers: stringDeserializers,
  })
  const seen = new Set<string>()
  const mode = MessagesStreamModes.EARLIEST
  const stream = await consumer.consume({ topics: ['orders'], mode, maxWaitTime: 100 })
  stream.on('data', ({ value, commit }) => {
    seen.add(value)
    commit()
  })
  await expect.poll(() => seen.size, poll).toBe(40)
  const other = platformaticStranger('n', "groupProtocol: 'consumer'", listener)
  await expect
    .poll(() => [...shares(listener, 'n')].sort(), poll)
    .toEqual([expect.stringMatching(/^first: \d,\d$/), expect.stringMatching(/^stranger: \d,\d$/)])
  expect(listener.broker.groupsCoordinator.describeConsumerGroup('n')?.assignor).toBe('uniform')
  other.kill('SIGKILL')
  await expect.poll(() => shares(listener, 'n'), poll).toEqual(['first: 0,1,2,3'])
  await expect.poll(() => offsetsOf(listener, 'n'), poll).toBe(40)
  await consumer.close(true)
  expect(listener.broker.groupsCoordinator.describeGroup('n')?.phase).toBe('Empty')
}, 60_000)

test('admin clients see the groups, the lag of a sink among them, and cannot take it over', async () => {
  await using listener = await listen({}, null, config)
  await fill(listener, 8)
  const feeds = {
    group: 'sink.w',
    topic: 'orders',
    start: 'beginning',
    rowsMax: 1,
    bytesMax: 1e6,
    ageMs: 1,
  } as const
  await using feed = await listener.broker.feed({ ...feeds, partition: 0 })
  await feed.commit(await feed.next(forever), forever)
  const admin = new Admin({ clientId: 'admin', bootstrapBrokers: [listener.address] })
  expect([...(await admin.listGroups()).values()]).toMatchObject([{ id: 'sink.w', state: 'Stable' }])
  const described = (await admin.describeGroups({ groups: ['sink.w'] })).get('sink.w')
  expect([...(described?.members.values() ?? [])]).toMatchObject([{ clientId: 'logdrive' }])
  await admin.close()
  const kafka = kafkajs(listener)
  const other = kafka.admin()
  await other.connect()
  const [offsets] = await other.fetchOffsets({ groupId: 'sink.w' })
  expect(offsets?.partitions).toEqual([{ partition: 0, offset: '1', metadata: null }])
  await expect(other.deleteGroups(['sink.w'])).rejects.toThrow()
  await expect(
    other.setOffsets({ groupId: 'sink.w', topic: 'orders', partitions: [{ partition: 0, offset: '7' }] }),
  ).rejects.toThrow()
  await other.disconnect()
  expect(offsetsOf(listener, 'sink.w')).toBe(1)
}, 60_000)
