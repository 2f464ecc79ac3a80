// Transactions of one broker: who sees what when, fencing, timeouts, what survives a restart.
import { expect, test } from 'vitest'
import type { Batch } from '../../../../core/event-log.ts'
import { readHeader } from '../../../../protocol/batch-header.ts'
import { drain } from '../../../sim/clock.ts'
import { batchOf, forever, machine, record, send, valuesOf } from '../harness.ts'
import { consume, initProducer, partitionOf, produce } from '../producer-harness.ts'

const config = { partitions: 2 }

test('committed records appear with the end of their transaction, in all partitions; aborted ones never', async () => {
  const broker = await machine().open(config)
  await broker.topic('logs')
  const [first, second] = [partitionOf(broker, 'logs', 0), partitionOf(broker, 'logs', 1)]
  const producer = await initProducer(broker, 'tx')
  await producer.add('logs', 0, 1)
  await producer.send('logs', 0, 'a0', 'a1')
  await producer.send('logs', 1, 'b0')
  await broker.publish('logs', [record('plain', 'k')], forever)
  expect(await consume(first, 'read_committed')).toEqual([])
  expect(
    (await consume(first, 'read_uncommitted')).length + (await consume(second, 'read_uncommitted')).length,
  ).toBe(4)
  await producer.end('commit')
  expect(await consume(first, 'read_committed')).toContain('0=a0')
  expect(await consume(second, 'read_committed')).toContain('0=b0')
  await producer.add('logs', 0)
  await producer.send('logs', 0, 'gone')
  await producer.end('abort')
  expect((await consume(first, 'read_committed')).join()).not.toContain('gone')
  expect([...(await valuesOf(broker))].sort()).toEqual(['a0', 'a1', 'b0', 'plain'])
  expect(first.lastStableOffset).toBe(first.highWatermark)
})

test('aborted transactions of several producers mixed with others: readers of any step size see the same', async () => {
  const broker = await machine().open({ partitions: 1 })
  await broker.topic('logs')
  const partition = partitionOf(broker)
  const producers = await Promise.all(['a', 'b', 'c'].map((id) => initProducer(broker, id)))
  const wanted: string[] = []
  for (let round = 0; round < 12; round += 1) {
    const sent: { index: number; values: string[] }[] = []
    for (const [index, producer] of producers.entries()) {
      await producer.add('logs', 0)
      const values = [`${index}/${round}/0`, `${index}/${round}/1`]
      const { baseOffset } = await producer.send('logs', 0, ...values)
      sent.push({ index, values: values.map((value, i) => `${baseOffset + i}=${value}`) })
    }
    const plain = await produce(partition, { values: [`plain ${round}`] })
    wanted.push(`${plain.baseOffset}=plain ${round}`)
    for (const { index, values } of sent.reverse()) {
      const isCommitted = (index + round) % 2 === 0
      if (isCommitted) wanted.push(...values)
      await producers[index]?.end(isCommitted ? 'commit' : 'abort')
    }
  }
  const sorted = wanted.sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10))
  for (const bytesMax of [1, 200, 700, 5000, 1_000_000]) {
    expect(await consume(partition, 'read_committed', bytesMax)).toEqual(sorted)
  }
  expect(await valuesOf(broker)).toEqual(sorted.map((line) => line.split('=')[1]))
})

test('nothing is taken for a transaction that does not have the partition (KIP-890)', async () => {
  const broker = await machine().open(config)
  await broker.topic('logs')
  const producer = await initProducer(broker, 'tx')
  await expect(producer.send('logs', 0, 'early')).rejects.toMatchObject({ error: 'INVALID_TXN_STATE' })
  const next = await initProducer(broker, 'tx')
  await next.add('logs', 0)
  await next.send('logs', 0, 'fine')
  await expect(next.send('logs', 1, 'elsewhere')).rejects.toMatchObject({ error: 'INVALID_TXN_STATE' })
  await next.end('commit')
  // A late batch of the transaction that has ended does not begin another one that nobody would ever end.
  await expect(next.send('logs', 0, 'late')).rejects.toMatchObject({ error: 'INVALID_TXN_STATE' })
  expect(partitionOf(broker).lastStableOffset).toBe(partitionOf(broker).highWatermark)
  await expect(producer.add('logs', 0)).rejects.toMatchObject({ error: 'PRODUCER_FENCED' })
  await expect(producer.send('logs', 0, 'zombie')).rejects.toMatchObject({ error: 'INVALID_PRODUCER_EPOCH' })
})

