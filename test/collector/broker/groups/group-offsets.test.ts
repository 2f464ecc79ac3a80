// Group offsets: Kafka's layouts, bounded on disk however often somebody commits, right after any restart.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { brokerDefaults } from '../../../../collector/broker/config.ts'
import { DiskShare } from '../../../../collector/broker/disk-share.ts'
import { openGroupOffsets } from '../../../../collector/broker/groups/group-offsets.ts'
import {
  decodeOffsetKey,
  decodeOffsetValue,
  encodeOffsetKey,
  encodeOffsetValue,
  feedOffset,
} from '../../../../collector/broker/groups/offset-codec.ts'
import { openPartition } from '../../../../collector/broker/partitions/partition.ts'
import { topicSettings } from '../../../../collector/broker/topics/topic-settings.ts'
import { TransactionGate } from '../../../../collector/broker/transactions/transaction-gate.ts'
import { runs } from '../../../runs.ts'
import { forever, machine } from '../harness.ts'

test('a key is laid out as Kafka does', () => {
  const bytes = encodeOffsetKey({ group: 'g', topic: 'tä', partition: 258 })
  expect(Buffer.from(bytes).toString('hex')).toBe('0001' + '000167' + '000374c3a4' + '00000102')
})

test('keys and values survive their bytes; other bytes are refused', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 40 })
  const number = fc.nat()
  fc.assert(
    fc.property(
      text,
      text,
      number,
      number,
      fc.uint8Array({ maxLength: 80 }),
      (group, topic, partition, offset, junk) => {
        const key = { group, topic, partition }
        expect(decodeOffsetKey(encodeOffsetKey(key))).toEqual(key)
        const plan = { first: offset, last: offset + 3, count: 4, plannedAt: 7, replayEpoch: 1, crc: 99 }
        const value = feedOffset(offset, topic, { replayEpoch: 1, plan }, 12)
        expect(decodeOffsetValue(encodeOffsetValue(value))).toEqual(value)
        const client = { ...value, feed: null, leaderEpoch: 5, metadata: group }
        expect(decodeOffsetValue(encodeOffsetValue(client))).toEqual(client)
        decodeOffsetKey(junk)
        expect(decodeOffsetValue(junk)).toBe(null)
      },
    ),
  )
})

async function open(world: ReturnType<typeof machine>) {
  const config = { ...brokerDefaults, segmentBytes: 64 * 1024 }
  const parts = {
    storage: world.disk.storage(),
    clock: world.clock,
    logger: world.logger,
    share: new DiskShare(config, world.clock),
    config,
    clean: false,
    guard: new TransactionGate(),
  }
  const partition = await openPartition(
    { topic: '__consumer_offsets', index: 0, directory: '/data/o', settings: topicSettings({}, config) },
    parts,
  )
  return {
    partition,
    offsets: await openGroupOffsets(partition, {
      clock: world.clock,
      logger: world.logger,
      entriesMax: 1000,
    }),
  }
}

function valueAt(offset: number) {
  return feedOffset(offset, 'id', { replayEpoch: 0, plan: null }, offset)
}

test('after 100,000 commits the log is as small as ever, and holds the last offset of every group', async () => {
  const world = machine()
  const { partition, offsets } = await open(world)
  const groups = Array.from({ length: 20 }, (_, i) => ({ group: `g${i}`, topic: 't', partition: i % 3 }))
  for (let round = 1; round <= 5000; round += 1) {
    await Promise.all(groups.map((key) => offsets.commit(key, valueAt(round), forever)))
  }
  expect(partition.log.status().bytes).toBeLessThan(4 * 64 * 1024)
  expect(partition.log.endOffset).toBeGreaterThan(100_000)
  world.disk.crash()
  const again = await open(world)
  for (const key of groups) expect(again.offsets.find(key)?.offset).toBe(5000)
}, 60_000)

test('a power cut at any call while the state is written anew loses no acknowledged commit', async () => {
  for (let call = 1; call < 400; call += runs(1, 7)) {
    const world = machine(call, 'hostile')
    const { offsets } = await open(world)
    const keys = [0, 1, 2].map((partition) => ({ group: `group-${'x'.repeat(200)}`, topic: 't', partition }))
    for (let n = 0; n < 80; n += 1) for (const key of keys) await offsets.commit(key, valueAt(n), forever)
    const acknowledged = [79, 79, 79]
    const base = world.disk.calls
    const crashed = world.disk.whenCrashed().then(() => false)
    world.disk.intercept = ({ number }) => (number === base + call ? 'crash' : 'go')
    const work = Promise.all(
      keys.map(async (key, i) => {
        for (let n = 80; n < 140; n += 1) {
          await offsets.commit(key, valueAt(n), forever)
          acknowledged[i] = n
        }
      }),
    ).then(() => true)
    const finished = await Promise.race([work, crashed])
    world.disk.intercept = null
    if (finished) break
    const again = await open(world)
    for (const [i, key] of keys.entries()) {
      expect(again.offsets.find(key)?.offset).toBeGreaterThanOrEqual(acknowledged[i] ?? 0)
    }
  }
}, 60_000)

test('names and metadata out of bounds, and too many groups, are refused', async () => {
  const { offsets } = await open(machine())
  const key = { group: 'g', topic: 't', partition: 0 }
  for (const bad of [
    { ...key, group: '' },
    { ...key, group: 'x'.repeat(256) },
  ]) {
    await expect(offsets.commit(bad, valueAt(1), forever)).rejects.toMatchObject({ code: 'REQUEST_INVALID' })
  }
  const long = { ...valueAt(1), metadata: 'x'.repeat(5000) }
  await expect(offsets.commit(key, long, forever)).rejects.toMatchObject({ code: 'REQUEST_INVALID' })
  for (let i = 0; i < 1000; i += 1) await offsets.commit({ ...key, partition: i }, valueAt(i), forever)
  await expect(offsets.commit({ ...key, group: 'h' }, valueAt(1), forever)).rejects.toMatchObject({
    code: 'OVERLOADED',
  })
  await offsets.commit(key, valueAt(5), forever)
})
