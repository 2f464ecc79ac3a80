// The group checks on hand-made events: two owners, a stale commit, a lost commit, copies twice and never.
import { expect, test } from 'vitest'
import { checkCopies } from './copies.ts'
import { type Assigned, type Committed, checkGroups, type Fetched } from './groups.ts'

const assigned = (generation: number, member: string, from: number): Assigned => ({
  kind: 'assigned',
  protocol: 'classic',
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
  member: 'm',
  key: 'a-0',
  start: 0,
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
    commit(9, 14, { generation: 2, start: 5, outcome: 'info' }),
    fetched(5, 16),
    fetched(9, 18),
    commit(12, 20, { generation: 2, start: 9 }),
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

test('in the newer protocol an older epoch commits what nobody else was given', () => {
  const given = (generation: number, member: string, from: number): Assigned => ({
    ...assigned(generation, member, from),
    protocol: 'consumer',
  })
  const elsewhere = { ...given(2, 'n', 2), keys: ['a-1'] }
  expect(checkGroups([given(1, 'm', 0), elsewhere, commit(5, 4)])).toEqual([])
  expect(checkGroups([given(1, 'm', 0), given(2, 'n', 2), commit(5, 4)])).toEqual([
    'stale commit: generation 1 of g after 2',
  ])
  expect(checkGroups([given(1, 'n', 2), commit(5, 4)])).toEqual(['stale commit: generation 1 of g after 1'])
})

test('records that are committed twice, or never', () => {
  expect(checkGroups([commit(5, 0), commit(9, 2, { start: 3 })])).toEqual([
    'committed twice: g/a-0 from 3 to 5',
  ])
  expect(checkGroups([commit(5, 0), commit(9, 2, { start: 7 })])).toEqual([
    'never committed: g/a-0 from 5 to 7',
  ])
  // One without an answer came late, and set the group back.
  const late = [commit(3, 0, { outcome: 'info' }), commit(5, 2), commit(9, 4, { start: 3 })]
  expect(checkGroups(late)).toEqual([])
})

test('a commit that is gone, or that nobody made', () => {
  const gone = [commit(5, 0), commit(7, 2, { start: 5 }), fetched(5, 4)]
  expect(checkGroups(gone)).toEqual(['lost commit: g/a-0 was fetched as 5'])
  expect(checkGroups([commit(5, 0), fetched(-1, 4)])).toEqual(['lost commit: g/a-0 was fetched as -1'])
  expect(checkGroups([commit(5, 0, { outcome: 'fail' }), fetched(5, 4)])).toHaveLength(1)
})

test('copies: twice, never, from nowhere', () => {
  expect(checkCopies([1, 2, 3], [1, 3, 2], true)).toEqual([])
  expect(checkCopies([1, 2, 3], [1, 1, 9], false)).toEqual(['copied twice: 1', 'copied from nowhere: 9'])
  expect(checkCopies([1, 2], [1], true)).toEqual(['never copied: 2'])
})
