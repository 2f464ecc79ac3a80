// Opening: a log of which everything is known costs a start nothing but looks, however the process ended.
import { expect, test } from 'vitest'
import type { DiskVerb } from '../../sim/storage.ts'
import { batchAt, directory, expected, machine, valuesOf } from './harness.ts'

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

test('what was only appended since the checkpoint costs a start one sync; its note comes later', async () => {
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
  expect(written).toEqual(['sync'])
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
