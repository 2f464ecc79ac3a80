// Compaction against a Map: the last record of each key stays at its offset, in order; everything else may go.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Broker } from '../../../../collector/broker/broker.ts'
import { compactPartition } from '../../../../collector/broker/compaction/compaction.ts'
import type { Partition } from '../../../../collector/broker/partitions/partition.ts'
import { readRecords } from '../../../../collector/broker/read.ts'
import { BATCH_OVERHEAD, readHeader } from '../../../../protocol/batch-header.ts'
import { codecs } from '../../../../protocol/compression.ts'
import { decodeMarker } from '../../../../protocol/control-batch.ts'
import { allOf, forever, type Machine, machine, record, send } from '../harness.ts'
import { appendRecords, type FoundRecord, recordsFrom, type TestRecord } from '../kafka-harness.ts'
import { initProducer } from '../producer-harness.ts'

const dayMs = 24 * 60 * 60 * 1000
const configs = { 'cleanup.policy': 'compact', 'segment.bytes': '400', 'min.cleanable.dirty.ratio': '0' }

test('what is left is what a Map says, whatever was written, cleaned and read in between', async () => {
  const keyed = fc.record({
    key: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
    value: fc.option(fc.string({ maxLength: 20 })),
  })
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.array(keyed, { minLength: 1, maxLength: 4 }) },
    { weight: 1, arbitrary: fc.constant('clean' as const) },
    { weight: 1, arbitrary: fc.constant('restart' as const) },
  )
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 5, maxLength: 60 }),
      fc.constantFrom(...codecs),
      async (steps, codec) => {
        const world = machine()
        let { broker, partition } = await open(world)
        const written: FoundRecord[] = []
        for (const each of steps) {
          if (each === 'clean') {
            const end = partition.log.activeBaseOffset
            await clean(partition, world)
            expect(await recordsFrom(partition)).toEqual(surviving(written, end))
            expect(await recordsFrom(partition)).toEqual(surviving(written, end))
            // A model of all that was ever written need not be kept: what is gone stays gone.
            written.splice(0, written.length, ...surviving(written, end))
          } else if (each === 'restart') {
            world.disk.kill()
            broker = await world.open()
            partition = partitionOf(broker)
            expect(await recordsFrom(partition)).toEqual(written)
          } else {
            const records = each.map((one) => ({ ...one, timestamp: world.clock.now() }))
            const { baseOffset } = await appendRecords(partition, records, { codec })
            written.push(...records.map((one, index) => ({ ...one, offset: baseOffset + index })))
          }
        }
        for (let from = partition.startOffset; from < partition.highWatermark; from += 1) {
          expect((await recordsFrom(partition, from))[0]).toEqual(
            written.find(({ offset }) => offset >= from),
          )
        }
        await broker[Symbol.asyncDispose]()
      },
    ),
    { numRuns: 60 },
  )
})

test('a Kafka reader gets batches with records only, from any offset, until the end', async () => {
  const world = machine()
  const { partition } = await open(world)
  for (let i = 0; i < 60; i += 1)
    await appendRecords(partition, [value(world, `k${i < 20 ? i : 0}`, `v${i}`)])
  await clean(partition, world)
  for (let from = 0; from < partition.highWatermark; from += 1) {
    const read = await partition.readKafka(from, {
      isolation: 'read_uncommitted',
      bytesMax: 100,
      atLeastOne: true,
    })
    const header = readHeader(read.bytes, 0)
    expect(header.count).toBeGreaterThan(0)
    expect(header.baseOffset + header.lastOffsetDelta).toBeGreaterThanOrEqual(from)
  }
})

test('a tombstone stays for delete.retention.ms after it was first cleaned, then goes', async () => {
  const world = machine()
  const { partition } = await open(world)
  await appendRecords(partition, [value(world, 'gone', 'x'), value(world, 'stays', 'y')])
  await appendRecords(partition, [value(world, 'gone', null)])
  await fill(partition, world)
  await clean(partition, world)
  expect((await recordsFrom(partition)).slice(0, 2)).toMatchObject([
    { offset: 1, key: 'stays' },
    { offset: 2, key: 'gone', value: null },
  ])
  const before = (await recordsFrom(partition))[1] as FoundRecord
  await world.clock.advance(dayMs - 1000)
  await fill(partition, world)
  await clean(partition, world)
  expect((await recordsFrom(partition))[1]).toEqual(before)
  await world.clock.advance(2000)
  await fill(partition, world)
  await clean(partition, world)
  expect((await recordsFrom(partition))[1]).toMatchObject({ key: 'filler' })
  expect((await recordsFrom(partition))[0]).toMatchObject({ key: 'stays', value: 'y' })
})

