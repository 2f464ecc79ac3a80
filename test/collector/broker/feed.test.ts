// Feeds: batches whose bounds are durable before anybody sees them, and cut the same after a crash.
import { expect, test } from 'vitest'
import type { Broker } from '../../../collector/broker/broker.ts'
import type { Batch, FeedOptions } from '../../../core/event-log.ts'
import { drain } from '../../sim/clock.ts'
import { forever, machine, record, send, valuesOf } from './harness.ts'

const decoder = new TextDecoder()

function options(changes: Partial<FeedOptions> = {}): FeedOptions {
  return {
    group: 'sink',
    topic: 'logs',
    partition: 0,
    start: 'beginning',
    rowsMax: 10,
    bytesMax: 1_000_000,
    ageMs: 1000,
    ...changes,
  }
}

async function rowsOf(batch: Batch): Promise<readonly string[]> {
  const rows: string[] = []
  for await (const decoded of batch.read(forever)) {
    if ('unreadable' in decoded) throw new Error(decoded.unreadable)
    for (let i = 0; i < decoded.count; i += 1) {
      rows.push(decoder.decode(decoded.bytes.subarray(decoded.valueFrom[i], decoded.valueTo[i])))
    }
  }
  expect(rows.length).toBe(batch.count)
  return rows
}

/** Ten RecordBatches of four records. */
async function fill(broker: Broker): Promise<void> {
  for (let from = 0; from < 40; from += 4) await send(broker, { from, to: from + 4 })
}

test('batches are cut at RecordBatch boundaries below the row limit; a larger RecordBatch comes alone', async () => {
  const broker = await machine().open()
  await fill(broker)
  await send(broker, { from: 40, to: 70 })
  await send(broker, { from: 70, to: 80 })
  const feed = await broker.feed(options())
  const bounds: string[] = []
  while (bounds.length < 7) {
    const batch = await feed.next(forever)
    bounds.push(`${batch.firstOffset}-${batch.lastOffset}`)
    expect((await rowsOf(batch))[0]).toBe(`file/0/${batch.firstOffset + 1}`)
    await feed.commit(batch, forever)
  }
  expect(bounds).toEqual(['0-7', '8-15', '16-23', '24-31', '32-39', '40-69', '70-79'])
})

test('unpacked bytes limit a batch too, as the packed RecordBatches say themselves', async () => {
  const broker = await machine().open()
  for (let i = 0; i < 6; i += 1) await broker.publish('logs', [record('x'.repeat(20_000))], forever)
  const feed = await broker.feed(options({ bytesMax: 50_000 }))
  const batch = await feed.next(forever)
  expect([batch.firstOffset, batch.lastOffset]).toEqual([0, 1])
})

test('a batch that is not full is handed out when its first record has waited for its age', async () => {
  const { open, clock } = machine()
  const broker = await open()
  await broker.topic('logs')
  const feed = await broker.feed(options())
  let batch: Batch | null = null
  const waiting = feed.next(forever).then((next) => {
    batch = next
  })
  await clock.advance(5000)
  await send(broker, { from: 0, to: 2 })
  await clock.advance(600)
  await send(broker, { from: 2, to: 4 })
  await clock.advance(399)
  expect(batch).toBe(null)
  await clock.advance(1)
  await waiting
  expect(batch).toMatchObject({ firstOffset: 0, lastOffset: 3, count: 4, recovered: false })
})

test('a batch that fills while it waits is handed out at once', async () => {
  const { open } = machine()
  const broker = await open()
  await broker.topic('logs')
  const feed = await broker.feed(options())
  const next = feed.next(forever)
  await send(broker, { from: 0, to: 4 })
  await send(broker, { from: 4, to: 8 })
  await send(broker, { from: 8, to: 12 })
  expect(await next).toMatchObject({ firstOffset: 0, lastOffset: 7 })
})

