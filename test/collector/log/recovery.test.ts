// Recovery: torn tails are cut, damage never is; whatever call the power fails at, nothing that was synced is lost.
import { expect, test } from 'vitest'
import { drain } from '../../sim/clock.ts'
import { batchAt, batchSince, directory, expected, machine, marked, valuesOf } from './harness.ts'

const file = `${directory}/00000000000000000000.log`

async function threeBatches() {
  const world = machine()
  const log = await world.open()
  for (const offset of [0, 4, 8]) await log.append([batchAt(offset, 4)])
  await log.sync()
  const first = batchAt(0, 4).bytes.length
  const second = first + batchAt(4, 4).bytes.length
  return { ...world, log, first, second, size: world.disk.readLive(file)?.length ?? 0 }
}

/** Makes the file what it would be had the last write stopped after so many bytes. */
async function cutTo(world: Awaited<ReturnType<typeof threeBatches>>, size: number): Promise<void> {
  await using handle = await world.disk.storage().open(file, 'write')
  await handle.truncate(size)
  await handle.sync()
}

test('a tail torn at any byte is cut at the last whole batch', async () => {
  const whole = await threeBatches()
  const third = whole.second
  for (let size = third; size < whole.size; size += 1) {
    const world = await threeBatches()
    await cutTo(world, size)
    world.disk.kill()
    const log = await world.open()
    expect(log.endOffset).toBe(8)
    expect(log.status().tornBytes).toBe(size - third)
    expect(log.status().gaps).toEqual([])
    await log.append([batchAt(8, 1)])
    await log.sync()
    expect(await valuesOf(log)).toEqual(expected(0, 9))
  }
})

test('garbage and zeros behind the last batch are a torn tail', async () => {
  for (const garbage of [new Uint8Array(500), Uint8Array.from({ length: 500 }, (_, i) => i * 7)]) {
    const world = await threeBatches()
    {
      await using handle = await world.disk.storage().open(file, 'write')
      await handle.write(world.size, [garbage])
    }
    world.disk.kill()
    const log = await world.open()
    expect(log.status()).toMatchObject({ endOffset: 12, tornBytes: 500, gaps: [] })
  }
})

test('a flipped bit anywhere before the last batch is damage: quarantined, skipped, nothing cut, no offset used again', async () => {
  const { size, first, second } = await threeBatches()
  // Every byte of the middle batch, but for its leader epoch, which no checksum covers.
  for (let position = first; position < second; position += 1) {
    const inBatch = position - first
    if (inBatch >= 12 && inBatch < 16) continue
    const world = await threeBatches()
    world.disk.corrupt(file, position, 0x40)
    world.disk.kill()
    const log = await world.open()
    expect(await valuesOf(log)).toEqual([...expected(0, 4), ...expected(8, 12)])
    expect(log.status()).toMatchObject({ endOffset: 12, tornBytes: 0, quarantined: 1 })
    expect(log.status().gaps).toEqual([{ fromOffset: 4, toOffset: 8 }])
    const copies = world.disk.paths().filter((path) => path.includes('/quarantine/'))
    expect(copies).toEqual([`${directory}/quarantine/00000000000000000000.gap-4.log`])
    expect(world.disk.readLive(file)?.length).toBe(size)
    await log.append([batchAt(12, 2)])
    await log.sync()
    expect(await valuesOf(log)).toEqual([...expected(0, 4), ...expected(8, 14)])
    world.disk.kill()
    const again = await world.open()
    expect(await valuesOf(again)).toEqual([...expected(0, 4), ...expected(8, 14)])
    expect(again.status().quarantined).toBe(0)
  }
})

/** A log of one batch that was synced and a write of three more, the second of them broken. */
async function tornWrite(...options: Parameters<typeof machine>) {
  const world = machine(...options)
  const log = await world.open()
  await log.append([batchAt(0, 4)])
  await log.sync()
  await log.append([0, 4, 8].map((distance) => marked(batchAt(4 + distance, 4), distance)))
  await log.sync()
  const position = batchAt(0, 4).bytes.length + batchAt(4, 4).bytes.length
  world.disk.corrupt(file, position + 70, 0x40)
  return { ...world, log }
}

