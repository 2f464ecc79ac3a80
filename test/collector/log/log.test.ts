// The log over a simulated disk: appends, reads, rolls, trims, and what it does when the disk is full or fails.
import { expect, test } from 'vitest'
import { batchAt, batchSince, directory, expected, machine, valuesOf } from './harness.ts'

test('what was appended is read back from any offset, across segments', async () => {
  const { open, disk } = machine()
  const log = await open({ segmentBytes: 1000 })
  for (let offset = 0; offset < 60; offset += 3) await log.append([batchAt(offset, 3, 40)])
  await log.sync()
  expect(log.status().segments).toBeGreaterThan(3)
  for (let from = 0; from <= 60; from += 1) expect(await valuesOf(log, from)).toEqual(expected(from, 60))
  expect(disk.paths().filter((path) => path.endsWith('.log')).length).toBe(log.status().segments)
})

test('offsets that do not continue the log are a bug', async () => {
  const log = await machine().open()
  await log.append([batchAt(0, 2)])
  await expect(log.append([batchAt(3, 1)])).rejects.toThrow(/continue the log/)
})

test('reads outside the log say what there is', async () => {
  const log = await machine().open()
  await log.append([batchAt(0, 2)])
  await expect(log.read(3, 9, 100)).rejects.toMatchObject({
    code: 'OFFSET_OUT_OF_RANGE',
    details: { startOffset: 0, endOffset: 2 },
  })
})

test('a batch larger than the read is given whole', async () => {
  const log = await machine().open({ segmentBytes: 1_000_000 })
  await log.append([batchAt(0, 1, 5000), batchAt(1, 1)])
  const read = await log.read(0, 2, 10)
  expect(read.nextOffset).toBe(1)
  expect(read.bytes.length).toBeGreaterThan(5000)
})

test('a clean end is believed: nothing is scanned again', async () => {
  const { open, disk } = machine()
  const log = await open({ segmentBytes: 100_000 })
  for (let offset = 0; offset < 500; offset += 1) await log.append([batchAt(offset, 1, 100)])
  await log[Symbol.asyncDispose]()
  let bytesRead = 0
  disk.intercept = (call) => {
    if (call.verb === 'read' && call.path.endsWith('.log')) bytesRead += 1
    return 'go'
  }
  const again = await open({ clean: true, segmentBytes: 100_000 })
  expect(bytesRead).toBe(0)
  expect(again.endOffset).toBe(500)
  await again.append([batchAt(500, 1)])
  expect(await valuesOf(again)).toEqual(expected(0, 501))
})

test('trimming makes the new start durable before files go, and reads below it are refused', async () => {
  const { open, disk } = machine()
  const log = await open({ segmentBytes: 500 })
  for (let offset = 0; offset < 30; offset += 1) await log.append([batchAt(offset, 1, 100)])
  await log.sync()
  const files = disk.paths().filter((path) => path.endsWith('.log')).length
  let started = false
  disk.intercept = (call) => {
    if (call.verb === 'remove') started = true
    return started ? 'crash' : 'go'
  }
  const crashed = disk.whenCrashed()
  await Promise.race([log.trim(20), crashed])
  disk.intercept = null
  const again = await open({ segmentBytes: 500 })
  expect(again.startOffset).toBe(20)
  expect(await valuesOf(again)).toEqual(expected(20, 30))
  await expect(again.read(19, 30, 100)).rejects.toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' })
  expect(disk.paths().filter((path) => path.endsWith('.log')).length).toBeLessThan(files)
})

test('a reader whose segment is trimmed away under it hears that its offset is gone, or still gets it', async () => {
  for (let pause = 0; pause < 12; pause += 1) {
    const { open } = machine()
    const log = await open({ segmentBytes: 500 })
    for (let offset = 0; offset < 30; offset += 1) await log.append([batchAt(offset, 1, 100)])
    await log.sync()
    await log[Symbol.asyncDispose]()
    const again = await open({ segmentBytes: 500 })
    const reading = again.read(0, 30, 100).then(
      (read) => read.nextOffset > 0,
      (error) => error.code === 'OFFSET_OUT_OF_RANGE',
    )
    for (let turn = 0; turn < pause; turn += 1) await Promise.resolve()
    await again.trim(20)
    expect(await reading).toBe(true)
    expect(await valuesOf(again)).toEqual(expected(20, 30))
  }
})

