// The ClickHouse sink against the real engine: every record once, byte for byte, and bad ones set aside exactly.
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Batch } from '../../../core/event-log.ts'
import { httpWarehouse } from '../../../sinks/clickhouse/client.ts'
import { type Warehouse, WarehouseError } from '../../../sinks/clickhouse/warehouse.ts'
import { openWriter } from '../../../sinks/clickhouse/writer.ts'
import type { OpenSink } from '../../../sinks/define.ts'
import { batchOf, lineHeaders, type TestRecord } from '../batches.ts'
import { runtime, type Started, startServer } from './start.ts'

const never = new AbortController().signal
let started: Started
let warehouse: Warehouse
let sink: OpenSink
beforeAll(async () => {
  started = await startServer()
  warehouse = httpWarehouse({ url: started.server.url, packed: true })
  sink = await open(warehouse)
})
afterAll(async () => {
  await sink[Symbol.asyncDispose]()
  await started[Symbol.asyncDispose]()
})

function open(through: Warehouse, name = 'test'): Promise<OpenSink> {
  const options = {
    name,
    database: 'logdrive',
    embedded: true,
    ttlMs: null,
    topics: [],
    details: () => ({}),
  }
  return openWriter(
    through,
    options,
    { ...runtime, clock: { ...runtime.clock, now: () => 1_763_700_001_000 } },
    never,
  )
}

/** The warehouse with its inserts done by another: for answers that get lost. */
function withInsert(insert: Warehouse['insert']): Warehouse {
  const { command, query } = warehouse
  return { command, query, insert, async [Symbol.asyncDispose]() {} }
}

function lines(topic: string, values: readonly (string | Uint8Array)[], place: Partial<Batch> = {}): Batch {
  const headers = lineHeaders('web-1', '/var/log/a\tb.log')
  return batchOf([values.map((value, n) => (n === 0 ? { value, headers } : { value }))], { topic, ...place })
}

const offsets = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => from + n)

describe('raw lines', () => {
  test('arrive byte for byte, whatever is in them', async () => {
    const hostile = [
      'plain',
      'tab\there \\ back\\\\slash \\N \\t "quoted"',
      Buffer.from([0xff, 0xfe, 0x00, 0x0a, 0x0d, 0x5c, 0x09, 0x80]),
      '{"json":"stays a line"}',
      '',
      '\\N',
      'ends with return\r',
      'é 日本 🎉',
      Buffer.from(offsets(0, 256)),
      'x'.repeat(300_000),
    ]
    expect(await sink.write(lines('raw', hostile), never)).toEqual([])
    const rows = await started.rows('SELECT hex(body) AS h, _offset AS at FROM raw ORDER BY at')
    expect(rows.map((row) => row.h)).toEqual(
      hostile.map((value) => Buffer.from(value).toString('hex').toUpperCase()),
    )
    expect(rows.map((row) => Number(row.at))).toEqual(offsets(0, hostile.length))
    const facts = await started.rows(
      'SELECT DISTINCT host, source, ts, observed_ts, _topic, _partition FROM raw',
    )
    expect(facts).toEqual([
      {
        host: 'web-1',
        source: '/var/log/a\tb.log',
        ts: '2025-11-21 04:40:00.000000000',
        observed_ts: '2025-11-21 04:40:00.000000000',
        _topic: 'raw',
        _partition: 0,
      },
    ])
  })
  test('timestamps of a lying sender are kept within what a column holds', async () => {
    const times = [-1, 0, 1, Number.MAX_SAFE_INTEGER, 8_999_999_999_999]
    const headers = lineHeaders('h', 'p')
    const records = times.map((timestamp): TestRecord => ({ value: 'x', timestamp, headers }))
    expect(
      await sink.write(
        batchOf(
          records.map((record) => [record]),
          { topic: 'times' },
        ),
        never,
      ),
    ).toEqual([])
    expect(await started.rows('SELECT toYear(ts) AS y FROM times ORDER BY _offset')).toEqual(
      [1970, 1970, 1970, 2261, 2255].map((y) => ({ y })),
    )
  })
})

