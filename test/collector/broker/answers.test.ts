// No answer tells of what may still be lost: on a disk that is full, or has not been asked to sync yet.
import { expect, test } from 'vitest'
import type { NewRecord } from '../../../core/records.ts'
import { offset, openCoordinator } from './groups/group-coordinator-script.ts'
import { forever, type Machine, machine, record, send } from './harness.ts'
import { partitionOf, produce } from './producer-harness.ts'

/** What two requests say that are made in one turn while the disk is full: the second depends on the first. */
async function bothWhileFull({ disk }: Machine, ask: () => Promise<unknown>): Promise<readonly unknown[]> {
  disk.intercept = ({ verb }) => (verb === 'write' ? 'full' : 'go')
  const answers = await Promise.allSettled([ask(), ask()])
  disk.intercept = null
  return answers.map((answer) => (answer.status === 'fulfilled' ? answer.value : answer.reason.code))
}

/** What `read` says before every call of the disk that `act` leads to. */
async function readsDuring<T>({ disk }: Machine, read: () => T, act: () => Promise<unknown>): Promise<T[]> {
  const seen: T[] = []
  const verbs = new Set<string>()
  disk.intercept = ({ verb }) => {
    verbs.add(verb)
    seen.push(read())
    return 'go'
  }
  await act()
  disk.intercept = null
  expect(verbs).toContain('sync')
  return seen
}

test('a producer that tries again hears of its offset when the first try is stored, and fails with it', async () => {
  const on = machine()
  const broker = await on.open()
  await broker.topic('logs')
  const batch = () => produce(partitionOf(broker), { id: 7, values: ['a', 'b'] })
  expect(await bothWhileFull(on, batch)).toEqual(['DISK_FULL', 'DISK_FULL'])
  expect(await Promise.all([batch(), batch()])).toMatchObject([{ baseOffset: 0 }, { baseOffset: 0 }])
  expect(await batch()).toMatchObject({ baseOffset: 0 })
})

test('a record that was published before is a duplicate when the first one is stored, and fails with it', async () => {
  const on = machine()
  const broker = await on.open()
  await broker.topic('clicks')
  const tab = (position: number): NewRecord =>
    record(`e${position}`, 'visitor', { source: 'tab', epoch: 0, position })
  // One record and several go different ways.
  for (const records of [[tab(1)], [tab(1), tab(2)]]) {
    const publish = () => broker.publish('clicks', records, forever)
    expect(await bothWhileFull(on, publish)).toEqual(['DISK_FULL', 'DISK_FULL'])
  }
  const one = () => broker.publish('clicks', [tab(1)], forever)
  expect(await Promise.all([one(), one()])).toMatchObject([[{ offset: 0 }], [{ offset: null }]])
})

test('a stale record is told where its source stands on the disk, not where it may come to stand', async () => {
  const on = machine()
  const broker = await on.open()
  await broker.topic('clicks')
  const publish = (epoch: number, position: number) =>
    broker.publish('clicks', [record('x', 'visitor', { source: 'tab', epoch, position })], forever)
  await publish(1, 4)
  on.disk.intercept = ({ verb }) => (verb === 'write' ? 'full' : 'go')
  const [newer, older] = await Promise.allSettled([publish(2, 9), publish(0, 5)])
  expect(newer).toMatchObject({ reason: { code: 'DISK_FULL' } })
  expect(older).toMatchObject({ reason: { code: 'POSITION_STALE', details: { epoch: 1, to: 4 } } })
})

test('the positions of a source are those on the disk', async () => {
  const on = machine()
  const broker = await on.open()
  await send(broker, { from: 0, to: 3 })
  const read = () => broker.positions('file')[0]?.to
  const seen = await readsDuring(on, read, () => send(broker, { from: 3, to: 5 }))
  expect(new Set(seen)).toEqual(new Set([3]))
  expect(read()).toBe(5)
})

test('the offsets of a group are those on the disk', async () => {
  const on = await openCoordinator()
  await on.commit([offset('t', 0, 5)])
  const read = () => on.fetched().join()
  const seen = await readsDuring(on.world, read, () => on.commit([offset('t', 0, 6)]))
  expect(new Set(seen)).toEqual(new Set(['t/0=5']))
  expect(read()).toBe('t/0=6')
})

test('the end of a partition is what is on the disk', async () => {
  const on = machine()
  const broker = await on.open()
  await send(broker, { from: 0, to: 3 })
  const partition = partitionOf(broker)
  const read = () => [partition.highWatermark, partition.lastStableOffset].join()
  const seen = await readsDuring(on, read, () => send(broker, { from: 3, to: 5 }))
  expect(new Set(seen)).toEqual(new Set(['3,3']))
  expect(read()).toBe('5,5')
})
