// POST /v1/e and GET /v1/p.gif on a real server: rows in their topics, one result an event, everything once.
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Collector, type SendInit, startCollector } from './fixture.ts'

let collector: Collector
beforeAll(async () => {
  collector = await startCollector()
})
afterAll(async () => {
  await collector[Symbol.asyncDispose]()
})

let sources = 0
const uuid = (n: number) => `0192f1d4-7b1a-7c3e-8f21-${String(n).padStart(12, '0')}`
const newSource = () => {
  sources += 1
  return `source-${sources}`
}
const batch = (events: readonly object[], source = newSource()) => ({
  v: 1,
  site: 'shop',
  source,
  sent_at: Date.now(),
  anonymous_id: 'visitor-1',
  session_id: 's',
  tab_id: 't',
  context: { lib: 'logdrive.js' },
  events,
})
const event = (n: number, change: object = {}) => ({
  id: uuid(n),
  n,
  type: 'page_view',
  ts: Date.now(),
  url: 'https://shop.example/a',
  ...change,
})
const plain = { 'content-type': 'text/plain' }
const post = (body: unknown, init: SendInit = {}, query = '') =>
  collector.send('POST', `/v1/e${query}`, { body: JSON.stringify(body), headers: plain, ...init })

test('events land in the topics of their types and each gets its result', async () => {
  const answer = await post(
    batch([
      event(1),
      event(2, { type: 'click', props: { x: 1 } }),
      event(3, { type: 'search', props: { search_term: 'shoes' } }),
      event(4, { type: 'track', props: { event: 'Bought' } }),
      event(5, { type: 'metric', props: { metric: 'lcp', value: 1 } }),
      event(6, { type: 'error', props: { message: 'boom' } }),
      event(7, { type: 'identify', props: { user_id: 'u' } }),
    ]),
  )
  expect(answer.status).toBe(200)
  expect(Object.values(answer.json.results)).toEqual(Array(7).fill({ result: 'ok' }))
  const topics = ['page_views', 'clicks', 'searches', 'events', 'metrics', 'errors', 'identities']
  for (const [index, topic] of topics.entries()) {
    const [record] = await collector.records(topic)
    expect(record, topic).toMatchObject({
      key: 'visitor-1',
      value: { event_id: uuid(index + 1), site_id: 'shop' },
    })
    expect(record?.headers, topic).toEqual({
      'ld-source': 'source-1',
      'ld-epoch': '0',
      'ld-to': String(index + 1),
    })
  }
})

test('the same batch again is ok and stored once; a longer one adds only what is new', async () => {
  const source = newSource()
  const ids = async () => {
    const records = await collector.records('clicks')
    return records.filter((record) => record.headers['ld-source'] === source).length
  }
  const click = (n: number) => event(n, { type: 'click' })
  await post(batch([click(1), click(2)], source))
  const again = await post(batch([click(1), click(2)], source))
  expect(Object.values(again.json.results)).toEqual(Array(2).fill({ result: 'ok' }))
  expect(await ids()).toBe(2)
  // In any order inside a batch.
  await post(batch([click(4), click(2), click(3)], source))
  expect(await ids()).toBe(4)
})

test('a bad event is dropped with the reason, set aside once, and spoils none of the others', async () => {
  const source = newSource()
  const body = batch(
    [
      event(1),
      event(2, { type: 'search', props: {} }),
      event(3, { id: 'x' }),
      'no object',
      event(5),
    ] as object[],
    source,
  )
  for (let round = 0; round < 2; round += 1) {
    const answer = await post(body)
    expect(answer.json.results).toEqual({
      [uuid(1)]: { result: 'ok' },
      [uuid(2)]: {
        result: 'drop',
        details: 'props.search_term: search needs props.search_term; expected a text that is not empty',
      },
      x: { result: 'drop', details: 'id: the id is no UUID; expected a UUID' },
      'events[3]': { result: 'drop', details: 'event: the event is no object; expected a JSON object' },
      [uuid(5)]: { result: 'ok' },
    })
  }
  const dead = await collector.records('searches.dead-letter')
  expect(dead).toHaveLength(1)
  expect(dead[0]).toMatchObject({
    value: { type: 'search', props: {} },
    headers: {
      'ld-reason': 'search needs props.search_term',
      'ld-stage': 'ingest',
      'ld-topic': 'searches',
      'ld-field': 'props.search_term',
      'ld-source': source,
      'ld-to': '2',
    },
  })
})