test('a producer goes on with its sequence, though all its records are gone and the snapshot too', async () => {
  const world = machine()
  let { partition } = await open(world)
  const producer = { producerId: 9, producerEpoch: 0 }
  await appendRecords(partition, [value(world, 'a', '1')], { ...producer, baseSequence: 0 })
  await appendRecords(partition, [value(world, 'a', '2')], { ...producer, baseSequence: 1 })
  await appendRecords(partition, [value(world, 'a', '3')])
  await fill(partition, world)
  await clean(partition, world)
  expect((await recordsFrom(partition))[0]).toMatchObject({ offset: 2, value: '3' })
  world.disk.kill()
  await world.disk.storage().remove('/data/topics/t/0/producers.snapshot')
  partition = partitionOf(await world.open())
  // The same batch again is known; the next one follows; a gap does not.
  expect(
    await appendRecords(partition, [value(world, 'a', '2')], { ...producer, baseSequence: 1 }),
  ).toMatchObject({ baseOffset: 1 })
  await appendRecords(partition, [value(world, 'a', '4')], { ...producer, baseSequence: 2 })
  await expect(
    appendRecords(partition, [value(world, 'a', '5')], { ...producer, baseSequence: 9 }),
  ).rejects.toMatchObject({
    error: 'OUT_OF_ORDER_SEQUENCE_NUMBER',
  })
})

test('more keys than are kept in mind: it goes as far as they reach, and further next time', async () => {
  const world = machine()
  const { partition } = await open(world)
  for (let round = 0; round < 3; round += 1) {
    for (let i = 0; i < 50; i += 1) await appendRecords(partition, [value(world, `k${i}`, `${round}`)])
  }
  const end = partition.log.activeBaseOffset
  let cleanings = 0
  while ((await compactPartition(partition, { now: world.clock.now(), keysMax: 20 }, forever)) !== null)
    cleanings += 1
  expect(cleanings).toBeGreaterThan(2)
  expect(partition.log.cleanedOffset).toBe(end)
  const values = new Map((await recordsFrom(partition)).map((record) => [record.key, record.value]))
  expect([...values.values()]).toEqual(Array(50).fill('2'))
})

test('transactions: nothing above the last stable offset is touched, aborted records go, abort markers stay', async () => {
  const world = machine()
  const { broker, partition } = await open(world)
  const client = await initProducer(broker, 'tx')
  const { producerId, producerEpoch } = client.identity
  let baseSequence = 0
  const put = async (key: string, text: string) => {
    await client.add('t', 0)
    const options = { producerId, producerEpoch, baseSequence, isTransactional: true }
    await appendRecords(partition, [value(world, key, text)], options)
    baseSequence += 1
  }
  await put('a', 'committed')
  await client.end('commit')
  await put('a', 'aborted')
  await put('b', 'aborted too')
  await client.end('abort')
  await put('c', 'committed')
  await client.end('commit')
  await put('d', 'open')
  const stable = partition.lastStableOffset
  for (let i = 0; i < 5; i += 1) await fill(partition, world)
  await clean(partition, world)
  expect(partition.log.cleanedOffset).toBeLessThanOrEqual(stable)
  expect((await recordsFrom(partition)).map(({ key }) => key)).toEqual(['a', 'c'])
  await client.end('commit')
  await fill(partition, world)
  for (let round = 0; round < 2; round += 1) {
    await world.clock.advance(2 * dayMs)
    await fill(partition, world)
    await clean(partition, world)
  }
  const found = (await recordsFrom(partition)).filter(({ key }) => key !== 'filler')
  expect(found.map(({ key, value: text }) => `${key}=${text}`)).toEqual([
    'a=committed',
    'c=committed',
    'd=open',
  ])
  const stored: (string | null)[] = []
  for await (const { value: bytes } of readRecords(partition.log, 0, partition.highWatermark)) {
    stored.push(bytes === null ? null : new TextDecoder().decode(bytes))
  }
  expect(stored).toContain('open')
  expect(stored.join()).not.toContain('aborted')
  // What a client sees: of the aborted transaction the marker only, so that it can forget what it was told of.
  const read = await partition.readKafka(0, {
    isolation: 'read_committed',
    bytesMax: 100_000,
    atLeastOne: true,
  })
  expect(read.aborted).toMatchObject([{ producerId }])
  const markers: (string | undefined)[] = []
  for (let at = 0; at < read.bytes.length; at += readHeader(read.bytes, at).length) {
    if (readHeader(read.bytes, at).isControl) markers.push(decodeMarker(read.bytes, at)?.outcome)
  }
  expect(markers.filter((outcome) => outcome === 'abort')).toHaveLength(1)
  expect(await recordsFrom(partition)).toEqual(await recordsFrom(partition))
})

test('lines of agents have no keys: none goes; their positions hold over a crash', async () => {
  const world = machine()
  let broker = await world.open({ segmentBytes: 300 })
  await broker.createTopic('logs', { partitions: 1, configs: { ...configs } })
  for (let from = 0; from < 20; from += 2) await send(broker, { from, to: from + 2 })
  const before = await allOf(broker)
  expect(before).toHaveLength(20)
  await clean(broker.partition('logs', 0) as Partition, world)
  world.disk.kill()
  broker = await world.open({ segmentBytes: 300 })
  expect(await allOf(broker)).toEqual(before)
  expect(await send(broker, { from: 18, to: 20 })).toMatchObject({ outcome: 'duplicate' })
})