test('a plan survives a crash and cuts the same, whatever came behind it and whatever the limits are now', async () => {
  const { open, disk } = machine()
  let broker = await open()
  await fill(broker)
  let feed = await broker.feed(options())
  await feed.commit(await feed.next(forever), forever)
  const planned = await feed.next(forever)
  const rows = await rowsOf(planned)
  for (let round = 0; round < 3; round += 1) {
    disk.crash()
    broker = await open()
    feed = await broker.feed(options({ rowsMax: 1000, ageMs: 0 }))
    const again = await feed.next(forever)
    const { firstOffset, lastOffset, count, plannedAt } = planned
    expect(again).toMatchObject({ firstOffset, lastOffset, count, plannedAt, recovered: true })
    expect(await rowsOf(again)).toEqual(rows)
    await send(broker, { source: `other${round}`, from: 0, to: 3 })
  }
  await feed.commit(await feed.next(forever), forever)
  expect(await feed.next(forever)).toMatchObject({ firstOffset: 16, recovered: false })
})

test('a commit survives a crash; a batch that was not committed comes again', async () => {
  for (let call = 1; ; call += 1) {
    const { open, disk } = machine(call, 'hostile')
    let broker = await open()
    await fill(broker)
    const seen: number[] = []
    let committed = -1
    const base = disk.calls
    const crashed = disk.whenCrashed().then(() => false)
    disk.intercept = ({ number }) => (number === base + call ? 'crash' : 'go')
    const drained = async () => {
      const feed = await broker.feed(options())
      for (let i = 0; i < 4; i += 1) {
        const batch = await feed.next(forever)
        seen.push(batch.firstOffset, batch.lastOffset)
        await feed.commit(batch, forever)
        committed = batch.lastOffset
      }
      return true
    }
    const finished = await Promise.race([drained(), crashed])
    disk.intercept = null
    if (finished) break
    broker = await open()
    // No age: when the last commit made it, what is left fills no batch.
    const feed = await broker.feed(options({ ageMs: 0 }))
    const next = await feed.next(forever)
    expect(next.firstOffset).toBeGreaterThanOrEqual(committed + 1)
    // What was seen last comes again with the same bounds, or its commit made it.
    const [first, last] = seen.slice(-2)
    if (first !== undefined && next.firstOffset <= first)
      expect(next).toMatchObject({ firstOffset: first, lastOffset: last })
    else expect(next.firstOffset).toBe((last ?? -1) + 1)
  }
})

test('a group that begins at the end stays there over a restart', async () => {
  const { open, disk } = machine()
  let broker = await open()
  await fill(broker)
  await broker.feed(options({ start: 'end' }))
  await send(broker, { from: 40, to: 50 })
  disk.crash()
  broker = await open()
  const feed = await broker.feed(options({ start: 'end' }))
  expect(await feed.next(forever)).toMatchObject({ firstOffset: 40, lastOffset: 49 })
})

test('records that retention removed before a group read them are reported, and it goes on at the start', async () => {
  const { open, clock, logger } = machine()
  const broker = await open({ segmentAgeMs: 1000, retentionMs: 3000, upkeepMs: 500 })
  await send(broker, { from: 0, to: 10 })
  const feed = await broker.feed(options({ start: 'beginning', ageMs: 0 }))
  await clock.advance(2000)
  await send(broker, { from: 10, to: 20 })
  await clock.advance(2500)
  expect(await feed.next(forever)).toMatchObject({ firstOffset: 10, lastOffset: 19 })
  expect(broker.status().losses).toEqual([{ reason: 'retention', topic: 'logs', ranges: 1, units: 10 }])
  expect(logger.lines.some((line) => line.level === 'error' && line.message.includes('retention'))).toBe(true)
})

