// The checkpoint file: whole or damaged, the agent starts, and damage costs only what it touches.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  type Checkpoint,
  decodeCheckpoints,
  encodeCheckpoint,
  encodeHeader,
} from '../../agent/checkpoint-file.ts'
import { Checkpoints, openAgentId } from '../../agent/checkpoints.ts'
import { World } from '../sim/world.ts'

const print = fc.record({ length: fc.nat({ max: 1024 }), hash: fc.string() })
const big = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
const checkpoint: fc.Arbitrary<Checkpoint> = fc.record({
  source: fc.string(),
  locator: fc.record({ dev: big, ino: big, birthtimeNs: big }),
  path: fc.string({ unit: 'binary' }).map((text) => text.toWellFormed()),
  input: fc.string(),
  epoch: fc.nat(),
  position: fc.maxSafeNat(),
  mtimeMs: fc.option(fc.nat(), { nil: null }),
  kept: fc.maxSafeNat(),
  updatedAt: fc.maxSafeNat(),
  head: print,
  guard: print,
})

function encode(checkpoints: readonly Checkpoint[]): Uint8Array {
  return Buffer.concat([encodeHeader(checkpoints.length), ...checkpoints.map(encodeCheckpoint)])
}

test('what is written is read back', () => {
  fc.assert(
    fc.property(fc.array(checkpoint), (checkpoints) => {
      expect(decodeCheckpoints(encode(checkpoints))).toEqual({ checkpoints, damaged: 0, whole: true })
    }),
  )
})

test('a flipped bit behind the header costs one checkpoint at most, or two when it is a line end', () => {
  fc.assert(
    fc.property(fc.array(checkpoint, { minLength: 1, maxLength: 5 }), fc.nat(), fc.nat(7), (all, at, bit) => {
      const bytes = encode(all)
      const header = encodeHeader(all.length).length
      const place = header + (at % (bytes.length - header))
      bytes[place] = (bytes[place] as number) ^ (1 << bit)
      const read = decodeCheckpoints(bytes)
      expect(read.damaged).toBeGreaterThan(0)
      expect(read.checkpoints.length).toBeGreaterThanOrEqual(all.length - 2)
      for (const one of read.checkpoints) expect(all).toContainEqual(one)
    }),
  )
})

test('hostile bytes are refused, never thrown at', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      expect(decodeCheckpoints(bytes).checkpoints).toEqual([])
    }),
  )
  const hostile = Buffer.from('logdrive-checkpoints 1 99999999999999999999\n')
  expect(decodeCheckpoints(hostile)).toMatchObject({ checkpoints: [], whole: false })
})

const one = fc.sample(checkpoint, { numRuns: 1, seed: 1 })[0] as Checkpoint

const options = { folder: '/state', everyMs: 200, retentionMs: 1000 }

test('a save survives the loss of power', async () => {
  const world = new World({ seed: 1 })
  const agent = world.process('agent', { diskMode: 'hostile' })
  const checkpoints = await world.complete(Checkpoints.open(options, agent.runtime))
  checkpoints.put(one)
  await world.complete(checkpoints.save())
  agent.crash({ power: true })
  const after = await world.complete(Checkpoints.open(options, agent.runtime))
  expect(after.find(one.locator)).toEqual(one)
})

test('at every moment of a save the disk holds the old or the new checkpoints, whole', async () => {
  for (let seed = 1; seed <= 60; seed += 1) {
    const world = new World({ seed })
    const agent = world.process('agent', { diskMode: 'hostile' })
    const before = await world.complete(Checkpoints.open(options, agent.runtime))
    before.put({ ...one, position: 1 })
    await world.complete(before.save())
    before.put({ ...one, position: 2 })
    void before.save().catch(() => undefined)
    await world.runFor(seed / 4)
    agent.crash({ power: true })
    const after = await world.complete(Checkpoints.open(options, agent.runtime))
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
  const checkpoints = await world.complete(Checkpoints.open(options, agent.runtime))
  expect(checkpoints.all).toEqual([])
  expect(agent.lines.filter(({ level }) => level === 'error').length).toBe(1)
  expect(await world.complete(storage.list('/state'))).toEqual(['checkpoints.damaged'])
})

test('files not seen for the retention time are forgotten, live ones never', async () => {
  const world = new World({ seed: 3 })
  const { runtime } = world.process('agent')
  const checkpoints = await world.complete(Checkpoints.open(options, runtime))
  const { clock } = runtime
  const old = { ...one, updatedAt: clock.now() }
  const live = { ...one, updatedAt: clock.now(), locator: { dev: 1n, ino: 2n, birthtimeNs: 3n } }
  checkpoints.put(old)
  checkpoints.put(live)
  await world.runFor(2000)
  checkpoints.collect((locator) => locator.ino === 2n)
  expect(checkpoints.all).toEqual([live])
})

test('the agent id is made once', async () => {
  const world = new World({ seed: 4 })
  const { runtime } = world.process('agent')
  const first = await world.complete(openAgentId('/state', runtime))
  const again = await world.complete(openAgentId('/state', runtime))
  expect([first.isNew, again]).toEqual([true, { id: first.id, isNew: false }])
})

test('a full disk stops nothing: saving is tried again until it works', async () => {
  const world = new World({ seed: 5 })
  const agent = world.process('agent')
  const checkpoints = await world.complete(Checkpoints.open(options, agent.runtime))
  const stop = new AbortController()
  const running = checkpoints.run(stop.signal)
  agent.disk.capacityBytes = 10
  checkpoints.put(one)
  await world.runFor(2000)
  expect(agent.lines.filter(({ level }) => level === 'error').length).toBeGreaterThan(0)
  agent.disk.capacityBytes = Number.POSITIVE_INFINITY
  await world.runFor(2000)
  const now = await world.complete(Checkpoints.open(options, agent.runtime))
  expect(now.find(one.locator)).toEqual(one)
  stop.abort()
  await world.complete(running)
})
