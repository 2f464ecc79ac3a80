// Agent and real collector in one simulated world, both losing power at random: the log holds what was written, once.
import { expect, test } from 'vitest'
import { type Broker, openBroker } from '../../collector/broker/broker.ts'
import { valuesOf } from '../collector/broker/harness.ts'
import { serviceOf } from '../collector/http/fixture.ts'
import { roomyLimits } from '../conformance/http.ts'
import { stage } from './simulated.ts'

const key = 'a key of the fleet, long enough'
const seeds = Number(process.env.SEEDS ?? 12)

test('lines survive crashes of both sides with torn disks and lost answers', async () => {
  for (let seed = 1; seed <= seeds; seed += 1) {
    const written = await crashes(seed)
    expect(written).toBeGreaterThan(50)
  }
}, 120_000)

async function crashes(seed: number): Promise<number> {
  const { world, files, agent, startAgent } = stage(seed, { partialMs: 1e9 })
  const chance = world.random('history')
  const server = world.process('real', { diskMode: 'hostile' })
  const opened: Broker[] = []
  server.start(async (runtime, signal) => {
    const log = await openBroker({ folder: '/data', config: {} }, runtime)
    opened.push(log)
    const keys = [{ name: 'fleet', key, allow: ['ship'], origins: [] }] as const
    const service = serviceOf(log, runtime, { keys })
    await using _http = await runtime.http.serve(
      { host: '0.0.0.0', port: 8750 },
      service.handler,
      roomyLimits,
    )
    await runtime.clock.sleep(1e12, signal)
  })
  startAgent({ collectors: ['http://real:8750'], key })
  files.append('/logs/a.log', 'first\n')
  const written = ['first']
  await world.runFor(5000)
  world.network.faults = { requestLost: 0.05, responseLost: 0.1, slow: 0.02 }
  for (let step = 0; step < 40; step += 1) {
    const count = Math.floor(chance.next() * 8)
    for (let n = 0; n < count; n += 1) {
      written.push(`${step}:${n}`)
      files.append('/logs/a.log', `${step}:${n}\n`)
    }
    if (chance.chance(0.1)) {
      if (files.content('/logs/a.log') !== null) files.rename('/logs/a.log', `/logs/a.log.${step}`)
    }
    await world.runFor(chance.next() * 1500)
    for (const one of [agent, server]) {
      if (!chance.chance(0.15)) continue
      one.crash({ power: chance.chance(0.6) })
      await world.runFor(chance.next() * 500)
      one.restart()
    }
  }
  world.network.heal()
  await world.runFor(180_000)
  expect(agent.failure).toBeNull()
  expect(server.failure).toBeNull()
  const broker = opened.at(-1)
  if (broker === undefined) throw new Error('the collector never opened its log')
  const stored = await world.complete(valuesOf(broker))
  expect(stored.toSorted()).toEqual(written.toSorted())
  return written.length
}