test('retention by age closes an old active segment first, then takes it', async () => {
  const { open, clock } = machine()
  const log = await open({ segmentAgeMs: 1000 })
  await log.append([batchAt(0, 5)])
  await clock.advance(1001)
  await log.rollIfOld()
  expect(await log.expire({ ageMs: 5000, bytesMax: null }, clock.now())).toBe(0)
  await clock.advance(5000)
  expect(await log.expire({ ageMs: 5000, bytesMax: null }, clock.now())).toBe(1)
  expect([log.startOffset, log.endOffset]).toEqual([5, 5])
})

test('the first record of a time is found, in any segment', async () => {
  const { open } = machine()
  const log = await open({ segmentBytes: 800 })
  for (let offset = 0; offset < 40; offset += 1)
    await log.append([batchAt(offset, 1, 100, 1000 + offset * 10)])
  await log.sync()
  for (let offset = 0; offset < 40; offset += 1) {
    expect(await batchSince(log, 1000 + offset * 10)).toBe(offset)
    expect(await batchSince(log, 1000 + offset * 10 - 9)).toBe(offset)
  }
  expect(await batchSince(log, 9999)).toBe(null)
})

test('truncation cuts whole batches, in the active segment and before it', async () => {
  const { open } = machine()
  const log = await open({ segmentBytes: 500 })
  for (let offset = 0; offset < 30; offset += 1) await log.append([batchAt(offset, 1, 100)])
  await log.truncate(12)
  expect(log.endOffset).toBe(12)
  for (let offset = 12; offset < 20; offset += 1) await log.append([batchAt(offset, 1, 90)])
  await log.sync()
  expect(await valuesOf(log)).toEqual(expected(0, 20))
})

test('a full disk refuses, keeps what it has, and takes more when there is room again', async () => {
  const { open, disk, failures } = machine()
  const log = await open({ segmentBytes: 100_000 })
  for (let offset = 0; offset < 10; offset += 1) await log.append([batchAt(offset, 1, 100)])
  await log.sync()
  disk.capacityBytes = 2000
  await expect(log.append([batchAt(10, 1, 5000)])).rejects.toMatchObject({
    code: 'DISK_FULL',
    details: { retryAfterMs: 1000 },
  })
  expect(log.endOffset).toBe(10)
  expect(await valuesOf(log)).toEqual(expected(0, 10))
  disk.capacityBytes = Number.POSITIVE_INFINITY
  await log.append([batchAt(10, 2, 5000)])
  await log.sync()
  disk.crash()
  const again = await open({ segmentBytes: 100_000 })
  expect(await valuesOf(again)).toEqual(expected(0, 12))
  expect(failures).toEqual([])
})

test('a disk that is full when a segment should be closed refuses too, and the log goes on later', async () => {
  const { open, disk } = machine()
  const log = await open({ segmentBytes: 1000 })
  let offset = 0
  for (; offset < 7; offset += 1) await log.append([batchAt(offset, 1, 60)])
  disk.intercept = (call) => (call.verb === 'open' && call.path.endsWith('.log') ? 'full' : 'go')
  await expect(log.append([batchAt(offset, 1, 900)])).rejects.toMatchObject({ code: 'DISK_FULL' })
  disk.intercept = null
  for (; offset < 20; offset += 1) await log.append([batchAt(offset, 1, 60)])
  await log.sync()
  disk.crash()
  expect(await valuesOf(await open())).toEqual(expected(0, 20))
})

test('a failed sync is final: nothing is taken any more, reads go on, the owner is told once', async () => {
  const { open, disk, failures } = machine()
  const log = await open()
  await log.append([batchAt(0, 1)])
  await log.sync()
  await log.append([batchAt(1, 1)])
  disk.intercept = (call) => (call.verb === 'sync' ? 'fail' : 'go')
  await expect(log.sync()).rejects.toMatchObject({ code: 'DISK_FAILED' })
  disk.intercept = null
  await expect(log.sync()).rejects.toMatchObject({ code: 'DISK_FAILED' })
  await expect(log.append([batchAt(2, 1)])).rejects.toMatchObject({ code: 'DISK_FAILED' })
  expect((await log.read(0, 1, 1000)).nextOffset).toBe(1)
  await log[Symbol.asyncDispose]()
  expect(failures.map((error) => error.code)).toEqual(['DISK_FAILED'])
  expect(disk.paths()).toContain(`${directory}/00000000000000000000.log`)
})
