// The agent and a collector that fails, forgets and refuses, in the simulated world: still every line exactly once.
import { expect, test } from 'vitest'
import type { Process } from '../sim/process.ts'
import type { World } from '../sim/world.ts'
import { answerJson } from './receiver.ts'
import { logsInput, stage } from './simulated.ts'

test('losing the checkpoints doubles nothing: the collector knows where the files stand', async () => {
  for (const damage of ['remove', 'zero', 'cut', 'garbage'] as const) {
    const { files, agent, startAgent, arrived, receiver, world } = stage(14)
    files.append('/logs/a.log', 'first\n')
    startAgent()
    await arrived(1)
    files.truncate('/logs/a.log')
    files.append('/logs/a.log', 'second epoch\n')
    await arrived(2)
    agent.stop()
    await world.runUntil(() => !agent.running, 20_000)
    await damageCheckpoints(agent.runtime.storage, damage, world)
    files.append('/logs/a.log', 'third\n')
    agent.restart()
    await arrived(3)
    await world.runFor(20_000)
    expect(receiver.texts).toEqual(['first', 'second epoch', 'third'])
    // Of a file whose last record was cut off the one before it counts: the collector says that it is old.
    expect(receiver.outcomes.conflict).toBe(damage === 'cut' ? 1 : 0)
  }
})

test('an answer that got lost makes no double', async () => {
  const { files, startAgent, arrived, receiver, world } = stage(15)
  world.network.faults = { requestLost: 0.2, responseLost: 0.3, slow: 0.1 }
  startAgent()
  for (let n = 0; n < 60; n += 1) {
    files.append('/logs/a.log', `${n}\n`)
    await world.runFor(300)
  }
  await arrived(60, 600_000)
  await world.runFor(60_000)
  expect(receiver.texts).toEqual(Array.from({ length: 60 }, (_, n) => String(n)))
  expect(receiver.outcomes.duplicate).toBeGreaterThan(0)
})

test('a collector that lost its last batches gets them again', async () => {
  const { files, startAgent, arrived, receiver, world } = stage(16)
  files.append('/logs/a.log', '1\n')
  startAgent()
  await arrived(1)
  const before = [...receiver.kept]
  files.append('/logs/a.log', '2\n')
  await arrived(2)
  await world.runFor(1000)
  for (const [key, kept] of before) receiver.kept.set(key, kept)
  receiver.lines.pop()
  files.append('/logs/a.log', '3\n')
  await arrived(3)
  expect(receiver.texts).toEqual(['1', '2', '3'])
  expect(receiver.gaps).toEqual([])
})

test('a collector that forgot a source for good gets the rest with a gap, not everything again', async () => {
  const { files, startAgent, arrived, receiver, world } = stage(17)
  files.append('/logs/a.log', '1\n')
  startAgent()
  await arrived(1)
  receiver.kept.clear()
  files.append('/logs/a.log', '2\n')
  await arrived(2)
  files.truncate('/logs/a.log')
  files.append('/logs/a.log', '3\n')
  await arrived(3)
  receiver.kept.clear()
  files.append('/logs/a.log', '4\n')
  await arrived(4)
  await world.runFor(10_000)
  expect(receiver.texts).toEqual(['1', '2', '3', '4'])
  expect(receiver.gaps.length).toBe(2)
})

test('a collector ahead of a stale checkpoint is believed', async () => {
  const { files, startAgent, arrived, receiver, agent, world } = stage(18, { checkpointMs: 3_600_000 })
  files.append('/logs/a.log', 'a\nb\n')
  startAgent()
  await arrived(2)
  files.append('/logs/a.log', 'c\nd\n')
  await arrived(4)
  agent.crash({ power: true })
  files.append('/logs/a.log', 'e\n')
  agent.restart()
  await arrived(5)
  await world.runFor(20_000)
  expect(receiver.texts).toEqual(['a', 'b', 'c', 'd', 'e'])
})

