// Rewriting closed segments: what stays keeps its offset, a crash at any call loses none of it, readers and writers go on.
import { expect, test } from 'vitest'
import type { Log } from '../../../collector/log/log.ts'
import type { BatchRewriter } from '../../../collector/log/rewrite.ts'
import { storedLimits } from '../../../collector/log/scan.ts'
import { isCode } from '../../../core/errors.ts'
import { decodeBatch, recordAt } from '../../../protocol/batch-decode.ts'
import { filterBatch } from '../../../protocol/batch-filter.ts'
import { nextOffsetOf, readHeader } from '../../../protocol/batch-header.ts'
import { forever } from '../broker/harness.ts'
import { batchAt, batchSince, directory, expected, type Machine, machine, valuesOf } from './harness.ts'

const count = 60

/** Keeps the records at offsets that three divides; whole batches from 20 to 29 go. */
const everyThird: BatchRewriter = (bytes, header) => {
  if (header.baseOffset >= 20 && header.baseOffset < 30) return null
  const batch = decodeBatch(bytes, 0, storedLimits)
  const kept: number[] = []
  for (let i = 0; i < batch.count; i += 1) if (recordAt(batch, i).offset % 3 === 0) kept.push(i)
  if (kept.length === batch.count) return bytes
  return kept.length === 0 ? null : filterBatch(batch, kept, null)
}

const isKept = (offset: number) => offset % 3 === 0 && !(offset >= 20 && offset < 30)

test('what stays keeps its offset, in fewer segments; a removed offset reads as the next one', async () => {
  const { log } = await filled()
  const closed = log.closedSegments
  expect(closed.length).toBeGreaterThan(5)
  expect(
    await log.rewrite(
      closed.map(({ baseOffset }) => baseOffset),
      everyThird,
      forever,
    ),
  ).toBe(true)
  expect(log.closedSegments).toHaveLength(1)
  const end = (closed.at(-1) as (typeof closed)[number]).endOffset
  const left = expected(0, count).filter((_, offset) => offset >= end || isKept(offset))
  expect(await valuesOf(log)).toEqual(left)
  expect(await valuesOf(log)).toEqual(left)
  for (let from = 0; from < count; from += 1) {
    expect((await valuesOf(log, from))[0]).toBe(left.find((value) => Number(value.slice(1)) >= from))
  }
  expect(await headerRanges(log)).toEqual({ contiguous: true, end: count })
  expect(await batchSince(log, 1000 + 33)).toBe(32)
  expect(log.status().gaps).toEqual([])
})

test('it is there after a clean stop and after a kill, and can be rewritten again', async () => {
  const { log, open, disk } = await filled()
  const bases = () => log.closedSegments.map(({ baseOffset }) => baseOffset)
  await log.rewrite(bases(), everyThird, forever)
  await log.markCleaned(30)
  const before = await valuesOf(log)
  await log[Symbol.asyncDispose]()
  const clean = await open({ segmentBytes: 300, clean: true })
  expect(await valuesOf(clean)).toEqual(before)
  expect(clean.cleanedOffset).toBe(30)
  disk.kill()
  const killed = await open({ segmentBytes: 300 })
  expect(await valuesOf(killed)).toEqual(before)
  expect(
    await killed.rewrite(
      killed.closedSegments.map(({ baseOffset }) => baseOffset),
      everyThird,
      forever,
    ),
  ).toBe(true)
  expect(await valuesOf(killed)).toEqual(before)
})

test.each(['ordered', 'hostile'] as const)(
  'a power cut at any call (%s): what stays is there, nothing is damaged',
  async (mode) => {
    let crashes = 0
    for (let call = 1; ; call += 1) {
      const world = await filled(call, mode)
      const { log, disk, open } = world
      const end = (log.closedSegments.at(-1) as { endOffset: number }).endOffset
      const before = disk.calls
      const crashed = disk.whenCrashed()
      disk.intercept = ({ number }) => (number === before + call ? 'crash' : 'go')
      const work = log.rewrite(
        log.closedSegments.map(({ baseOffset }) => baseOffset),
        everyThird,
        forever,
      )
      const isDone = await Promise.race([work.then(() => true), crashed.then(() => false)])
      disk.intercept = null
      if (isDone) break
      crashes += 1
      // And another one during the start that cleans up.
      const second = disk.calls + 1 + ((call * 7) % 20)
      const crashedAgain = disk.whenCrashed()
      disk.intercept = ({ number }) => (number === second ? 'crash' : 'go')
      await Promise.race([open({ segmentBytes: 300 }), crashedAgain])
      disk.intercept = null
      disk.kill()
      const again = await open({ segmentBytes: 300 })
      const found = new Set(await valuesOf(again))
      for (let offset = 0; offset < count; offset += 1) {
        if (offset >= end || isKept(offset))
          expect(found, `${offset} after call ${call}`).toContain(`r${offset}`)
      }
      expect(again.status().gaps).toEqual([])
      expect(await headerRanges(again)).toEqual({ contiguous: true, end: count })
      expect(disk.paths().filter((path) => /swap|cleaned/.test(path))).toEqual([])
      await again.append([batchAt(count, 1, 10)])
      await again.sync()
      expect((await valuesOf(again)).at(-1)).toBe(`r${count}`)
    }
    expect(crashes).toBeGreaterThan(15)
  },
)

