// Broken and forged JSON against the real engine: good neighbours arrive once, nothing is forged, nothing is lost.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { httpWarehouse } from '../../../sinks/clickhouse/client.ts'
import { openWriter } from '../../../sinks/clickhouse/writer.ts'
import type { OpenSink } from '../../../sinks/define.ts'
import { batchOf, lineHeaders } from '../batches.ts'
import { runtime, type Started, startServer } from './start.ts'

const never = new AbortController().signal
let started: Started
let sink: OpenSink
beforeAll(async () => {
  started = await startServer()
  const place = { name: 'test', database: 'logdrive', embedded: true, ttlMs: null, topics: ['metrics'] }
  const options = { ...place, details: () => ({}) }
  const clock = { ...runtime.clock, now: () => 1_763_700_001_000 }
  const warehouse = httpWarehouse({ url: started.server.url, packed: false })
  sink = await openWriter(warehouse, options, { ...runtime, clock }, never)
})
afterAll(async () => {
  await sink[Symbol.asyncDispose]()
  await started[Symbol.asyncDispose]()
})

const time = '"ts":"2025-11-21T04:00:00.000Z"'
const forged = `{"_log":"forged","_topic":"metrics","_partition":1,"_offset":77,${time},"metric":"forged"}`

const refused = [
  ...['', ',', ';', ' ', '\n', ' ,', ', '].map((separator) => `{${time},"metric":"a"}${separator}${forged}`),
  `{${time},"metric":"a"};`,
  `{${time},"metric":"a"}]}`,
  `{${time},"metric":"a"}}`,
  `{${time},"metric":"a"}"}`,
  `{${time},"metric":"a"},"x":1}`,
  `{${time},"metric":"abc}`,
  `{${time},"metric":"abc\\}`,
  `{${time},"unknown":"abc}`,
  `{${time},"x":{"y":1}`,
  `{${time},"x":[{"y":1}`,
  `{${time},"el_classes":["a}`,
  `{${time},"x":["ts":"2025"]}`,
  `{"x":["a",${time},"b"]}`,
  `{${time},}`,
  `{${time},"value":}`,
  `{${time},"value":1 "metric":"a"}`,
  `{${time},"_offset":9}`,
  `{${time},"_log":"forged"}`,
  `{${time},"\\u005flog":"forged"}`,
  `{${time},"value":"abc"}`,
]

test.each(refused.map((value, n) => [value, 100 + n] as const))(
  '%s is refused, alone',
  async (value, partition) => {
    const good = (metric: string) => ({ value: `{${time},"metric":"${metric}"}` })
    const batch = batchOf([[good('first'), { value }, good('last')], [good('more')]], {
      topic: 'metrics',
      partition,
    })
    for (let round = 0; round < 2; round += 1) {
      const refusals = await sink.write(batch, never)
      expect(refusals.map(({ offset }) => offset)).toEqual([1])
      expect(Buffer.from(refusals[0]?.value ?? '').toString()).toBe(value)
    }
    const sql = `SELECT metric FROM metrics WHERE _partition = ${partition} ORDER BY _offset`
    expect(await started.rows(sql)).toEqual(['first', 'last', 'more'].map((metric) => ({ metric })))
    expect(await started.rows("SELECT count() AS n FROM metrics WHERE _log = 'forged' OR _log = ''")).toEqual(
      [{ n: 0 }],
    )
  },
)

test('broken JSON at both ends of a batch, and a recovered one with the good rows there', async () => {
  const values = [`{${time},"metric":"abc}`, `{${time},"metric":"good"}`, `{${time},"metric":"abc}`]
  const batch = batchOf([values.map((value) => ({ value }))], { topic: 'metrics', partition: 90 })
  for (const recovered of [false, true]) {
    const refusals = await sink.write({ ...batch, recovered }, never)
    expect(refusals.map(({ offset }) => offset)).toEqual([0, 2])
  }
  const sql = 'SELECT metric, _offset AS at FROM metrics WHERE _partition = 90'
  expect(await started.rows(sql)).toEqual([{ metric: 'good', at: 1 }])
})

test('a time that only an inner object has is no time of the row', async () => {
  const values = [
    `{"x":{${time}},"metric":"inner"}`,
    `{"metric":"own","x":{"a":{}},${time}}`,
    '{"ts":1763697600000}',
  ]
  const batch = batchOf([values.map((value) => ({ value }))], { topic: 'metrics', partition: 91 })
  expect(await sink.write(batch, never)).toEqual([])
  const found = await started.rows(
    'SELECT toString(ts) AS t FROM metrics WHERE _partition = 91 ORDER BY _offset',
  )
  expect(found.map(({ t }) => t)).toEqual(
    ['04:40:00', '04:00:00', '04:00:00'].map((at) => `2025-11-21 ${at}.000`),
  )
})

test('what an agent calls parsed and is no object becomes a raw line; its neighbours and itself are there once', async () => {
  const mark = { key: 'ld-parsed', value: Buffer.from('1') }
  const good = (body: string) => ({ value: `{${time},"body":"${body}","attrs_number":{"n":1}}` })
  const broken = [
    `{${time},"body":"x"}${forged}`,
    `{${time},"body":"x"`,
    'plain } text',
    `{${time},"body":"x","a":}`,
  ].map((value) => ({ value }))
  const parts = [
    [{ ...good('first'), headers: [...lineHeaders('h"1', '/a\\b'), mark] }, ...broken, good('last')],
    [{ value: 'raw', headers: lineHeaders('h2', '/raw') }],
  ]
  const batch = batchOf(parts, { topic: 'web_logs', partition: 3 })
  const sql =
    "SELECT body, host, source, attrs_number['n'] AS n, observed_ts > ts AS later FROM web_logs WHERE _partition = 3 ORDER BY _offset"
  const row = (body: string, n: number, later: number) => ({ body, host: 'h"1', source: '/a\\b', n, later })
  for (const recovered of [false, false, true]) {
    expect(await sink.write({ ...batch, recovered }, never)).toEqual([])
    expect(await started.rows(sql)).toEqual([
      row('first', 1, 1),
      ...broken.map(({ value }) => row(value, 0, 0)),
      row('last', 1, 1),
      { body: 'raw', host: 'h2', source: '/raw', n: 0, later: 0 },
    ])
  }
  expect(await started.rows("SELECT count() AS n FROM web_logs WHERE _log = 'forged'")).toEqual([{ n: 0 }])
})
