// topics as a process, against a peer that answers as interfaces.md says.
import { describe, expect, test } from 'vitest'
import { answerJson, logdrive, peer } from './process.ts'

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

  test('configs are sent by name, shown where they were set, and go back to the default', async () => {
    const configs = [
      { name: 'cleanup.policy', value: 'compact', source: 'topic' },
      { name: 'retention.ms', value: '604800000', source: 'broker' },
      { name: 'segment.ms', value: '1', source: 'default' },
    ]
    await using collector = await peer((_, response) => answerJson(response, 200, { ...orders, configs }))
    const env = { LOGDRIVE_URL: collector.url }
    const words = ['--config', 'cleanup.policy=compact', '--config', 'segment.ms=']
    await logdrive(['topics', 'alter', 'orders', ...words], { env })
    await logdrive(['topics', 'create', 'orders', '--config', 'a=b=c'], { env })
    expect(collector.seen.map(({ body }) => JSON.parse(body))).toEqual([
      { configs: { 'cleanup.policy': 'compact', 'segment.ms': null } },
      { name: 'orders', configs: { a: 'b=c' } },
    ])
    const { stdout } = await logdrive(['topics', 'describe', 'orders'], { env })
    expect(stdout.split('\n\n').at(-1)).toBe(
      'CONFIG          VALUE      SET BY\ncleanup.policy  compact    topic\nretention.ms    604800000  broker\n',
    )
  })

  test.each([
    [['topics', 'lst'], 'did you mean "list"?'],
    [['topics', 'create'], 'the topic is missing'],
    [['topics', 'delete', 'a'], '--yes'],
    [['topics', 'alter', 'a'], '--retention-age'],
    [['topics', 'create', 'a', '--partitions', 'x'], 'whole number'],
    [['topics', 'create', 'a', '--retention-age', '7'], 'such as 200ms'],
    [['topics', 'create', 'a', 'b'], 'one too many'],
    [['topics', 'create', 'a', '--config', 'x'], 'NAME=VALUE'],
  ])('%j is wrong usage', async (words, message) => {
    const { code, stderr } = await logdrive(words, { env: { LOGDRIVE_URL: 'http://127.0.0.1:1' } })
    expect(code).toBe(2)
    expect(stderr).toContain(message)
  })
})
