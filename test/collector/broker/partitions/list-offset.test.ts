// ListOffsets: ends, times in any order, the largest timestamp; exact, also behind DeleteRecords and a crash.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { deleteRecords } from '../../../../collector/broker/partitions/delete-records.ts'
import { listOffset } from '../../../../collector/broker/partitions/list-offset.ts'
import type { Partition } from '../../../../collector/broker/partitions/partition.ts'
import { machine } from '../harness.ts'
import { appendRecords, type TestRecord } from '../kafka-harness.ts'

const now = 1_763_690_000_000

test('the first record at or after any time is found, whatever order the timestamps have', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 5 }), {
        minLength: 1,
        maxLength: 40,
      }),
      fc.nat(100),
      async (batches, deleted) => {
        const { broker, partition } = await open({ 'segment.bytes': '700' })
        for (const times of batches)
          await appendRecords(
            partition,
            times.map((time) => recordAt(now + time)),
          )
        const all = batches.flat().map((time, offset) => ({ offset, timestamp: now + time }))
        const start = await deleteRecords(partition, Math.min(deleted, all.length))
        const left = all.slice(start)
        for (let time = 0; time <= 61; time += 1) {
          const wanted = left.find(({ timestamp }) => timestamp >= now + time)
          const found = await listOffset(partition, now + time, 'read_uncommitted')
          expect(found).toEqual(wanted === undefined ? nothing : { ...wanted, leaderEpoch: 0 })
        }
        const largest = Math.max(...left.map(({ timestamp }) => timestamp))
        const wanted = left.find(({ timestamp }) => timestamp === largest)
        const found = await listOffset(partition, -3, 'read_uncommitted')
        // The header of the batch in which the log begins still counts what was deleted in it.
        if (found.offset !== -1 || start === 0) {
          expect(found).toEqual(wanted === undefined ? nothing : { ...wanted, leaderEpoch: 0 })
        }
        expect((await listOffset(partition, -2, 'read_uncommitted')).offset).toBe(start)
        expect((await listOffset(partition, -4, 'read_uncommitted')).offset).toBe(start)
        expect((await listOffset(partition, -1, 'read_uncommitted')).offset).toBe(all.length)
        await broker[Symbol.asyncDispose]()
      },
    ),
    { numRuns: 40 },
  )
})

test('with LogAppendTime every record of a batch has the time of the append', async () => {
  const { partition, clock } = await open({ 'message.timestamp.type': 'LogAppendTime' })
  const started = clock.now()
  await appendRecords(partition, [recordAt(5), recordAt(now + 99_999)])
  await clock.advance(1000)
  await appendRecords(partition, [recordAt(7), recordAt(8)])
  const at = (timestamp: number) => listOffset(partition, timestamp, 'read_uncommitted')
  expect(await at(8)).toEqual({ offset: 0, timestamp: started, leaderEpoch: 0 })
  expect(await at(started + 1)).toEqual({ offset: 2, timestamp: started + 1000, leaderEpoch: 0 })
  expect(await at(-3)).toEqual({ offset: 2, timestamp: started + 1000, leaderEpoch: 0 })
  expect(await at(started + 1001)).toEqual(nothing)
  await deleteRecords(partition, 1)
  expect(await at(8)).toEqual({ offset: 1, timestamp: started, leaderEpoch: 0 })
})

test('an empty partition has ends and no times', async () => {
  const { partition } = await open({})
  for (const timestamp of [-3, 0, now])
    expect(await listOffset(partition, timestamp, 'read_committed')).toEqual(nothing)
  for (const timestamp of [-1, -2, -4]) {
    expect(await listOffset(partition, timestamp, 'read_committed')).toEqual({
      offset: 0,
      timestamp: -1,
      leaderEpoch: 0,
    })
  }
})

const nothing = { offset: -1, timestamp: -1, leaderEpoch: -1 }

function recordAt(timestamp: number): TestRecord {
  return { key: 'k', value: 'v', timestamp }
}

async function open(configs: Record<string, string>) {
  const { open, clock } = machine()
  const broker = await open()
  await broker.createTopic('t', { partitions: 1, configs })
  return { broker, clock, partition: broker.partition('t', 0) as Partition }
}