test('a refused line is set aside, its neighbours arrive, and the position goes past it', async () => {
  const { files, startAgent, arrived, receiver, agent, world } = stage(19)
  receiver.refuses = (line) => line === 'poison'
  files.append('/logs/a.log', 'a\nb\npoison\nc\nd\n')
  startAgent()
  await arrived(4)
  files.append('/logs/a.log', 'e\npoison\n')
  await arrived(5)
  await world.runFor(5000)
  agent.stop()
  await world.runUntil(() => !agent.running, 20_000)
  files.append('/logs/a.log', 'f\n')
  agent.restart()
  await arrived(6)
  expect(receiver.texts).toEqual(['a', 'b', 'c', 'd', 'e', 'f'])
  expect(await quarantined(agent, world)).toMatchObject([
    { line: 'poison', position: 11, topic: 'logs' },
    { line: 'poison', position: 24, topic: 'logs' },
  ])
})

/** What was set aside, in order: all lines that are whole. */
async function quarantined(agent: Process, world: World): Promise<readonly unknown[]> {
  const text = await readText(agent.runtime.storage, '/state/quarantine.ndjson', world)
  const lines = text.split('\n').filter((line) => line.startsWith('{') && line.endsWith('}'))
  return lines.map((line) => JSON.parse(line))
}

test.each(['sync', 'write'] as const)(
  'a line set aside outlives a %s that failed, a start without a reboot and a power cut',
  async (verb) => {
    const { files, startAgent, arrived, receiver, agent, world } = stage(41)
    receiver.refuses = (line) => line === 'poison'
    files.append('/logs/a.log', 'a\npoison\n')
    agent.disk.intercept = (call) => (call.verb === verb && call.path.includes('quarantine') ? 'fail' : 'go')
    startAgent()
    await world.runUntil(() => !agent.running, 20_000)
    expect(agent.failure?.error).toMatchObject({ code: 'DISK_FAILED' })
    agent.disk.intercept = null
    agent.restart()
    files.append('/logs/a.log', 'b\n')
    await arrived(2)
    await world.runFor(5000)
    agent.crash({ power: true })
    expect(await quarantined(agent, world)).toMatchObject([{ line: 'poison', position: 9 }])
  },
)

test('a batch too large for the collector is halved until it fits', async () => {
  const { files, startAgent, arrived, receiver } = stage(20)
  receiver.recordsMax = 3
  const lines = Array.from({ length: 100 }, (_, n) => `line ${n}`)
  files.append('/logs/a.log', `${lines.join('\n')}\n`)
  startAgent()
  await arrived(100)
  expect(receiver.texts).toEqual(lines)
})

test('a batch whose half found nobody after it was refused is sent whole again, as it was', async () => {
  const { files, startAgent, arrived, receiver } = stage(42)
  const lines = Array.from({ length: 100 }, (_, n) => `line ${n} ${'of a log that is packed '.repeat(40)}`)
  receiver.recordsMax = 60
  receiver.intercept = ({ method }) => {
    if (method !== 'POST' || receiver.outcomes.refused === 0) return null
    receiver.intercept = null
    receiver.recordsMax = Number.POSITIVE_INFINITY
    return answerJson(503, { error: { code: 'UNAVAILABLE', message: 'away' } })
  }
  files.append('/logs/a.log', `${lines.join('\n')}\n`)
  startAgent()
  await arrived(100)
  expect(receiver.texts).toEqual(lines)
  expect(receiver.outcomes).toMatchObject({ refused: 1, appended: 1 })
})

test('a key that is refused is said loudly, tried slowly, and nothing is lost', async () => {
  const { files, startAgent, arrived, receiver, agent, world } = stage(21)
  let requests = 0
  receiver.intercept = () => {
    requests += 1
    return answerJson(401, { error: { code: 'KEY_MISSING', message: 'no key' } })
  }
  files.append('/logs/a.log', 'x\n')
  startAgent()
  await world.runFor(120_000)
  expect(requests).toBeLessThan(12)
  const told = agent.lines.filter(({ level }) => level === 'error')
  expect(told.length).toBe(1)
  expect(JSON.stringify(told)).toContain('agent.key')
  receiver.intercept = null
  await arrived(1)
})

test('Retry-After is honoured', async () => {
  const { files, startAgent, arrived, receiver, world } = stage(22)
  const times: number[] = []
  receiver.intercept = () => {
    times.push(world.now)
    return times.length > 1
      ? null
      : answerJson(503, { error: { code: 'OVERLOADED' } }, { 'retry-after': '20' })
  }
  files.append('/logs/a.log', 'x\n')
  startAgent()
  await arrived(1)
  expect((times[1] as number) - (times[0] as number)).toBeGreaterThanOrEqual(20_000)
})

