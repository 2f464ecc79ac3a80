// Inserts into the embedded ClickHouse: formats, defaults, settings, tokens, one block, rows named in errors.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Started, startServer } from '../start.ts'

let started: Started
beforeAll(async () => {
  started = await startServer()
})
afterAll(async () => {
  await started[Symbol.asyncDispose]()
})

async function post(sql: string, body: Uint8Array | string, settings: Record<string, string> = {}) {
  const query = new URLSearchParams({ query: sql, ...settings })
  const answer = await started.ask(`/?${query}`, { method: 'POST', body: Buffer.from(body) })
  return { code: Number(answer.headers.get('x-clickhouse-exception-code') ?? 0), text: await answer.text() }
}

async function make(name: string, columns: string, settings = 'non_replicated_deduplication_window = 100') {
  const query = `CREATE OR REPLACE TABLE ${name} (${columns}) ENGINE = MergeTree ORDER BY tuple() SETTINGS ${settings}`
  await started.client.command({ query })
}

const done = { code: 0, text: '' }

describe('columns', () => {
  const columns =
    "a UInt32, b String DEFAULT concat('d', toString(a)), c DateTime('UTC') DEFAULT '2020-01-01 00:00:00', " +
    'm UInt32 MATERIALIZED a + 1, al UInt32 ALIAS a + 2, e UInt32 EPHEMERAL 3, x UInt64 DEFAULT e * 2, ' +
    'n Nullable(Int32) DEFAULT 5, `odd ``name` Array(String)'

  test('fields that JSONEachRow leaves out get the DEFAULT of the table', async () => {
    await make('defaults', columns)
    const rows = '{"a":1}\n{"a":2,"b":"given","n":null,"odd `name":["q"]}\n'
    expect(await post('INSERT INTO defaults FORMAT JSONEachRow', rows)).toEqual(done)
    expect(await started.rows('SELECT *, m FROM defaults ORDER BY a')).toEqual([
      { a: 1, b: 'd1', c: '2020-01-01 00:00:00', x: 6, n: 5, 'odd `name': [], m: 2 },
      { a: 2, b: 'given', c: '2020-01-01 00:00:00', x: 6, n: null, 'odd `name': ['q'], m: 3 },
    ])
  })

  test('DEFAULTs that say zero, and those that only look so, are what the table says', async () => {
    const zero =
      "s String DEFAULT '', w LowCardinality(String) DEFAULT '', i Int8 DEFAULT 0, u UInt64 DEFAULT 0, " +
      "f Float32 DEFAULT 0, o Bool DEFAULT false, ns Nullable(String) DEFAULT '', ni Nullable(Int8) DEFAULT 0"
    await make(
      'zeroes',
      `a UInt32, ${zero}, y Bool DEFAULT true, \`constructor\` UInt8 DEFAULT a, t UInt8 DEFAULT constructor`,
    )
    const nulls = '{"a":2,"s":null,"w":null,"i":null,"u":null,"f":null,"o":null,"y":null}'
    const insert = 'INSERT INTO zeroes FORMAT JSONEachRow'
    expect(await post(insert, `{"a":1}\n${nulls}\n`)).toEqual(done)
    const none = { s: '', w: '', i: 0, u: 0, f: 0, o: false, ns: '', ni: 0, y: true }
    const found = await started.rows('SELECT * REPLACE(toUInt32(u) AS u) FROM zeroes ORDER BY a')
    expect(found).toEqual([1, 2].map((a) => ({ a, ...none, constructor: a, t: a })))
  })

  test('several at once, one with settings of its own, are all there', async () => {
    await make('crowd', "a UInt32, b String DEFAULT ''")
    const statements = ['', '', '', 'SETTINGS input_format_parallel_parsing = 1 '].map(
      (settings) => `INSERT INTO crowd ${settings}FORMAT JSONEachRow`,
    )
    const rows = (n: number) => Array.from({ length: 2000 }, (_, i) => `{"a":${n * 2000 + i}}\n`).join('')
    const answers = await Promise.all(statements.map((sql, n) => post(sql, rows(n))))
    expect(answers).toEqual(statements.map(() => done))
    expect(
      await started.rows('SELECT toUInt32(count()) AS n, toUInt32(uniqExact(a)) AS u FROM crowd'),
    ).toEqual([{ n: 8000, u: 8000 }])
  })

  test('DEFAULTs are honoured on the fast way through file() too, constant or computed', async () => {
    await make(
      'fast',
      "a UInt32, b String DEFAULT concat('d', toString(a)), n Nullable(Int32) DEFAULT 5, c UInt8 DEFAULT 7",
    )
    const rows = '{"a":1}\n{"a":2,"b":"given","n":null,"c":0}\n'
    expect(await post('INSERT INTO fast FORMAT JSONEachRow', rows)).toEqual(done)
    expect(await post('INSERT INTO fast (a, b) FORMAT JSONEachRow', '{"a":3}')).toEqual(done)
    expect(await started.rows('SELECT * FROM fast ORDER BY a')).toEqual([
      { a: 1, b: 'd1', n: 5, c: 7 },
      { a: 2, b: 'given', n: null, c: 0 },
      { a: 3, b: 'd3', n: 5, c: 7 },
    ])
  })

  test('columns may be listed, ephemeral ones too, or left out by name', async () => {
    await make('listed', columns)
    expect(await post('INSERT INTO logdrive.listed (e, a) FORMAT TabSeparated', '10\t1\n')).toEqual(done)
    expect(
      await post('INSERT INTO `logdrive`."listed" (* EXCEPT(b, x)) FORMAT JSONEachRow', '{"a":2}'),
    ).toEqual(done)
    // b's DEFAULT needs a, which is not inserted: the engine's own parser has to do this one.
    expect(await post('INSERT INTO listed (b, c) FORMAT JSONEachRow', '{"c":"2021-01-01 00:00:00"}')).toEqual(
      done,
    )
    const found = await started.rows('SELECT a, b, x, toYear(c) AS y FROM listed ORDER BY y, a')
    expect(found).toEqual([
      { a: 1, b: 'd1', x: 20, y: 2020 },
      { a: 2, b: 'd2', x: 6, y: 2020 },
      { a: 0, b: 'd0', x: 6, y: 2021 },
    ])
  })

  test('a new column is seen by the next insert', async () => {
    await make('grown', 'a UInt32')
    expect(await post('INSERT INTO grown FORMAT JSONEachRow', '{"a":1,"b":"lost"}')).toEqual(done)
    await started.client.command({ query: "ALTER TABLE grown ADD COLUMN b String DEFAULT 'old'" })
    expect(await post('INSERT INTO grown FORMAT JSONEachRow', '{"a":2,"b":"kept"}')).toEqual(done)
    expect(await started.rows('SELECT * FROM grown ORDER BY a')).toEqual([
      { a: 1, b: 'old' },
      { a: 2, b: 'kept' },
    ])
  })

  test('a missing table and a missing column are named', async () => {
    await make('named', 'a UInt32')
    expect((await post('INSERT INTO nowhere FORMAT JSONEachRow', '{"a":1}')).code).toBe(60)
    expect((await post('INSERT INTO named (zzz) FORMAT JSONEachRow', '{"a":1}')).code).toBe(16)
  })
})

