// topics, produce, tail, status and sql as processes, against a peer that answers as interfaces.md says.
import { describe, expect, test } from 'vitest'
import { answerJson, freePort, logdrive, peer } from './process.ts'

const orders = {
  name: 'orders',
  id: 'a2f0a2f0-0000-4000-8000-000000000000',
  retention_ms: 604_800_000,
  retention_bytes: null,
  partitions: [
    { partition: 0, start_offset: 5, end_offset: 1005, bytes: 2_097_152 },
    { partition: 1, start_offset: 0, end_offset: 20, bytes: 1024 },
  ],
}

describe('a collector', () => {
  test('is found by --url, by LOGDRIVE_URL, and gets the key by --key or LOGDRIVE_KEY', async () => {
    await using collector = await peer((_, response) => answerJson(response, 200, { topics: [] }))
    await logdrive(['topics', '--url', `${collector.url}/`, '--key', 'one'])
    await logdrive(['topics'], { env: { LOGDRIVE_URL: collector.url, LOGDRIVE_KEY: 'two' } })
    expect(collector.seen.map((seen) => [seen.url, seen.headers.authorization])).toEqual([
      ['/v1/topics', 'Bearer one'],
      ['/v1/topics', 'Bearer two'],
    ])
  })

  test('that is not there is an exit code 1 with what to do, for every command', async () => {
    const url = `http://127.0.0.1:${await freePort()}`
    const lines = [['topics'], ['produce', 'a'], ['tail', 'a'], ['status'], ['sql', 'SELECT 1']]
    for (const words of lines) {
      const { code, stdout, stderr } = await logdrive([...words, '--url', url], { input: '{}\n' })
      expect({ words, code, stdout }).toEqual({ words, code: 1, stdout: '' })
      expect(stderr).toContain(`no collector answers at ${url} (ECONNREFUSED)`)
      expect(stderr).toContain('logdrive up')
    }
  })

  test('that refuses is quoted with its hint, and a missing key says how to give one', async () => {
    await using collector = await peer((seen, response) => {
      const key = seen.headers.authorization
      if (key === undefined)
        answerJson(response, 401, { error: { code: 'KEY_MISSING', message: 'a key is needed', hint: '' } })
      else
        answerJson(response, 404, {
          error: { code: 'TOPIC_UNKNOWN', message: 'no topic\u001b[2J', hint: 'create it' },
        })
    })
    const locked = await logdrive(['status', '--url', collector.url])
    expect(locked.code).toBe(1)
    expect(locked.stderr).toBe(
      'logdrive: a key is needed\n  give a key that allows this: --key KEY, or LOGDRIVE_KEY\n',
    )
    const unknown = await logdrive(['topics', 'describe', 'x', '--url', collector.url, '--key', 'k'])
    expect(unknown.stderr).toBe('logdrive: no topic\\u001b[2J\n  create it\n')
  })

  test('that is none is named', async () => {
    await using other = await peer((_, response) => response.end('<html>'))
    const { code, stderr } = await logdrive(['status', '--url', other.url])
    expect(code).toBe(1)
    expect(stderr).toContain('did not answer with JSON')
  })

  test('is not looked for at a URL that is none', async () => {
    expect((await logdrive(['status', '--url', 'localhost:8750'])).code).toBe(2)
    expect((await logdrive(['status', '--url', 'http://me:secret@host'])).stderr).not.toContain('secret')
  })
})

