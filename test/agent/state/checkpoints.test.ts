// The checkpoint file: whole or damaged, the agent starts, and damage costs only what it touches.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { openAgentId } from '../../../agent/state/agent-id.ts'
import { Checkpoint, type CheckpointFacts } from '../../../agent/state/checkpoint.ts'
import {
  decodeState,
  encodeHeader,
  encodeRecord,
  type StateRecord,
} from '../../../agent/state/checkpoint-file.ts'
import { Checkpoints } from '../../../agent/state/checkpoints.ts'
import { Losses } from '../../../agent/state/losses.ts'
import { locatorKey } from '../../../agent/tail/identity.ts'
import type { Runtime } from '../../../core/runtime.ts'
import { World } from '../../sim/world.ts'

const print = fc.record({ length: fc.nat({ max: 1024 }), hash: fc.string() })
const big = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
/** Also such as are not put together from directory and name as they were: `//a`, `./a`, `a/`. */
const path = fc
  .oneof(fc.string({ unit: 'binary' }), fc.string({ unit: fc.constantFrom('/', '.', 'a') }))
  .map((text) => text.toWellFormed())
const facts: fc.Arbitrary<CheckpointFacts> = fc.record({
  source: fc.string(),
  locator: fc.record({ dev: big, ino: big, birthtimeNs: big }),
  path,
  input: fc.string(),
  epoch: fc.nat(),
  position: fc.maxSafeNat(),
  mtimeMs: fc.option(fc.nat(), { nil: null }),
  kept: fc.maxSafeNat(),
  size: fc.maxSafeNat(),
  missing: fc.maxSafeNat(),
  updatedAt: fc.maxSafeNat(),
  head: print,
  guard: print,
})
const checkpoint = facts.map((said) => new Checkpoint(said))
// All that a checkpoint says, not only what it shows as fields.
expect.addEqualityTesters([
  function (a, b) {
    return a instanceof Checkpoint && b instanceof Checkpoint ? this.equals(a.facts, b.facts) : undefined
  },
])

const record: fc.Arbitrary<StateRecord> = fc.oneof(
  { weight: 4, arbitrary: checkpoint.map((one) => ({ kind: 'checkpoint', checkpoint: one }) as const) },
  fc.record({ kind: fc.constant('gone' as const), key: fc.string() }),
  fc.record({ kind: fc.constant('agent' as const), id: fc.string() }),
  fc
    .dictionary(
      fc.string(),
      fc.record({ times: fc.nat(), bytes: fc.maxSafeNat() }, { noNullPrototype: true }),
    )
    .map((totals) => ({ kind: 'losses', totals: new Map(Object.entries(totals)) }) as const),
)
const newline = Buffer.from('\n')

function encode(
  snapshot: readonly StateRecord[],
  appends: readonly (readonly StateRecord[])[] = [],
): Uint8Array {
  const behind = appends.flatMap((records) => [newline, ...records.map(encodeRecord)])
  return Buffer.concat([encodeHeader(snapshot.length), ...snapshot.map(encodeRecord), ...behind])
}

test('what is written is read back', () => {
  fc.assert(
    fc.property(fc.array(record), fc.array(fc.array(record, { minLength: 1 })), (snapshot, appends) => {
      const records = [...snapshot, ...appends.flat()]
      expect(decodeState(encode(snapshot, appends))).toEqual({ records, damaged: 0, torn: 0, version: 2 })
    }),
  )
})

test('a flipped bit costs one record at most, or two when it is a line end; never one that was not written', () => {
  const all = fc.array(record, { minLength: 1, maxLength: 5 })
  fc.assert(
    fc.property(all, fc.array(all, { maxLength: 3 }), fc.nat(), fc.nat(7), (snapshot, appends, at, bit) => {
      const bytes = encode(snapshot, appends)
      const place = at % bytes.length
      bytes[place] = (bytes[place] as number) ^ (1 << bit)
      const read = decodeState(bytes)
      const records = [...snapshot, ...appends.flat()]
      // An empty line tells no record: only what is wrong before it is told apart.
      const isEmptyLine = decodeState(bytes).records.length === records.length
      if (!isEmptyLine) expect(read.damaged + read.torn).toBeGreaterThan(0)
      expect(read.records.length).toBeGreaterThanOrEqual(records.length - 2)
      for (const one of read.records) expect(records).toContainEqual(one)
    }),
  )
})

