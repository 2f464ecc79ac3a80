// The Segment HTTP API on a real server, as its server libraries use it.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Collector, startCollector } from './fixture.ts'

let collector: Collector
beforeAll(async () => {
  const keys = [{ name: 'web', key: 'write-key', allow: ['track'] as const, origins: [] }]
  collector = await startCollector({
    keys: [...keys, { name: 'ops', key: 'ops', allow: ['admin'], origins: [] }],
  })
})
afterAll(async () => {
  await collector[Symbol.asyncDispose]()
})

const basic = { authorization: `Basic ${Buffer.from('write-key:').toString('base64')}` }
const post = (path: string, body: object, headers: Readonly<Record<string, string>> = basic) =>
  collector.send('POST', path, {
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json', ...headers },
  })
const rows = async (topic: string) => {
  const answer = await collector.send('GET', `/v1/tail?topic=${topic}`, {
    headers: { authorization: 'Bearer ops' },
  })
  const lines = answer.text.split('\n').filter((line) => line.startsWith('data: '))
  return lines.map((line) => JSON.parse(line.slice(6)).value)
}

test('a batch of a server library becomes rows of all kinds', async () => {
  const shared = { anonymousId: 'a-1', userId: 'u-1', timestamp: '2026-11-21T10:00:00.000Z' }
  const answer = await post('/v1/batch', {
    sentAt: new Date().toISOString(),
    context: { library: { name: 'analytics-node', version: '3.0.0' }, locale: 'de-DE' },
    batch: [
      {
        ...shared,
        type: 'track',
        messageId: 'm-1',
        event: 'Order Completed',
        properties: { revenue: '9.99', plan: 'pro' },
      },
      {
        ...shared,
        type: 'page',
        messageId: 'm-2',
        name: 'Home',
        context: { page: { url: 'https://shop.example/?utm_source=n' } },
      },
      { ...shared, type: 'identify', messageId: 'm-3', traits: { email: 'a@example.com' } },
      { type: 'alias', messageId: 'm-4', userId: 'u-1', previousId: 'a-1' },
      { ...shared, type: 'group', messageId: 'm-5', groupId: 'g-1' },
      {
        ...shared,
        type: 'track',
        messageId: 'm-6',
        event: 'Products Searched',
        properties: { query: 'shoes' },
      },
      { ...shared, type: 'nonsense', messageId: 'm-7' },
    ],
  })
  expect(answer.status).toBe(200)
  expect(answer.json).toMatchObject({
    success: true,
    results: { 'm-1': { result: 'ok' }, 'm-7': { result: 'drop' } },
  })
  expect(await rows('events')).toMatchObject([
    {
      event: 'Order Completed',
      revenue: '9.990',
      user_id: 'u-1',
      lib: 'analytics-node',
      is_bot: false,
      props_string: { plan: 'pro' },
    },
  ])
  expect(await rows('page_views')).toMatchObject([
    { title: 'Home', hostname: 'shop.example', utm_source: 'n' },
  ])
  expect(await rows('searches')).toMatchObject([{ search_term: 'shoes', source: 'api' }])
  const identities = await rows('identities')
  expect(
    identities.map((row) => `${row.kind} ${row.user_id} ${row.previous_id}${row.group_id}`).sort(),
  ).toEqual(['alias u-1 a-1', 'group u-1 g-1', 'identify u-1 '])
})

test('the single calls work, with the key in the body too', async () => {
  const body = { writeKey: 'write-key', userId: 'u', messageId: 'single-1' }
  expect((await post('/v1/track', { ...body, event: 'Single' }, {})).status).toBe(200)
  expect((await post('/v1/page', body, {})).status).toBe(200)
  expect((await post('/v1/screen', body, {})).status).toBe(200)
  expect((await post('/v1/identify', body, {})).status).toBe(200)
  expect((await post('/v1/group', { ...body, groupId: 'g' }, {})).status).toBe(200)
  expect((await post('/v1/alias', { ...body, previousId: 'p' }, {})).status).toBe(200)
})

test('without a key, with a wrong one, or with one in the wrong place nothing is stored', async () => {
  const body = { userId: 'u', event: 'Never' }
  expect((await post('/v1/track', body, {})).status).toBe(401)
  expect((await post('/v1/track', { ...body, writeKey: 'wrong' }, {})).status).toBe(401)
  expect((await post('/v1/track', { ...body, writeKey: 7 }, {})).status).toBe(401)
  expect(
    (await post('/v1/track', { ...body, writeKey: 'write-key' }, { authorization: 'Bearer wrong' })).status,
  ).toBe(401)
  expect(JSON.stringify(await rows('events'))).not.toContain('Never')
})

test('the same message id always becomes the same event id', async () => {
  const ids = async () =>
    (await rows('events')).filter((row) => row.event === 'Same').map((row) => row.event_id)
  await post('/v1/track', { userId: 'u', event: 'Same', messageId: 'ajs-next-123' })
  await post('/v1/track', { userId: 'u', event: 'Same', messageId: 'ajs-next-123' })
  const [first, second] = await ids()
  expect(first).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/)
  expect(second).toBe(first)
})