describe('topics', () => {
  test('list and describe are tables, and with --json what the collector said', async () => {
    await using collector = await peer((seen, response) =>
      answerJson(response, 200, seen.url.endsWith('/orders') ? orders : { topics: [orders] }),
    )
    const env = { LOGDRIVE_URL: collector.url }
    expect((await logdrive(['topics', 'list'], { env })).stdout).toMatchInlineSnapshot(`
      "TOPIC   PARTITIONS  RECORDS  SIZE     KEEPS
      orders           2     1020  2.0 MiB  7d
      "
    `)
    expect((await logdrive(['topics', 'describe', 'orders'], { env })).stdout).toMatchInlineSnapshot(`
      "name           orders
      id             a2f0a2f0-0000-4000-8000-000000000000
      keeps          7d
      keeps at most  any size

      PARTITION  START   END  SIZE
              0      5  1005  2.0 MiB
              1      0    20  1.0 KiB
      "
    `)
    const json = await logdrive(['topics', 'list', '--json'], { env })
    expect(JSON.parse(json.stdout)).toEqual({ topics: [orders] })
    await logdrive(['topics', '--internal'], { env })
    expect(collector.seen.at(-1)?.url).toBe('/v1/topics?internal=1')
  })

  test('create, alter and delete send ms and bytes', async () => {
    await using collector = await peer((seen, response) =>
      answerJson(response, seen.method === 'POST' ? 201 : 200, orders),
    )
    const env = { LOGDRIVE_URL: collector.url }
    const settings = ['--partitions', '8', '--retention-age', '7d', '--retention-bytes', '20GiB']
    expect((await logdrive(['topics', 'create', 'orders', ...settings], { env })).stdout).toBe(
      'created orders\n',
    )
    await logdrive(['topics', 'alter', 'orders', '--retention-age', '36h'], { env })
    await logdrive(['topics', 'delete', 'a/b', '--yes'], { env })
    expect(
      collector.seen.map(({ method, url, body }) => [method, url, body === '' ? null : JSON.parse(body)]),
    ).toEqual([
      [
        'POST',
        '/v1/topics',
        { name: 'orders', partitions: 8, retention_ms: 604_800_000, retention_bytes: 21_474_836_480 },
      ],
      ['PATCH', '/v1/topics/orders', { retention_ms: 129_600_000 }],
      ['DELETE', '/v1/topics/a%2Fb', null],
    ])
    expect(collector.seen[0]?.headers['content-type']).toBe('application/json')
  })

  test.each([
    [['topics', 'lst'], 'did you mean "list"?'],
    [['topics', 'create'], 'the topic is missing'],
    [['topics', 'delete', 'a'], '--yes'],
    [['topics', 'alter', 'a'], '--retention-age'],
    [['topics', 'create', 'a', '--partitions', 'x'], 'whole number'],
    [['topics', 'create', 'a', '--retention-age', '7'], 'such as 200ms'],
    [['topics', 'create', 'a', 'b'], 'one too many'],
  ])('%j is wrong usage', async (words, message) => {
    const { code, stderr } = await logdrive(words, { env: { LOGDRIVE_URL: 'http://127.0.0.1:1' } })
    expect(code).toBe(2)
    expect(stderr).toContain(message)
  })
})

describe('produce', () => {
  const accept = (body: string) => ({
    accepted: body.split('\n').length - 1,
    rejected: 0,
    offsets: [],
    errors: [],
  })

  test('sends the lines of stdin as NDJSON, empty ones left out, with the field of the key', async () => {
    await using collector = await peer((seen, response) => answerJson(response, 200, accept(seen.body)))
    const input = '{"user":"ada"}\r\n\n{"user":"bob"}'
    const { code, stdout, stderr } = await logdrive(
      ['produce', 'page_views', '--key', 'user', '--url', collector.url],
      {
        input,
        env: { LOGDRIVE_KEY: 'secret' },
      },
    )
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '', stderr: '2 records stored\n' })
    expect(collector.seen).toHaveLength(1)
    expect(collector.seen[0]).toMatchObject({
      method: 'POST',
      url: '/v1/topics/page_views/records?key=user',
      body: '{"user":"ada"}\n{"user":"bob"}\n',
    })
    expect(collector.seen[0]?.headers).toMatchObject({
      'content-type': 'application/x-ndjson',
      authorization: 'Bearer secret',
    })
  })

  test('sends plain text as JSON strings', async () => {
    await using collector = await peer((seen, response) => answerJson(response, 200, accept(seen.body)))
    await logdrive(['produce', 'logs', '--text', '--url', collector.url], {
      input: 'say "hi"\n\ttab \u00fc\n',
    })
    expect(collector.seen[0]?.body).toBe('"say \\"hi\\""\n"\\ttab ü"\n')
  })

  test('cuts a long input into bounded bodies, in order, every line once', async () => {
    await using collector = await peer((seen, response) => answerJson(response, 200, accept(seen.body)))
    const lines = Array.from({ length: 30_000 }, (_, index) => `{"n":${index},"pad":"${'x'.repeat(200)}"}`)
    const { stdout } = await logdrive(['produce', 'a', '--json', '--url', collector.url], {
      input: `${lines.join('\n')}\n`,
    })
    expect(JSON.parse(stdout)).toEqual({ accepted: 30_000, rejected: 0 })
    expect(collector.seen.length).toBeGreaterThan(5)
    for (const { body } of collector.seen) expect(body.length).toBeLessThanOrEqual(2 * 1024 * 1024)
    expect(collector.seen.map((seen) => seen.body).join('')).toBe(`${lines.join('\n')}\n`)
  })

  test('names the line of stdin that was refused, and exits 1', async () => {
    await using collector = await peer((_, response) =>
      answerJson(response, 200, {
        accepted: 1,
        rejected: 1,
        offsets: [],
        errors: [{ line: 2, code: 'REQUEST_INVALID', message: 'not JSON' }],
      }),
    )
    // The empty line is not sent, so the collector's second line is the third here.
    const { code, stderr } = await logdrive(['produce', 'a', '--url', collector.url], {
      input: '1\n\nnope\n',
    })
    expect(code).toBe(1)
    expect(stderr).toBe(
      'line 3: not JSON\nlines that are not JSON are sent with --text\n1 records stored, 1 refused\n',
    )
  })

  test('goes on after a body of which nothing was taken', async () => {
    await using collector = await peer((_, response) =>
      answerJson(response, 422, {
        error: { code: 'SCHEMA_INVALID', message: 'no record was stored' },
        accepted: 0,
        rejected: 1,
        offsets: [],
        errors: [{ line: 1, code: 'REQUEST_INVALID', message: 'not JSON' }],
      }),
    )
    const { code, stderr } = await logdrive(['produce', 'a', '--url', collector.url], { input: 'nope\n' })
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(/^line 1: not JSON\n.*--text\n0 records stored, 1 refused\n$/),
    })
  })

  test('comes again after a refusal with Retry-After, and not after one without', async () => {
    let refusals = 2
    await using collector = await peer((seen, response) => {
      if (refusals-- > 0) answerJson(response, 503, { error: { message: 'full' } }, { 'retry-after': '0' })
      else answerJson(response, 200, accept(seen.body))
    })
    expect((await logdrive(['produce', 'a', '--url', collector.url], { input: '1\n' })).code).toBe(0)
    expect(collector.seen).toHaveLength(3)
    await using broken = await peer((_, response) =>
      answerJson(response, 500, { error: { message: 'broken' } }),
    )
    const { code, stderr } = await logdrive(['produce', 'a', '--url', broken.url], { input: '1\n' })
    expect(code).toBe(1)
    expect(stderr).toContain('broken; 0 records were stored before')
    expect(broken.seen).toHaveLength(1)
  })

  test('does not send again what may have been stored', async () => {
    await using collector = await peer((_, response) => response.destroy())
    const { code } = await logdrive(['produce', 'a', '--url', collector.url], { input: '1\n' })
    expect(code).toBe(1)
    expect(collector.seen).toHaveLength(1)
  })
})

