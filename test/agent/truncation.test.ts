// Truncated and written anew while no agent looks: exactly once all the same, whatever is left of the checkpoints.
import { expect, test } from 'vitest'
import { type Stage, stage } from './simulated.ts'

/** What the agent still knows: all, only the first sight of the file, or nothing. */
const memories = ['current', 'first sight', 'gone'] as const
/** Bytes of the new content against the old position. */
const lengths = [-3, 0, 5, 3000] as const

/** Lines of eight bytes. */
function linesOf(name: string, bytes: number): string {
  const whole = Math.floor(bytes / 8)
  const lines = Array.from({ length: whole }, (_, n) => `${name}${String(n).padStart(6, '0')}\n`)
  return lines.join('') + (bytes % 8 === 0 ? '' : `${'x'.repeat((bytes % 8) - 1)}\n`)
}

function split(text: string): string[] {
  return text.split('\n').slice(0, -1)
}

test.each(memories.flatMap((memory) => lengths.map((length) => [memory, length] as const)))(
  'checkpoint: %s; new content %i bytes longer than what was shipped',
  async (memory, longer) => {
    // Written as seldom as that, the checkpoints know no more than the first sight of a file.
    const checkpointMs = memory === 'current' ? 100 : 3_600_000
    const at = stage(40, { checkpointMs })
    const { files, agent, startAgent, arrived, world, receiver } = at
    if (memory === 'first sight') await sightOf(at)
    const old = linesOf('a', 1600)
    files.append('/logs/a.log', old)
    if (memory !== 'first sight') startAgent()
    await arrived(200)
    if (memory === 'current') await world.runFor(1000)
    agent.crash({ power: true })
    if (memory === 'gone')
      await world.complete(agent.runtime.storage.remove('/state/checkpoints').catch(() => undefined))
    files.truncate('/logs/a.log')
    const renewed = linesOf('b', old.length + longer)
    files.append('/logs/a.log', renewed)
    agent.restart()
    await arrived(200 + split(renewed).length)
    files.append('/logs/a.log', 'last\n')
    await arrived(201 + split(renewed).length)
    await world.runFor(20_000)
    expect(receiver.texts).toEqual([...split(old), ...split(renewed), 'last'])
    expect(receiver.gaps).toEqual([])
  },
)

test('truncated twice, with a crash right after the first acknowledgement of the new epoch', async () => {
  for (const longer of lengths) {
    const { files, agent, startAgent, arrived, world, receiver } = stage(41, { checkpointMs: 3_600_000 })
    const first = linesOf('a', 800)
    files.append('/logs/a.log', first)
    startAgent()
    await arrived(100)
    files.truncate('/logs/a.log')
    const second = linesOf('b', 160)
    files.append('/logs/a.log', second)
    await arrived(120)
    agent.crash({ power: true })
    files.truncate('/logs/a.log')
    const third = linesOf('c', second.length + longer)
    files.append('/logs/a.log', third)
    agent.restart()
    await arrived(120 + split(third).length)
    await world.runFor(20_000)
    expect(receiver.texts).toEqual([...split(first), ...split(second), ...split(third)])
  }
})

test('the same content under a lost checkpoint is gone on with, not shipped again', async () => {
  for (const bytes of [8, 64, 72, 1600]) {
    const { files, agent, startAgent, arrived, world, receiver } = stage(42, { checkpointMs: 3_600_000 })
    const text = linesOf('a', bytes)
    files.append('/logs/a.log', text)
    startAgent()
    await arrived(bytes / 8)
    agent.crash({ power: true })
    files.append('/logs/a.log', linesOf('b', 4000))
    agent.restart()
    await arrived(bytes / 8 + 500)
    await world.runFor(20_000)
    expect(receiver.texts).toEqual([...split(text), ...split(linesOf('b', 4000))])
  }
})

/** Has the file seen while it is empty, and that made safe by a clean stop. */
async function sightOf({ files, agent, startAgent, world }: Stage): Promise<void> {
  files.append('/logs/a.log', '')
  startAgent()
  await world.runFor(3000)
  agent.stop()
  await world.runUntil(() => !agent.running, 20_000)
  agent.restart()
  await world.runFor(3000)
}

test('what the collector has of content that is gone is not lost, though the agent never heard of it', async () => {
  const { files, agent, startAgent, arrived, world, receiver, status } = stage(43, {
    checkpointMs: 3_600_000,
  })
  files.append('/logs/a.log', linesOf('a', 8))
  startAgent()
  await arrived(1)
  await world.runFor(1000)
  files.append('/logs/a.log', linesOf('b', 16))
  await arrived(3)
  agent.crash({ power: true })
  files.append('/logs/a.log', linesOf('c', 8))
  receiver.intercept = (request) => {
    if (request.method !== 'POST') return null
    receiver.intercept = null
    files.truncate('/logs/a.log')
    files.append('/logs/a.log', linesOf('d', 8))
    return null
  }
  agent.restart()
  await world.runUntil(() => receiver.texts.at(-1) === 'd000000', 60_000)
  expect(receiver.texts).toEqual(['a000000', 'b000000', 'b000001', 'd000000'])
  expect(status().losses.truncated).toEqual({ times: 1, bytes: 8 })
})
