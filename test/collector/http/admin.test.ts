// Topics, groups, status, metrics, files and the tail on a real server.
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Check } from '../../../collector/http/status.ts'
import { type Collector, parseTail, startCollector } from './fixture.ts'

let collector: Collector
let missing: string | null = null
const script = Buffer.from(`(()=>{${'/* tracker */'.repeat(100)}})()`)
beforeAll(async () => {
  const check: Check = { name: 'warehouse', missing: () => missing }
  collector = await startCollector({
    checks: [check],
    sinks: () => [{ name: 'warehouse', state: 'running' }],
    statics: new Map<string, Uint8Array>([
      ['/t.js', script],
      ['/demo/index.html', Buffer.from('<!doctype html><title>Demo</title>')],
      ['/demo/shop.js', Buffer.from('1')],
    ]),
  })
})
afterAll(async () => {
  await collector[Symbol.asyncDispose]()
})

const publish = (topic: string, lines: readonly unknown[]) =>
  collector.send('POST', `/v1/topics/${topic}/records`, { body: JSON.stringify(lines) })

/** Reads a stream until its text has what is wanted. */
async function readUntil(url: string, done: (text: string) => boolean): Promise<string> {
  const stop = AbortSignal.timeout(10_000)
  const response = await fetch(url, { signal: stop })
  const decoder = new TextDecoder()
  let text = ''
  for await (const piece of response.body ?? []) {
    text += decoder.decode(piece as Uint8Array, { stream: true })
    if (done(text)) break
  }
  return text
}

test('a topic is created, described, altered, listed and deleted', async () => {
  const create = (body: object) => collector.send('POST', '/v1/topics', { body: JSON.stringify(body) })
  const made = await create({ name: 'orders', partitions: 2, retention_ms: 60_000 })
  expect(made.status).toBe(201)
  expect(made.json).toMatchObject({
    name: 'orders',
    retention_ms: 60_000,
    partitions: [{ partition: 0, end_offset: 0 }, { partition: 1 }],
  })
  expect((await create({ name: 'orders' })).status).toBe(409)
  const altered = await collector.send('PATCH', '/v1/topics/orders', { body: '{"partitions":3}' })
  expect(altered.json.partitions).toHaveLength(3)
  expect((await collector.send('PATCH', '/v1/topics/orders', { body: '{"partitions":1}' })).status).toBe(400)
  expect((await collector.send('GET', '/v1/topics/orders')).json.id).toBe(made.json.id)
  const names = (await collector.send('GET', '/v1/topics')).json.topics.map((topic) => topic.name)
  expect(names).toContain('orders')
  expect(names.some((name: string) => name.startsWith('__'))).toBe(false)
  expect((await collector.send('DELETE', '/v1/topics/orders')).json).toEqual({ deleted: 'orders' })
  expect((await collector.send('GET', '/v1/topics/orders')).status).toBe(404)
  expect((await collector.send('DELETE', '/v1/topics/orders')).status).toBe(404)
})

test.each([
  ['a bad name', { name: 'a/b' }, 400],
  ['no name', {}, 422],
  ['an internal name', { name: '__mine' }, 403],
  ['an unknown field', { name: 'x', partition: 2 }, 422],
  ['no partitions', { name: 'x', partitions: 0 }, 422],
  ['too many partitions', { name: 'x', partitions: 5000 }, 422],
  ['half a partition', { name: 'x', partitions: 1.5 }, 422],
])('creating a topic with %s is refused', async (_, body, status) => {
  expect((await collector.send('POST', '/v1/topics', { body: JSON.stringify(body) })).status).toBe(status)
})

test('the log’s own topics cannot be changed', async () => {
  expect((await collector.send('DELETE', '/v1/topics/__consumer_offsets')).status).toBe(403)
  expect((await collector.send('PATCH', '/v1/topics/__consumer_offsets', { body: '{}' })).status).toBe(403)
})

test('a form of a web page changes nothing', async () => {
  const headers = { 'content-type': 'text/plain' }
  expect((await collector.send('POST', '/v1/topics', { body: '{"name":"csrf"}', headers })).status).toBe(415)
})