describe('activity', () => {
  const base = {
    event_id: '0192f0c0-0000-7000-8000-000000000001',
    ts: '2025-11-21T04:00:00.123Z',
    client_ts: '2025-11-21T04:00:00.123Z',
    received_at: '2025-11-21T04:00:01.000Z',
    site_id: 'shop',
    anonymous_id: 'visitor-1',
    url: 'https://shop.example/a?q=x',
    hostname: 'shop.example',
    path: '/a',
    props_number: { deep: 1.5 },
    no_such_column: { a: [1] },
  }
  const own: Record<string, object> = {
    page_views: { navigation_type: 'reload' },
    clicks: { el_classes: ['a', "b'c"], x: 12, is_outbound: true },
    searches: { search_term: ' Two  Words ', results_count: 3, filters: { color: 'red' } },
    metrics: { metric: 'LCP', value: 1234.5, unit: 'ms' },
    errors: { message: 'boom 42', exception_type: 'TypeError', line: 7 },
    events: { event: 'buy', revenue: '12.345', value: 1 },
    identities: { user_id: 'u1', kind: 'identify', traits: '{"a":1}' },
    logs: { body: 'hello', severity_text: 'ERROR', severity_number: 17, attrs_string: { k: 'v' } },
  }

  test.each(Object.keys(own))('a row of %s lands in its columns', async (topic) => {
    const row = { ...base, ...own[topic] }
    const batch = batchOf(
      [[{ value: JSON.stringify(row) }, { value: ` ${JSON.stringify(row, null, 1)}\n` }]],
      { topic, partition: 3, firstOffset: 7 },
    )
    expect(await sink.write(batch, never)).toEqual([])
    const found = await started.rows(
      `SELECT *, toUnixTimestamp64Milli(toDateTime64(ts, 3)) AS ms FROM ${topic} ORDER BY _offset`,
    )
    expect(found.map((one) => Number(one._offset))).toEqual([7, 8])
    for (const one of found) {
      expect(one).toMatchObject({
        ...own[topic],
        _partition: 3,
        _topic: topic,
        site_id: 'shop',
        ...(topic === 'events' ? { revenue: 12.345 } : {}),
      })
      expect(Number(one.ms)).toBe(Date.parse(base.ts))
    }
  })
  test('derived columns are there: visitor, normal form of a search, fingerprint of an error', async () => {
    const found = await started.rows(
      'SELECT search_term_norm AS norm, visitor_id = sipHash64(anonymous_id) AS v FROM searches LIMIT 1',
    )
    expect(found).toEqual([{ norm: 'two words', v: 1 }])
    expect(
      await started.rows('SELECT uniqExact(fingerprint) AS n, min(fingerprint) > 0 AS some FROM errors'),
    ).toEqual([{ n: 1, some: 1 }])
  })
  test('what is no single JSON object is refused, and only that', async () => {
    const values = [
      '{"metric":"a","value":1}',
      'no json',
      '[1]',
      '{"metric":"b","value":1}{"metric":"c","value":2}',
      'null',
      '{"metric":"d"',
      '{}',
      '',
    ]
    const batch = batchOf([values.map((value) => ({ value, key: 'k' }))], { topic: 'metrics', partition: 9 })
    const refusals = await sink.write(batch, never)
    expect(refusals.map(({ offset }) => offset)).toEqual([1, 2, 3, 4, 5, 7])
    expect(refusals[0]).toMatchObject({
      reason: 'the record is no JSON object',
      key: new Uint8Array(Buffer.from('k')),
    })
    expect(Buffer.from(refusals[0]?.value ?? '').toString()).toBe('no json')
    const found = await started.rows(
      'SELECT metric, toString(ts) AS t FROM metrics WHERE _partition = 9 ORDER BY _offset',
    )
    expect(found).toEqual([
      { metric: 'a', t: '2025-11-21 04:40:00.000' },
      { metric: '', t: '2025-11-21 04:40:00.000' },
    ])
  })

  test('a record cannot forge where it stands in the log', async () => {
    const batch = batchOf([[{ value: '{"event":"x","_offset":99}' }, { value: '{"event":"y"}' }]], {
      topic: 'events',
      partition: 5,
    })
    const refusals = await sink.write(batch, never)
    const found = await started.rows(
      'SELECT event, _offset AS at FROM events WHERE _partition = 5 ORDER BY at',
    )
    expect([refusals.map(({ offset }) => offset), found]).toEqual([[0], [{ event: 'y', at: 1 }]])
  })
})