test('waiting ends with the signal at once, and with the broker', async () => {
  const { open } = machine()
  const broker = await open()
  await broker.topic('logs')
  const feed = await broker.feed(options())
  const ending = new AbortController()
  const waiting = feed.next(ending.signal)
  await drain()
  ending.abort(new Error('enough'))
  await expect(waiting).rejects.toThrow('enough')
  const closing = feed.next(forever)
  closing.catch(() => undefined)
  await drain()
  await broker[Symbol.asyncDispose]()
  await expect(closing).rejects.toMatchObject({ code: 'UNAVAILABLE' })
})

test('one feed a group and partition; a topic that is read is not deleted', async () => {
  const broker = await machine().open()
  await broker.topic('logs')
  const feed = await broker.feed(options())
  await expect(broker.feed(options())).rejects.toMatchObject({ code: 'REQUEST_INVALID' })
  await expect(broker.deleteTopic('logs')).rejects.toMatchObject({ code: 'REQUEST_INVALID' })
  const key = { group: 'sink', topic: 'logs', partition: 0 }
  await expect(broker.resetGroup(key, 'beginning', forever)).rejects.toMatchObject({
    code: 'REQUEST_INVALID',
  })
  await feed[Symbol.asyncDispose]()
  await broker.deleteTopic('logs')
})

test('the offset of an older topic does not apply to one made again', async () => {
  const broker = await machine().open()
  await fill(broker)
  const feed = await broker.feed(options())
  await feed.commit(await feed.next(forever), forever)
  await feed[Symbol.asyncDispose]()
  await broker.deleteTopic('logs')
  await send(broker, { from: 0, to: 10 })
  expect(broker.groups()).toEqual([])
  const again = await broker.feed(options())
  expect(await again.next(forever)).toMatchObject({ firstOffset: 0, lastOffset: 9, recovered: false })
})

test('a reset goes to any offset, also inside a RecordBatch, and grows the replay epoch', async () => {
  const broker = await machine().open()
  await fill(broker)
  const feed = await broker.feed(options())
  await feed.commit(await feed.next(forever), forever)
  await feed[Symbol.asyncDispose]()
  const key = { group: 'sink', topic: 'logs', partition: 0 }
  expect(await broker.resetGroup(key, { offset: 2 }, forever)).toBe(2)
  expect(broker.groups()).toMatchObject([{ ...key, offset: 2, end: 40, lag: 38, replayEpoch: 1 }])
  const again = await broker.feed(options())
  const batch = await again.next(forever)
  expect(batch).toMatchObject({ firstOffset: 2, lastOffset: 11, count: 10, replayEpoch: 1 })
  expect(await rowsOf(batch)).toEqual(Array.from({ length: 10 }, (_, i) => `file/0/${i + 3}`))
})

test('a RecordBatch that cannot be decoded is given as it is, and does not block the next one', async () => {
  const { open, disk, logger } = machine()
  const broker = await open()
  await fill(broker)
  const feed = await broker.feed(options())
  const batch = await feed.next(forever)
  disk.corrupt('/data/topics/logs/0/00000000000000000000.log', 100, 1)
  const found: unknown[] = []
  for await (const decoded of batch.read(forever)) found.push(decoded)
  expect(found).toMatchObject([
    { unreadable: expect.stringContaining('CRC'), baseOffset: 0, lastOffset: 3 },
    { baseOffset: 4, count: 4 },
  ])
  expect(logger.lines.some((line) => line.message.includes('cannot be decoded'))).toBe(true)
  expect((await valuesOf(broker)).length).toBe(36)
})

test('a gap in the log is jumped over and reported', async () => {
  const { open, disk } = machine()
  let broker = await open()
  await fill(broker)
  disk.corrupt('/data/topics/logs/0/00000000000000000000.log', 20, 1)
  disk.kill()
  broker = await open()
  const feed = await broker.feed(options())
  expect(await feed.next(forever)).toMatchObject({ firstOffset: 0, lastOffset: 11, count: 8 })
  expect(broker.status().losses).toEqual([{ reason: 'damage', topic: 'logs', ranges: 1, units: 4 }])
  expect((await valuesOf(broker)).length).toBe(36)
})