describe('tail', () => {
  const record = (offset: number) =>
    JSON.stringify({
      topic: 'a',
      partition: 0,
      offset,
      timestamp: '2026-11-21T00:00:00.000Z',
      key: null,
      headers: {},
      value: { n: offset },
    })

  test('prints one JSON a line and asks for what was wanted', async () => {
    await using collector = await peer((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      // Events torn at odd places, a comment, and both kinds of line ends.
      const text = `: hello\n\ndata: ${record(0)}\n\ndata: ${record(1)}\r\n\r\n`
      for (const piece of text.match(/.{1,7}/gs) ?? []) response.write(piece)
      response.end()
    })
    const words = ['tail', 'a', 'b.c', '--from', '2026-11-21T08:00:00+02:00', '--url', collector.url]
    const { code, stdout } = await logdrive(words)
    expect({ code, stdout }).toEqual({ code: 0, stdout: `${record(0)}\n${record(1)}\n` })
    const query = new URL(collector.seen[0]?.url ?? '', 'http://x').searchParams
    expect(query.getAll('topic')).toEqual(['a', 'b.c'])
    expect(Object.fromEntries(query)).toMatchObject({ from: '2026-11-21T06:00:00.000Z', follow: '0' })
  })

  test('stops after --max records even when the collector goes on', async () => {
    await using collector = await peer((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      for (let offset = 0; offset < 10; offset++) response.write(`data: ${record(offset)}\n\n`)
    })
    const { code, stdout } = await logdrive(['tail', 'a', '--follow', '--max', '3', '--url', collector.url])
    expect(code).toBe(0)
    expect(stdout.trim().split('\n')).toHaveLength(3)
    expect(collector.seen[0]?.url).toContain('from=end&max=3&follow=1')
  })

  test('follows until Ctrl-C, and that is exit code 0', async () => {
    await using collector = await peer((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(`data: ${record(0)}\n\n`)
    })
    const finished = await logdrive(['tail', 'a', '-f', '--url', collector.url], {
      interruptWhen: (stdout) => stdout.includes('\n'),
    })
    expect(finished).toEqual({ code: 0, stdout: `${record(0)}\n`, stderr: '' })
  })

  test.each([[['tail']], [['tail', 'a', '--from', 'yesterday']], [['tail', 'a', '--max', '0']]])(
    '%j is wrong usage',
    async (words) => {
      expect((await logdrive(words)).code).toBe(2)
    },
  )
})

