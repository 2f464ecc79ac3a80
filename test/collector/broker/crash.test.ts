// Crashes of the whole broker: senders that resend what was not acknowledged end up with every record exactly once.
import { expect, test } from 'vitest'
import type { Broker } from '../../../collector/broker/broker.ts'
import { runs } from '../../runs.ts'
import type { DiskVerb } from '../../sim/storage.ts'
import { allOf, forever, machine, record, send } from './harness.ts'

/** Appends of two files (two batches in flight each) and records of three tabs; each knows what was acknowledged. */
class Senders {
  readonly files: number[]
  readonly tabs: number[]

  /** The same senders as they stand at a crash: what the dead broker still answers does not reach them. */
  constructor(before: { readonly files: readonly number[]; readonly tabs: readonly number[] } | null = null) {
    this.files = [...(before?.files ?? [0, 0])]
    this.tabs = [...(before?.tabs ?? [0, 0, 0])]
  }

  async file(broker: Broker, id: number, until: number): Promise<void> {
    const source = `f${id}`
    const at = () => this.files[id] ?? 0
    while (at() < until) {
      const from = at()
      const pair = [
        { source, from, to: from + 3 },
        { source, from: from + 3, to: from + 5 },
      ]
      const results = await Promise.all(pair.map((batch) => send(broker, batch)))
      // A conflict says where to go on.
      const kept = results.find((result) => result.outcome === 'conflict') ?? results[1]
      expect(kept?.to).toBeGreaterThanOrEqual(from)
      this.files[id] = kept?.to ?? 0
    }
  }

  async tab(broker: Broker, id: number, until: number): Promise<void> {
    while ((this.tabs[id] ?? 0) < until) {
      const next = (this.tabs[id] ?? 0) + 1
      const source = { source: `t${id}`, epoch: 0, position: next }
      await broker.publish('logs', [record(`t${id}/${next}`, `visitor${id}`, source)], forever)
      this.tabs[id] = next
    }
  }

  async run(broker: Broker, until: number): Promise<void> {
    const files = this.files.map((_, id) => this.file(broker, id, until))
    const tabs = this.tabs.map((_, id) => this.tab(broker, id, until))
    await Promise.all([...files, ...tabs])
  }
}

function everything(until: number): readonly string[] {
  const files = [0, 1].flatMap((id) => Array.from({ length: until }, (_, i) => `f${id}/0/${i + 1}`))
  const tabs = [0, 1, 2].flatMap((id) => Array.from({ length: until }, (_, i) => `t${id}/${i + 1}`))
  return [...files, ...tabs].sort()
}

const config = { partitions: 2, segmentBytes: 900, publishBatchBytes: 200, upkeepMs: 1_000_000 }
const until = 10

test.each(['ordered', 'hostile'] as const)(
  'a power cut at any call (%s disk): every record exactly once, in order per source, no offset twice',
  async (mode) => {
    let cuts = 0
    // The hostile disk does all that the ordered one may do: the latter is only sampled.
    // Both steps share no factor with the rhythm of the calls, so every kind of call is met.
    for (let call = 1; ; call += mode === 'hostile' ? runs(1, 3) : runs(5, 13)) {
      const world = machine(call * 7, mode)
      const early = new Senders()
      const crashed = world.disk.whenCrashed().then(() => false)
      world.disk.intercept = ({ number }) => (number === call ? 'crash' : 'go')
      const first = async () => {
        const broker = await world.open(config)
        await early.run(broker, until)
        await broker[Symbol.asyncDispose]()
        return true
      }
      const finished = await Promise.race([first(), crashed])
      if (finished) break
      cuts += 1
      const senders = new Senders(early)
      world.disk.intercept = null
      const broker = await world.open(config)
      const before = await allOf(broker).catch(() => [])
      for (const [id, to] of senders.files.entries()) {
        const kept = broker.positions(`f${id}`)[0]?.to ?? 0
        expect(kept).toBeGreaterThanOrEqual(to)
      }
      await senders.run(broker, until)
      const lines = await allOf(broker)
      expect(lines.map((line) => line.split('=')[1]).sort()).toEqual(everything(until))
      expect(new Set(lines.map((line) => line.split('=')[0])).size).toBe(lines.length)
      // What was there after the crash is there still, under the same offsets.
      for (const line of before) expect(lines).toContain(line)
      inOrder(lines)
      await broker[Symbol.asyncDispose]()
      const clean = await world.open(config)
      expect(await allOf(clean)).toEqual(lines)
    }
    expect(cuts).toBeGreaterThan(runs(40, 15))
  },
  120_000,
)