test('an append that was cut anywhere is torn, not damaged, and costs nothing before it', () => {
  const some = fc.array(record, { minLength: 1, maxLength: 4 })
  fc.assert(
    fc.property(some, some, some, fc.nat(), fc.boolean(), (snapshot, first, second, at, isZeroed) => {
      const before = encode(snapshot, [first])
      const whole = encode(snapshot, [first, second])
      const cut = before.length + 1 + (at % (whole.length - before.length - 1))
      const bytes = isZeroed ? Buffer.from(whole).fill(0, cut) : whole.subarray(0, cut)
      const read = decodeState(bytes)
      expect(read.damaged).toBe(0)
      expect(read.records.slice(0, snapshot.length + first.length)).toEqual([...snapshot, ...first])
    }),
  )
})

test('version 1 is read: a header without a checksum, no appends', () => {
  fc.assert(
    fc.property(fc.array(checkpoint), (checkpoints) => {
      const records = checkpoints.map((one): StateRecord => ({ kind: 'checkpoint', checkpoint: one }))
      const header = Buffer.from(`logdrive-checkpoints 1 ${checkpoints.length}\n`)
      const bytes = Buffer.concat([header, ...records.map(encodeRecord)])
      expect(decodeState(bytes)).toEqual({ records, damaged: 0, torn: 0, version: 1 })
    }),
  )
})

test('hostile bytes are refused, never thrown at', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      expect(decodeState(bytes).records).toEqual([])
    }),
  )
  const hostile = Buffer.from('logdrive-checkpoints 1 99999999999999999999\n')
  expect(decodeState(hostile)).toMatchObject({ records: [], version: null, damaged: 1 })
})

const one = fc.sample(checkpoint, { numRuns: 1, seed: 1 })[0] as Checkpoint

test('a checkpoint says what it was made of, and another one with changes says those', () => {
  fc.assert(
    fc.property(
      facts,
      facts,
      fc.subarray(['path', 'locator', 'head', 'missing'] as const),
      (said, other, keys) => {
        const changes = Object.fromEntries(keys.map((key) => [key, other[key]]))
        const made = new Checkpoint(said)
        expect(made.facts).toEqual(said)
        expect(made.with(changes).facts).toEqual({ ...said, ...changes })
        expect(made.with(changes).key).toBe(locatorKey({ ...said, ...changes }.locator))
      },
    ),
  )
})

const options = { folder: '/state', everyMs: 200, retentionMs: 1000 }

async function open(runtime: Runtime): Promise<Checkpoints> {
  await runtime.storage.makeDirectory('/state')
  return await Checkpoints.open(options, runtime)
}

test('a save survives the loss of power', async () => {
  const world = new World({ seed: 1 })
  const agent = world.process('agent', { diskMode: 'hostile' })
  const checkpoints = await world.complete(open(agent.runtime))
  checkpoints.put(one)
  await world.complete(checkpoints.save())
  agent.crash({ power: true })
  const after = await world.complete(open(agent.runtime))
  expect(after.find(one.locator)).toEqual(one)
})

test('at every moment of a save the disk holds the old or the new checkpoints, whole', async () => {
  for (let seed = 1; seed <= 60; seed += 1) {
    const world = new World({ seed })
    const agent = world.process('agent', { diskMode: 'hostile' })
    const before = await world.complete(open(agent.runtime))
    before.put(one.with({ position: 1 }))
    await world.complete(before.save())
    before.put(one.with({ position: 2 }))
    void before.save().catch(() => undefined)
    await world.runFor(seed / 4)
    agent.crash({ power: true })
    const after = await world.complete(open(agent.runtime))
    expect([1, 2]).toContain(after.find(one.locator)?.position)
    expect(agent.lines.filter(({ level }) => level === 'error')).toEqual([])
  }
})

