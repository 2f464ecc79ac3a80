// What transactions commit, what is taken back, and groups: the same after any restart, however often the log was written anew.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { brokerDefaults } from '../../../../collector/broker/config.ts'
import { DiskShare } from '../../../../collector/broker/disk-share.ts'
import { type GroupOffsets, openGroupOffsets } from '../../../../collector/broker/groups/group-offsets.ts'
import type { GroupRecord } from '../../../../collector/broker/groups/group-types.ts'
import type { GroupOffset } from '../../../../collector/broker/groups/offset-codec.ts'
import { openPartition, type Partition } from '../../../../collector/broker/partitions/partition.ts'
import { topicSettings } from '../../../../collector/broker/topics/topic-settings.ts'
import { runs } from '../../../runs.ts'
import { forever, type Machine, machine } from '../harness.ts'

const config = { ...brokerDefaults, segmentBytes: 8 * 1024 }

async function open(world: Machine): Promise<{ partition: Partition; offsets: GroupOffsets }> {
  const parts = {
    storage: world.disk.storage(),
    clock: world.clock,
    logger: world.logger,
    share: new DiskShare(config, world.clock),
    config,
    clean: false,
    guard: { refusal: () => null },
  }
  const partition = await openPartition(
    { topic: '__consumer_offsets', index: 0, directory: '/data/o', settings: topicSettings({}, config) },
    parts,
  )
  const offsets = await openGroupOffsets(partition, {
    clock: world.clock,
    logger: world.logger,
    entriesMax: 1000,
  })
  return { partition, offsets }
}

function entry(group: string, partition: number, offset: number): GroupOffset {
  const place = { group, topic: 't', partition, offset, topicId: 'id' }
  return { ...place, leaderEpoch: 0, metadata: `at ${offset}`, committedAt: offset, feed: null }
}

const transaction = { producerEpoch: 0, knowsAbortable: true }

function end(partition: Partition, producerId: number, outcome: 'commit' | 'abort'): Promise<unknown> {
  return partition.appendMarker({ producerId, producerEpoch: 0, outcome, coordinatorEpoch: 0 })
}

/** Commits elsewhere until the log has rolled so often. */
async function roll(partition: Partition, offsets: GroupOffsets, times: number): Promise<void> {
  for (let i = 0; i < times; i += 1) {
    const base = partition.log.activeBaseOffset
    for (let n = 0; partition.log.activeBaseOffset === base; n += 1) {
      await offsets.commitAll([entry('filler', 0, n)])
    }
  }
}

const group: GroupRecord = {
  protocolType: 'consumer',
  generation: 7,
  protocol: 'range',
  leader: 'm',
  since: 1,
  members: [
    {
      memberId: 'm',
      instanceId: null,
      clientId: 'c',
      clientHost: '/h',
      rebalanceTimeoutMs: 1,
      sessionTimeoutMs: 2,
      subscription: Uint8Array.of(1),
      assignment: Uint8Array.of(2),
    },
  ],
}

test('the offsets of a transaction count when it commits, not before, and never when it aborts', async () => {
  const world = machine()
  const { partition, offsets } = await open(world)
  const key = { group: 'g', topic: 't', partition: 0 }
  await offsets.commitAll([entry('g', 0, 5)])
  await offsets.commitPending([entry('g', 0, 6), entry('g', 1, 6)], { ...transaction, producerId: 1 })
  expect(offsets.find(key)?.offset).toBe(5)
  expect([offsets.isPending(key), offsets.hasPending('g'), offsets.hasPending('h')]).toEqual([
    true,
    true,
    false,
  ])
  await end(partition, 1, 'commit')
  expect(offsets.ofGroup('g').map(({ offset }) => offset)).toEqual([6, 6])
  expect(offsets.hasPending('g')).toBe(false)
  await offsets.commitPending([entry('g', 0, 9)], { ...transaction, producerId: 2 })
  await end(partition, 2, 'abort')
  expect(offsets.find(key)?.offset).toBe(6)
  world.disk.crash()
  const again = await open(world)
  expect(again.offsets.ofGroup('g').map(({ offset }) => offset)).toEqual([6, 6])
})

test('an open transaction survives restarts and rewrites of the log; so does what it will replace', async () => {
  const world = machine()
  let { partition, offsets } = await open(world)
  const key = { group: 'g', topic: 't', partition: 0 }
  await offsets.commitAll([entry('g', 0, 5), entry('g', 1, 5)])
  await offsets.commitPending([entry('g', 0, 6)], { ...transaction, producerId: 1 })
  for (let restart = 0; restart < 3; restart += 1) {
    await roll(partition, offsets, 3)
    world.disk.crash()
    ;({ partition, offsets } = await open(world))
    expect([offsets.find(key)?.offset, offsets.isPending(key)]).toEqual([5, true])
  }
  const held = partition.log.status().bytes
  await end(partition, 1, 'commit')
  expect(offsets.find(key)?.offset).toBe(6)
  await roll(partition, offsets, 2)
  expect(partition.log.status().bytes).toBeLessThan(held / 2)
  world.disk.crash()
  expect((await open(world)).offsets.ofGroup('g').map(({ offset }) => offset)).toEqual([6, 5])
})