describe('formats', () => {
  test('text, binary, and rows inside the statement', async () => {
    await make('formats', 'a UInt32, s String')
    const binary = Buffer.from([3, 0, 0, 0, 3, 0x00, 0xff, 0x0a])
    const native = Buffer.from(
      await (
        await started.ask(
          `/?query=${encodeURIComponent("SELECT 4::UInt32 AS a, 'native' AS s FORMAT Native")}`,
        )
      ).arrayBuffer(),
    )
    expect(await post('INSERT INTO formats FORMAT TabSeparated', '1\ta\\tb\n')).toEqual(done)
    expect(await post('INSERT INTO formats FORMAT CSV', '2,"x\ny"\n')).toEqual(done)
    expect(await post('INSERT INTO formats FORMAT RowBinary', binary)).toEqual(done)
    expect(await post('INSERT INTO formats FORMAT Native', native)).toEqual(done)
    expect(await post('INSERT INTO formats VALUES', "(5, 'v'), (6, lower('W'))")).toEqual(done)
    expect(await post('INSERT INTO formats FORMAT Values', "(7, 'é')")).toEqual(done)
    expect(await post('', 'INSERT INTO formats FORMAT JSONEachRow\n{"a":8,"s":"body"}\n')).toEqual(done)
    expect(await post('INSERT INTO formats FORMAT TabSeparated\n9\tparam\n', '')).toEqual(done)
    expect(
      await post('INSERT INTO formats SELECT number + 10, toString(number) FROM numbers(1)', ''),
    ).toEqual(done)
    expect(await post('INSERT INTO formats FORMAT JSONEachRow', '')).toEqual(done)
    expect(await started.rows('SELECT a, hex(s) AS h FROM formats ORDER BY a')).toEqual(
      ['a\tb', 'x\ny', Buffer.from([0, 0xff, 0x0a]), 'native', 'v', 'w', 'é', 'body', 'param', '0']
        .map((s, at) => ({
          a: at + 1,
          h: Buffer.from(s).toString('hex').toUpperCase(),
        }))
        .map((row) => (row.a === 10 ? { ...row, a: 10 } : row)),
    )
  })

  test('settings of the URL and of the statement reach the parser', async () => {
    await make('settings', "a UInt32, t DateTime('UTC')")
    const row = '{"a":1,"t":"2024-05-06T07:08:09Z","x":1}\n'
    const insert = 'INSERT INTO settings FORMAT JSONEachRow'
    expect(
      (await post(insert, row, { date_time_input_format: 'basic', input_format_skip_unknown_fields: '1' }))
        .code,
    ).not.toBe(0)
    expect(
      (
        await post(insert, row, {
          date_time_input_format: 'best_effort',
          input_format_skip_unknown_fields: '0',
        })
      ).code,
    ).toBe(117)
    const inside =
      "INSERT INTO settings SETTINGS date_time_input_format = 'best_effort', async_insert = 0 FORMAT JSONEachRow"
    expect(await post(inside, row, { input_format_skip_unknown_fields: '1' })).toEqual(done)
    const strict =
      'INSERT INTO settings (a, t) SETTINGS input_format_skip_unknown_fields = 0 FORMAT JSONEachRow'
    expect((await post(strict, row)).code).toBe(117)
    expect(await started.rows('SELECT * FROM settings')).toEqual([{ a: 1, t: '2024-05-06 07:08:09' }])
    expect((await post(insert, row, { no_such_setting: '1' })).code).toBe(115)
  })

  test('an error names the row and nothing is inserted', async () => {
    await make('bad', 'a UInt32')
    const rows = Array.from({ length: 100_000 }, (_, n) =>
      n === 73_210 ? '{"a":"abc"}' : `{"a":${n}}`,
    ).join('\n')
    const answer = await post('INSERT INTO bad FORMAT JSONEachRow', rows)
    expect(answer.code).toBe(27)
    expect(answer.text).toContain('(at row 73211)')
    expect(await started.rows('SELECT count() AS n FROM bad')).toEqual([{ n: 0 }])
  })
})