test('damage is told and the damaged file is kept aside', async () => {
  const world = new World({ seed: 2 })
  const agent = world.process('agent')
  const { storage } = agent.runtime
  const write = async () => {
    await storage.makeDirectory('/state')
    await using file = await storage.open('/state/checkpoints', 'write')
    await file.write(0, [Buffer.from('garbage')])
    await file.sync()
  }
  await world.complete(write())
  const checkpoints = await world.complete(open(agent.runtime))
  expect(checkpoints.all).toEqual([])
  expect(agent.lines.filter(({ level }) => level === 'error').length).toBe(1)
  expect(await world.complete(storage.list('/state'))).toEqual(['checkpoints', 'checkpoints.damaged'])
})

test('files not seen for the retention time are forgotten, live ones never', async () => {
  const world = new World({ seed: 3 })
  const { runtime } = world.process('agent')
  const checkpoints = await world.complete(open(runtime))
  const { clock } = runtime
  const old = one.with({ updatedAt: clock.now() })
  const live = one.with({ updatedAt: clock.now(), locator: { dev: 1n, ino: 2n, birthtimeNs: 3n } })
  checkpoints.put(old)
  checkpoints.put(live)
  await world.runFor(2000)
  checkpoints.collect((key) => key === live.key)
  expect(checkpoints.all).toEqual([live])
})

test('the agent id is made once, and outlives the loss of its file', async () => {
  const world = new World({ seed: 4 })
  const { runtime } = world.process('agent')
  await world.complete(runtime.storage.makeDirectory('/state'))
  const open = async () => {
    const checkpoints = await Checkpoints.open(options, runtime)
    const opened = await openAgentId('/state', checkpoints, runtime)
    await checkpoints.save()
    return opened
  }
  const first = await world.complete(open())
  expect([first.isNew, await world.complete(open())]).toEqual([true, { id: first.id, isNew: false }])
  await world.complete(runtime.storage.remove('/state/agent-id'))
  expect(await world.complete(open())).toEqual({ id: first.id, isNew: false })
  await world.complete(runtime.storage.remove('/state/checkpoints'))
  expect(await world.complete(open())).toEqual({ id: first.id, isNew: false })
})

test('a save writes what changed, not all there is; a snapshot comes when that outweighs it', async () => {
  const world = new World({ seed: 6 })
  const agent = world.process('agent')
  const checkpoints = await world.complete(open(agent.runtime))
  const entry = (ino: number, position: number): Checkpoint =>
    one.with({ locator: { dev: 1n, ino: BigInt(ino), birthtimeNs: 1n }, position })
  for (let ino = 0; ino < 1000; ino += 1) checkpoints.put(entry(ino, 0))
  await world.complete(checkpoints.save())
  const snapshot = agent.disk.readLive('/state/checkpoints')?.length ?? 0
  let previous = snapshot
  let snapshots = 0
  for (let round = 1; round <= 100; round += 1) {
    for (let ino = 0; ino < 20; ino += 1) checkpoints.put(entry(ino, round))
    await world.complete(checkpoints.save())
    const now = agent.disk.readLive('/state/checkpoints')?.length ?? 0
    if (now < previous) snapshots += 1
    else expect(now - previous).toBeLessThan(snapshot / 25)
    previous = now
  }
  expect(snapshots).toBeGreaterThan(0)
  const after = await world.complete(open(agent.runtime))
  expect(after.all.length).toBe(1000)
  expect(after.all.filter(({ position }) => position === 100).length).toBe(20)
})

