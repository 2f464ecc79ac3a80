// The assignors of the newer group protocol: all partitions, evenly, to subscribers only, and as few moves as that takes.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type Assignor,
  assignors,
  type Subscriber,
} from '../../../../../collector/broker/groups/consumer-groups/assignors.ts'
import {
  common,
  countOf,
  noPartitions,
  type PartitionSet,
  partitionSet,
} from '../../../../../collector/broker/groups/consumer-groups/partition-set.ts'
import { runs } from '../../../../runs.ts'
import { placesOf } from './consumer-model.ts'

const topics = ['a', 'b', 'c']
const counts = fc
  .record({ a: fc.nat(9), b: fc.nat(9), c: fc.nat(9) })
  .map((of) => new Map(Object.entries(of)))
const members = fc.uniqueArray(fc.constantFrom('m1', 'm2', 'm3', 'm4', 'm5', 'm6'), { minLength: 1 })
const numRuns = runs(2000, 200)

type Shares = ReadonlyMap<string, PartitionSet>

function subscribers(
  names: readonly string[],
  before: Shares,
  topicsOf = (_: string) => topics,
): Subscriber[] {
  return names.map((id) => ({ id, topics: new Set(topicsOf(id)), before: before.get(id) ?? noPartitions }))
}

function loadsOf(shares: Shares): readonly number[] {
  return [...shares.values()].map(countOf)
}

function spreadOf(shares: Shares): number {
  return Math.max(...loadsOf(shares)) - Math.min(...loadsOf(shares))
}

function staying(before: Shares, after: Shares): number {
  let count = 0
  for (const [id, set] of after) count += countOf(common(set, before.get(id) ?? noPartitions))
  return count
}

function allOf(of: ReadonlyMap<string, number>): readonly string[] {
  return [...of].flatMap(([topic, count]) => Array.from({ length: count }, (_, index) => `${topic}/${index}`))
}

/** What one assigns after another, for other members and other topics. */
function twice(assignor: Assignor, from: readonly string[], to: readonly string[], at: [Counts, Counts]) {
  const before = assignor(subscribers(from, new Map()), at[0])
  return { before, after: assignor(subscribers(to, before), at[1]) }
}

type Counts = ReadonlyMap<string, number>

describe.each(Object.entries(assignors))('%s', (_name, assignor) => {
  test('gives each partition to one subscriber, whatever was before', () => {
    const topicsOf = (id: string) => (id < 'm4' ? topics : [`${topics[Number(id[1]) % 3]}`])
    fc.assert(
      fc.property(members, members, counts, counts, (from, to, few, many) => {
        const { before } = twice(assignor, from, from, [few, few])
        const shares = assignor(subscribers(to, before, topicsOf), many)
        const read = new Set(to.flatMap(topicsOf))
        const wanted = [...many].filter(([topic]) => read.has(topic))
        const given = [...shares.values()].flatMap(placesOf)
        expect(given.sort()).toEqual([...allOf(new Map(wanted))].sort())
        for (const [id, set] of shares) expect(topicsOf(id)).toEqual(expect.arrayContaining([...set.keys()]))
      }),
      { numRuns },
    )
  })

  test('changes nothing when nothing has changed', () => {
    fc.assert(
      fc.property(members, counts, (names, of) => {
        const { before, after } = twice(assignor, names, names.toReversed(), [of, of])
        expect(staying(before, after)).toBe(allOf(of).length)
      }),
      { numRuns },
    )
  })
})

describe('uniform', () => {
  test('is even, and moves no more than that takes', () => {
    fc.assert(
      fc.property(members, members, counts, counts, (from, to, few, many) => {
        const { before, after } = twice(assignors.uniform, from, to, [few, many])
        expect(spreadOf(after)).toBeLessThanOrEqual(1)
        const total = allOf(many).length
        const part = Math.floor(total / to.length)
        // Of what is still there each keeps its part, and some of those that had more keep one more.
        const kept = to.map((id) =>
          placesOf(before.get(id) ?? noPartitions).filter((one) => allOf(many).includes(one)),
        )
        const larger = Math.min(total % to.length, kept.filter(({ length }) => length > part).length)
        const most = kept.reduce((sum, { length }) => sum + Math.min(length, part), 0) + larger
        expect(staying(before, after)).toBeGreaterThanOrEqual(most)
      }),
      { numRuns },
    )
  })

  test('evens out where members read different topics', () => {
    const before = new Map([['m1', partitionSet([{ topicId: 'a', partitions: [0, 1, 2, 3] }])]])
    const list = [...subscribers(['m1'], before), ...subscribers(['m2'], before, () => ['b'])]
    const shares = assignors.uniform(
      list,
      new Map([
        ['a', 4],
        ['b', 4],
        ['c', 0],
      ]),
    )
    expect([...shares.values()].map(placesOf)).toEqual([
      ['a/0', 'a/1', 'a/2', 'a/3'],
      ['b/0', 'b/1', 'b/2', 'b/3'],
    ])
  })

  test('one that holds too much gives up only what another one may read', () => {
    const before = new Map([['m1', partitionSet([{ topicId: 'a', partitions: [0, 1, 2, 3] }])]])
    const list = [
      ...subscribers(['m1'], before, () => ['a']),
      ...subscribers(['m2'], before, () => ['a', 'b']),
    ]
    const counts = new Map([
      ['a', 4],
      ['b', 1],
    ])
    const [first = [], second = []] = [...assignors.uniform(list, counts).values()].map(placesOf)
    expect(first).toHaveLength(3)
    expect(second).toEqual([expect.stringMatching(/^a/), 'b/0'])
    expect(new Set([...first, ...second]).size).toBe(5)
  })
})

test('range gives members of the same topics the same numbers of each, and a newcomer the last ones', () => {
  const of = new Map([
    ['a', 6],
    ['b', 6],
    ['c', 0],
  ])
  const { before, after } = twice(assignors.range, ['m2', 'm3'], ['m1', 'm2', 'm3'], [of, of])
  expect([...before].map(([id, set]) => [id, ...placesOf(set)].join(' '))).toEqual([
    'm2 a/0 a/1 a/2 b/0 b/1 b/2',
    'm3 a/3 a/4 a/5 b/3 b/4 b/5',
  ])
  expect([...after].map(([id, set]) => [id, ...placesOf(set)].join(' ')).sort()).toEqual([
    'm1 a/4 a/5 b/4 b/5',
    'm2 a/0 a/1 b/0 b/1',
    'm3 a/2 a/3 b/2 b/3',
  ])
})
