// Cases about transactions: what was committed is read once, what was aborted never, offsets move with the records.
import assert from 'node:assert/strict'
import { assertSame, type Case, done, readAll, steps, topicOf } from '../case.ts'
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
    const topic = await topicOf(world, 2)
    const group = world.name('group')
    const onlyCommits = world.client.lacks.abort !== undefined
    const [first, aborted, last] = [numbered('first'), numbered('aborted'), numbered('last')]
    const offsets = { group, topic, partition: 0, offset: 5 }
    const { transactions: told = [] } = await done(world.driver, {
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
    const committed = onlyCommits ? first : [...first, ...last]
    const count = committed.length
    const readers = [world.reference, world.driver].slice(
      0,
      world.client.lacks['read committed'] === undefined ? 2 : 1,
    )
    for (const by of readers) {
      const read = await readAll(world, topic, count, { isolation: 'read_committed', by })
      assertSame(read, committed, 'read committed')
      if (by !== world.reference || onlyCommits) continue
      const acked = told.at(-1)?.at(-1)
      if (acked !== undefined) assert.deepEqual([read.at(-1)?.partition, read.at(-1)?.offset], acked, 'ack')
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

export const transactionCases: readonly Case[] = [transactions]
