// DeleteRecords: the new start holds at once and after a power cut; whole segments below it are gone.
import { expect, test } from 'vitest'
import type { Broker } from '../../../../collector/broker/broker.ts'
import { deleteRecords } from '../../../../collector/broker/partitions/delete-records.ts'
import type { Partition } from '../../../../collector/broker/partitions/partition.ts'
import { type Machine, machine } from '../harness.ts'
import { appendRecords, recordsFrom } from '../kafka-harness.ts'

const now = 1_763_690_000_000

test('the log begins inside a batch, for every reader, also after a power cut', async () => {
  const world = machine(1, 'hostile')
  const { partition } = await open(world)
  expect(await deleteRecords(partition, 7)).toBe(7)
  expect((await recordsFrom(partition)).map(({ offset }) => offset)).toEqual([7, 8, 9, 10, 11])
  await expect(partition.log.read(6, 12, 1000)).rejects.toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' })
  world.disk.crash()
  const again = partitionOf(await world.open())
  expect([again.startOffset, again.highWatermark]).toEqual([7, 12])
  expect((await recordsFrom(again)).map(({ value }) => value)).toEqual(['v7', 'v8', 'v9', 'v10', 'v11'])
})

test('whole segments below the start are removed, and the start only grows', async () => {
  const world = machine()
  const { partition } = await open(world, { 'segment.bytes': '150' })
  const segments = partition.log.status().segments
  expect(segments).toBeGreaterThan(2)
  expect(await deleteRecords(partition, 10)).toBe(10)
  expect(partition.log.status().segments).toBeLessThan(segments)
  expect(await deleteRecords(partition, 3)).toBe(10)
  expect(await deleteRecords(partition, -1)).toBe(12)
  expect(await recordsFrom(partition)).toEqual([])
  await appendRecords(partition, [{ key: 'k', value: 'next', timestamp: now }])
  expect((await recordsFrom(partition)).map(({ offset }) => offset)).toEqual([12])
})

test('beyond the end, below zero, and in a topic that is only compacted it is refused', async () => {
  const world = machine()
  const { broker, partition } = await open(world)
  for (const offset of [13, -2]) {
    await expect(deleteRecords(partition, offset)).rejects.toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' })
  }
  const change = { name: 'cleanup.policy', operation: 'set', value: 'compact' } as const
  await broker.configs.alter('t', [change], { validateOnly: false })
  await expect(deleteRecords(partition, 1)).rejects.toMatchObject({ error: 'POLICY_VIOLATION' })
})

test('a start that is not durable does not count: the disk is full', async () => {
  const world = machine()
  const { partition } = await open(world)
  world.disk.intercept = ({ verb, path }) => (verb === 'write' && path.includes('checkpoint') ? 'full' : 'go')
  await expect(deleteRecords(partition, 5)).rejects.toMatchObject({ code: 'DISK_FULL' })
  expect(partition.startOffset).toBe(0)
  world.disk.intercept = null
  expect(await deleteRecords(partition, 5)).toBe(5)
})

/** A topic with the values v0 to v11, three a batch. */
async function open(world: Machine, configs: Record<string, string> = {}) {
  const broker = await world.open()
  await broker.createTopic('t', { partitions: 1, configs })
  const partition = partitionOf(broker)
  for (let offset = 0; offset < 12; offset += 3) {
    const records = [0, 1, 2].map((i) => ({ key: 'k', value: `v${offset + i}`, timestamp: now + offset + i }))
    await appendRecords(partition, records)
  }
  return { broker, partition }
}

function partitionOf(broker: Broker): Partition {
  return broker.partition('t', 0) as Partition
}
