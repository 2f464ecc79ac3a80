// Opening: a log of which everything is known costs a start nothing but looks, however the process ended.
import { expect, test } from 'vitest'
import type { DiskVerb } from '../../sim/storage.ts'
import { batchAt, directory, expected, type Machine, machine, marked, valuesOf } from './harness.ts'

const changing: readonly DiskVerb[] = ['write', 'truncate', 'sync', 'rename', 'remove', 'syncDirectory']

test.each([0, 30])(
  'after a kill nothing is written when the checkpoint knew it all (%i records)',
  async (count) => {
    const { open, disk } = machine()
    const log = await open({ segmentBytes: 500 })
    for (let offset = 0; offset < count; offset += 1) await log.append([batchAt(offset, 1, 50)])
    await log.sync()
    await log.checkpoint()
    disk.kill()
    const written: string[] = []
    disk.intercept = ({ verb }) => {
      if (changing.includes(verb)) written.push(verb)
      return 'go'
    }
    const again = await open({ segmentBytes: 500 })
    await again.checkpoint()
    expect(written).toEqual([])
    disk.intercept = null
    expect(await valuesOf(again)).toEqual(expected(0, count))
  },
)

test('what the checkpoint did not know is synced before it is shown', async () => {
  const { open, disk } = machine(1, 'hostile')
  const log = await open()
  await log.append([batchAt(0, 3)])
  disk.kill()
  await open()
  disk.crash()
  expect(await valuesOf(await open())).toEqual(expected(0, 3))
})

test('what was only appended since the checkpoint costs a start one write and one sync; its note comes later', async () => {
  const { open, disk } = machine()
  const log = await open()
  await log.append([batchAt(0, 3)])
  disk.kill()
  const written: string[] = []
  disk.intercept = ({ verb }) => {
    if (changing.includes(verb)) written.push(verb)
    return 'go'
  }
  const again = await open()
  expect(written).toEqual(['write', 'sync'])
  expect(again.isAsRecovered).toBe(true)
  await again.checkpoint()
  expect(again.isAsRecovered).toBe(false)
  expect(written).toContain('rename')
})

test('a log that goes on after recovery is noted like every other', async () => {
  const { open, disk } = machine()
  const log = await open()
  await log.append([batchAt(0, 3)])
  disk.kill()
  const again = await open()
  await again.append([batchAt(3, 1)])
  await again.sync()
  expect(again.isAsRecovered).toBe(false)
})

test('a torn tail is cut and noted before anything else', async () => {
  const { open, disk } = machine()
  const log = await open()
  await log.append([batchAt(0, 3)])
  await log.sync()
  const path = `${directory}/00000000000000000000.log`
  disk.kill()
  disk.corrupt(path, batchAt(0, 3).bytes.length - 1, 1)
  const written: string[] = []
  disk.intercept = ({ verb }) => {
    if (changing.includes(verb)) written.push(verb)
    return 'go'
  }
  const again = await open()
  expect(again.status().tornBytes).toBeGreaterThan(0)
  expect(written).toContain('rename')
  expect(again.isAsRecovered).toBe(false)
})

/** Appends a batch whose sync fails, then kills the process: the bytes are in the page cache, clean, and nowhere else. */
async function failedSync({ disk, open }: Machine): Promise<void> {
  const log = await open()
  await log.append([batchAt(0, 3)])
  await log.sync()
  await log.append([batchAt(3, 2), marked(batchAt(5, 1), 2)])
  disk.intercept = ({ verb }) => (verb === 'sync' ? 'fail' : 'go')
  await expect(log.sync()).rejects.toMatchObject({ code: 'DISK_FAILED' })
  disk.intercept = null
  disk.kill()
}

test.each(['ordered', 'hostile'] as const)(
  'what a failed sync left in the page cache alone is on the disk (%s) before it is shown',
  async (mode) => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const world = machine(seed, mode)
      await failedSync(world)
      const log = await world.open()
      const shown = await valuesOf(log)
      expect(shown).toEqual(expected(0, 6))
      world.disk.crash()
      expect(await valuesOf(await world.open())).toEqual(shown)
    }
  },
)

test('only the last write is written again, and nothing of it is changed by a power cut in the middle', async () => {
  for (let seed = 1; seed <= 20; seed += 1) {
    const world = machine(seed, 'hostile')
    const { disk } = world
    await failedSync(world)
    // Durable by luck: the power cut must not harm it.
    if (seed % 2 === 0) disk.writeback()
    const written: number[] = []
    disk.intercept = ({ verb, number }) => {
      if (verb === 'write') written.push(number)
      return verb === 'sync' ? 'crash' : 'go'
    }
    await Promise.race([world.open(), disk.whenCrashed()])
    disk.intercept = null
    expect(written.length).toBe(1)
    const log = await world.open()
    expect(expected(0, 6)).toEqual([...(await valuesOf(log)), ...expected(log.endOffset, 6)])
    expect(log.endOffset).toBeGreaterThanOrEqual(3)
    expect(log.status().gaps).toEqual([])
  }
})

test('of a log that is synced late all is written again that came since the recovery point', async () => {
  const { disk, open } = machine()
  const late = await open({ isSyncedLate: true })
  await late.append([batchAt(0, 3)])
  await late.sync()
  await late.checkpoint()
  for (const offset of [3, 4, 5]) await late.append([batchAt(offset, 1)])
  disk.intercept = ({ verb }) => (verb === 'sync' ? 'fail' : 'go')
  await expect(late.sync()).rejects.toMatchObject({ code: 'DISK_FAILED' })
  disk.intercept = null
  disk.kill()
  await open({ isSyncedLate: true })
  disk.crash()
  expect(await valuesOf(await open())).toEqual(expected(0, 6))
})

test('a disk on which overwriting takes room, and that has none, lets a log start all the same', async () => {
  const { disk, open, logger } = machine()
  const log = await open()
  await log.append([batchAt(0, 3)])
  disk.kill()
  disk.intercept = ({ verb }) => (verb === 'write' ? 'full' : 'go')
  expect(await valuesOf(await open())).toEqual(expected(0, 3))
  expect(logger.lines.map(({ message }) => message)).toContain(
    'no room to write the last records again; they are only synced',
  )
})