test('the position of a source holds over a crash, though the record that said it is gone', async () => {
  const world = machine()
  const { broker, partition } = await open(world)
  const source = { source: 'browser', epoch: 0, position: 7 }
  expect(await broker.publish('t', [record('first', 'k', source)], forever)).toMatchObject([{ offset: 0 }])
  for (let i = 0; i < 10; i += 1) await appendRecords(partition, [value(world, 'k', `${i}`)])
  await fill(partition, world)
  await clean(partition, world)
  expect((await recordsFrom(partition))[0]).not.toMatchObject({ value: 'first' })
  world.disk.kill()
  const again = await world.open()
  expect(await again.publish('t', [record('first', 'k', source)], forever)).toMatchObject([{ offset: null }])
})

test('upkeep cleans by itself, by the dirty ratio and by the lags', async () => {
  const world = machine()
  const broker = await world.open({ upkeepMs: 100 })
  await broker.createTopic('t', { partitions: 1, configs: { ...configs, 'min.compaction.lag.ms': '5000' } })
  const partition = partitionOf(broker)
  for (let i = 0; i < 50; i += 1) await appendRecords(partition, [value(world, 'k', `${i}`)])
  await world.clock.advance(1000)
  expect(await recordsFrom(partition)).toHaveLength(50)
  await world.clock.advance(5000)
  expect((await recordsFrom(partition)).length).toBeLessThan(10)
  const ratio = [{ name: 'min.cleanable.dirty.ratio', operation: 'set', value: '1' }] as const
  await broker.configs.alter('t', ratio, { validateOnly: false })
  for (let i = 0; i < 50; i += 1) await appendRecords(partition, [value(world, 'k', `${i}`)])
  await world.clock.advance(6000)
  expect((await recordsFrom(partition)).length).toBeGreaterThan(50)
  const lag = [{ name: 'max.compaction.lag.ms', operation: 'set', value: '7000' }] as const
  await broker.configs.alter('t', lag, { validateOnly: false })
  await world.clock.advance(2000)
  expect((await recordsFrom(partition)).length).toBeLessThan(10)
})

test('a topic that goes while it is cleaned takes nobody with it', async () => {
  const world = machine()
  const { broker, partition } = await open(world)
  for (let i = 0; i < 50; i += 1) await appendRecords(partition, [value(world, 'k', `${i}`)])
  const cleaning = clean(partition, world).catch((error: unknown) => error)
  await broker.deleteTopic('t')
  await cleaning
  await broker.createTopic('t2', { partitions: 1 })
  await appendRecords(broker.partition('t2', 0) as Partition, [value(world, 'k', 'v')])
  expect(broker.status().failed).toBe(null)
})

test('appends that go on all the time do not keep a cleaning from its end', async () => {
  const world = machine()
  const { partition } = await open(world)
  for (let i = 0; i < 50; i += 1) await appendRecords(partition, [value(world, 'k', `${i}`)])
  let isCleaning = true
  let appended = 0
  const appending = (async () => {
    for (; isCleaning; appended += 1) await appendRecords(partition, [value(world, 'other', `${appended}`)])
  })()
  const compacted = await clean(partition, world)
  isCleaning = false
  await appending
  expect(compacted).not.toBe(null)
  expect(appended).toBeGreaterThan(5)
  expect((await recordsFrom(partition)).at(-1)).toMatchObject({ value: `${appended - 1}` })
})

test('bytes shrink', async () => {
  const world = machine()
  const { partition } = await open(world)
  for (let i = 0; i < 200; i += 1) await appendRecords(partition, [value(world, `k${i % 4}`, `value ${i}`)])
  const compacted = await clean(partition, world)
  expect(compacted?.bytesAfter).toBeLessThan((compacted?.bytesBefore ?? 0) / 5)
  expect(compacted?.bytesAfter).toBeGreaterThan(4 * BATCH_OVERHEAD)
})

async function open(world: Machine): Promise<{ readonly broker: Broker; readonly partition: Partition }> {
  const broker = await world.open({ upkeepMs: 100 * dayMs })
  await broker.createTopic('t', { partitions: 1, configs })
  return { broker, partition: partitionOf(broker) }
}

function partitionOf(broker: Broker): Partition {
  return broker.partition('t', 0) as Partition
}

function clean(partition: Partition, { clock }: Machine) {
  return compactPartition(partition, { now: clock.now(), keysMax: 1000 }, forever)
}

function value({ clock }: Machine, key: string, text: string | null): TestRecord {
  return { key, value: text, timestamp: clock.now() }
}

/** So much behind that what came before is in closed segments. */
async function fill(partition: Partition, world: Machine): Promise<void> {
  for (let i = 0; i < 2; i += 1) await appendRecords(partition, [value(world, 'filler', 'f'.repeat(300))])
}

/** What a cleaning of all below `end` leaves: the last of each key there, and everything behind. Tombstones are young. */
function surviving(written: readonly FoundRecord[], end: number): readonly FoundRecord[] {
  const latest = new Map<string | null, number>()
  for (const { key, offset } of written) if (offset < end) latest.set(key, offset)
  return written.filter(({ key, offset }) => offset >= end || latest.get(key) === offset)
}
