// POST /v1/topics/{topic}/records on a real server: good lines are stored, bad ones are named, nothing is lost in between.
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Collector, type SendInit, startCollector } from './fixture.ts'

let collector: Collector
beforeAll(async () => {
  collector = await startCollector()
})
afterAll(async () => {
  await collector[Symbol.asyncDispose]()
})

const ndjson = { 'content-type': 'application/x-ndjson' }
const post = (path: string, init: SendInit) => collector.send('POST', path, init)

test('lines are stored as they are, in order, and the answer says where', async () => {
  const lines = ['{"n":1,"big":1152921504606846976}', '{ "n": 2 }', '"three"']
  const answer = await post('/v1/topics/plain/records', { body: `${lines.join('\n')}\n`, headers: ndjson })
  expect(answer.status).toBe(200)
  expect(answer.json).toMatchObject({ accepted: 3, rejected: 0, errors: [] })
  expect(answer.json.offsets).toEqual(
    [0, 1, 2].map((offset) => ({ partition: answer.json.offsets[0]?.partition, offset })),
  )
  const tail = await collector.send('GET', '/v1/tail?topic=plain')
  expect(tail.text).toContain('"value":{"n":1,"big":1152921504606846976}}')
  expect((await collector.records('plain')).map((record) => record.value)).toEqual([
    { n: 1, big: 2 ** 60 },
    { n: 2 },
    'three',
  ])
})

test('a JSON array and a single JSON object are taken as application/json', async () => {
  expect((await post('/v1/topics/arrays/records', { body: '[{"a":1},{"a":2}]' })).json.accepted).toBe(2)
  expect((await post('/v1/topics/arrays/records', { body: '{"a":3}' })).json.accepted).toBe(1)
  expect((await collector.records('arrays')).map((record) => record.value)).toEqual([
    { a: 1 },
    { a: 2 },
    { a: 3 },
  ])
})

test('the key comes from a field and decides the partition', async () => {
  const lines = Array.from({ length: 40 }, (_, index) => `{"user":"u${index % 8}","n":${index}}`)
  await post('/v1/topics/keyed/records?key=user', { body: lines.join('\n'), headers: ndjson })
  const records = await collector.records('keyed')
  const partitions = new Map<string, Set<number>>()
  for (const { key, partition } of records) {
    partitions.set(key ?? '', (partitions.get(key ?? '') ?? new Set()).add(partition))
  }
  expect([...partitions.keys()].sort()).toEqual(['u0', 'u1', 'u2', 'u3', 'u4', 'u5', 'u6', 'u7'])
  expect([...partitions.values()].every((set) => set.size === 1)).toBe(true)
  expect(new Set(records.map((record) => record.partition)).size).toBeGreaterThan(1)
})

test('bad lines among good ones are reported by number, and the good ones are stored', async () => {
  const body = Buffer.concat([
    Buffer.from('{"n":1}\n{"n":\n{"n":3}\n'),
    Buffer.from([0x22, 0xff, 0xfe, 0x22, 0x0a]),
    Buffer.from(`"${'x'.repeat(70 * 1024)}"\n${'['.repeat(10_000)}\n{"n":7}`),
  ])
  const answer = await post('/v1/topics/mixed/records', { body, headers: ndjson })
  expect(answer.status).toBe(200)
  expect(answer.json.accepted).toBe(3)
  expect(answer.json.errors).toMatchObject([
    { line: 2, code: 'REQUEST_INVALID' },
    { line: 4, code: 'REQUEST_INVALID', message: 'not UTF-8' },
    { line: 5, code: 'REQUEST_TOO_LARGE' },
    { line: 6, code: 'REQUEST_INVALID', message: 'not JSON: nested deeper than 64 (byte 64)' },
  ])
  expect((await collector.records('mixed')).map((record) => record.value)).toEqual([
    { n: 1 },
    { n: 3 },
    { n: 7 },
  ])
})

