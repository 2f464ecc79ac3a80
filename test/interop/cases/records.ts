// Cases about records: produced, consumed from three places, in every codec, with keys and headers, idempotent.
import assert from 'node:assert/strict'
import {
  assertAcks,
  assertRead,
  assertReads,
  assertSame,
  assertSameSet,
  type Case,
  consumeJob,
  done,
  fitting,
  produced,
  produceJob,
  readAll,
  topicOf,
  type World,
} from '../case.ts'
import { type Codec, codecs, type JobRecord } from '../job.ts'
import { base64, compressibleRecords, mixedRecords } from '../samples.ts'
import { wireBatches } from '../wire-probe.ts'

const produce: Case = {
  name: 'produce',
  about: 'records of all shapes lie where they were acknowledged, byte for byte, in order',
  async run(world) {
    const { client } = world
    const topic = await topicOf(world, client.shapes === 'any' ? 3 : 1)
    const asked = fitting(client, mixedRecords(client.name, 3, client.shapes))
    const { sent, ...result } = await produced(world, produceJob(world, topic, asked))
    const read = await readAll(world, topic, sent.length)
    assertSame(read, sent, 'produced')
    assertAcks(read, sent, result)
  },
}

const consumeBeginning: Case = {
  name: 'consume beginning',
  about: 'everything from the first offset on, with the timestamps',
  async run(world) {
    const topic = await topicOf(world, 3)
    const sent = fitting(world.client, mixedRecords('from the beginning', 3, 'any')).map((record, index) => ({
      ...record,
      timestamp: 1_700_000_000_000 + index,
    }))
    await done(world.reference, produceJob(world, topic, sent))
    const read = await assertReads(world, topic, sent, 'consumed')
    const times = (records: readonly JobRecord[]) => records.map((record) => record.timestamp)
    if (world.client.lacks.timestamps === undefined) assert.deepEqual(times(read), times(sent), 'timestamps')
  },
}

const consumeEnd: Case = {
  name: 'consume end',
  about: 'only what is written after the consumer stands at the end',
  async run(world) {
    const topic = await topicOf(world, 2)
    await done(world.reference, produceJob(world, topic, mixedRecords('old', 2, 'any')))
    const sent = fitting(world.client, mixedRecords('new', 2, 'any'))
    const job = world.driver.run(consumeJob(world, topic, sent.length, { from: 'end' }))
    await job.ready
    await done(world.reference, produceJob(world, topic, sent))
    assertRead(job.records, await job.finished, sent, 'consumed from the end')
  },
}

const consumeTime: Case = {
  name: 'consume time',
  about: 'the first record whose timestamp is not before the time, and all after it',
  async run(world) {
    const topic = await topicOf(world, 2)
    const began = 1_700_000_000_000
    const sent = Array.from({ length: 40 }, (_, index) => ({
      partition: index % 2,
      timestamp: began + 1000 * index,
      key: null,
      value: base64(`at ${index}`),
    }))
    for (const half of [sent.slice(0, 20), sent.slice(20)]) {
      await done(world.reference, produceJob(world, topic, half))
    }
    const expected = sent.slice(13)
    const from = { time: began + 12_500 }
    await assertReads(world, topic, expected, 'consumed from a time', { from })
  },
}

function codecCase(codec: Codec): Case {
  return {
    name: codec,
    about: `batches in ${codec} as this client writes them, and as Java writes them read by this client`,
    async run(world) {
      const { client, broker } = world
      if (client.lacks.produce === undefined) {
        const topic = await topicOf(world, 1)
        const asked = compressibleRecords(`${client.name} ${codec}`, client.shapes)
        const { sent } = await produced(world, { ...produceJob(world, topic, asked), codec })
        assertSame(await readAll(world, topic, sent.length), sent, 'read by Java')
        const batches = await wireBatches(broker.plain, topic, 0)
        assert.deepEqual(
          [...new Set(batches.map((batch) => batch.codec))],
          [codec],
          'codec in the batch headers',
        )
      }
      if (client.lacks['consume beginning'] === undefined) {
        const topic = await topicOf(world, 1)
        const sent = compressibleRecords(`java ${codec}`, 'any')
        await done(world.reference, { ...produceJob(world, topic, sent), codec })
        await assertReads(world, topic, sent, 'read by the client')
      }
    },
  }
}

/** What the client writes is what Java reads, and what the client reads. */
async function assertWritesAndReads(world: World, sent: readonly JobRecord[]): Promise<void> {
  const topic = await topicOf(world, 1)
  await done(world.driver, produceJob(world, topic, sent))
  assertSame(await readAll(world, topic, sent.length), sent, 'read by Java')
  await assertReads(world, topic, sent, 'read by the client')
}

const keys: Case = {
  name: 'keys',
  about: 'text keys, no key, and tombstones; written and read by the client',
  async run(world) {
    const texts = ['k', 'schlüssel', null, 'k']
    const sent: JobRecord[] = texts.map((text, index) => ({
      partition: 0,
      key: text === null ? null : base64(text),
      value: index === 3 ? null : base64(`value ${index}`),
    }))
    await assertWritesAndReads(world, sent)
  },
}

const headers: Case = {
  name: 'headers',
  about: 'several headers, one name twice, an empty value; written and read by the client',
  async run(world) {
    const all = [
      ['trace', base64('00-4bf92f')],
      ['twice', base64('one')],
      ['twice', base64('two')],
      ['empty', base64('')],
    ] as const
    const sent: JobRecord[] = [all, all.slice(0, 1), []].map((some, index) => ({
      partition: 0,
      key: base64('k'),
      value: base64(`headers ${index}`),
      headers: some,
    }))
    await assertWritesAndReads(world, sent)
  },
}

const idempotent: Case = {
  name: 'idempotent',
  about: 'an idempotent producer: its id is in every batch, every record is there once',
  async run(world) {
    const topic = await topicOf(world, 1)
    const { client, broker } = world
    const asked = compressibleRecords('idempotent', client.shapes)
    const job = { ...produceJob(world, topic, asked), idempotent: true }
    const { sent, ...result } = await produced(world, job)
    const read = await readAll(world, topic, sent.length)
    assertSame(read, sent, 'produced')
    assertAcks(read, sent, result)
    const batches = await wireBatches(broker.plain, topic, 0)
    assert(
      batches.every((batch) => batch.producerId >= 0n),
      'every batch has a producer id',
    )
    assertSameSet(read, sent, 'each once')
  },
}

export const recordCases: readonly Case[] = [
  produce,
  consumeBeginning,
  consumeEnd,
  consumeTime,
  ...codecs.map(codecCase),
  keys,
  headers,
  idempotent,
]
