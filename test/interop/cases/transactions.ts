// Cases about transactions: what was committed is read once, what was aborted never, offsets move with the records.
import assert from 'node:assert/strict'
import { assertReads, assertSame, type Case, done, readAll, steps, topicOf } from '../case.ts'
import type { JobRecord } from '../job.ts'
import { base64 } from '../samples.ts'
import { wireBatches } from '../wire-probe.ts'

function numbered(label: string): JobRecord[] {
  return Array.from({ length: 10 }, (_, index) => ({
    partition: index % 2,
    key: base64('k'),
    value: base64(`${label} ${index}`),
  }))
}

const transactions: Case = {
  name: 'transactions',
  about: 'commit, abort, commit with offsets; read_committed shows the committed records only',
  async run(world) {
    const { client } = world
    const topic = await topicOf(world, client.shapes === 'any' ? 2 : 1)
    const group = world.name('group')
    const onlyCommits = client.lacks.abort !== undefined
    const [first, aborted, last] = [numbered('first'), numbered('aborted'), numbered('last')]
    const offsets = { group, topic, partition: 0, offset: 5 }
    const { transactions: told = [], written } = await done(world.driver, {
      op: 'transact',
      brokers: world.broker.plain,
      topic,
      transactionalId: world.name('transactional'),
      transactions: onlyCommits
        ? [{ records: first, end: 'commit' }]
        : [
            { records: first, end: 'commit' },
            { records: aborted, end: 'abort' },
            { records: last, end: 'commit', offsets },
          ],
    })
    const committed = written ?? (onlyCommits ? first : [...first, ...last])
    const isolation = 'read_committed'
    const read = await readAll(world, topic, committed.length, { isolation })
    assertSame(read, committed, 'read committed')
    const acked = told.at(-1)?.at(-1)
    if (acked !== undefined && !onlyCommits) {
      assert.deepEqual([read.at(-1)?.partition, read.at(-1)?.offset], acked, 'ack')
    }
    if (client.lacks['read committed'] === undefined) {
      await assertReads(world, topic, committed, 'read committed by the client', { isolation })
    }
    const batches = await wireBatches(world.broker.plain, topic, 0)
    const markers = batches.filter((batch) => batch.control).length
    assert.equal(markers, onlyCommits ? 1 : 3, 'a marker for each transaction in partition 0')
    assert(
      batches.every((batch) => batch.transactional),
      'every batch is transactional',
    )
    if (onlyCommits) return
    const [found] = await steps(world.reference, world.broker.plain, [['groupOffsets', group, topic]])
    assert.deepEqual(found, { 0: 5 }, 'offsets committed with the transaction')
  },
}

const readCommitted: Case = {
  name: 'read committed',
  about: 'what Java committed, and nothing of what it aborted in between, read by this client',
  async run(world) {
    const topic = await topicOf(world, 2)
    const [first, last] = [numbered('first'), numbered('last')]
    await done(world.reference, {
      op: 'transact',
      brokers: world.broker.plain,
      topic,
      transactionalId: world.name('transactional'),
      transactions: [
        { records: first, end: 'commit' },
        { records: numbered('aborted'), end: 'abort' },
        { records: last, end: 'commit' },
      ],
    })
    const isolation = 'read_committed'
    await assertReads(world, topic, [...first, ...last], 'read committed', { isolation })
  },
}

export const transactionCases: readonly Case[] = [transactions, readCommitted]
