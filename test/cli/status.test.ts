// status and sql as processes, against peers that answer as interfaces.md says.
import { describe, expect, test } from 'vitest'
import { answerJson, logdrive, peer } from './process.ts'

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
    kafka: { connections_of_one_address: 3 },
  }
  test('shows facts and tables, and with --json what the collector said', async () => {
    await using collector = await peer((_, response) => answerJson(response, 200, answer))
    const shown = await logdrive(['status', '--url', collector.url])
    expect(shown.code).toBe(0)
    expect(shown.stdout.replace(collector.url, 'URL')).toMatchInlineSnapshot(`
      "collector                         URL: ok
      version                           0.1.0
      started_at                        2026-11-21T00:00:00.000Z
      uptime                            61 s
      durability.flush                  commit
      unreadable_topics                 broken
      http.open_requests                1
      http.in_flight                    0 B
      kafka.connections_of_one_address  3

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

  test('names the key of the YAML that a topic without a table is missing from', async () => {
    await using clickhouse = await peer((_, response) => {
      response.writeHead(404, { 'x-clickhouse-exception-code': '60' })
      response.end('Code: 60. DB::Exception: Unknown table expression\n')
    })
    const sinks = [{ name: 'house', clickhouse: { url: clickhouse.url, database: 'web' } }]
    await using collector = await peer((_, response) => answerJson(response, 200, { sinks }))
    const { code, stderr } = await logdrive(['sql', 'SELECT * FROM app', '--url', collector.url])
    expect(code).toBe(1)
    expect(stderr).toContain('sinks.house.topics')
    const direct = await logdrive(['sql', 'SELECT * FROM app', '--clickhouse', clickhouse.url])
    expect(direct.stderr).toContain('sinks.NAME.topics')
  })

  test.each([[['sql', 'SELECT', '1']], [['sql']], [['sql', 'x', '--format', 'a b']]])(
    '%j is wrong usage',
    async (words) => {
      expect((await logdrive([...words, '--clickhouse', 'http://127.0.0.1:1'])).code).toBe(2)
    },
  )
})