test.each(['full', 'fail'] as const)(
  'a disk that answers "%s" at any call: nothing that stays is lost',
  async (verdict) => {
    for (let call = 1; ; call += 1) {
      const { log, disk, open, failures } = await filled(call)
      const before = disk.calls
      let wasHit = false
      disk.intercept = ({ number, verb }) => {
        if (number !== before + call || verb === 'read' || verb === 'list') return 'go'
        wasHit = true
        return verdict
      }
      const result = await log
        .rewrite(
          log.closedSegments.map(({ baseOffset }) => baseOffset),
          everyThird,
          forever,
        )
        .catch((error: unknown) => error)
      disk.intercept = null
      if (disk.calls < before + call) break
      if (wasHit && isCode(result, 'DISK_FULL')) {
        // Nothing has changed, and there is room again.
        expect(await valuesOf(log)).toEqual(expected(0, count))
        await log.append([batchAt(count, 1, 10)])
      }
      if (failures.length > 0) expect(verdict === 'fail' || isCode(result, 'DISK_FAILED')).toBe(true)
      disk.kill()
      const again = await open({ segmentBytes: 300 })
      const found = new Set(await valuesOf(again))
      for (let offset = 0; offset < count; offset += 1)
        if (isKept(offset)) expect(found).toContain(`r${offset}`)
      expect(again.status().gaps).toEqual([])
    }
  },
)

test('a reader in an old segment finishes there; one that comes late finds the new one', async () => {
  const { log } = await filled()
  const old = log.headers(0, count, [])
  const first = await old.next()
  expect(first.value?.header.baseOffset).toBe(0)
  const readers = [4, 25, 31].map((from) => log.read(from, count, 100))
  await log.rewrite(
    log.closedSegments.map(({ baseOffset }) => baseOffset),
    everyThird,
    forever,
  )
  for (const read of await Promise.all(readers))
    expect(readHeader(read.bytes, 0).count).toBeGreaterThanOrEqual(0)
  let next = nextOffsetOf((first.value as { header: ReturnType<typeof readHeader> }).header)
  for await (const { header } of old) {
    expect(header.baseOffset).toBe(next)
    next = nextOffsetOf(header)
  }
  expect(next).toBe(count)
})

test('segments that retention takes meanwhile are left alone', async () => {
  const { log, disk } = await filled()
  const bases = log.closedSegments.map(({ baseOffset }) => baseOffset)
  let trimmed: Promise<void> | null = null
  const rewriter: BatchRewriter = (bytes, header) => {
    trimmed ??= log.trim(25)
    return everyThird(bytes, header)
  }
  expect(await log.rewrite(bases, rewriter, forever)).toBe(false)
  await trimmed
  expect(await valuesOf(log, 25)).toEqual(expected(25, count))
  expect(disk.paths().filter((path) => /swap|cleaned/.test(path))).toEqual([])
})

test('appends go on while every read of the cleaner and of others hangs', async () => {
  const held = Promise.withResolvers<void>()
  let isHolding = false
  const { log } = await filled(1, 'ordered', async ({ verb }) => {
    if (isHolding && verb === 'read') await held.promise
  })
  const hanging: Promise<unknown>[] = []
  isHolding = true
  hanging.push(
    log.rewrite(
      log.closedSegments.map(({ baseOffset }) => baseOffset),
      everyThird,
      forever,
    ),
  )
  for (const from of [0, 7, 30, 55]) hanging.push(log.read(from, count, 1000))
  hanging.push(batchSince(log, 1040))
  for (let offset = count; offset < count + 20; offset += 1) {
    await log.append([batchAt(offset, 1, 20)])
    await log.sync()
  }
  expect(log.endOffset).toBe(count + 20)
  isHolding = false
  held.resolve()
  await Promise.all(hanging)
  expect((await valuesOf(log)).slice(-20)).toEqual(expected(count, count + 20))
})

test('a damaged segment stays as it is', async () => {
  const { log, disk, logger } = await filled()
  const [first, second] = log.closedSegments.map(({ baseOffset }) => baseOffset) as [number, number]
  disk.corrupt(`${directory}/${String(second).padStart(20, '0')}.log`, 16, 0xff)
  expect(await log.rewrite([first, second], everyThird, forever)).toBe(false)
  expect(logger.lines.some(({ message }) => message.includes('damaged'))).toBe(true)
  expect(await valuesOf(log, 0)).toContain('r0')
})

/** A log of batches of two records, in segments of a few batches. */
async function filled(...how: Parameters<typeof machine>): Promise<Machine & { readonly log: Log }> {
  const world = machine(...how)
  const log = await world.open({ segmentBytes: 300 })
  for (let offset = 0; offset < count; offset += 2) await log.append([batchAt(offset, 2, 10)])
  await log.sync()
  await log.checkpoint()
  return { ...world, log }
}

async function headerRanges(log: Log): Promise<{ readonly contiguous: boolean; readonly end: number }> {
  const skipped: unknown[] = []
  let next = 0
  let contiguous = true
  for await (const { header } of log.headers(0, log.endOffset, skipped as never)) {
    contiguous &&= header.baseOffset === next
    next = nextOffsetOf(header)
  }
  return { contiguous: contiguous && skipped.length === 0, end: next }
}