test('nothing good means 422, too large alone means 413, and nothing is stored', async () => {
  expect((await post('/v1/topics/none/records', { body: '{bad\n{worse', headers: ndjson })).status).toBe(422)
  const large = await post('/v1/topics/none/records', { body: JSON.stringify({ a: 'x'.repeat(70 * 1024) }) })
  expect(large.status).toBe(413)
  expect(large.json.error).toMatchObject({ code: 'REQUEST_TOO_LARGE' })
  expect((await post('/v1/topics/none/records', { body: '', headers: ndjson })).status).toBe(400)
  expect((await post('/v1/topics/none/records', { body: '[1,2', headers: {} })).status).toBe(400)
  expect((await collector.send('GET', '/v1/tail?topic=none')).status).toBe(404)
})

test('gzip and zstd bodies are unpacked, other and nested encodings refused', async () => {
  const body = Buffer.from('{"n":1}\n'.repeat(100))
  const as = (packed: Uint8Array, encoding: string) =>
    post('/v1/topics/packed/records', { body: packed, headers: { ...ndjson, 'content-encoding': encoding } })
  expect((await as(gzipSync(body), 'gzip')).json.accepted).toBe(100)
  expect((await as(zstdCompressSync(body), 'zstd')).json.accepted).toBe(100)
  expect((await as(body, 'identity')).json.accepted).toBe(100)
  expect((await as(body, 'br')).status).toBe(415)
  expect((await as(gzipSync(gzipSync(body)), 'gzip, gzip')).status).toBe(415)
  expect((await as(body, 'gzip')).status).toBe(400)
})

test.each([
  ['application/x-www-form-urlencoded', 415],
  ['text/plain', 415],
  ['text/html', 415],
  ['application/x-ndjson; charset=utf-8', 200],
  ['APPLICATION/JSON', 200],
])('content type %s answers %i', async (type, status) => {
  const answer = await post('/v1/topics/types/records', {
    body: '{"a":1}',
    headers: { 'content-type': type },
  })
  expect(answer.status).toBe(status)
  if (status !== 200)
    expect(answer.json.error).toMatchObject({ code: 'TYPE_UNSUPPORTED', hint: expect.any(String) })
})

test.each([
  'a%2Fb',
  '..',
  '%2e%2e',
  'a%00b',
  'ä',
  '%F0%9F%98%80',
  'a b',
  'x'.repeat(250),
  '__losses',
  '__x',
  'a%0d%0ab',
  '%ff',
])('a topic named %s is refused', async (name) => {
  const answer = await rawPost(`/v1/topics/${name}/records`)
  expect([400, 403, 404]).toContain(answer)
  expect((await collector.send('GET', '/v1/topics?internal=1')).text).not.toContain('"name":"__x"')
})

/** fetch would tidy `..` away. */
async function rawPost(path: string): Promise<number> {
  const { request } = await import('node:http')
  return await new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' }
    const sent = request({
      port: collector.port,
      host: '127.0.0.1',
      method: 'POST',
      path: encodeURI(path).replaceAll('%25', '%'),
      headers,
    })
    sent.on('response', (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    sent.on('error', reject)
    sent.end('{"a":1}')
  })
}

test('a million open brackets are refused and the process lives on', async () => {
  const deep = await post('/v1/topics/deep/records', { body: '['.repeat(1_000_000) })
  expect(deep.status).toBe(400)
  const deepLine = await post('/v1/topics/deep/records', { body: '['.repeat(60_000), headers: ndjson })
  expect(deepLine.status).toBe(422)
  expect((await collector.send('GET', '/healthz')).status).toBe(200)
})

test('__proto__ stays data', async () => {
  await post('/v1/topics/proto/records?key=__proto__', { body: '{"__proto__":{"polluted":1},"a":1}' })
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  expect((await collector.send('GET', '/v1/tail?topic=proto')).text).toContain(
    '{"__proto__":{"polluted":1},"a":1}',
  )
})

test('twenty thousand records are taken, one more is not', async () => {
  const body = '1\n'.repeat(20_000)
  expect((await post('/v1/topics/many/records', { body, headers: ndjson })).json.accepted).toBe(20_000)
  expect((await post('/v1/topics/many/records', { body: `${body}1`, headers: ndjson })).status).toBe(413)
})
