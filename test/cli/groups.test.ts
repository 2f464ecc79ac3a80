// groups as a process, against a peer that answers as the collector does.
import { expect, test } from 'vitest'
import { answerJson, logdrive, peer } from './process.ts'

const position = {
  topic: 'orders',
  partition: 0,
  offset: 5,
  end_offset: 12,
  lag_records: 7,
  lag_ms: 61_000,
  replay_epoch: 0,
  committed_at: '2026-11-21T08:00:00.000Z',
}
const billing = {
  group: 'billing',
  type: 'classic',
  state: 'Stable',
  protocol_type: 'consumer',
  protocol: 'range',
  lag_records: 7,
  lag_ms: 61_000,
  members: [
    {
      member_id: 'app-1',
      instance_id: null,
      client_id: 'app',
      host: '10.0.0.7',
      assigned: [
        { topic: 'orders', partitions: [0, 2] },
        { topic: 'clicks', partitions: [1] },
      ],
    },
  ],
  partitions: [position],
}

test('list and describe are tables, and with --json what the collector said', async () => {
  const listed = { ...billing, members: 1 }
  await using collector = await peer((seen, response) =>
    answerJson(response, 200, seen.url === '/v1/groups' ? { groups: [listed] } : billing),
  )
  const env = { LOGDRIVE_URL: collector.url }
  expect((await logdrive(['groups'], { env })).stdout).toMatchInlineSnapshot(`
    "GROUP    TYPE     STATE   MEMBERS  PARTITIONS  LAG RECORDS  LAG
    billing  classic  Stable        1           1            7  61 s
    "
  `)
  expect((await logdrive(['groups', 'describe', 'billing'], { env })).stdout).toMatchInlineSnapshot(`
    "group     billing
    type      classic
    state     Stable
    protocol  consumer range
    lag       7 records, 61 s

    TOPIC   PARTITION  OFFSET  END  LAG RECORDS  LAG   COMMITTED
    orders          0       5   12            7  61 s  2026-11-21T08:00:00.000Z

    MEMBER  INSTANCE  CLIENT  HOST      READS
    app-1   -         app     10.0.0.7  orders[0 2], clicks[1]
    "
  `)
  const json = await logdrive(['groups', 'describe', 'billing', '--json'], { env })
  expect(JSON.parse(json.stdout)).toEqual(billing)
})

test('reset sends the place as the collector takes it, and shows what moved', async () => {
  await using collector = await peer((seen, response) =>
    answerJson(response, 200, {
      group: 'billing',
      dry_run: seen.body.includes('"dry_run":true'),
      partitions: [{ topic: 'orders', partition: 3, from: null, to: 12 }],
    }),
  )
  const reset = (...words: readonly string[]) =>
    logdrive(['groups', 'reset', 'a/b', ...words], { env: { LOGDRIVE_URL: collector.url } })
  expect((await reset('--to', 'end', '--dry-run')).stdout).toBe(
    'TOPIC   PARTITION  FROM  TO\norders          3  -     12\nnothing was changed (--dry-run)\n',
  )
  await reset('--to', '1200', '--topic', 'orders', '--partition', '3')
  await reset('--to', '2026-11-21T08:00:00+02:00')
  expect(collector.seen.map(({ method, url, body }) => [method, url, JSON.parse(body)])).toEqual([
    ['POST', '/v1/groups/a%2Fb/reset', { to: 'end', dry_run: true }],
    ['POST', '/v1/groups/a%2Fb/reset', { to: 1200, topic: 'orders', partition: 3, dry_run: false }],
    ['POST', '/v1/groups/a%2Fb/reset', { to: '2026-11-21T06:00:00.000Z', dry_run: false }],
  ])
})

test.each([
  [['groups', 'lst'], 'did you mean "list"?'],
  [['groups', 'describe'], 'the group is missing'],
  [['groups', 'reset', 'g'], '--to'],
  [['groups', 'reset', 'g', '--to', 'yesterday'], '--to takes'],
  [['groups', 'reset', 'g', '--to', 'end', '--partition', '1'], '--topic'],
  [['groups', 'list', 'g'], 'groups describe g'],
])('%j is wrong usage', async (words, message) => {
  const { code, stderr } = await logdrive(words, { env: { LOGDRIVE_URL: 'http://127.0.0.1:1' } })
  expect(code).toBe(2)
  expect(stderr).toContain(message)
})