test('a new producer with the same transactional id aborts what the old one had open, and fences it', async () => {
  const broker = await machine().open(config)
  await broker.topic('logs')
  const old = await initProducer(broker, 'tx')
  await old.add('logs', 0)
  await old.send('logs', 0, 'half')
  const next = await initProducer(broker, 'tx')
  expect(next.identity).toMatchObject({ producerId: old.identity.producerId, producerEpoch: 2 })
  await expect(old.end('commit')).rejects.toMatchObject({ error: 'PRODUCER_FENCED' })
  await expect(old.send('logs', 0, 'more')).rejects.toMatchObject({ error: 'INVALID_PRODUCER_EPOCH' })
  await next.add('logs', 0)
  await next.send('logs', 0, 'whole')
  await next.end('commit')
  expect(await valuesOf(broker)).toEqual(['whole'])
})

test('a transaction that is open for too long is aborted; its producer is fenced', async () => {
  const { open, clock } = machine()
  const broker = await open(config)
  await broker.topic('logs')
  const producer = await initProducer(broker, 'tx')
  await producer.add('logs', 0)
  await producer.send('logs', 0, 'slow')
  await clock.advance(59_000)
  expect(partitionOf(broker).lastStableOffset).toBe(0)
  await clock.advance(3_000)
  expect(partitionOf(broker).lastStableOffset).toBe(2)
  await expect(producer.end('commit')).rejects.toMatchObject({ error: 'PRODUCER_FENCED' })
  expect(await valuesOf(broker)).toEqual([])
})

test.each([3_600_000, -3_600_000])(
  'a wall clock that jumps (%s ms) while a transaction is open neither ends it nor keeps it open',
  async (jumpMs) => {
    const { open, clock, disk } = machine()
    let broker = await open(config)
    await broker.topic('logs')
    const producer = await initProducer(broker, 'tx')
    await producer.add('logs', 0)
    await producer.send('logs', 0, 'slow')
    clock.jump(jumpMs)
    await clock.advance(30_000)
    expect(partitionOf(broker).lastStableOffset).toBe(0)
    if (jumpMs < 0) {
      disk.kill()
      broker = await open(config)
      await clock.advance(30_000)
      expect(partitionOf(broker).lastStableOffset).toBe(0)
    }
    await clock.advance(35_000)
    expect(partitionOf(broker).lastStableOffset).toBe(2)
  },
)

test('what was decided before a crash is carried out after it, without anybody asking', async () => {
  for (const outcome of ['commit', 'abort'] as const) {
    const { open, disk } = machine()
    const early = await open(config)
    await early.topic('logs')
    const producer = await initProducer(early, 'tx')
    await producer.add('logs', 0, 1)
    await producer.send('logs', 0, 'a')
    await producer.send('logs', 1, 'b')
    const crashed = disk.whenCrashed()
    let writes = 0
    disk.intercept = ({ verb, path }) => {
      // The decision is durable, none of the markers is.
      if (verb !== 'write' || !path.includes('topics/logs')) return 'go'
      writes += 1
      return 'crash'
    }
    await Promise.race([producer.end(outcome), crashed])
    expect(writes).toBe(1)
    disk.intercept = null
    const broker = await open(config)
    for (let turn = 0; turn < 10; turn += 1) await drain()
    expect(broker.transactions.describe('tx')).toMatchObject({
      state: outcome === 'commit' ? 'CompleteCommit' : 'CompleteAbort',
      partitions: [],
    })
    expect(await valuesOf(broker)).toEqual(outcome === 'commit' ? ['a', 'b'] : [])
    expect(partitionOf(broker, 'logs', 1).lastStableOffset).toBe(2)
  }
})

test('a transactional id that nobody uses is forgotten, durably', async () => {
  const { open, clock, disk } = machine()
  let broker = await open({ ...config, transactionalIdExpiryMs: 5000 })
  const producer = await initProducer(broker, 'tx')
  expect(broker.transactions.describe('tx')).toMatchObject({ state: 'Empty', producerEpoch: 0 })
  await clock.advance(7000)
  expect(broker.transactions.list()).toEqual([])
  disk.kill()
  broker = await open(config)
  expect(broker.transactions.describe('tx')).toBe(null)
  await expect(producer.add('logs', 0)).rejects.toMatchObject({ error: 'INVALID_PRODUCER_ID_MAPPING' })
})