test('a hole in the last write is torn: cut there, with what is whole behind it, of which a copy is kept', async () => {
  const world = await tornWrite()
  world.disk.kill()
  const log = await world.open()
  expect(log.status()).toMatchObject({ endOffset: 8, gaps: [], quarantined: 1 })
  expect(log.status().tornBytes).toBe(batchAt(8, 4).bytes.length + batchAt(12, 4).bytes.length)
  await log.append([batchAt(8, 1)])
  await log.sync()
  expect(await valuesOf(log)).toEqual(expected(0, 9))
})

test('a copy in quarantine stays, also when kill -9 comes right behind its rename and the power goes later', async () => {
  for (let seed = 1; seed <= 10; seed += 1) {
    const world = await tornWrite(seed, 'hostile')
    const { disk } = world
    disk.kill()
    disk.intercept = ({ verb, path }) => {
      if (verb === 'syncDirectory' && path.endsWith('quarantine')) disk.kill()
      return 'go'
    }
    await Promise.race([world.open(), disk.whenCrashed()])
    disk.intercept = null
    expect((await world.open()).endOffset).toBe(8)
    disk.crash()
    expect(disk.paths().filter((path) => path.endsWith('.gap-8.log')).length).toBe(1)
  }
})

test('a hole in a write that another one followed was synced: damage', async () => {
  const world = await tornWrite()
  await world.log.append([batchAt(16, 4)])
  await world.log.sync()
  world.disk.kill()
  const log = await world.open()
  expect(log.status()).toMatchObject({ endOffset: 20, tornBytes: 0, gaps: [{ fromOffset: 8, toOffset: 12 }] })
  expect(await valuesOf(log)).toEqual([...expected(0, 8), ...expected(12, 20)])
})

test('a hole in the last write below the recovery point is damage', async () => {
  const world = await tornWrite()
  await world.log.checkpoint()
  world.disk.kill()
  const log = await world.open()
  expect(log.status()).toMatchObject({ tornBytes: 0, gaps: [{ fromOffset: 8, toOffset: 12 }] })
})

test('a broken end below the recovery point is damage, not a torn tail', async () => {
  const world = await threeBatches()
  await world.log.checkpoint()
  world.disk.corrupt(file, world.size - 3, 1)
  world.disk.kill()
  const log = await world.open()
  expect(log.status()).toMatchObject({ endOffset: 12, tornBytes: 0, quarantined: 1 })
  await log.append([batchAt(12, 1)])
  await log.sync()
  expect(await valuesOf(log)).toEqual([...expected(0, 8), 'r12'])
})

test('a reader that meets rot in a closed segment skips it, keeps a copy and says so', async () => {
  const { open, disk, logger } = machine()
  const log = await open({ segmentBytes: 800 })
  for (let offset = 0; offset < 40; offset += 1) await log.append([batchAt(offset, 1, 60)])
  await log[Symbol.asyncDispose]()
  // The magic byte of the second batch.
  const length = batchAt(0, 1, 60).bytes.length
  disk.corrupt(file, length + 16, 0xff)
  const again = await open({ segmentBytes: 800, clean: true })
  expect(await valuesOf(again)).toEqual([...expected(0, 1), ...expected(2, 40)])
  await drain()
  expect(again.status()).toMatchObject({ quarantined: 1, gaps: [{ fromOffset: 1, toOffset: 2 }] })
  expect(logger.lines.some((line) => line.level === 'error')).toBe(true)
})