describe('exactly once', () => {
  test('the same token inserts once, another one again', async () => {
    await make('tokens', 'a UInt32')
    const insert = 'INSERT INTO tokens (a) FORMAT JSONEachRow'
    const rows = '{"a":1}\n{"a":2}\n'
    for (const token of ['one', 'one', 'two', 'one', 'two']) {
      expect(await post(insert, rows, { insert_deduplication_token: token, async_insert: '0' })).toEqual(done)
    }
    expect(await started.rows('SELECT a, count() AS n FROM tokens GROUP BY a ORDER BY a')).toEqual([
      { a: 1, n: 2 },
      { a: 2, n: 2 },
    ])
  })

  test('one insert is one block: 200,000 rows and 30 MB make one part', async () => {
    await make('blocks', 'a UInt32, s String')
    const pad = 'x'.repeat(130)
    const rows = Array.from({ length: 200_000 }, (_, n) => `{"a":${n},"s":"${pad}"}\n`).join('')
    const insert = 'INSERT INTO blocks FORMAT JSONEachRow'
    for (let round = 0; round < 2; round += 1) {
      expect(await post(insert, rows, { insert_deduplication_token: 't' })).toEqual(done)
    }
    const parts =
      "SELECT count() AS parts, sum(rows) AS rows FROM system.parts WHERE table = 'blocks' AND active"
    expect(await started.rows(parts)).toEqual([{ parts: 1, rows: 200_000 }])
  })

  test('a body that breaks off inserts nothing', async () => {
    await make('broken', 'a UInt32')
    const gone = new AbortController()
    async function* pieces() {
      yield Buffer.from('{"a":1}\n'.repeat(50_000))
      gone.abort()
      yield Buffer.from('{"a":2}\n')
    }
    const path = `/?query=${encodeURIComponent('INSERT INTO broken FORMAT JSONEachRow')}`
    const options = {
      method: 'POST',
      body: ReadableStream.from(pieces()),
      duplex: 'half',
      signal: gone.signal,
    }
    await expect(started.ask(path, options as RequestInit)).rejects.toThrow()
    expect(await post('INSERT INTO broken FORMAT JSONEachRow', '{"a":7}\n')).toEqual(done)
    expect(await started.rows('SELECT a FROM broken')).toEqual([{ a: 7 }])
  })
})