test('JSON of other topics: known fields in columns, the whole object in body, numbers as times', async () => {
  const values = [
    '{"user":1,"severity_text":"INFO"}',
    '{"body":"mine","ts":1763700000123}',
    '{"ts":1763700000,"é":"ü"}',
    'text',
  ]
  expect(
    await sink.write(batchOf([values.map((value) => ({ value }))], { topic: 'my.topic-1' }), never),
  ).toEqual([])
  expect(
    await started.rows(
      'SELECT body, severity_text AS s, toString(ts) AS t, _topic FROM my_topic_1 ORDER BY _offset',
    ),
  ).toEqual([
    { body: values[0], s: 'INFO', t: '2025-11-21 04:40:00.000000000', _topic: 'my.topic-1' },
    { body: 'mine', s: '', t: '2025-11-21 04:40:00.123000000', _topic: 'my.topic-1' },
    { body: values[2], s: '', t: '2025-11-21 04:40:00.000000000', _topic: 'my.topic-1' },
    { body: 'text', s: '', t: '2025-11-21 04:40:00.000000000', _topic: 'my.topic-1' },
  ])
})

describe('exactly once', () => {
  const batch = (topic: string, place: Partial<Batch> = {}) =>
    lines(topic, offsets(0, 500).map(String), place)
  const counts = async (table: string) =>
    (await started.rows(`SELECT count() AS total, uniqExact(_offset) AS once FROM ${table}`))[0]

  test('the same batch twice is there once; a replay and a topic made again are there again', async () => {
    await sink.write(batch('twice'), never)
    await sink.write(batch('twice'), never)
    expect(await counts('twice')).toEqual({ total: 500, once: 500 })
    await sink.write(batch('twice', { replayEpoch: 1 }), never)
    expect(await counts('twice')).toEqual({ total: 1000, once: 500 })
    await sink.write({ ...batch('twice', { recovered: true }), topicId: 'another' }, never)
    expect(await counts('twice')).toEqual({ total: 1500, once: 500 })
  })

  test('an answer that got lost: the retry adds nothing', async () => {
    let lost = 0
    const lossy = withInsert(async (request, signal) => {
      await warehouse.insert(request, signal)
      lost += 1
      if (lost === 1) throw new WarehouseError(null, 'the answer got lost')
    })
    const careless = await open(lossy)
    await expect(careless.write(batch('lost'), never)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(await careless.write(batch('lost'), never)).toEqual([])
    expect([lost, await counts('lost')]).toEqual([1, { total: 500, once: 500 }])
  })
  test('a token that outlived its rows (a kill between the two): they go in under another', async () => {
    let lost: unknown = null
    const killed = withInsert(async (request, signal) => {
      const token = request.settings.insert_deduplication_token
      if (lost !== null && token !== lost) await warehouse.insert(request, signal)
      if (lost !== null) return
      lost = token
      throw new WarehouseError(null, 'killed behind the token')
    })
    const sink = await open(killed)
    await expect(sink.write(batch('swallowed'), never)).rejects.toThrow()
    expect(await sink.write(batch('swallowed'), never)).toEqual([])
    expect(await counts('swallowed')).toEqual({ total: 500, once: 500 })
  })

  test('a recovered batch is read back: none, all, and some of it there', async () => {
    let inserts = 0
    // Another token each time, as if the window had forgotten: only the read-back protects.
    const forgetful = withInsert(async (request, signal) => {
      inserts += 1
      await warehouse.insert(
        { ...request, settings: { ...request.settings, insert_deduplication_token: `forgot-${inserts}` } },
        signal,
      )
    })
    const other = await open(forgetful)
    await other.write(batch('recovered', { recovered: true }), never)
    expect([inserts, await counts('recovered')]).toEqual([1, { total: 500, once: 500 }])
    await other.write(batch('recovered', { recovered: true }), never)
    expect([inserts, await counts('recovered')]).toEqual([1, { total: 500, once: 500 }])
    await started.client.command({ query: 'DELETE FROM recovered WHERE _offset % 3 = 0' })
    await other.write(batch('recovered', { recovered: true }), never)
    expect([inserts, await counts('recovered')]).toEqual([2, { total: 500, once: 500 }])
  })

  test('an old plan is read back too', async () => {
    const old = { ...batch('old'), plannedAt: 1_763_700_000_000 - 3_600_000 }
    await sink.write(old, never)
    await started.client.command({ query: 'DELETE FROM old WHERE _offset < 10' })
    await sink.write(old, never)
    expect(await counts('old')).toEqual({ total: 500, once: 500 })
  })
})

describe('bad rows', () => {
  const row = (n: number, value: unknown) => ({ value: JSON.stringify({ metric: `m${n}`, value }) })

  test.each([
    ['a few', [0, 17, 4_999, 9_998, 9_999]],
    ['more than are peeled one by one', offsets(100, 140)],
  ])('%s among 10,000: exactly those are refused, with the reason', async (name, bad) => {
    const wrong = new Set(bad)
    const partition = name === 'a few' ? 21 : 22
    const records = offsets(0, 10_000).map((n) => row(n, wrong.has(n) ? 'abc' : n))
    const batch = batchOf([records.slice(0, 6000), records.slice(6000)], { topic: 'metrics', partition })
    for (let round = 0; round < 2; round += 1) {
      const refusals = await sink.write(batch, never)
      expect(refusals.map(({ offset }) => offset)).toEqual(bad)
      expect(refusals[0]?.reason).toMatch(/^Code \d+ .*value/s)
      expect(Buffer.from(refusals[0]?.value ?? '').toString()).toBe(records[bad[0] as number]?.value)
    }
    const sql = `SELECT count() AS total, uniqExact(_offset) AS once FROM metrics WHERE _partition = ${partition}`
    expect(await started.rows(sql)).toEqual([{ total: 10_000 - bad.length, once: 10_000 - bad.length }])
  })

  test('a recovered batch with bad rows ends the same', async () => {
    const records = offsets(0, 100).map((n) => row(n, n === 50 ? 'abc' : n))
    const batch = batchOf([records], { topic: 'metrics', partition: 23 })
    await sink.write(batch, never)
    const refusals = await sink.write({ ...batch, recovered: true }, never)
    expect(refusals.map(({ offset }) => offset)).toEqual([50])
    expect(await started.rows('SELECT count() AS total FROM metrics WHERE _partition = 23')).toEqual([
      { total: 99 },
    ])
  })

  test('another schema altogether pauses the sink instead of emptying the topic', async () => {
    const records = offsets(0, 500).map((n) => row(n, 'abc'))
    const writing = sink.write(batchOf([records], { topic: 'metrics', partition: 24 }), never)
    await expect(writing).rejects.toMatchObject({ code: 'SINK_MISCONFIGURED' })
  })

  test('rows for more table partitions than one insert may touch are sent in halves', async () => {
    const sent: number[] = []
    const narrow = withInsert(async (request, signal) => {
      const rows = request.body.filter((byte) => byte === 10).length
      sent.push(rows)
      if (rows > 3)
        throw new WarehouseError(252, 'Too many partitions for single INSERT block (more than 100)')
      await warehouse.insert(request, signal)
    })
    const records = offsets(0, 10).map((n) => row(n, n))
    expect(
      await (await open(narrow)).write(batchOf([records], { topic: 'metrics', partition: 25 }), never),
    ).toEqual([])
    expect(sent).toEqual([10, 5, 2, 3, 5, 2, 3])
    expect(await started.rows('SELECT count() AS total FROM metrics WHERE _partition = 25')).toEqual([
      { total: 10 },
    ])
  })
})

describe('trouble around the rows', () => {
  test('a table that was dropped is made again', async () => {
    await sink.write(lines('dropped', ['a']), never)
    await started.client.command({ query: 'DROP TABLE dropped SYNC' })
    const next = lines('dropped', ['b'], { firstOffset: 1 })
    await expect(sink.write(next, never)).rejects.toMatchObject({ code: 'SINK_FAILED' })
    expect(await sink.write(next, never)).toEqual([])
    expect(await started.rows('SELECT body FROM dropped')).toEqual([{ body: 'b' }])
  })

  test.each([
    [516, 'SINK_MISCONFIGURED'],
    [497, 'SINK_MISCONFIGURED'],
    [252, 'OVERLOADED'],
    [241, 'SINK_FAILED'],
    [null, 'UNAVAILABLE'],
  ])('code %s of ClickHouse is %s, and nothing is refused', async (code, expected) => {
    const failing = withInsert(async () => {
      throw new WarehouseError(code, 'Code: as said')
    })
    await expect((await open(failing)).write(lines('coded', ['a']), never)).rejects.toMatchObject({
      code: expected,
    })
  })

  test('a server that is gone is UNAVAILABLE', async () => {
    const gone = httpWarehouse({ url: 'http://127.0.0.1:9', packed: false })
    await expect(open(gone)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })
})

test('every way through gives the same bytes for the same batch', async () => {
  const hashes: string[] = []
  const watching = withInsert(async (request) => {
    hashes.push(
      createHash('sha256').update(request.body).update(JSON.stringify(request.settings)).digest('hex'),
    )
  })
  const other = await open(watching)
  for (let round = 0; round < 2; round += 1) await other.write(lines('same', ['a', '{"b":1}']), never)
  expect(hashes[0]).toBe(hashes[1])
})
