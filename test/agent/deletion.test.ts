// Files that are removed once they are shipped, in the simulated world: with faults, and with the agent killed at every step.
import { gunzipSync, gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import type { AgentOptions, FileInput } from '../../agent/options.ts'
import { runs } from '../runs.ts'
import type { FilesOptions } from '../sim/files.ts'
import { answerJson } from './receiver.ts'
import { logsInput, type Stage, stage } from './simulated.ts'

const afterMs = 10_000
const input: FileInput = { ...logsInput, paths: ['/logs/*'], deleteAfterMs: afterMs }

/** An agent that removes what it has shipped, and a witness of what was removed when. */
function deleting(seed: number, over: Partial<AgentOptions> = {}, files: Partial<FilesOptions> = {}): Stage {
  const on = stage(seed, {}, files)
  on.files.beforeUnlink = (target) => {
    const arrived = new Set(on.receiver.texts)
    const unread = linesIn(on, target).filter((line) => !arrived.has(line))
    expect(unread, `${target} is removed before all of it has arrived`).toEqual([])
  }
  on.startAgent({ inputs: [input], ...over })
  return on
}

function linesIn({ files }: Stage, target: string): readonly string[] {
  const bytes = Buffer.from(files.content(target) ?? [])
  const text = (target.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('latin1')
  return text.split('\n').filter((line) => line !== '')
}

test('a file is removed when it has rested, all of it acknowledged; not before, and its lines once', async () => {
  const { files, world, arrived, receiver, status } = deleting(1)
  files.append('/logs/a.log', 'one\ntwo\n')
  await arrived(2)
  await world.runFor(afterMs - 2000)
  files.append('/logs/a.log', 'three\n')
  await arrived(3)
  await world.runFor(afterMs - 2000)
  expect(files.paths()).toEqual(['/logs/a.log'])
  await world.runFor(5000)
  expect(files.paths()).toEqual([])
  await world.runFor(60_000)
  expect(receiver.texts).toEqual(['one', 'two', 'three'])
  expect(status()).toMatchObject({ files: [], deletions: { files: 1, bytes: 14, failures: {} }, losses: {} })
})

test('what is not acknowledged is not removed, however long that takes', async () => {
  const { files, world, receiver, arrived, status } = deleting(2)
  receiver.intercept = () => answerJson(503, { error: { code: 'OVERLOADED' } })
  files.append('/logs/a.log', 'one\n')
  await world.runFor(20 * afterMs)
  expect(files.paths()).toEqual(['/logs/a.log'])
  receiver.intercept = null
  await arrived(1)
  await world.runFor(2 * afterMs)
  expect(files.paths()).toEqual([])
  expect(status().losses).toEqual({})
})

test('a last line without its end is sent before the file goes', async () => {
  const { files, world, receiver } = deleting(3)
  files.append('/logs/a.log', 'whole\nunfinished')
  await world.runFor(4 * afterMs)
  expect(files.paths()).toEqual([])
  expect(receiver.texts).toEqual(['whole', 'unfinished'])
})

test('what a program still writes into a file that was removed arrives', async () => {
  const on = deleting(4)
  let late = ''
  const witness = on.files.beforeUnlink
  on.files.beforeUnlink = (target) => {
    witness(target)
    on.files.append(target, 'late\n')
    late = target
  }
  on.files.append('/logs/a.log', 'one\n')
  await on.world.runUntil(() => late !== '', 60_000)
  await on.arrived(2)
  expect(on.receiver.texts).toEqual(['one', 'late'])
  await on.world.runFor(60_000)
  expect(on.status()).toMatchObject({ files: [], losses: {} })
})

test('no right to remove it: said once, counted, and removed when there is one', async () => {
  const { files, world, agent, status, arrived } = deleting(5)
  for (const name of ['a', 'b']) {
    files.append(`/logs/${name}.log`, `${name}\n`)
    files.allowRemoval(`/logs/${name}.log`, false)
  }
  await arrived(2)
  await world.runFor(afterMs + 3 * 60_000)
  expect(status().deletions.failures.forbidden).toBeGreaterThan(2)
  expect(status().deletions.failures.forbidden).toBeLessThan(10)
  expect(agent.lines.filter(({ message }) => message.includes('cannot be removed'))).toHaveLength(1)
  for (const name of ['a', 'b']) files.allowRemoval(`/logs/${name}.log`, true)
  await world.runFor(2 * 60_000)
  expect(files.paths()).toEqual([])
})

test('a name that another file took at that very moment: the loss of that one is said and counted', async () => {
  const on = deleting(6)
  on.files.append('/logs/a.log', 'one\n')
  await on.arrived(1)
  on.files.beforeUnlink = (target) => {
    on.files.rename(target, '/logs/b.log')
    on.files.append(target, 'never seen\n')
    on.files.beforeUnlink = () => {}
  }
  await on.world.runFor(20 * afterMs)
  expect(on.status().deletions).toMatchObject({ files: 1, failures: { mistaken: 1 } })
  expect(on.agent.lines.filter(({ level }) => level === 'error')).toHaveLength(1)
  expect(on.receiver.texts).toEqual(['one'])
})

test('a file with another name stays until it has one', async () => {
  const { files, world, status, arrived } = deleting(7)
  files.append('/logs/a.log', 'one\n')
  files.link('/logs/a.log', '/elsewhere/kept')
  await arrived(1)
  await world.runFor(afterMs + 30_000)
  expect(files.paths()).toEqual(['/elsewhere/kept', '/logs/a.log'])
  expect(status().deletions.failures).toEqual({ hard_link: 1 })
  files.remove('/elsewhere/kept')
  await world.runFor(2 * 60_000)
  expect(files.paths()).toEqual([])
})

test('content that was left out is not removed, though its end is where the position is', async () => {
  const { files, world, agent, startAgent } = stage(8)
  files.append('/logs/a.log', 'never read\n')
  startAgent({ inputs: [{ ...input, start: 'end' }] })
  await world.runFor(20 * afterMs)
  expect(files.paths()).toEqual(['/logs/a.log'])
  expect(agent.failure).toBeNull()
})

test('a position that cannot be kept keeps the file', async () => {
  const { files, world, agent, arrived } = deleting(9)
  files.append('/logs/a.log', 'one\n')
  await world.runFor(1500)
  agent.disk.capacityBytes = 0
  files.append('/logs/a.log', 'two\n')
  await arrived(2)
  await world.runFor(10 * afterMs)
  expect(files.paths()).toEqual(['/logs/a.log'])
  agent.disk.capacityBytes = Number.POSITIVE_INFINITY
  await world.runFor(2 * afterMs)
  expect(files.paths()).toEqual([])
})

/** Two files, one of them compressed, killed or without power after so many events; then all of it comes to its end. */
async function killedAfter(seed: number, events: number, power: boolean): Promise<number> {
  const on = deleting(seed, {}, { reuseInodes: true })
  const { world, files, receiver, agent } = on
  files.append('/logs/a.log', 'a1\na2\na3')
  files.append('/logs/b.log.1.gz', gzipSync('b1\nb2\n'))
  await world.runUntil(() => world.events >= events || files.paths().length === 0, 120_000)
  const had = world.events
  agent.crash({ power })
  await world.runFor(1000)
  agent.restart()
  files.append('/logs/c.log', 'c1\n')
  await world.runUntil(() => files.paths().length === 0, 200_000)
  expect(receiver.texts.toSorted()).toEqual(['a1', 'a2', 'a3', 'b1', 'b2', 'c1'])
  expect(agent.failure).toBeNull()
  expect(on.status().losses).toEqual({})
  return had
}

test.each([false, true])(
  'killed at any step (without power: %s): nothing is removed before it has arrived, nothing is lost or doubled',
  async (power) => {
    const all = await killedAfter(11, Number.POSITIVE_INFINITY, power)
    expect(all).toBeGreaterThan(100)
    const every = runs(2, 20)
    for (let events = 1 + (power ? 3 : 0); events < all; events += every)
      await killedAfter(11 + events, events, power)
  },
  120_000,
)

test('what is compressed is removed when its stream is whole, and not while it is cut short or damaged', async () => {
  const on = deleting(12)
  const packed = gzipSync(Buffer.from(Array.from({ length: 2000 }, (_, n) => `line ${n}\n`).join('')))
  on.files.append('/logs/whole.log.1.gz', Buffer.concat([packed, gzipSync('another member\n')]))
  on.files.append('/logs/cut.log.1.gz', packed.subarray(0, packed.length - 9))
  const damaged = Buffer.from(packed)
  damaged.fill(0xff, packed.length >> 1)
  on.files.append('/logs/damaged.log.1.gz', damaged)
  await on.world.runFor(5 * afterMs)
  expect(on.files.paths()).toEqual(['/logs/cut.log.1.gz', '/logs/damaged.log.1.gz'])
  on.files.append('/logs/cut.log.1.gz', packed.subarray(packed.length - 9))
  await on.world.runFor(5 * afterMs)
  expect(on.files.paths()).toEqual(['/logs/damaged.log.1.gz'])
  expect(on.status()).toMatchObject({ losses: {} })
})
