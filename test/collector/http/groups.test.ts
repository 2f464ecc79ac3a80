// Groups on a real server: lists, members, resets; and topics with configs, records with partition and headers.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { encodeAssignment, encodeSubscription } from '../../../collector/broker/groups/group-protocol.ts'
import { type Collector, startCollector } from './fixture.ts'

let collector: Collector
const { signal } = new AbortController()

beforeAll(async () => {
  collector = await startCollector()
  await collector.send('POST', '/v1/topics', { body: '{"name":"orders","partitions":2}' })
  for (const partition of [0, 1]) {
    const lines = JSON.stringify([1, 2, 3, 4, 5])
    await collector.send('POST', `/v1/topics/orders/records?partition=${partition}`, { body: lines })
  }
})
afterAll(async () => {
  await collector[Symbol.asyncDispose]()
})

const reset = (group: string, body: object) =>
  collector.send('POST', `/v1/groups/${group}/reset`, { body: JSON.stringify(body) })

async function join(group: string): Promise<{ readonly memberId: string; readonly generationId: number }> {
  const { groupsCoordinator } = collector.broker
  const request = {
    memberId: '',
    instanceId: 'i',
    clientId: 'app',
    clientHost: '/10.0.0.7',
    sessionTimeoutMs: 30_000,
    rebalanceTimeoutMs: 0,
    protocolType: 'consumer',
    protocols: [{ name: 'range', metadata: encodeSubscription(['orders']) }],
    knowsMemberIdRequired: true,
    knowsSkipAssignment: true,
  }
  const { memberId, generationId } = await groupsCoordinator.joinGroup(group, request, signal)
  const assignment = encodeAssignment([{ topic: 'orders', partitions: [0, 1] }])
  const identity = { memberId, generationId, instanceId: 'i', protocolType: null, protocolName: null }
  await groupsCoordinator.syncGroup(group, { ...identity, assignments: [{ memberId, assignment }] }, signal)
  return { memberId, generationId }
}

test('a group shows its members and its lag; while it has members it is not reset', async () => {
  const { memberId, generationId } = await join('billing')
  const place = { topic: 'orders', partition: 0, offset: 2, leaderEpoch: -1, metadata: '' }
  const identity = { group: 'billing', memberId, generationId, instanceId: 'i' }
  await collector.broker.groupsCoordinator.commitOffsets({ ...identity, partitions: [place] })
  expect((await collector.send('GET', '/v1/groups')).json.groups).toMatchObject([
    { group: 'billing', state: 'Stable', members: 1, lag_records: 3 },
  ])
  expect((await collector.send('GET', '/v1/groups/billing')).json).toMatchObject({
    state: 'Stable',
    protocol_type: 'consumer',
    protocol: 'range',
    members: [
      {
        member_id: memberId,
        instance_id: 'i',
        client_id: 'app',
        host: '10.0.0.7',
        assigned: [{ topic: 'orders', partitions: [0, 1] }],
      },
    ],
    partitions: [{ topic: 'orders', partition: 0, offset: 2, end_offset: 5, lag_records: 3 }],
  })
  expect(await reset('billing', { to: 'beginning' })).toMatchObject({
    status: 400,
    json: { error: { message: 'group billing has a member now' } },
  })
  collector.broker.groupsCoordinator.leaveGroup('billing', [{ memberId, instanceId: 'i' }])
  const moves = [{ topic: 'orders', partition: 0, from: 2, to: 5 }]
  const dry = await reset('billing', { to: 'end', dry_run: true })
  expect(dry.json).toEqual({ group: 'billing', dry_run: true, partitions: moves })
  expect((await reset('billing', { to: 'end' })).json.partitions).toEqual(moves)
  expect((await collector.send('GET', '/v1/groups/billing')).json.lag_records).toBe(0)
})

test('a reset goes to a topic, a partition, an offset, a time', async () => {
  const moved = async (body: object) =>
    (await reset('fresh', body)).json.partitions.map((move) => [move.partition, move.from, move.to])
  expect(await moved({ to: 'end', topic: 'orders' })).toEqual([
    [0, null, 5],
    [1, null, 5],
  ])
  expect(await moved({ to: 3, topic: 'orders', partition: 1 })).toEqual([[1, 5, 3]])
  expect(await moved({ to: 99, topic: 'orders', partition: 1 })).toEqual([[1, 3, 5]])
  expect(await moved({ to: '2020-01-01T00:00:00Z' })).toEqual([
    [0, 5, 0],
    [1, 5, 0],
  ])
})

test.each([
  [{}, 422],
  [{ to: 'yesterday' }, 400],
  [{ to: -1 }, 422],
  [{ to: 'end', topic: 'nowhere' }, 404],
  [{ to: 'end', topic: 'orders', partition: 7 }, 404],
  [{ to: 'end', partition: 0 }, 422],
  [{ to: 'end', other: 1 }, 422],
  [{ to: 'end' }, 404],
])('a reset with %j is refused', async (body, status) => {
  expect((await reset('unknown', body)).status).toBe(status)
})

test('a group that is not there is a 404', async () => {
  expect((await collector.send('GET', '/v1/groups/unknown')).status).toBe(404)
})

test('a topic has configs: made with them, changed, set back', async () => {
  const configs = { 'cleanup.policy': 'compact', 'min.insync.replicas': 1 }
  const made = await collector.send('POST', '/v1/topics', {
    body: JSON.stringify({ name: 'keyed', configs }),
  })
  const set = (answer: typeof made) =>
    answer.json.configs
      .filter(({ source }) => source === 'topic')
      .map(({ name, value }) => `${name}=${value}`)
  expect(set(made)).toEqual(['cleanup.policy=compact', 'min.insync.replicas=1'])
  const patch = (body: object) => collector.send('PATCH', '/v1/topics/keyed', { body: JSON.stringify(body) })
  expect(set(await patch({ configs: { 'cleanup.policy': null } }))).toEqual(['min.insync.replicas=1'])
  expect((await patch({ configs: { 'no.such.config': '1' } })).status).toBe(400)
  expect((await patch({ configs: { 'retention.ms': 'soon' } })).status).toBe(400)
  expect((await patch({ configs: ['a'] })).status).toBe(422)
})

test('records go to a partition and carry headers where that is asked for', async () => {
  await collector.send('POST', '/v1/topics', { body: '{"name":"placed","partitions":3}' })
  const send = (query: string) =>
    collector.send('POST', `/v1/topics/placed/records?${query}`, { body: '["a","b"]' })
  expect((await send('partition=2&header=run:7:1&header=empty:')).status).toBe(200)
  expect(await collector.records('placed')).toMatchObject([
    { partition: 2, headers: { run: '7:1', empty: '' }, value: 'a' },
    { partition: 2, headers: { run: '7:1', empty: '' }, value: 'b' },
  ])
  expect((await send('partition=3')).status).toBe(404)
  expect((await send('partition=x')).status).toBe(400)
  expect((await send('header=x')).status).toBe(400)
  const tail = await collector.send('GET', '/v1/tail?topic=placed&partition=1')
  expect(tail.text).toBe('')
})
