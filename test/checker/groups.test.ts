// The group checks on hand-made events: two owners, a stale commit, a lost commit, copies twice and never.
import { expect, test } from 'vitest'
import { checkCopies } from './copies.ts'
import { type Assigned, type Committed, checkGroups, type Fetched } from './groups.ts'

const assigned = (generation: number, member: string, from: number): Assigned => ({
  kind: 'assigned',
  group: 'g',
  generation,
  member,
  keys: ['a-0'],
  from,
  to: from + 1,
})
const commit = (offset: number, from: number, rest: Partial<Committed> = {}): Committed => ({
  kind: 'committed',
  group: 'g',
  generation: 1,
  key: 'a-0',
  offset,
  outcome: 'ok',
  from,
  to: from + 1,
  ...rest,
})
const fetched = (offset: number, from: number): Fetched => ({
  kind: 'fetched',
  group: 'g',
  key: 'a-0',
  offset,
  from,
  to: from + 1,
})

test('a group that hands over is clean', () => {
  const events = [
    fetched(-1, 0),
    assigned(1, 'm', 2),
    commit(5, 4),
    fetched(5, 6),
    assigned(2, 'n', 8),
    commit(6, 10, { outcome: 'fail' }),
    fetched(5, 12),
    commit(9, 14, { generation: 2, outcome: 'info' }),
    fetched(5, 16),
    fetched(9, 18),
  ]
  expect(checkGroups(events)).toEqual([])
})

test('two owners in one generation', () => {
  expect(checkGroups([assigned(1, 'm', 0), assigned(1, 'n', 0)])).toEqual([
    'two owners: g/1/a-0 belongs to m and n',
  ])
})

test('a commit of a generation that has passed', () => {
  const late = [assigned(1, 'm', 0), assigned(2, 'n', 2), commit(5, 4)]
  expect(checkGroups(late)).toEqual(['stale commit: generation 1 of g after 2'])
})

test('a commit that is gone, or that nobody made', () => {
  const gone = [commit(5, 0), commit(7, 2), fetched(5, 4)]
  expect(checkGroups(gone)).toEqual(['lost commit: g/a-0 was fetched as 5'])
  expect(checkGroups([commit(5, 0), fetched(-1, 4)])).toEqual(['lost commit: g/a-0 was fetched as -1'])
  expect(checkGroups([commit(5, 0, { outcome: 'fail' }), fetched(5, 4)])).toHaveLength(1)
})

test('copies: twice, never, from nowhere', () => {
  expect(checkCopies([1, 2, 3], [1, 3, 2], true)).toEqual([])
  expect(checkCopies([1, 2, 3], [1, 1, 9], false)).toEqual(['copied twice: 1', 'copied from nowhere: 9'])
  expect(checkCopies([1, 2], [1], true)).toEqual(['never copied: 2'])
})
