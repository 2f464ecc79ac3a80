// Crashes with producers and transactions: every batch once and in order, every transaction whole or not at all.
import { expect, test } from 'vitest'
import type { Broker } from '../../../collector/broker/broker.ts'
import { runs } from '../../runs.ts'
import { forever, machine, record, send } from './harness.ts'
import { consume, initProducer, partitionOf, produce } from './producer-harness.ts'

const config = { partitions: 2, segmentBytes: 2500, upkeepMs: 1_000_000 }
const partitions = [0, 1]
/** Turns of each idempotent producer, transactions of each transactional one. */
const rounds = 6
/** Batches that a producer has on its way at a time: they share a write, and a crash may tear it anywhere. */
const inFlight = 4

/** What was promised to the senders, as they stand at the crash: what a dead broker still answers does not reach them. */
class Senders {
  /** Idempotent producers: batches that were acknowledged, by producer. */
  acknowledged = [0, 0]
  ids: number[] = [-1, -1]
  /** Transactions by their number: what was asked for at the end, and whether that was confirmed. */
  readonly asked = new Map<string, 'commit' | 'abort' | 'none'>()
  readonly confirmed = new Set<string>()
  #isDead = false

  die(): void {
    this.#isDead = true
  }

  /** Sends some batches at a time; those not acknowledged are sent again by the next run. */
  async idempotent(broker: Broker, producer: number): Promise<void> {
    if (this.ids[producer] === -1) {
      const asking = { transactionalId: null, timeoutMs: 0, producerId: -1, producerEpoch: -1 }
      const { producerId } = await broker.transactions.initProducerId(asking)
      if (this.#isDead) return
      this.ids[producer] = producerId
    }
    const id = this.ids[producer] as number
    const partition = partitionOf(broker, 'logs', producer)
    for (let next = this.acknowledged[producer] as number; next < rounds * inFlight; next += inFlight) {
      const batches = Array.from({ length: inFlight }, (_, i) => next + i).map((sequence) =>
        produce(partition, { id, epoch: 0, sequence, values: [`p${producer}/${sequence}`] }),
      )
      await Promise.all(batches)
      if (this.#isDead) return
      this.acknowledged[producer] = next + inFlight
    }
  }

  async transactional(broker: Broker, name: string, from: number): Promise<void> {
    const producer = await initProducer(broker, name)
    for (let round = from; round < from + rounds && !this.#isDead; round += 1) {
      const key = `${name}/${round}`
      this.asked.set(key, 'none')
      await producer.add('logs', ...partitions)
      const sent = partitions.flatMap((partition) =>
        ['a', 'b'].map((part) => producer.send('logs', partition, `${key}/${part}`)),
      )
      const outcome = round % 3 === 2 ? 'abort' : 'commit'
      // A producer that gives up does not wait for what is on its way.
      if (outcome === 'commit') await Promise.all(sent)
      if (this.#isDead) return
      this.asked.set(key, outcome)
      await producer.end(outcome)
      if (this.#isDead) return
      this.confirmed.add(key)
    }
  }

  async run(broker: Broker, from: number): Promise<void> {
    await Promise.all([
      this.idempotent(broker, 0),
      this.idempotent(broker, 1),
      this.transactional(broker, 'tx', from),
      this.transactional(broker, 'ty', from),
      send(broker, { source: `f${from}`, from: 0, to: 3 }),
      broker.publish('logs', [record(`e${from}`)], forever),
    ])
  }
}

async function committed(broker: Broker): Promise<readonly string[]> {
  const all = await Promise.all(
    partitions.map((index) => consume(partitionOf(broker, 'logs', index), 'read_committed')),
  )
  return all.flatMap((lines, index) => lines.map((line) => `${index}:${line}`))
}

function check(lines: readonly string[], senders: Senders): void {
  const values = lines.map((line) => line.replace(/^\d:\d+=/, ''))
  const seen = new Set(lines.map((line) => line.split('=')[0]))
  expect(seen.size).toBe(lines.length)
  for (const producer of partitions) {
    const numbered = values.filter((value) => value.startsWith(`p${producer}/`))
    expect(numbered).toEqual(Array.from({ length: rounds * inFlight }, (_, i) => `p${producer}/${i}`))
  }
  for (const [key, outcome] of senders.asked) {
    const found = values.filter((value) => value.startsWith(`${key}/`)).length
    // Two records in each of two partitions: all or nothing.
    if (senders.confirmed.has(key)) expect([key, found]).toEqual([key, outcome === 'commit' ? 4 : 0])
    else if (outcome === 'commit') expect([0, 4]).toContain(found)
    else expect([key, found]).toEqual([key, 0])
  }
}

/** What the partitions know of producers. */
function known(broker: Broker): unknown {
  return partitions.map((index) => {
    const { producers, highWatermark, lastStableOffset } = partitionOf(broker, 'logs', index)
    const aborted = producers.aborted(0, highWatermark)
    return {
      facts: producers.facts(),
      aborted,
      open: [...producers.openTransactions()],
      highWatermark,
      lastStableOffset,
    }
  })
}

test.each(['ordered', 'hostile', 'kill'] as const)(
  'a crash at any call (%s): idempotent batches once and in order, transactions whole or not at all',
  async (mode) => {
    let crashes = 0
    for (let call = 12; ; call += mode === 'ordered' ? runs(3, 17) : runs(1, 7)) {
      const world = machine(call * 7, mode === 'hostile' ? 'hostile' : 'ordered')
      const senders = new Senders()
      const crashed = world.disk.whenCrashed().then(() => false)
      world.disk.intercept = ({ number }) => {
        if (number !== call) return 'go'
        if (mode !== 'kill') return 'crash'
        world.disk.kill()
        return 'go'
      }
      const first = async () => {
        const broker = await world.open(config)
        await broker.topic('logs')
        await senders.run(broker, 0)
        await broker[Symbol.asyncDispose]()
        return true
      }
      const finished = await Promise.race([first(), crashed])
      if (finished) break
      crashes += 1
      senders.die()
      const later = new Senders()
      later.acknowledged = senders.acknowledged
      later.ids = senders.ids
      world.disk.intercept = null
      const broker = await world.open(config)
      await broker.topic('logs')
      await later.run(broker, 100)
      for (const [key, outcome] of senders.asked) later.asked.set(key, outcome)
      for (const key of senders.confirmed) later.confirmed.add(key)
      const lines = await committed(broker)
      check(lines, later)
      for (const { open } of known(broker) as { open: unknown[] }[]) expect(open).toEqual([])
      // What a running broker knows is what the next one reads, from the log as well as from its snapshots.
      const live = known(broker)
      world.disk.kill()
      const again = await world.open(config)
      expect(known(again)).toEqual(live)
      expect(await committed(again)).toEqual(lines)
      await again[Symbol.asyncDispose]()
      const clean = await world.open(config)
      expect(known(clean)).toEqual(live)
      await clean[Symbol.asyncDispose]()
    }
    expect(crashes).toBeGreaterThan(runs(40, 15))
  },
  240_000,
)

test('a retry is answered with the first offset, and only once that batch is safe', async () => {
  const world = machine()
  const broker = await world.open({ partitions: 1 })
  await broker.topic('logs')
  const partition = partitionOf(broker)
  const batch = { id: 5, sequence: 0, values: ['a', 'b'] }
  const answers = [1, 2, 3].map(async () => {
    const { baseOffset } = await produce(partition, batch)
    return { baseOffset, highWatermark: partition.highWatermark }
  })
  expect(partition.highWatermark).toBe(0)
  for (const answer of answers) expect(await answer).toEqual({ baseOffset: 0, highWatermark: 2 })
  expect(partition.highWatermark).toBe(2)
  expect(await produce(partition, batch)).toMatchObject({ baseOffset: 0 })
})

test('a full disk refuses a batch and what is behind it; both can be sent again', async () => {
  const world = machine()
  const broker = await world.open({ partitions: 1 })
  await broker.topic('logs')
  const partition = partitionOf(broker)
  await produce(partition, { id: 5, sequence: 0, values: ['0'] })
  world.disk.intercept = ({ verb }) => (verb === 'write' ? 'full' : 'go')
  const sent = [1, 2, 3].map((sequence) => produce(partition, { id: 5, sequence, values: [`${sequence}`] }))
  const outcomes = await Promise.allSettled(sent)
  expect(outcomes.map((outcome) => outcome.status)).toEqual(['rejected', 'rejected', 'rejected'])
  await expect(produce(partition, { id: 5, sequence: 3, values: ['3'] })).rejects.toMatchObject({
    error: 'OUT_OF_ORDER_SEQUENCE_NUMBER',
  })
  world.disk.intercept = null
  for (const sequence of [1, 2, 3]) await produce(partition, { id: 5, sequence, values: [`${sequence}`] })
  expect(await consume(partition, 'read_uncommitted')).toEqual(['0=0', '1=1', '2=2', '3=3'])
})