test('of two batches of a source sent at once, a crash never keeps the second alone and calls the first a duplicate', async () => {
  // Writes with something whole behind a hole: cut at it, and copied before.
  let holes = 0
  for (let seed = 1; seed <= runs(150, 50); seed += 1) {
    const world = machine(seed, 'hostile')
    const early = await world.open({ partitions: 1 })
    await early.topic('logs')
    const crashed = world.disk.whenCrashed()
    // The write has happened, its sync has not: any part of it may be on the disk.
    world.disk.intercept = ({ verb }) => (verb === 'sync' ? 'crash' : 'go')
    const pair = [0, 3].map((from) => ({ source: 'f0', from, to: from + 3 }))
    const tab = (n: number) => record(`t0/${n}`, null, { source: 't0', epoch: 0, position: n })
    const published = [1, 2, 3].map((n) => early.publish('logs', [tab(n)], forever))
    await Promise.race([Promise.all([...pair.map((batch) => send(early, batch)), ...published]), crashed])
    world.disk.intercept = null
    const broker = await world.open({ partitions: 1 })
    holes += broker
      .status()
      .topics.flatMap((topic) => topic.partitions)
      .reduce((sum, { quarantined }) => sum + quarantined, 0)
    for (const batch of pair) await send(broker, batch)
    for (const n of [1, 2, 3]) await broker.publish('logs', [tab(n)], forever)
    const values = (await allOf(broker)).map((line) => line.split('=')[1]).sort()
    const lines = [1, 2, 3, 4, 5, 6].map((n) => `f0/0/${n}`)
    expect(values).toEqual([...lines, 't0/1', 't0/2', 't0/3'])
  }
  // The disk did tear in the way this is about.
  expect(holes).toBeGreaterThan(0)
})

test('what a killed process left in the page cache is synced before anybody is told that it is there', async () => {
  const world = machine(1, 'hostile')
  const early = await world.open({ partitions: 1 })
  await early.topic('logs')
  const crashed = world.disk.whenCrashed()
  world.disk.intercept = ({ verb }) => {
    if (verb === 'sync') world.disk.kill()
    return 'go'
  }
  const batch = { source: 'f0', from: 0, to: 3 }
  await Promise.race([send(early, batch), crashed])
  world.disk.intercept = null
  const second = await world.open({ partitions: 1 })
  expect(await send(second, batch)).toMatchObject({ outcome: 'duplicate' })
  for (let power = 0; power < 5; power += 1) {
    world.disk.crash()
    expect((await allOf(await world.open({ partitions: 1 }))).length).toBe(3)
  }
})

test('kill -9 at any call: the page cache stays, and so does everything that was written', async () => {
  for (let call = 3; call < 300; call += runs(7, 17)) {
    const world = machine(call)
    const early = new Senders()
    const crashed = world.disk.whenCrashed().then(() => false)
    world.disk.intercept = ({ number }) => {
      if (number === call) world.disk.kill()
      return 'go'
    }
    const run = async () => {
      await early.run(await world.open(config), until)
      return true
    }
    const finished = await Promise.race([run(), crashed])
    world.disk.intercept = null
    if (finished) break
    const senders = new Senders(early)
    const second = await world.open(config)
    await senders.run(second, until)
    // What the second start found in the page cache was acknowledged as a duplicate: now the power goes too.
    world.disk.crash()
    const broker = await world.open(config)
    expect((await allOf(broker)).map((line) => line.split('=')[1]).sort()).toEqual(everything(until))
  }
})

test.each(['full', 'fail'] as const)(
  'a disk that answers "%s" at any call: nothing acknowledged is lost',
  async (verdict) => {
    for (let call = 1; ; call += runs(1, 3)) {
      const world = machine(call)
      const early = new Senders()
      world.disk.intercept = ({ number, verb }) => {
        const writes = verb === 'write' || verb === 'sync' || verb === 'open' || verb === 'rename'
        if (number !== call || !writes) return 'go'
        return verb === 'sync' || verb === 'rename' ? 'fail' : verdict
      }
      try {
        const broker = await world.open(config)
        await early.run(broker, until)
      } catch (error) {
        expect(error).toMatchObject({ code: expect.stringMatching(/^DISK_/) })
      }
      if (world.disk.calls < call) break
      world.disk.intercept = null
      world.disk.crash()
      const senders = new Senders(early)
      const broker = await world.open(config)
      await senders.run(broker, until)
      expect((await allOf(broker)).map((line) => line.split('=')[1]).sort()).toEqual(everything(until))
    }
  },
  120_000,
)

test('a sync that fails, kill -9 before the exit, a start without a reboot, a power cut: nothing acknowledged is lost', async () => {
  for (let call = 1; ; call += runs(1, 5)) {
    const world = machine(call, 'hostile')
    const early = new Senders()
    world.disk.intercept = ({ number, verb }) => (number === call && isSync(verb) ? 'fail' : 'go')
    try {
      await early.run(await world.open(config), until)
    } catch (error) {
      expect(error).toMatchObject({ code: 'DISK_FAILED' })
    }
    if (world.disk.calls < call) break
    world.disk.intercept = null
    world.disk.kill()
    // It takes what the page cache has for stored, and says so: duplicate.
    const senders = new Senders(early)
    await senders.run(await world.open(config), until)
    world.disk.crash()
    const broker = await world.open(config)
    expect((await allOf(broker)).map((line) => line.split('=')[1]).sort()).toEqual(everything(until))
  }
}, 120_000)

function isSync(verb: DiskVerb): boolean {
  return verb === 'sync' || verb === 'syncDirectory'
}

/** Within a partition, the records of a source come in order. */
function inOrder(lines: readonly string[]): void {
  const last = new Map<string, number>()
  const parsed = lines.map((line) => {
    const [, partition, offset, source, position] = /^(\d+):(\d+)=(.*)\/(\d+)$/.exec(line) ?? []
    return { partition, offset: Number(offset), source: `${partition} ${source}`, position: Number(position) }
  })
  for (const { source, position } of parsed.sort((a, b) => a.offset - b.offset)) {
    expect(position).toBeGreaterThan(last.get(source) ?? 0)
    last.set(source, position)
  }
}
