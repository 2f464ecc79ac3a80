// The embedded ClickHouse as a process: killed, fought over, orphaned, and nothing lost or doubled.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startEmbedded } from '../../../../sinks/clickhouse/embedded/watchdog.ts'
import { runtime, startServer, until } from '../start.ts'

const never = new AbortController().signal
const { clock, logger } = runtime

test('killed five times during inserts and retried by token: no row twice, and only whole table partitions can miss', async () => {
  await using started = await startServer()
  const ddl =
    'CREATE TABLE killed (n UInt32) ENGINE = MergeTree PARTITION BY n % 3 ORDER BY n ' +
    'SETTINGS non_replicated_deduplication_window = 10000'
  await started.client.command({ query: ddl })
  const url = started.server.url
  let kills = 0
  let batches = 0
  const killer = (async () => {
    for (; kills < 5; kills += 1) {
      const before = batches
      await until(() => batches > before + 3 && started.server.pid !== null)
      await new Promise((resolve) => setTimeout(resolve, 7 * kills))
      process.kill(started.server.pid as number, 'SIGKILL')
      await until(() => started.server.restarts === kills + 1)
    }
  })()
  const rowsOf = (batch: number) => Array.from({ length: 2000 }, (_, n) => `${batch * 2000 + n}\n`).join('')
  while (kills < 5) {
    const query = 'INSERT INTO killed FORMAT TabSeparated'
    const settings = new URLSearchParams({
      query,
      insert_deduplication_token: `b${batches}`,
      async_insert: '0',
    })
    await until(async () => {
      const options = { method: 'POST', body: rowsOf(batches) }
      const answer = await fetch(`${url}/?${settings}`, options).catch(() => null)
      return answer?.status === 200
    })
    batches += 1
  }
  await killer
  // ClickHouse writes a block's token before its part: a kill between the two leaves a token without rows, and the
  // retry is swallowed. The sink knows (it counts after every doubtful insert); the engine alone cannot do better.
  const found = (await started.rows(
    'SELECT count() AS total, uniqExact(n) AS once, uniqExact(intDiv(n, 2000), n % 3) AS blocks FROM killed',
  )) as { total: number; once: number; blocks: number }[]
  const [counts = { total: 0, once: 0, blocks: 0 }] = found
  expect(Number(counts.once)).toBe(Number(counts.total))
  const missing = batches * 3 - Number(counts.blocks)
  expect(missing).toBeLessThanOrEqual(5 * 3)
  expect(batches * 2000 - Number(counts.total)).toBeLessThanOrEqual(missing * 667)
  expect(started.server.url).toBe(url)
})

test('a second owner of the folder is refused, and the first does not notice', async () => {
  await using started = await startServer()
  const second = startEmbedded({ dataFolder: started.folder, port: 0, clock, logger }, never)
  await expect(second).rejects.toMatchObject({
    code: 'DATA_LOCKED',
    hint: expect.stringContaining('Stop the other'),
  })
  expect(await started.rows('SELECT 1 AS a')).toEqual([{ a: 1 }])
  expect(started.server.restarts).toBe(0)
})

test('a taken port is named together with the key that changes it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'logdrive-chdb-'))
  const holder = createServer().listen(0, '127.0.0.1')
  await once(holder, 'listening')
  const { port } = holder.address() as AddressInfo
  const starting = startEmbedded({ dataFolder: folder, port, clock, logger }, never)
  await expect(starting).rejects.toMatchObject({
    code: 'PORT_TAKEN',
    message: expect.stringContaining(String(port)),
    hint: expect.stringContaining('sinks.<name>.port'),
  })
  holder.close()
  await rm(folder, { recursive: true })
})

test('data are there after a stop and a start', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'logdrive-chdb-'))
  const options = { dataFolder: folder, port: 0, clock, logger }
  const ask = async (url: string, body: string) => (await fetch(url, { method: 'POST', body })).text()
  {
    await using server = await startEmbedded(options, never)
    await ask(server.url, 'CREATE TABLE kept (a UInt8) ENGINE = MergeTree ORDER BY a')
    await ask(server.url, 'INSERT INTO kept VALUES (7)')
    expect(server.state()).toBe('running')
  }
  await using server = await startEmbedded(options, never)
  expect(await ask(server.url, 'SELECT a FROM kept')).toBe('7\n')
  await server[Symbol.asyncDispose]()
  expect(server.state()).toBe('stopped')
  await rm(folder, { recursive: true })
})

test('the child dies with its parent, kill -9 included', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'logdrive-chdb-'))
  const root = join(import.meta.dirname, '../../../..')
  const script = join(folder, 'parent.ts')
  await writeFile(
    script,
    `import { startEmbedded } from '${root}/sinks/clickhouse/embedded/watchdog.ts'
import { nodeRuntime } from '${root}/runtime/node.ts'
const { clock, logger } = nodeRuntime({ level: 'silent' })
const options = { dataFolder: '${folder}/data', port: 0, clock, logger }
const server = await startEmbedded(options, new AbortController().signal)
console.log(server.pid)
await new Promise((resolve) => setTimeout(resolve, 60_000))
`,
  )
  const parent = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [first] = (await once(parent.stdout, 'data')) as [Buffer]
  const child = Number(first.toString())
  expect(alive(child)).toBe(true)
  parent.kill('SIGKILL')
  await until(() => !alive(child), 8000)
  await rm(folder, { recursive: true })
})

function alive(pid: number): boolean {
  try {
    return !execFileSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).startsWith('Z')
  } catch {
    return false
  }
}