test('the tail begins and ends where it is told', async () => {
  await collector.send('POST', '/v1/topics', { body: '{"name":"tailed","partitions":1}' })
  const before = new Date().toISOString()
  await publish('tailed', [{ n: 0 }, { n: 1 }])
  const records = async (query: string) =>
    parseTail((await collector.send('GET', `/v1/tail?topic=tailed&${query}`)).text)
  const last = (await records('from=beginning')).map((record) => Date.parse(record.timestamp)).at(-1)
  await expect.poll(() => Date.now(), { interval: 1 }).toBeGreaterThan(last ?? Number.NaN)
  const between = Date.now()
  await publish('tailed', [{ n: 2 }, 'text', null])
  const read = async (query: string) => (await records(query)).map((record) => record.offset)
  expect(await read('from=beginning')).toEqual([0, 1, 2, 3, 4])
  expect(await read('from=3')).toEqual([3, 4])
  expect(await read('from=end')).toEqual([])
  expect(await read(`from=${between}`)).toEqual([2, 3, 4])
  expect(await read(`from=${encodeURIComponent(before)}`)).toEqual([0, 1, 2, 3, 4])
  expect(await read('max=2')).toEqual([0, 1])
  expect(await read('from=99')).toEqual([])
})

test('a tailed record shows everything, also bytes that are no text', async () => {
  const value = Buffer.from([0xff, 0xfe, 0x41])
  const record = { key: Buffer.from('k'), timestamp: 1_700_000_000_000, source: null }
  const headers = [
    { key: 'h', value: Buffer.from('v') },
    { key: 'empty', value: null },
  ]
  const signal = new AbortController().signal
  await collector.broker.publish(
    'bytes',
    [
      { ...record, value, headers },
      { ...record, value: Buffer.from('a\nb'), headers: [] },
      { ...record, value: Buffer.from('{\n"a":\n1}'), headers: [] },
    ],
    signal,
  )
  const records = await collector.records('bytes')
  expect(records[0]).toEqual({
    topic: 'bytes',
    partition: records[0]?.partition,
    offset: 0,
    timestamp: '2023-11-14T22:13:20.000Z',
    key: 'k',
    headers: { h: 'v', empty: null },
    value: '\ufffd\ufffdA',
    value_base64: '//5B',
  })
  expect(records.slice(1).map((one) => one.value)).toEqual(['a\nb', { a: 1 }])
})

test.each([
  '',
  'topic=unknown',
  'topic=bytes&from=yesterday',
  'topic=bytes&max=-1',
  'topic=bytes&follow=maybe',
])('a tail with ?%s is refused', async (query) => {
  expect([400, 404]).toContain((await collector.send('GET', `/v1/tail?${query}`)).status)
})

test('a followed tail shows what comes, of all its topics', async () => {
  await publish('live-a', [1])
  await publish('live-b', [2])
  const url = `${collector.url}/v1/tail?topic=live-a&topic=live-b&follow=1&from=beginning`
  const reading = readUntil(url, (text) => parseTail(text).length >= 4)
  await publish('live-a', [3])
  await publish('live-b', [4])
  expect(
    parseTail(await reading)
      .map((record) => record.value)
      .sort(),
  ).toEqual([1, 2, 3, 4])
})

test('a client that leaves in the middle of a tail leaves nothing behind', async () => {
  await publish('left', [1, 2, 3])
  for (let round = 0; round < 20; round += 1) {
    const socket = connect(collector.port, '127.0.0.1')
    await new Promise<void>((resolve, reject) => {
      socket.on('error', reject)
      socket.write('GET /v1/tail?topic=left&follow=1 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')
      socket.once('data', () => {
        socket.destroy()
        resolve()
      })
    })
  }
  const connections = async () => Number((await collector.send('GET', '/v1/status')).json.http.open_requests)
  // The status request itself is the only one left.
  await expect.poll(connections, { timeout: 5_000 }).toBe(1)
  await publish('left', [4])
  expect((await collector.records('left')).length).toBe(4)
})