test.each(['clean', 'kill'] as const)(
  'an open transaction goes on over a restart (%s), with and without data (Redpanda #30003)',
  async (ending) => {
    const { open, disk } = machine()
    let broker = await open(config)
    await broker.topic('logs')
    const producer = await initProducer(broker, 'tx')
    await producer.add('logs', 0, 1)
    await producer.send('logs', 0, 'before')
    if (ending === 'clean') await broker[Symbol.asyncDispose]()
    else disk.kill()
    broker = await open(config)
    expect(partitionOf(broker, 'logs', 0).lastStableOffset).toBe(0)
    expect(partitionOf(broker, 'logs', 1).lastStableOffset).toBe(0)
    expect(broker.transactions.describe('tx')).toMatchObject({ state: 'Ongoing' })
    const { producerId: id, producerEpoch: epoch } = producer.identity
    const named = { transactionalId: 'tx', ...producer.identity }
    await produce(partitionOf(broker), { id, epoch, sequence: 1, values: ['after'], transactional: true })
    await broker.transactions.endTransaction(named, 'commit')
    expect(await valuesOf(broker)).toEqual(['before', 'after'])
    for (const partition of [0, 1]) {
      const { lastStableOffset, highWatermark } = partitionOf(broker, 'logs', partition)
      expect(lastStableOffset).toBe(highWatermark)
    }
  },
)

test('sinks get committed records only, in plans that are cut the same after a crash', async () => {
  const world = machine()
  let broker = await world.open({ partitions: 1 })
  await broker.topic('logs')
  const options = {
    group: 'sink',
    topic: 'logs',
    partition: 0,
    start: 'beginning',
    rowsMax: 4,
    bytesMax: 1e6,
    ageMs: 0,
  } as const
  const [good, bad] = [await initProducer(broker, 'good'), await initProducer(broker, 'bad')]
  await bad.add('logs', 0)
  await bad.send('logs', 0, 'x1')
  await bad.end('abort')
  let feed = await broker.feed(options)
  let waiting: Batch | null = null
  const first = feed.next(forever).then((batch) => {
    waiting = batch
  })
  await good.add('logs', 0)
  await good.send('logs', 0, 'a', 'b')
  await bad.add('logs', 0)
  await bad.send('logs', 0, 'x2')
  await good.end('commit')
  await drain()
  // Behind the aborted beginning, the oldest open transaction is the end of what a sink may see.
  await world.clock.advance(10)
  await bad.end('abort')
  await good.add('logs', 0)
  await good.send('logs', 0, 'c', 'd', 'e')
  await good.end('commit')
  await first
  const seen: (readonly string[])[] = []
  const bounds: string[] = []
  for (let round = 0; round < 2; round += 1) {
    for (const crash of [false, true]) {
      if (crash) {
        world.disk.crash()
        broker = await world.open({ partitions: 1 })
        feed = await broker.feed(options)
      }
      const batch = round === 0 && !crash && waiting !== null ? (waiting as Batch) : await feed.next(forever)
      bounds.push(`${batch.firstOffset}-${batch.lastOffset} ${batch.count}`)
      seen.push(await valuesIn(batch))
      if (crash) await feed.commit(batch, forever)
    }
  }
  expect(seen[1]).toEqual(seen[0])
  expect(seen[3]).toEqual(seen[2])
  expect(bounds[1]).toBe(bounds[0])
  expect(bounds[3]).toBe(bounds[2])
  expect([...(seen[0] ?? []), ...(seen[2] ?? [])]).toEqual(['a', 'b', 'c', 'd', 'e'])
})

async function valuesIn(batch: Batch): Promise<readonly string[]> {
  const values: string[] = []
  for await (const decoded of batch.read(forever)) {
    if ('unreadable' in decoded) throw new Error(decoded.unreadable)
    for (let i = 0; i < decoded.count; i += 1) {
      values.push(new TextDecoder().decode(decoded.bytes.subarray(decoded.valueFrom[i], decoded.valueTo[i])))
    }
  }
  expect(values.length).toBe(batch.count)
  return values
}

