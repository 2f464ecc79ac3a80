// The embedded ClickHouse as its clients see it: @clickhouse/client, and bare HTTP where that is what counts.
import { request } from 'node:http'
import { Readable } from 'node:stream'
import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { ClickHouseLogLevel, type ClickHouseSettings, createClient } from '@clickhouse/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Started, startServer, until } from '../start.ts'

let started: Started
beforeAll(async () => {
  started = await startServer()
})
afterAll(async () => {
  await started[Symbol.asyncDispose]()
})

const q = (sql: string, more = '') => `/?query=${encodeURIComponent(sql)}${more}`

describe('@clickhouse/client', () => {
  test('pings, both ways', async () => {
    expect(await started.client.ping()).toEqual({ success: true })
    expect(await started.client.ping({ select: true })).toEqual({ success: true })
  })

  test('makes a table, inserts objects, reads them back, sees the counts', async () => {
    const { client } = started
    await client.command({ query: 'CREATE TABLE things (a UInt32, b String) ENGINE = MergeTree ORDER BY a' })
    const values = [
      { a: 1, b: 'x' },
      { a: 2, b: 'tab\there "quoted" \\ é' },
    ]
    const inserted = await client.insert({ table: 'things', values, format: 'JSONEachRow' })
    expect(inserted.summary?.written_rows).toBe('2')
    expect(await started.rows('SELECT a, b FROM things ORDER BY a')).toEqual(values)
    const found = await client.query({ query: 'SELECT count() AS n FROM things', format: 'JSON' })
    expect(await found.json()).toMatchObject({ data: [{ n: 2 }], rows: 1 })
  })

  test('binds query parameters of every kind, also hostile ones', async () => {
    const text = `it's "x" \\ \t\n {a:String} -- ; é`
    const found = await started.client.query({
      query:
        'SELECT {s:String} AS s, {n:UInt64} AS n, {list:Array(String)} AS list, {none:Nullable(String)} AS none',
      query_params: { s: text, n: 42, list: ['a', "b'c"], none: null },
      format: 'JSONEachRow',
    })
    expect(await found.json()).toEqual([{ s: text, n: 42, list: ['a', "b'c"], none: null }])
  })

  test('keeps parameters and settings of parallel requests apart', async () => {
    const one = async (n: number) => {
      const found = await started.client.query({
        query: "SELECT {n:UInt32} AS n, getSetting('max_threads') AS threads",
        query_params: { n },
        clickhouse_settings: { max_threads: (n % 3) + 1 },
        format: 'JSONEachRow',
      })
      expect(await found.json()).toEqual([{ n, threads: (n % 3) + 1 }])
    }
    await Promise.all(Array.from({ length: 60 }, (_, n) => one(n)))
    const plain = await started.client
      .query({ query: 'SELECT {n:UInt32}', format: 'TabSeparated' })
      .catch((e) => e)
    expect(plain).toMatchObject({ code: '456' })
  })

  test('gets codes and types of errors', async () => {
    const wrong = (query: string) => started.client.query({ query }).catch((error: unknown) => error)
    expect(await wrong('SELECT * FROM nowhere')).toMatchObject({ code: '60', type: 'UNKNOWN_TABLE' })
    expect(await wrong('SELEKT 1')).toMatchObject({ code: '62' })
    const unknown = await started.client
      .query({ query: 'SELECT 1', clickhouse_settings: { nonsense_setting: '1' } as ClickHouseSettings })
      .catch((error: unknown) => error)
    expect(unknown).toMatchObject({ code: '115', type: 'UNKNOWN_SETTING' })
  })

  test('sends bytes with exec, packed and not, and takes packed answers', async () => {
    await started.client.command({ query: 'CREATE TABLE bytes (a UInt32) ENGINE = MergeTree ORDER BY a' })
    const packing = { request: true, response: true }
    const client = createClient({ url: started.server.url, database: 'logdrive', compression: packing })
    const query = 'INSERT INTO bytes (a) FORMAT TabSeparated'
    for (const one of [client, started.client]) {
      const values = Readable.from([Buffer.from('1\n2\n'), Buffer.from('3\n')])
      const { stream } = await one.exec({ query, values })
      for await (const _ of stream) expect.unreachable()
    }
    const found = await client.query({
      query: 'SELECT a FROM bytes ORDER BY a',
      format: 'JSONCompactEachRow',
    })
    expect(await found.json()).toEqual([[1], [1], [2], [2], [3], [3]])
    await client.close()
  })

  test('chooses the database, and says when there is none such', async () => {
    const client = createClient({
      url: started.server.url,
      database: 'nodb',
      log: { level: ClickHouseLogLevel.OFF },
    })
    await expect(client.query({ query: 'SELECT 1' })).rejects.toMatchObject({ code: '81' })
    await client.close()
    expect(await started.rows('SELECT currentDatabase() AS d')).toEqual([{ d: 'logdrive' }])
  })

  test('an aborted query stops working', async () => {
    const gone = new AbortController()
    const query = 'SELECT sum(sleepEachRow(0.1)) /* abortme */ FROM numbers(3000) SETTINGS max_block_size = 1'
    const pending = started.client
      .query({ query, abort_signal: gone.signal })
      .catch((error: unknown) => error)
    const running =
      "SELECT count() AS n FROM system.processes WHERE query LIKE '%abortme%' AND query NOT LIKE '%processes%'"
    await until(async () => (await started.rows(running))[0]?.n === 1)
    gone.abort()
    await pending
    await until(async () => (await started.rows(running))[0]?.n === 0)
  })
})