test('a line over the limit is cut and says so; its neighbours are whole', async () => {
  const { files, startAgent, arrived, receiver } = stage(23)
  const long = 'x'.repeat(5 * 1024 * 1024)
  files.append('/logs/a.log', `before\n${long}\nafter\n`)
  startAgent({ inputs: [{ ...logsInput, lineBytesMax: 1024 * 1024 }] })
  await arrived(3)
  expect(receiver.lines.map(({ line, truncated }) => [line.length, truncated])).toEqual([
    [6, null],
    [1024 * 1024, String(5 * 1024 * 1024)],
    [5, null],
  ])
})

test('a file that may not be read is told once and read when it may', async () => {
  const { files, startAgent, arrived, agent, world } = stage(24)
  files.append('/logs/a.log', 'secret\n')
  files.allow('/logs/a.log', false)
  startAgent()
  await world.runFor(30_000)
  expect(agent.lines.filter(({ level }) => level === 'warn').length).toBe(1)
  files.allow('/logs/a.log', true)
  await arrived(1)
})

test('start at the end skips what was there, also after a restart; later files are read whole', async () => {
  const { files, agent, startAgent, arrived, receiver, world } = stage(25)
  const inputs = [{ ...logsInput, start: 'end' as const }]
  files.append('/logs/a.log', 'old\n')
  startAgent({ inputs })
  await world.runFor(3000)
  agent.stop()
  await world.runUntil(() => !agent.running, 20_000)
  files.append('/logs/a.log', 'new\n')
  files.append('/logs/b.log', 'b\n')
  agent.restart()
  await arrived(2)
  await world.runFor(10_000)
  expect(receiver.texts.sort()).toEqual(['b', 'new'])
  expect(receiver.gaps).toEqual([])
})

test('a stop ships what is under way, keeps the positions and sends nothing again', async () => {
  const { files, agent, startAgent, arrived, receiver, world } = stage(26)
  files.append('/logs/a.log', '1\n')
  startAgent()
  await arrived(1)
  agent.stop()
  await world.runUntil(() => !agent.running, 20_000)
  expect(agent.failure).toBeNull()
  files.append('/logs/a.log', '2\n')
  agent.restart()
  await arrived(2)
  await world.runFor(5000)
  expect(receiver.texts).toEqual(['1', '2'])
  expect(receiver.outcomes).toEqual({ appended: 2, duplicate: 0, conflict: 0, refused: 0 })
})

test('a hot file does not keep small ones waiting', async () => {
  const { files, startAgent, receiver, world } = stage(27, { batchBytesMax: 4096, batchesMax: 4 })
  files.append('/logs/hot.log', `${'h'.repeat(99)}\n`.repeat(20_000))
  for (let n = 0; n < 50; n += 1) files.append(`/logs/small${n}.log`, 'small\n')
  startAgent()
  await world.runUntil(() => receiver.texts.filter((line) => line === 'small').length === 50, 5000)
  expect(receiver.lines.length).toBeLessThan(10_000)
})

async function damageCheckpoints(
  storage: ReturnType<typeof stage>['agent']['runtime']['storage'],
  damage: 'remove' | 'zero' | 'cut' | 'garbage',
  world: ReturnType<typeof stage>['world'],
): Promise<void> {
  const path = '/state/checkpoints'
  if (damage === 'remove') return world.complete(storage.remove(path))
  const work = async () => {
    await using file = await storage.open(path, 'write')
    if (damage === 'cut') return file.truncate(file.size - 20)
    const byte = damage === 'zero' ? 0 : 0xe5
    await file.write(0, [new Uint8Array(file.size).fill(byte)])
  }
  await world.complete(work())
}

async function readText(
  storage: ReturnType<typeof stage>['agent']['runtime']['storage'],
  path: string,
  world: ReturnType<typeof stage>['world'],
): Promise<string> {
  const work = async () => {
    await using file = await storage.open(path, 'read')
    const bytes = new Uint8Array(file.size)
    await file.read(0, bytes)
    return Buffer.from(bytes).toString()
  }
  return world.complete(work())
}