test('an event of 70 KiB is dropped, its neighbours are stored', async () => {
  const large = event(1, { props: { text: 'x'.repeat(70 * 1024) } })
  const answer = await post(batch([large, event(2)]))
  expect(answer.json.results[uuid(1)]).toMatchObject({
    result: 'drop',
    details: 'event: the event is too large; expected at most 65536 bytes',
  })
  expect(answer.json.results[uuid(2)]).toEqual({ result: 'ok' })
})

test('?c=gz is gzip without a header, so that no preflight is needed', async () => {
  const body = gzipSync(JSON.stringify(batch([event(1)])))
  expect((await post(null, { body }, '?c=gz')).json.results).toEqual({ [uuid(1)]: { result: 'ok' } })
  expect((await post(null, { body }, '?c=br')).status).toBe(415)
  expect((await post(null, { body })).status).toBe(400)
  const both = { body, headers: { ...plain, 'content-encoding': 'gzip' } }
  expect((await post(null, both)).status).toBe(200)
  expect((await post(null, both, '?c=gz')).status).toBe(415)
})

test.each([
  ['no JSON', '{', 400],
  ['not UTF-8', Buffer.from([0x22, 0xff, 0x22]), 400],
  ['an array', '[]', 422],
  ['no events', '{"v":1}', 422],
  ['another version', '{"v":2,"events":[]}', 422],
  ['501 events', JSON.stringify({ v: 1, events: Array(501).fill({}) }), 413],
  ['a body of 2 MiB', `{"v":1,"events":[],"x":"${'x'.repeat(2 ** 21)}"}`, 413],
  ['a million brackets', `{"v":1,"events":${'['.repeat(1_000_000)}`, 400],
  ['65 levels', `{"v":1,"events":[{"props":${'['.repeat(65)}${']'.repeat(65)}}]}`, 400],
])('a body with %s is refused as a whole', async (_, body, status) => {
  const answer = await post(null, { body })
  expect(answer.status).toBe(status)
  expect(answer.json.error).toMatchObject({ code: expect.any(String), message: expect.any(String) })
})

test('500 events in one batch are fine', async () => {
  const events = Array.from({ length: 500 }, (_, index) => event(index + 1))
  expect(Object.keys((await post(batch(events))).json.results)).toHaveLength(500)
})

test('an id named __proto__ is only a name', async () => {
  const answer = await post(null, {
    body: '{"v":1,"events":[{"id":"__proto__","type":"click","__proto__":{"polluted":1}}],"__proto__":{"polluted":1}}',
  })
  expect(answer.text).toContain('"__proto__":{"result":"drop"')
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
})

test('a browser may not pose as the dead letters of a sink', async () => {
  await post(batch([event(9, { type: 'click' })], 'dead:warehouse:1:0'))
  const records = await collector.records('clicks')
  expect(records.some((record) => record.headers['ld-source']?.startsWith('dead:'))).toBe(false)
})

test('the pixel stores a page view and is a GIF of 43 bytes', async () => {
  const path = '/v1/p.gif?site=nojs&url=https%3A%2F%2Fshop.example%2Fnojs%3Fq%3D1&title=T'
  const response = await fetch(collector.url + path, {
    headers: { 'user-agent': 'Mozilla/5.0 Firefox/150.0' },
  })
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toBe('image/gif')
  expect(response.headers.get('cache-control')).toBe('no-store')
  const bytes = Buffer.from(await response.arrayBuffer())
  expect([bytes.length, bytes.subarray(0, 6).toString()]).toEqual([43, 'GIF89a'])
  const stored = (await collector.records('page_views')).find(
    ({ value }) => (value as { site_id: string }).site_id === 'nojs',
  )
  expect(stored?.value).toMatchObject({
    path: '/nojs',
    query: 'q=1',
    title: 'T',
    browser: 'Firefox',
    lib: 'p.gif',
  })
  expect(stored?.key).toMatch(/^day-[0-9a-f]{32}$/)
  expect((await collector.send('GET', '/v1/p.gif')).status).toBe(422)
})

test('the page of a pixel is its referrer when it says nothing else', async () => {
  await collector.send('GET', '/v1/p.gif?site=ref', { headers: { referer: 'https://shop.example/from' } })
  const stored = (await collector.records('page_views')).find(
    ({ value }) => (value as { site_id: string }).site_id === 'ref',
  )
  expect(stored?.value).toMatchObject({ path: '/from' })
})