test('a commit behind that of an open transaction is the newer one, also after a rewrite and a restart', async () => {
  for (const restarts of [false, true]) {
    const world = machine()
    let { partition, offsets } = await open(world)
    await offsets.commitPending([entry('g', 0, 6), entry('g', 1, 6)], { ...transaction, producerId: 1 })
    await offsets.commitAll([entry('g', 0, 7)])
    await offsets.remove([{ group: 'g', topic: 't', partition: 1 }], null)
    await roll(partition, offsets, 2)
    if (restarts) {
      world.disk.crash()
      ;({ partition, offsets } = await open(world))
    }
    await end(partition, 1, 'commit')
    expect(offsets.ofGroup('g').map(({ offset }) => offset)).toEqual([7])
  }
})

test('groups and what was taken back survive a restart and a rewrite', async () => {
  const world = machine()
  let { partition, offsets } = await open(world)
  await offsets.keepGroup('g', group)
  await offsets.keepGroup('gone', group)
  await offsets.commitAll([entry('g', 0, 1), entry('gone', 0, 1)])
  await offsets.remove(offsets.ofGroup('gone'), 'gone')
  for (let restart = 0; restart < 2; restart += 1) {
    world.disk.crash()
    ;({ partition, offsets } = await open(world))
    expect(offsets.record('g')).toEqual(group)
    expect([...offsets.names()].filter((name) => name !== 'filler')).toEqual(['g'])
    await roll(partition, offsets, 2)
  }
})

type Step =
  | { readonly do: 'commit' | 'pending'; readonly place: number; readonly producer: number }
  | { readonly do: 'remove'; readonly place: number }
  | { readonly do: 'end'; readonly producer: number; readonly outcome: 'commit' | 'abort' }
  | { readonly do: 'roll' | 'restart' }

const place = fc.nat({ max: 3 })
const producer = fc.integer({ min: 1, max: 3 })
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constantFrom('commit', 'pending'), place, producer }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('remove' as const), place }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('end' as const),
      producer,
      outcome: fc.constantFrom('commit', 'abort'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('roll', 'restart') }) },
)

test('in any order: what counts is the newest that was committed, by its place in the log', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const world = machine()
      let { partition, offsets } = await open(world)
      /** Each place: what was written there, in order; pending ones wait for their producer. */
      const written = new Map<number, { offset: number | null; waits: number | null }[]>()
      const write = (at: number, one: { offset: number | null; waits: number | null }) => {
        written.set(at, [...(written.get(at) ?? []), one])
      }
      for (const [offset, one] of steps.entries()) {
        if (one.do === 'commit') {
          await offsets.commitAll([entry('g', one.place, offset)])
          write(one.place, { offset, waits: null })
        } else if (one.do === 'pending') {
          await offsets.commitPending([entry('g', one.place, offset)], {
            ...transaction,
            producerId: one.producer,
          })
          write(one.place, { offset, waits: one.producer })
        } else if (one.do === 'remove') {
          await offsets.remove([{ group: 'g', topic: 't', partition: one.place }], null)
          write(one.place, { offset: null, waits: null })
        } else if (one.do === 'end') {
          await end(partition, one.producer, one.outcome)
          for (const [at, list] of written) {
            const left = list.filter(({ waits }) => waits !== one.producer || one.outcome === 'commit')
            written.set(
              at,
              left.map((each) => (each.waits === one.producer ? { ...each, waits: null } : each)),
            )
          }
        } else if (one.do === 'roll') await roll(partition, offsets, 1)
        else {
          world.disk.crash()
          ;({ partition, offsets } = await open(world))
        }
        for (const [at, list] of written) {
          const key = { group: 'g', topic: 't', partition: at }
          const newest = list.findLast(({ waits }) => waits === null)?.offset ?? undefined
          const isPending = list.some(({ waits }) => waits !== null)
          expect({ at, offset: offsets.find(key)?.offset, isPending: offsets.isPending(key) }).toEqual({
            at,
            offset: newest,
            isPending,
          })
        }
      }
    }),
    { numRuns: runs(2000, 150) },
  )
}, 60_000)

test('a record that makes no sense is told of and left out', async () => {
  const world = machine()
  const { partition, offsets } = await open(world)
  await offsets.commit({ group: 'g', topic: 't', partition: 0 }, entry('g', 0, 3), forever)
  const junk = { value: Uint8Array.of(1, 2, 3), timestamp: 1, headers: [], source: null }
  await partition.publishAll([{ key: Uint8Array.of(0, 9), ...junk }])
  world.disk.crash()
  const again = await open(world)
  expect(again.offsets.list()).toHaveLength(1)
  expect(world.logger.lines.filter(({ level }) => level === 'error')).toHaveLength(1)
})
