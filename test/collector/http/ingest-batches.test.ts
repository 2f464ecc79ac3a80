// POST /v1/topics/{topic}/batches on a real server: exactly once by position, and nothing unverified gets in.
import { zstdCompressSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { agentBatch, agentHeaders, type BatchFacts, type Collector, startCollector } from './fixture.ts'

let collector: Collector
beforeAll(async () => {
  collector = await startCollector()
})
afterAll(async () => {
  await collector[Symbol.asyncDispose]()
})

const ship = (topic: string, lines: readonly string[], facts: BatchFacts, gap = false) =>
  collector.send('POST', `/v1/topics/${topic}/batches`, {
    body: agentBatch(lines, facts),
    headers: agentHeaders(facts, gap),
  })
const raw = (body: Uint8Array, headers: Readonly<Record<string, string>> = {}) =>
  collector.send('POST', '/v1/topics/hostile/batches', {
    body,
    headers: { ...agentHeaders({ source: 's', from: 0, to: 4 }), ...headers },
  })

describe('positions', () => {
  test('a batch is kept, its repetition is a duplicate, the next one follows', async () => {
    const first = { source: 'file-1', from: 0, to: 8 }
    const kept = await ship('lines', ['one', 'two'], first)
    expect(kept.status).toBe(200)
    expect(kept.json).toEqual({ partition: expect.any(Number), epoch: 0, to: 8, duplicate: false })
    expect((await ship('lines', ['one', 'two'], first)).json).toMatchObject({ to: 8, duplicate: true })
    expect((await ship('lines', ['three'], { source: 'file-1', from: 8, to: 14 })).json).toMatchObject({
      to: 14,
    })
    expect((await collector.records('lines')).map((record) => record.value)).toEqual(['one', 'two', 'three'])
  })

  test('a gap and an overlap answer 409 with the kept position', async () => {
    await ship('gaps', ['one'], { source: 'g', from: 0, to: 4 })
    const gap = await ship('gaps', ['later'], { source: 'g', from: 10, to: 16 })
    expect(gap.status).toBe(409)
    expect(gap.json).toMatchObject({ error: { code: 'POSITION_CONFLICT' }, kept: { epoch: 0, to: 4 } })
    expect((await ship('gaps', ['one', 'two'], { source: 'g', from: 2, to: 8 })).status).toBe(409)
    const known = await ship('gaps', ['later'], { source: 'g', from: 10, to: 16 }, true)
    expect(known.json).toMatchObject({ to: 16, duplicate: false })
    const status = await collector.send('GET', '/v1/status')
    expect(status.json.losses.totals).toContainEqual({
      reason: 'source_gap',
      topic: 'gaps',
      ranges: 1,
      units: 6,
    })
  })

  test('an older epoch is stale, a newer one begins anew', async () => {
    await ship('epochs', ['new'], { source: 'e', epoch: 2, from: 0, to: 4 })
    const stale = await ship('epochs', ['old'], { source: 'e', epoch: 1, from: 0, to: 4 })
    expect(stale.status).toBe(409)
    expect(stale.json).toMatchObject({ error: { code: 'POSITION_STALE' }, kept: { epoch: 2, to: 4 } })
    expect((await ship('epochs', ['newer'], { source: 'e', epoch: 3, from: 0, to: 6 })).status).toBe(200)
  })

  test('the collector says where a source stands, and nothing of an unknown one', async () => {
    const facts = { source: 'dir/file 1%', from: 0, to: 4 }
    const source = encodeURIComponent(facts.source)
    expect((await collector.send('GET', `/v1/sources/${source}`)).json).toEqual({
      source: facts.source,
      positions: [],
    })
    const plain = { source: 'asked', from: 0, to: 4 }
    await ship('where', ['one'], plain)
    expect((await collector.send('GET', '/v1/sources/asked')).json.positions).toEqual([
      { topic: 'where', partition: expect.any(Number), epoch: 0, to: 4 },
    ])
  })

  test('two senders with the same batch at once store it once', async () => {
    const facts = { source: 'twice', from: 0, to: 4 }
    const answers = await Promise.all(Array.from({ length: 8 }, () => ship('race', ['one'], facts)))
    expect(answers.map((answer) => answer.status)).toEqual(Array(8).fill(200))
    expect(answers.filter((answer) => answer.json.duplicate === false)).toHaveLength(1)
    expect(await collector.records('race')).toHaveLength(1)
  })

  test('the agents that shipped are listed', async () => {
    await ship('seen', ['one'], { source: 'seen', from: 0, to: 4 })
    const { agents } = (await collector.send('GET', '/v1/agents')).json
    expect(agents).toMatchObject([{ name: 'agent-1', address: '127.0.0.1', last_topic: 'seen' }])
  })
})

describe('verification', () => {
  const good = () => agentBatch(['one'], { source: 's', from: 0, to: 4 }, 'none')

  test.each([
    ['a flipped bit', (batch: Uint8Array) => batch.with(70, (batch[70] ?? 0) ^ 1), 422],
    ['another magic', (batch: Uint8Array) => batch.with(16, 1), 422],
    ['a cut batch', (batch: Uint8Array) => batch.subarray(0, -1), 422],
    ['a byte too many', (batch: Uint8Array) => Buffer.concat([batch, Buffer.of(0)]), 422],
    ['a length of 2 GiB', (batch: Uint8Array) => batch.with(8, 0x7f), 413],
    ['nothing', () => new Uint8Array(0), 422],
    ['noise', () => Buffer.alloc(1000, 7), 422],
  ])('%s is refused', async (_, spoil, status) => {
    const answer = await raw(spoil(good()))
    expect(answer.status).toBe(status)
    expect(answer.json.error.message).toEqual(expect.stringMatching(/\w+/))
  })

  test('a batch whose records say another range than the request is refused', async () => {
    expect((await raw(good(), { 'logdrive-to': '5' })).status).toBe(400)
    expect((await raw(good(), { 'logdrive-source': 'other' })).status).toBe(400)
  })

  test.each([
    ['logdrive-source', ''],
    ['logdrive-source', 'x'.repeat(300)],
    ['logdrive-epoch', '-1'],
    ['logdrive-epoch', '1e3'],
    ['logdrive-from', 'x'],
    ['logdrive-from', '99999999999999999999'],
    ['logdrive-to', '0'],
    ['logdrive-gap', 'perhaps'],
  ])('%s: %s is refused', async (name, value) => {
    expect((await raw(good(), { [name]: value })).status).toBe(400)
  })

  test('JSON is not taken for a batch', async () => {
    expect((await raw(good(), { 'content-type': 'application/json' })).status).toBe(415)
  })

  test('a batch that unpacks beyond the limit is refused', async () => {
    const lines = [`${'x'.repeat(1024 * 1024)}`]
    const bomb = agentBatch(Array(70).fill(lines[0]), { source: 's', from: 0, to: 4 }, 'zstd')
    expect(bomb.length).toBeLessThan(1024 * 1024)
    expect((await raw(bomb)).status).toBe(413)
    const gzipBomb = agentBatch(Array(70).fill(lines[0]), { source: 's', from: 0, to: 4 }, 'gzip')
    expect((await raw(gzipBomb)).status).toBe(413)
  })

  test('the body as a whole may be packed once more', async () => {
    const facts = { source: 'outer', from: 0, to: 4 }
    const answer = await collector.send('POST', '/v1/topics/outer/batches', {
      body: zstdCompressSync(agentBatch(['one'], facts, 'none')),
      headers: { ...agentHeaders(facts), 'content-encoding': 'zstd' },
    })
    expect(answer.status).toBe(200)
  })

  test('nothing of all that was stored', async () => {
    expect((await collector.send('GET', '/v1/tail?topic=hostile')).text).not.toContain('data:')
  })
})