test('groups show their lag in records and in time', async () => {
  await publish(
    'lagging',
    Array.from({ length: 8 }, (_, n) => n),
  )
  const partition = (await collector.records('lagging'))[0]?.partition ?? Number.NaN
  const options = {
    group: 'sink:w',
    topic: 'lagging',
    partition,
    start: 'beginning',
    rowsMax: 3,
    bytesMax: 1e6,
    ageMs: 1,
  } as const
  {
    await using feed = await collector.broker.feed(options)
    const signal = new AbortController().signal
    await feed.commit(await feed.next(signal), signal)
  }
  await publish('lagging', [9])
  const { groups } = (await collector.send('GET', '/v1/groups')).json
  expect(groups).toMatchObject([{ group: 'sink:w', partitions: [{ topic: 'lagging', partition }] }])
  const [group] = groups
  const [read] = group?.partitions ?? []
  if (group === undefined || read === undefined) throw new Error('no group has read')
  expect(group.lag_records).toBe(read.end_offset - read.offset)
  if (group.lag_records > 0) expect(group.lag_ms).toBeGreaterThanOrEqual(0)
})

test('readiness names what is missing', async () => {
  expect((await collector.send('GET', '/readyz')).json).toEqual({ status: 'ready', missing: [] })
  missing = 'ClickHouse does not answer'
  const answer = await collector.send('GET', '/readyz')
  missing = null
  expect(answer.status).toBe(503)
  expect(answer.json.missing).toEqual([{ name: 'warehouse', reason: 'ClickHouse does not answer' }])
})

test('the status says what there is', async () => {
  const { json } = await collector.send('GET', '/v1/status')
  expect(json).toMatchObject({
    health: 'ok',
    version: '0.0.0-test',
    durability: { flush: 'commit' },
    sinks: [{ name: 'warehouse', state: 'running' }],
    agents: [],
    losses: { totals: [], recent: [] },
  })
  expect(json.topics).toContainEqual({ name: 'bytes', partitions: 4, records: 3, bytes: expect.any(Number) })
  expect((await collector.send('GET', '/v1/sinks')).json.sinks).toHaveLength(1)
})

test('metrics are Prometheus text', async () => {
  const { text, headers } = await collector.send('GET', '/metrics')
  expect(headers.get('content-type')).toContain('version=0.0.4')
  const bad = text
    .split('\n')
    .filter(
      (line) =>
        line !== '' && !/^(# (HELP|TYPE) \w+ .+|\w+(\{(\w+="([^"\\\n]|\\.)*",?)+\})? -?[\d.e+]+)$/.test(line),
    )
  expect(bad).toEqual([])
  expect(text).toMatch(/logdrive_partition_end_offset\{topic="bytes",partition="\d"\} 3\n/)
  expect(text).toMatch(
    /logdrive_http_requests_total\{route="\/v1\/topics\/\{topic\}\/records",status="200"\} \d+\n/,
  )
})

test('the tracker is served with an ETag, and for ever under its hash', async () => {
  const first = await fetch(`${collector.url}/t.js`)
  expect(Buffer.from(await first.arrayBuffer())).toEqual(script)
  const etag = first.headers.get('etag') ?? ''
  expect((await fetch(`${collector.url}/t.js`, { headers: { 'if-none-match': etag } })).status).toBe(304)
  const hashed = await fetch(`${collector.url}/t.${etag.replaceAll('"', '')}.js`)
  expect(hashed.headers.get('cache-control')).toContain('immutable')
  expect(first.headers.get('content-encoding')).toBe('gzip')
})

test('the demo is served from memory, and nothing beside it', async () => {
  const page = await collector.send('GET', '/demo/')
  expect(page.text).toContain('<title>Demo</title>')
  expect(page.headers.get('content-security-policy')).toContain("default-src 'self'")
  expect(page.headers.get('x-content-type-options')).toBe('nosniff')
  const redirect = await collector.send('GET', '/demo')
  expect([redirect.status, redirect.headers.get('location')]).toEqual([308, '/demo/'])
  for (const path of [
    '/demo/../package.json',
    '/demo/%2e%2e/package.json',
    '/demo/..%2fpackage.json',
    '/demo/none.js',
    '/etc/passwd',
  ]) {
    expect((await collector.send('GET', path)).status, path).toBe(404)
  }
})

test('the OpenAPI page lists every route', async () => {
  const { json } = await collector.send('GET', '/v1/openapi.json')
  const listed = Object.entries(json.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  )
  expect(listed.sort()).toEqual(
    collector.service.routes.map((route) => `${route.method} ${route.path}`).sort(),
  )
})