describe('bare HTTP', () => {
  test('answers what a server answers', async () => {
    expect(await (await started.ask('/ping')).text()).toBe('Ok.\n')
    const found = await started.ask(q('SELECT 1 AS a', '&query_id=mine'))
    expect(await found.text()).toBe('1\n')
    expect(found.headers.get('x-clickhouse-format')).toBe('TabSeparated')
    expect(found.headers.get('x-clickhouse-query-id')).toBe('mine')
    expect(JSON.parse(found.headers.get('x-clickhouse-summary') ?? '')).toMatchObject({ result_rows: '1' })
    const json = await started.ask('/', { method: 'POST', body: 'SELECT 1 AS a FORMAT JSON' })
    expect(json.headers.get('content-type')).toBe('application/json; charset=UTF-8')
    expect(await json.json()).toMatchObject({ data: [{ a: 1 }] })
    const joined = await started.ask(q('SELECT number', '&default_format=CSV'), {
      method: 'POST',
      body: 'FROM numbers(2)',
    })
    expect(await joined.text()).toBe('0\n1\n')
  })

  test('statuses follow the codes', async () => {
    const status = async (sql: string) => {
      const answer = await started.ask('/', { method: 'POST', body: sql })
      expect(await answer.text()).toMatch(/^Code: \d+\. DB::Exception: .*\(version 26\./s)
      return [answer.status, answer.headers.get('x-clickhouse-exception-code')]
    }
    expect(await status('SELECT * FROM nowhere')).toEqual([404, '60'])
    expect(await status('SELEKT')).toEqual([400, '62'])
    expect(await status('')).toEqual([400, '62'])
    expect(await status('SELECT 1; SELECT 2')).toEqual([400, '62'])
    expect(await status("SELECT throwIf(1, 'x')")).toEqual([500, '395'])
    expect(
      await status(
        'SELECT sleepEachRow(1) FROM numbers(9) SETTINGS max_execution_time=0.2, max_block_size=1',
      ),
    ).toEqual([408, '159'])
    expect(await status("INSERT INTO x SELECT a FROM input('a Int8') FORMAT TSV")).toEqual([501, '48'])
  })

  test('a GET cannot write', async () => {
    const answer = await started.ask(q('CREATE TABLE hack (a UInt8) ENGINE = Memory'))
    expect(answer.headers.get('x-clickhouse-exception-code')).toBe('164')
  })

  test('bodies and answers may be packed, answers only when asked', async () => {
    const sql = 'SELECT number FROM numbers(3)'
    for (const [encoding, pack, unpack] of [
      ['gzip', gzipSync, gunzipSync],
      ['zstd', zstdCompressSync, zstdDecompressSync],
    ] as const) {
      const options = { method: 'POST', body: pack(sql), headers: { 'content-encoding': encoding } }
      expect(await (await started.ask('/', options)).text()).toBe('0\n1\n2\n')
      const packed = await raw(q(sql, '&enable_http_compression=1'), { 'accept-encoding': encoding })
      expect(packed.headers['content-encoding']).toBe(encoding)
      expect(unpack(packed.body).toString()).toBe('0\n1\n2\n')
      const plain = await raw(q(sql), { 'accept-encoding': encoding })
      expect(plain.body.toString()).toBe('0\n1\n2\n')
    }
    const broken = { method: 'POST', body: Buffer.from('no gzip'), headers: { 'content-encoding': 'gzip' } }
    expect((await started.ask('/', broken)).headers.get('x-clickhouse-exception-code')).toBe('271')
  })

  test('a small body that unpacks without end is stopped', async () => {
    const bomb = gzipSync(Buffer.alloc(40 * 1024 * 1024, ' '))
    const answer = await started.ask('/', {
      method: 'POST',
      body: bomb,
      headers: { 'content-encoding': 'gzip' },
    })
    expect([answer.status, answer.headers.get('x-clickhouse-exception-code')]).toEqual([413, '307'])
  })

  test('web pages and rebound names are kept out', async () => {
    expect((await raw(q('SELECT 1'), { origin: 'https://evil.example' })).status).toBe(403)
    expect((await raw(q('SELECT 1'), { host: 'evil.example:8123' })).status).toBe(403)
    expect((await raw(q('SELECT 1'), { origin: 'http://localhost:3000' })).status).toBe(200)
  })
})

interface Raw {
  readonly status: number
  readonly headers: Record<string, unknown>
  readonly body: Buffer
}

function raw(path: string, headers: Record<string, string>): Promise<Raw> {
  return new Promise((resolve, reject) => {
    const sent = request(`${started.server.url}${path}`, { headers }, async (answer) => {
      const pieces: Buffer[] = []
      for await (const piece of answer) pieces.push(piece as Buffer)
      resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(pieces) })
    })
    sent.once('error', reject).end()
  })
}
