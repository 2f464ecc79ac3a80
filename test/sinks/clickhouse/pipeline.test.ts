// From the log into the embedded ClickHouse as `logdrive up` does it, with the engine killed and the sink restarted.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openBroker } from '../../../collector/broker/broker.ts'
import type { RunningSinks } from '../../../sinks/run.ts'
import { runtime, until, warehouse } from './start.ts'

const never = new AbortController().signal
const topics = ['page_views', 'web_logs']

const details = (sinks: RunningSinks) => sinks.status()[0]?.details ?? {}

async function ask(sinks: RunningSinks, sql: string): Promise<readonly unknown[]> {
  const answer = await fetch(String(details(sinks).url), {
    method: 'POST',
    body: `${sql} FORMAT JSONCompactEachRow`,
  }).catch(() => null)
  if (answer?.status !== 200) return []
  return (await answer.text())
    .trim()
    .split('\n')
    .map((line): unknown => JSON.parse(line))
}

test('every record once, although the engine is killed and the sink restarted on the way', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'logdrive-pipeline-'))
  {
    await using broker = await openBroker({ folder: join(folder, 'log'), config: { partitions: 2 } }, runtime)
    const total = 6000
    const publishing = (async () => {
      for (let n = 0; n < total; n += 100) {
        for (const topic of topics) {
          const records = Array.from({ length: 100 }, (_, at) => {
            const bad = topic === 'page_views' && (n + at) % 1000 === 999
            const value = Buffer.from(
              bad
                ? 'no json'
                : JSON.stringify({ site_id: `s${n + at}`, body: 'x', ts: '2025-11-21T00:00:00Z' }),
            )
            return {
              key: Buffer.from(String(at)),
              value,
              timestamp: 1_763_700_000_000,
              headers: [],
              source: null,
            }
          })
          await broker.publish(topic, records, never)
        }
      }
    })()
    let sinks = warehouse(broker, folder, topics, 300)
    for (let kill = 0; kill < 3; kill += 1) {
      await until(() => typeof details(sinks).pid === 'number' && details(sinks).restarts === kill, 60_000)
      await until(
        async () =>
          ((await ask(sinks, 'SELECT count() FROM web_logs'))[0] as [number] | undefined)?.[0] !== undefined,
        60_000,
      )
      process.kill(details(sinks).pid as number, 'SIGKILL')
    }
    await sinks[Symbol.asyncDispose]()
    sinks = warehouse(broker, folder, topics, 300)
    await publishing
    const counts = 'SELECT count(), uniqExact(site_id), uniqExact(_partition, _offset)'
    const there = async (table: string, rows: number) => {
      const [found] = (await ask(sinks, `${counts} FROM ${table}`)) as [number, number, number][]
      return found !== undefined && found[0] >= rows
    }
    await until(() => there('page_views', total - 6), 120_000)
    await until(() => there('web_logs', total), 120_000)
    expect(await ask(sinks, `${counts} FROM page_views`)).toEqual([[total - 6, total - 6, total - 6]])
    expect(await ask(sinks, `${counts} FROM web_logs`)).toEqual([[total, total, total]])
    expect(sinks.status()[0]).toMatchObject({
      type: 'clickhouse',
      details: { database: 'logdrive', server: 'embedded' },
    })
    await sinks[Symbol.asyncDispose]()
  }
  await rm(folder, { recursive: true })
})