test('missing, short and garbage indexes are rebuilt', async () => {
  const spoil = [
    (bytes: Uint8Array) => bytes.subarray(0, bytes.length - 3),
    (bytes: Uint8Array) => bytes.map((byte) => byte ^ 0x55),
    (bytes: Uint8Array) => new Uint8Array(bytes.length),
    () => new Uint8Array(0),
    null,
  ]
  for (const change of spoil) {
    const { open, disk } = machine()
    const log = await open({ segmentBytes: 20_000 })
    for (let offset = 0; offset < 400; offset += 1) await log.append([batchAt(offset, 1, 100)])
    await log[Symbol.asyncDispose]()
    const storage = disk.storage()
    for (const path of disk.paths().filter((name) => /index$/.test(name))) {
      const bytes = disk.readLive(path) as Uint8Array
      await storage.remove(path)
      if (change === null) continue
      await using handle = await storage.open(path, 'write')
      await handle.write(0, [change(bytes)])
    }
    const again = await open({ segmentBytes: 20_000, clean: true })
    for (const from of [0, 1, 57, 199, 311, 399])
      expect(await valuesOf(again, from)).toEqual(expected(from, 400))
    expect(await batchSince(again, 1250)).toBe(250)
  }
})

test('an index that is right in form but points elsewhere is not believed', async () => {
  const { open, disk } = machine()
  const log = await open({ segmentBytes: 100_000 })
  for (let offset = 0; offset < 400; offset += 1) await log.append([batchAt(offset, 1, 100)])
  await log[Symbol.asyncDispose]()
  const path = file.replace('.log', '.index')
  const bytes = disk.readLive(path) as Uint8Array
  const view = new DataView(bytes.buffer)
  for (let at = 0; at < bytes.length; at += 8) view.setInt32(at + 4, view.getInt32(at + 4) + 1)
  {
    await using handle = await disk.storage().open(path, 'write')
    await handle.write(0, [bytes])
  }
  const again = await open({ segmentBytes: 100_000, clean: true })
  for (const from of [0, 100, 399]) expect(await valuesOf(again, from)).toEqual(expected(from, 400))
})

test('a spoiled checkpoint costs a scan of everything and nothing else', async () => {
  const { open, disk, logger } = machine()
  const log = await open({ segmentBytes: 800 })
  for (let offset = 0; offset < 40; offset += 1) await log.append([batchAt(offset, 1, 60)])
  await log[Symbol.asyncDispose]()
  disk.corrupt(`${directory}/log.checkpoint`, 30, 1)
  const again = await open({ segmentBytes: 800 })
  expect(await valuesOf(again)).toEqual(expected(0, 40))
  expect(again.status().gaps).toEqual([])
  expect(logger.lines.some((line) => line.message.includes('checkpoint is unreadable'))).toBe(true)
})

test.each(['ordered', 'hostile'] as const)(
  'a power cut at any call (%s disk) loses nothing that was synced and uses no synced offset again',
  async (mode) => {
    for (let call = 1; ; call += 1) {
      const world = machine(call, mode)
      const synced = { endOffset: 0 }
      world.disk.intercept = ({ number }) => (number === call ? 'crash' : 'go')
      const crashed = world.disk.whenCrashed().then(() => false)
      const finished = await Promise.race([writeSome(world, synced).then(() => true), crashed])
      if (finished) {
        expect(call).toBeGreaterThan(50)
        return
      }
      world.disk.intercept = null
      const log = await world.open({ segmentBytes: 700 })
      expect(log.endOffset).toBeGreaterThanOrEqual(synced.endOffset)
      const values = await valuesOf(log)
      expect(values.slice(0, synced.endOffset - log.startOffset)).toEqual(
        expected(log.startOffset, synced.endOffset),
      )
      await log.append([batchAt(log.endOffset, 2)])
      await log.sync()
      expect((await valuesOf(log)).slice(-2)).toEqual(expected(log.endOffset - 2, log.endOffset))
      await log[Symbol.asyncDispose]()
    }
  },
)

async function writeSome(world: ReturnType<typeof machine>, synced: { endOffset: number }): Promise<void> {
  const log = await world.open({ segmentBytes: 700 })
  for (let round = 0; round < 12; round += 1) {
    const base = log.endOffset
    await log.append([batchAt(base, 2, 40), batchAt(base + 2, 1, 30)])
    await log.sync()
    synced.endOffset = log.endOffset
    if (round === 7) await log.trim(log.activeBaseOffset)
    if (round === 9) await log.checkpoint()
  }
  await log[Symbol.asyncDispose]()
}
