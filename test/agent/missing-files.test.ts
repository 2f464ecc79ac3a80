// Files that go before all of them is read, in the simulated world: what is missing, what turns up again, what is lost.
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import type { AgentLimits } from '../../agent/options.ts'
import { answerJson } from './receiver.ts'
import { logsInput, type Stage, stage } from './simulated.ts'

const twoLines = 'one\ntwo\n'
const nothing = { times: 0, bytes: 0 }
const away = () => answerJson(503, { error: { code: 'OVERLOADED' } })

/** A running agent that has shipped `first.log`; it follows compressed files, too. */
async function running(limits: Partial<AgentLimits> = {}): Promise<Stage> {
  const on = stage(1, { requestMs: 1000, graceMs: 5000, ...limits })
  on.files.append('/logs/first.log', 'first\n')
  on.startAgent({ inputs: [{ ...logsInput, paths: ['/logs/*.log', '/logs/*.gz'] }] })
  await on.arrived(1)
  await on.world.runFor(1000)
  return on
}

/** The agent sees `/logs/a.log` with two lines while the collector takes nothing, and dies. */
async function seenAndKilled(on: Stage): Promise<void> {
  on.receiver.intercept = away
  on.files.append('/logs/a.log', twoLines)
  await on.world.runFor(3000)
  on.agent.crash({ power: true })
}

test('what the collector has of a file that went with the checkpoint of that is not missing', async () => {
  const on = await running({ checkpointMs: 60_000 })
  const { files, world, agent, receiver } = on
  files.append('/logs/a.log', 'one\n')
  await on.arrived(2)
  receiver.intercept = away
  agent.crash({ power: true })
  files.remove('/logs/a.log')
  agent.restart()
  await world.runFor(1000)
  expect(on.status().missing.bytes).toBe(4)
  receiver.intercept = null
  await world.runFor(120_000)
  expect(on.status()).toMatchObject({ missing: nothing, lossesEver: {} })
})

test('what was seen of a file that goes while the agent is dead is missing, over restarts', async () => {
  const on = await running()
  await seenAndKilled(on)
  on.files.remove('/logs/a.log')
  on.receiver.intercept = null
  for (const _restart of [1, 2]) {
    on.agent.restart()
    await on.world.runFor(30_000)
    expect(on.status()).toMatchObject({ missing: { times: 1, bytes: 8 }, lossesEver: {} })
    on.agent.crash({ power: true })
  }
})

test.each(['moved back', 'compressed'] as const)('a file that is %s is missing no more', async (how) => {
  const on = await running()
  const { files, world, agent, receiver } = on
  await seenAndKilled(on)
  files.rename('/logs/a.log', '/elsewhere/a.log')
  agent.restart()
  receiver.intercept = null
  await world.runFor(30_000)
  expect(on.status().missing).toEqual({ times: 1, bytes: 8 })
  if (how === 'moved back') files.rename('/elsewhere/a.log', '/logs/a.log')
  else files.append('/logs/a.log.1.gz', gzipSync(twoLines))
  await world.runUntil(() => receiver.lines.length === 3, 60_000)
  await world.runFor(10_000)
  expect(receiver.texts).toEqual(['first', 'one', 'two'])
  expect(on.status()).toMatchObject({ missing: nothing, lossesEver: {} })
})

test('an older archive of the same log is not taken for a file that is missing', async () => {
  const on = await running()
  on.files.append('/elsewhere/old.gz', gzipSync('long before\n'))
  await on.world.runFor(5000)
  await seenAndKilled(on)
  on.files.remove('/logs/a.log')
  on.agent.restart()
  on.receiver.intercept = null
  on.files.rename('/elsewhere/old.gz', '/logs/a.log.7.gz')
  await on.arrived(2)
  await on.world.runFor(10_000)
  expect(on.status().missing).toEqual({ times: 1, bytes: 8 })
})

test('what is missing is lost when the file is forgotten, and counted once', async () => {
  const on = await running({ checkpointRetentionMs: 60_000, collectMs: 10_000 })
  await seenAndKilled(on)
  on.files.remove('/logs/a.log')
  on.receiver.intercept = null
  on.agent.restart()
  await on.world.runFor(30_000)
  expect(on.status()).toMatchObject({ missing: { times: 1, bytes: 8 }, lossesEver: {} })
  await on.world.runFor(120_000)
  expect(on.status()).toMatchObject({ missing: nothing, lossesEver: { removed: { times: 1, bytes: 8 } } })
})

test('the collector is asked as often as it takes to have an answer', async () => {
  const on = await running()
  const { files, world, agent, receiver } = on
  files.append('/logs/a.log', 'one\n')
  await on.arrived(2)
  receiver.intercept = away
  files.append('/logs/a.log', 'two\n')
  await world.runFor(3000)
  const [key = ''] = [...receiver.kept.keys()].filter((each) => receiver.kept.get(each)?.to === 4)
  agent.crash({ power: true })
  files.remove('/logs/a.log')
  agent.restart()
  await world.runFor(20_000)
  expect(on.status().missing.bytes).toBe(4)
  // A request that was given up has arrived after all.
  receiver.kept.set(key, { epoch: 0, to: 8 })
  receiver.intercept = null
  await world.runFor(120_000)
  expect(on.status()).toMatchObject({ missing: nothing, lossesEver: {} })
})