test('a transaction whose marker is gone (damage, a late flush mode) is aborted at the next start', async () => {
  const { open, disk, logger } = machine()
  let broker = await open({ partitions: 1 })
  await broker.topic('logs')
  const producer = await initProducer(broker, 'tx')
  await producer.add('logs', 0)
  await producer.send('logs', 0, 'lost')
  // As if the coordinator had never heard of it: its log goes, the partition stays.
  disk.kill()
  for (const path of disk.paths())
    if (path.includes('__transaction_state/0/')) await disk.storage().remove(path)
  broker = await open({ partitions: 1 })
  expect(partitionOf(broker).lastStableOffset).toBe(2)
  expect(await valuesOf(broker)).toEqual([])
  expect(logger.lines.some(({ message }) => message.includes('lost its end'))).toBe(true)
  // Its id is not given to anybody else.
  const other = await initProducer(broker, 'tx')
  expect(other.identity.producerId).not.toBe(producer.identity.producerId)
})

test('a marker that was trimmed away before a snapshot knew of it does not keep its transaction open', async () => {
  const { open, disk, logger } = machine()
  let broker = await open({ partitions: 1 })
  await broker.topic('logs')
  const producer = await initProducer(broker, 'tx')
  await producer.add('logs', 0)
  await producer.send('logs', 0, 'a')
  // The snapshot of a clean stop knows the transaction as open.
  await broker[Symbol.asyncDispose]()
  broker = await open({ partitions: 1 })
  await broker.transactions.endTransaction({ transactionalId: 'tx', ...producer.identity }, 'commit')
  await produce(partitionOf(broker), { values: ['b'] })
  await partitionOf(broker).log.trim(2)
  disk.kill()
  broker = await open({ partitions: 1 })
  expect(await consume(partitionOf(broker), 'read_committed')).toEqual(['2=b'])
  expect(logger.lines.filter(({ level }) => level === 'error')).toEqual([])
  // Its sequences are still known.
  const { producerId: id, producerEpoch: epoch } = producer.identity
  await expect(produce(partitionOf(broker), { id, epoch, sequence: 7, values: ['c'] })).rejects.toMatchObject(
    {
      error: 'OUT_OF_ORDER_SEQUENCE_NUMBER',
    },
  )
})

test('headers copied by a Kafka client are no facts about sources', async () => {
  const { open, disk } = machine()
  let broker = await open({ partitions: 1 })
  await send(broker, { from: 0, to: 3 })
  const mirrored = batchOf({ source: 'other', from: 0, to: 9 })
  await partitionOf(broker).appendKafka(mirrored, { header: readHeader(mirrored, 0) })
  expect(broker.positions('other')).toEqual([])
  disk.kill()
  broker = await open({ partitions: 1 })
  expect(broker.positions('other')).toEqual([])
  expect(broker.positions('file')).toMatchObject([{ to: 3 }])
})

test('the log of the coordinator stays small, and loses nothing', async () => {
  const { open, disk } = machine()
  let broker = await open({ ...config, segmentBytes: 20_000 })
  await broker.topic('logs')
  const ids = Array.from({ length: 20 }, (_, i) => `tx${i}`)
  const producers = await Promise.all(ids.map((id) => initProducer(broker, id)))
  for (let round = 0; round < 60; round += 1) {
    await Promise.all(
      producers.map(async (producer) => {
        await producer.add('logs', 0)
        await producer.end(round % 2 === 0 ? 'commit' : 'abort')
      }),
    )
  }
  const { log } = partitionOf(broker, '__transaction_state')
  expect(log.status().bytes).toBeLessThan(80_000)
  expect(log.startOffset).toBeGreaterThan(0)
  const before = broker.transactions.list()
  disk.crash()
  broker = await open(config)
  expect(broker.transactions.list().map(({ state, producerEpoch }) => `${state} ${producerEpoch}`)).toEqual(
    before.map(({ state, producerEpoch }) => `${state} ${producerEpoch}`),
  )
  expect(before.length).toBe(20)
})

test('two requests that arrive together do not overwrite each other', async () => {
  const broker = await machine().open(config)
  await broker.topic('logs')
  const producer = await initProducer(broker, 'tx')
  const both = await Promise.allSettled([producer.add('logs', 0), producer.add('logs', 1)])
  const refused = both.filter((one) => one.status === 'rejected')
  expect(refused.map(({ reason }) => reason.error)).toEqual(['CONCURRENT_TRANSACTIONS'])
  await producer.add('logs', 1)
  await producer.send('logs', 0, 'a')
  await producer.send('logs', 1, 'b')
  await producer.end('commit')
  expect([...(await valuesOf(broker))].sort()).toEqual(['a', 'b'])
})