test('after a crash at every step of many saves the disk holds all that was saved, and nothing is damaged', async () => {
  const script = async (checkpoints: Checkpoints, saved: (round: number) => void) => {
    for (let round = 1; round <= 4; round += 1) {
      checkpoints.put(one.with({ position: round }))
      checkpoints.put(
        one.with({ position: round, locator: { dev: 7n, ino: BigInt(round), birthtimeNs: 1n } }),
      )
      if (round === 3) checkpoints.remove({ dev: 7n, ino: 1n, birthtimeNs: 1n })
      await checkpoints.save()
      saved(round)
    }
  }
  let crashes = 0
  for (let at = 1; ; at += 1) {
    const world = new World({ seed: at })
    const agent = world.process('agent', { diskMode: 'hostile' })
    const checkpoints = await world.complete(open(agent.runtime))
    const first = agent.disk.calls
    const crashed = agent.disk.whenCrashed()
    let saved = 0
    agent.disk.intercept = ({ number }) => (number === first + at ? 'crash' : 'go')
    const done = script(checkpoints, (round) => {
      saved = round
    })
    await world.complete(Promise.race([done, crashed]))
    const isOver = saved === 4
    agent.crash({ power: true })
    agent.disk.intercept = null
    const after = await world.complete(open(agent.runtime))
    const position = after.find(one.locator)?.position ?? 0
    expect([saved, saved + 1]).toContain(position)
    if (saved >= 3) expect(after.find({ dev: 7n, ino: 1n, birthtimeNs: 1n })).toBeNull()
    expect(agent.lines.filter(({ level }) => level === 'error')).toEqual([])
    // It goes on from there.
    after.put(one.with({ position: 9 }))
    await world.complete(after.save())
    expect((await world.complete(open(agent.runtime))).find(one.locator)?.position).toBe(9)
    if (isOver) break
    crashes += 1
  }
  expect(crashes).toBeGreaterThan(15)
})

test('an append whose sync failed, kill -9, a start without a reboot: the next append leaves no hole before it', async () => {
  for (const diskMode of ['ordered', 'hostile'] as const) {
    const world = new World({ seed: 5 })
    const agent = world.process('agent', { diskMode })
    const save = async (checkpoints: Checkpoints, position: number) => {
      checkpoints.put(one.with({ position }))
      await checkpoints.save()
    }
    const first = await world.complete(open(agent.runtime))
    await world.complete(save(first, 1))
    agent.disk.intercept = ({ verb }) => (verb === 'sync' ? 'fail' : 'go')
    await expect(world.complete(save(first, 2))).rejects.toMatchObject({ code: 'DISK_FAILED' })
    agent.disk.intercept = null
    agent.crash({ power: false })
    const second = await world.complete(open(agent.runtime))
    expect(second.find(one.locator)?.position).toBe(2)
    second.put(one.with({ locator: { ...one.locator, ino: 99n } }))
    await world.complete(second.save())
    agent.crash({ power: true })
    const third = await world.complete(open(agent.runtime))
    expect(third.find(one.locator)?.position).toBe(2)
    expect(third.all.length).toBe(2)
    expect(agent.lines.filter(({ level }) => level === 'error' || level === 'warn')).toEqual([])
  }
})

test('a file that was changed from outside is written anew', async () => {
  const world = new World({ seed: 7 })
  const { runtime } = world.process('agent')
  const checkpoints = await world.complete(open(runtime))
  checkpoints.put(one)
  await world.complete(checkpoints.save())
  await world.complete(runtime.storage.remove('/state/checkpoints'))
  checkpoints.put(one.with({ locator: { dev: 9n, ino: 9n, birthtimeNs: 9n } }))
  await world.complete(checkpoints.save())
  expect((await world.complete(open(runtime))).all.length).toBe(2)
})

test('losses are kept over restarts, in all', async () => {
  const world = new World({ seed: 8 })
  const { runtime } = world.process('agent')
  for (const times of [1, 2, 3]) {
    const checkpoints = await world.complete(open(runtime))
    const losses = new Losses(runtime.logger, checkpoints)
    losses.count('line_cut', 10)
    await world.complete(checkpoints.save())
    expect(losses.byReason()).toEqual({ line_cut: { times: 1, bytes: 10 } })
    expect(losses.totals()).toEqual({ line_cut: { times, bytes: 10 * times } })
  }
})

test('a full disk stops nothing: saving is tried again until it works', async () => {
  const world = new World({ seed: 5 })
  const agent = world.process('agent')
  const checkpoints = await world.complete(open(agent.runtime))
  const stop = new AbortController()
  const running = checkpoints.run(stop.signal)
  agent.disk.capacityBytes = 10
  checkpoints.put(one)
  await world.runFor(2000)
  expect(agent.lines.filter(({ level }) => level === 'error').length).toBeGreaterThan(0)
  agent.disk.capacityBytes = Number.POSITIVE_INFINITY
  await world.runFor(2000)
  const now = await world.complete(open(agent.runtime))
  expect(now.find(one.locator)).toEqual(one)
  stop.abort()
  await world.complete(running)
})