describe('status', () => {
  const answer = {
    health: 'ok',
    missing: [],
    version: '0.1.0',
    started_at: '2026-11-21T00:00:00.000Z',
    uptime_ms: 61_000,
    durability: { flush: 'commit' },
    topics: [{ name: 'orders', partitions: 4, records: 1200, bytes: 3_145_728 }],
    agents: [],
    sinks: [{ name: 'warehouse', type: 'clickhouse', state: 'running', clickhouse: { url: 'http://x' } }],
    groups: [{ group: 'sink.warehouse', topic: 'orders', partition: 0, lag_records: 3, lag_ms: 900 }],
    losses: { totals: [{ reason: 'line cut', count: 2 }], recent: [] },
    unreadable_topics: ['broken'],
    http: { open_requests: 1, in_flight_bytes: 0 },
  }
  test('shows facts and tables, and with --json what the collector said', async () => {
    await using collector = await peer((_, response) => answerJson(response, 200, answer))
    const shown = await logdrive(['status', '--url', collector.url])
    expect(shown.code).toBe(0)
    expect(shown.stdout.replace(collector.url, 'URL')).toMatchInlineSnapshot(`
      "collector           URL: ok
      version             0.1.0
      started_at          2026-11-21T00:00:00.000Z
      uptime              61 s
      durability.flush    commit
      unreadable_topics   broken
      http.open_requests  1
      http.in_flight      0 B

      sinks
      NAME       TYPE        STATE
      warehouse  clickhouse  running

      topics
      NAME    PARTITIONS  RECORDS  BYTES
      orders           4     1200  3.0 MiB

      groups
      GROUP           TOPIC   PARTITION  LAG_RECORDS  LAG
      sink.warehouse  orders          0            3  900 ms

      losses
      REASON    COUNT
      line cut      2
      "
    `)
    expect(JSON.parse((await logdrive(['status', '--json', '--url', collector.url])).stdout)).toEqual(answer)
  })
  test('a collector that is not well is exit code 1, and what is missing is shown', async () => {
    const missing = [{ name: 'log', reason: 'the disk failed' }]
    await using collector = await peer((_, response) =>
      answerJson(response, 200, { ...answer, health: 'degraded', missing }),
    )
    const { code, stdout } = await logdrive(['status', '--url', collector.url])
    expect(code).toBe(1)
    expect(stdout).toContain('degraded')
    expect(stdout).toContain('log   the disk failed')
  })
})

describe('sql', () => {
  test('asks the ClickHouse of the first clickhouse sink, in its database, tab-separated in a pipe', async () => {
    await using clickhouse = await peer((_, response) => response.end('1\tone\n2\ttwo\n'))
    const sinks = [{ name: 'files' }, { name: 'w', clickhouse: { url: clickhouse.url, database: 'web' } }]
    await using collector = await peer((_, response) => answerJson(response, 200, { sinks }))
    const { code, stdout } = await logdrive(['sql', 'SELECT 1', '--url', collector.url])
    expect({ code, stdout }).toEqual({ code: 0, stdout: '1\tone\n2\ttwo\n' })
    expect(clickhouse.seen[0]).toMatchObject({
      method: 'POST',
      url: '/?database=web&default_format=TabSeparated',
      body: 'SELECT 1',
    })
    const other = await logdrive(['sql', 'SELECT 1', '--sink', 'files', '--url', collector.url])
    expect(other.code).toBe(1)
    expect(other.stderr).toContain('no clickhouse sink named "files"')
  })

  test('takes the query from stdin, a format, and a server of its own', async () => {
    await using clickhouse = await peer((_, response) => response.end('{}\n'))
    const words = ['sql', '--clickhouse', clickhouse.url, '--format', 'JSONEachRow', '--user', 'me']
    const env = { LOGDRIVE_CLICKHOUSE_PASSWORD: 'secret' }
    expect((await logdrive(words, { input: 'SELECT 2\n', env })).code).toBe(0)
    expect(clickhouse.seen[0]).toMatchObject({
      url: '/?database=logdrive&default_format=JSONEachRow',
      body: 'SELECT 2\n',
    })
    expect(clickhouse.seen[0]?.headers).toMatchObject({
      'x-clickhouse-user': 'me',
      'x-clickhouse-key': 'secret',
    })
  })

  test('prints what ClickHouse complains of and exits 1', async () => {
    await using clickhouse = await peer((_, response) => {
      response.writeHead(400, { 'x-clickhouse-exception-code': '62' })
      response.end('Code: 62. DB::Exception: Syntax error\n')
    })
    const { code, stdout, stderr } = await logdrive(['sql', 'SELEC', '--clickhouse', clickhouse.url])
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toBe('logdrive: Code: 62. DB::Exception: Syntax error\n')
  })

  test.each([[['sql', 'SELECT', '1']], [['sql']], [['sql', 'x', '--format', 'a b']]])(
    '%j is wrong usage',
    async (words) => {
      expect((await logdrive([...words, '--clickhouse', 'http://127.0.0.1:1'])).code).toBe(2)
    },
  )
})
