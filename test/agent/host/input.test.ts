// An agent that measures its machine, in the simulated world: nothing doubled, and what is lost is counted.
import { expect, test } from 'vitest'
import { startAgent as startRealAgent } from '../../../agent/agent.ts'
import { hostMetrics } from '../../../agent/host/input.ts'
import type { AgentLimits } from '../../../agent/options.ts'
import type { AgentStatus } from '../../../agent/status.ts'
import { stage, startCollector } from '../simulated.ts'
import { hostInput, recorded } from './recorded.ts'

interface Row {
  readonly event_id: string
  readonly ts: string
  readonly metric: string
  readonly value: number
  readonly props_string: Readonly<Record<string, string>>
}

function measured(seed: number, limits: Partial<AgentLimits> = {}) {
  const on = stage(seed)
  for (const [path, text] of Object.entries(recorded)) on.files.append(path, text)
  on.files.makeDirectory('/mnt/my disk')
  let status: () => AgentStatus | null = () => null
  const start = () =>
    on.agent.start(async (runtime, signal) => {
      const agent = await startRealAgent(
        {
          collectors: ['http://collector:8750'],
          key: null,
          stateFolder: '/state',
          host: 'web1',
          inputs: [],
          sources: [hostMetrics({ ...hostInput, scrapers: ['load', 'uptime'] })],
          limits: { requestMs: 5000, ...limits },
        },
        runtime,
        signal,
      )
      status = () => agent.status()
      await agent.stopped
    })
  const rows = () => on.receiver.texts.map((text): Row => JSON.parse(text))
  const times = () => [...new Set(rows().map(({ ts }) => ts))]
  /** Every record is there once, and samples are whole. */
  const check = () => {
    expect(new Set(rows().map(({ event_id }) => event_id)).size).toBe(rows().length)
    expect(rows().length).toBe(times().length * 4)
    expect(on.agent.failure).toBeNull()
  }
  return { ...on, start, rows, times, check, status: () => status() }
}

test('samples arrive each interval, with host and attributes', async () => {
  const { start, world, rows, times, check, receiver } = measured(1)
  start()
  await world.runFor(61_000)
  check()
  expect(times().length).toBe(5)
  expect(times()).toEqual(times().toSorted())
  const [first, second] = times().map((time) => Date.parse(time)) as [number, number]
  expect(second - first).toBe(15_000)
  expect(rows()[0]).toMatchObject({
    hostname: 'web1',
    metric: 'system.cpu.load_average.1m',
    kind: 'gauge',
    unit: '{thread}',
    value: 9.46,
    props_string: { 'host.name': 'web1' },
  })
  expect(receiver.lines.every(({ topic, path }) => topic === 'metrics' && path === 'undefined')).toBe(true)
})

test('answers that get lost make no doubles', async () => {
  const { start, world, times, check, receiver } = measured(2)
  world.network.faults = { requestLost: 0.3, responseLost: 0.4, slow: 0.1 }
  start()
  await world.runFor(15 * 60_000)
  world.network.heal()
  await world.runFor(60_000)
  check()
  expect(times().length).toBeGreaterThanOrEqual(64)
  expect(receiver.outcomes.duplicate).toBeGreaterThan(0)
})

test('samples wait while the collector is away; what does not fit is counted', async () => {
  const { start, world, times, check, collector, receiver, status } = measured(3, {
    samplesBytesMax: 16 * 1024,
  })
  start()
  await world.runFor(31_000)
  collector.crash()
  await world.runFor(10 * 60_000)
  startCollector(collector, receiver)
  await world.runFor(61_000)
  check()
  const dropped = status()?.losses.metrics_dropped?.times ?? 0
  expect(dropped).toBeGreaterThan(10)
  expect(times().length + dropped).toBe(Math.floor((31_000 + 600_000 + 61_000) / 15_000) + 1)
})

test('kills and restarts, with a clock that is set back: nothing doubled, nothing refused as old', async () => {
  const { start, world, times, check, agent, receiver } = measured(4)
  world.network.faults = { requestLost: 0, responseLost: 0.3, slow: 0 }
  start()
  for (let life = 0; life < 12; life += 1) {
    await world.runFor(life % 3 === 0 ? 400 : 35_000)
    agent.crash({ power: false })
    if (life === 5) agent.clockOffsetMs -= 3_600_000
    agent.restart()
  }
  world.network.heal()
  await world.runFor(61_000)
  check()
  expect(times().length).toBeGreaterThan(25)
  expect(receiver.outcomes.conflict).toBe(0)
})

test('two starts in one second are two epochs: the second is not taken for a repeat of the first', async () => {
  const { start, times, check, agent, arrived } = measured(9)
  start()
  await arrived(4, 2000)
  agent.crash({ power: false })
  agent.restart()
  await arrived(8, 5000)
  check()
  const [first, second] = times().map((time) => Math.floor(Date.parse(time) / 1000))
  expect(first).toBe(second)
})

test('a collector that forgot or lost what it had gets the rest once', async () => {
  const { start, world, check, receiver, times } = measured(5)
  start()
  await world.runFor(31_000)
  receiver.kept.clear()
  await world.runFor(30_000)
  check()
  expect(times().length).toBe(5)
  expect(receiver.outcomes.conflict).toBe(1)
})

test('refused measurements are counted, and all others go through', async () => {
  const { start, world, rows, receiver, times, status } = measured(6)
  receiver.refuses = (line) => line.includes('system.uptime')
  start()
  await world.runFor(46_000)
  expect(times().length).toBe(4)
  expect(rows().length).toBe(12)
  expect(status()?.losses.metrics_refused?.times).toBe(4)
})

test('a stop ships what waits; without a collector it is counted and does not hang', async () => {
  for (const isThere of [true, false]) {
    const { start, world, check, agent, collector, times, status } = measured(7)
    start()
    await world.runFor(31_000)
    if (!isThere) {
      collector.crash()
      await world.runFor(30_000)
    }
    agent.stop()
    await world.runUntil(() => !agent.running, 20_000)
    check()
    expect(times().length).toBe(3)
    expect(status()?.losses.metrics_dropped?.times).toBe(isThere ? undefined : 2)
  }
})

test('a machine without /proc: said once for each scraper, and the agent lives', async () => {
  const { start, world, files, agent, status, rows } = measured(8)
  files.remove('/proc/loadavg')
  files.truncate('/proc/uptime')
  start()
  await world.runFor(61_000)
  expect(rows()).toEqual([])
  expect(agent.running).toBe(true)
  expect(agent.lines.filter(({ level }) => level === 'warn').length).toBe(2)
  expect(status()?.losses.metrics_failed?.times).toBe(10)
})
