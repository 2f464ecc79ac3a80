// Syncs beside the appends of a log that is synced late; on a simulated disk.
import { expect, test } from 'vitest'
import { batchAt, type Machine, machine } from './harness.ts'

const segmentBytes = 80_000

/** Counts the syncs of segments from here on. */
function countSyncs({ disk }: Machine): { count: number } {
  const syncs = { count: 0 }
  disk.intercept = (call) => {
    if (call.verb === 'sync' && call.path.endsWith('.log')) syncs.count += 1
    return 'go'
  }
  return syncs
}

test('a segment that nobody syncs is synced in parts while it grows', async () => {
  const world = machine()
  await using log = await world.open({ segmentBytes })
  const syncs = countSyncs(world)
  for (let offset = 0; offset < 60; offset += 1) await log.append([batchAt(offset, 1, 1000)])
  expect(log.status().segments).toBe(1)
  await expect.poll(() => syncs.count).toBeGreaterThanOrEqual(5)
  expect(syncs.count).toBeLessThan(10)
})

test('a log whose syncs are waited for has no others', async () => {
  const world = machine()
  await using log = await world.open({ segmentBytes })
  const syncs = countSyncs(world)
  for (let offset = 0; offset < 60; offset += 1) {
    await log.append([batchAt(offset, 1, 1000)])
    await log.sync()
  }
  expect(syncs.count).toBe(60)
})

test('a sync beside the appends that fails ends the log', async () => {
  const { disk, failures, open } = machine()
  await using log = await open({ segmentBytes })
  disk.intercept = (call) => (call.verb === 'sync' ? 'fail' : 'go')
  const appends = async () => {
    for (let offset = 0; offset < 60; offset += 1) await log.append([batchAt(offset, 1, 1000)])
  }
  await expect(appends()).rejects.toMatchObject({ code: 'DISK_FAILED' })
  expect(failures.map(({ code }) => code)).toEqual(['DISK_FAILED'])
})

test('a sync that is waited for fails with the one beside it, which took the error from the kernel', async () => {
  const slow: (() => void)[] = []
  let syncs = 0
  const isSync = ({ verb, path }: { readonly verb: string; readonly path: string }) =>
    verb === 'sync' && path.endsWith('.log')
  const world = machine(1, 'ordered', (call) =>
    isSync(call) && syncs === 1
      ? new Promise((resolve) => {
          slow.push(resolve)
        })
      : Promise.resolve(),
  )
  await using log = await world.open({ segmentBytes })
  world.disk.intercept = (call) => {
    if (isSync(call)) syncs += 1
    return isSync(call) && syncs === 1 ? 'fail' : 'go'
  }
  await log.append([batchAt(0, 1, 20_000)])
  const synced = log.sync()
  for (let turn = 0; turn < 1000; turn += 1) await Promise.resolve()
  for (const resolve of slow) resolve()
  await expect(synced).rejects.toMatchObject({ code: 'DISK_FAILED' })
})

test('the end of a log waits for a sync that is under way', async () => {
  const waiting: (() => void)[] = []
  let isSlow = false
  const world = machine(1, 'ordered', (call) =>
    isSlow && call.verb === 'sync'
      ? new Promise((resolve) => {
          waiting.push(resolve)
        })
      : Promise.resolve(),
  )
  const log = await world.open({ segmentBytes })
  await log.append([batchAt(0, 1, 1000)])
  isSlow = true
  await log.append([batchAt(1, 1, 20_000)])
  await expect.poll(() => waiting.length).toBe(1)
  isSlow = false
  let isOver = false
  const ending = log[Symbol.asyncDispose]().then(() => {
    isOver = true
  })
  for (let turn = 0; turn < 1000; turn += 1) await Promise.resolve()
  expect(isOver).toBe(false)
  for (const resolve of waiting) resolve()
  await ending
  expect(isOver).toBe(true)
})
