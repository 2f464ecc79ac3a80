// A real collector whose fdatasync fails once: no record is acknowledged after that, exit 75, and a restart has them all;
// also when kill -9 comes before it has ended by itself. Needs gcc.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openBroker } from '../../collector/broker/broker.ts'
import { nodeRuntime } from '../../runtime/node.ts'
import { startCollector } from './power-cut/collector.ts'
import { FailingSync } from './power-cut/failing-sync.ts'
import { temporaryFolder, until } from './processes.ts'

const never = new AbortController().signal
const writers = 8
const hasCompiler = spawnSync('gcc', ['--version']).status === 0
if (!hasCompiler) console.info('failed sync: skipped, because there is no gcc to build the libc that fails')

const cases = [
  { command: 'collector', killAfterUs: null, loses: false, end: 'exit 75' },
  { command: 'up', killAfterUs: null, loses: true, end: 'exit 75' },
  { command: 'collector', killAfterUs: 0, loses: true, end: 'kill -9 at once' },
  { command: 'collector', killAfterUs: 3_000, loses: true, end: 'kill -9 while it ends' },
] as const

test.runIf(hasCompiler).each(cases)(
  '$command: one fdatasync fails, pages lost: $loses, $end: nothing is acknowledged any more, a restart has what was',
  async ({ command, killAfterUs, loses }) => {
    await using folder = await temporaryFolder()
    const data = join(folder.path, 'data')
    const failing = new FailingSync(folder.path)
    const env = failing.env()
    const acknowledged: { readonly partition: number; readonly offset: number; readonly n: number }[] = []
    let refused = 0
    {
      await using collector = await startCollector(data, env, '/readyz', command)
      let next = 0
      let stopping = false
      const write = async () => {
        while (!stopping) {
          const sentAfterFailure = refused > 0
          const n = next++
          const answer = await put(collector.url, n)
          if (answer === 'refused') refused += 1
          else if (answer !== null) {
            expect(sentAfterFailure).toBe(false)
            acknowledged.push({ ...answer, n })
          }
        }
      }
      const writing = Promise.all(Array.from({ length: writers }, write))
      await until('records are taken', 30, async () => (acknowledged.length > 200 ? true : null))
      expect(refused).toBe(0)
      failing.arm({ of: '/topics/notes/', killAfterUs, loses })
      const ended = () => Promise.resolve(collector.process.exited || null)
      await until('the collector has ended', 20, ended).finally(() => {
        stopping = true
      })
      await writing
      expect(failing.isArmed).toBe(false)
      expect(collector.process.exitCode).toBe(killAfterUs === null ? 75 : null)
      if (killAfterUs === null) {
        expect(collector.process.output).toMatch(/the log in \S+notes\S+ failed and takes no more writes/)
        expect(refused).toBeGreaterThan(0)
      }
    }
    await using collector = await startCollector(data)
    expect(await put(collector.url, 1_000_000)).toMatchObject({ partition: expect.any(Number) })
    await collector.process.stop()
    const stored = await storedIn(data)
    for (const { partition, offset, n } of acknowledged) expect(stored.get(`${partition}:${offset}`)).toBe(n)
    expect([...stored.values()]).toContain(1_000_000)
  },
  120_000,
)

/** Where the record is; `refused` for 503 with DISK_FAILED; null when no answer came. */
async function put(url: string, n: number) {
  try {
    const response = await fetch(`${url}/v1/topics/notes/records`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ n }),
      signal: AbortSignal.timeout(10_000),
    })
    const answer = await response.json()
    if (response.status !== 200) {
      expect(answer).toMatchObject({ error: { code: expect.stringMatching(/^(DISK_FAILED|UNAVAILABLE)$/) } })
      return 'refused'
    }
    return (answer as { offsets: { partition: number; offset: number }[] }).offsets[0] ?? null
  } catch {
    return null
  }
}

async function storedIn(folder: string): Promise<ReadonlyMap<string, number>> {
  await using broker = await openBroker({ folder, config: {} }, nodeRuntime({ level: 'silent' }))
  const stored = new Map<string, number>()
  const options = { topics: ['notes'], start: 'beginning', follow: false } as const
  for await (const { partition, offset, value } of broker.tail(options, never)) {
    stored.set(`${partition}:${offset}`, JSON.parse(Buffer.from(value ?? '').toString()).n)
  }
  return stored
}
