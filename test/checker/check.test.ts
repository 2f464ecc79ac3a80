// The checker on hand-made histories: one for each anomaly, and clean ones that must stay clean.
import { expect, test } from 'vitest'
import type { AnomalyName } from './anomalies.ts'
import { check, forbidden } from './check.ts'
import { type BriefOperation, operation, poll, send } from './history.ts'

const strict = { readToEnd: true, idempotent: true }

function found(history: readonly BriefOperation[], options = strict): readonly string[] {
  return forbidden(check(history.map(operation), options)).map(({ name }) => name)
}

function all(history: readonly BriefOperation[]): readonly AnomalyName[] {
  return check(history.map(operation), { ...strict, readToEnd: false }).map(({ name }) => name)
}

const writeThree: readonly BriefOperation[] = [1, 2, 3].map((value) => ({
  process: 'writer',
  verb: 'send',
  steps: [send('a', value, value - 1)],
}))

test('a clean history is clean, with holes where markers and aborted records stand', () => {
  const history: readonly BriefOperation[] = [
    { process: 'w', verb: 'send', steps: [send('a', 1, 0)] },
    { process: 'w', verb: 'txn', outcome: 'fail', steps: [send('a', 2, 1)] },
    { process: 'w', verb: 'send', outcome: 'fail', steps: [send('a', 3, null)] },
    { process: 'w', verb: 'txn', steps: [send('a', 4, 3), send('b', 1, 0)] },
    { process: 'w', verb: 'send', outcome: 'info', steps: [send('a', 5, null)] },
    { process: 'w', verb: 'send', outcome: 'info', steps: [send('a', 6, null)] },
    { process: 'r', verb: 'assign', keys: ['a', 'b'] },
    { process: 'r', verb: 'poll', steps: [poll('a', [0, 1], [3, 4])] },
    { process: 'r', verb: 'poll', steps: [poll('a', [5, 5]), poll('b', [0, 1])] },
    { process: 'r', verb: 'crash' },
    { process: 'r', verb: 'assign', keys: ['a'] },
    { process: 'r', verb: 'poll', steps: [poll('a', [0, 1], [3, 4], [5, 5])] },
  ]
  expect(check(history.map(operation), strict)).toEqual([])
})

test('two values at one offset', () => {
  expect(
    found([
      { process: 'w', verb: 'send', steps: [send('a', 1, 0)] },
      { process: 'w', verb: 'send', steps: [send('a', 2, 0)] },
      { process: 'r', verb: 'poll', steps: [poll('a', [0, 1])] },
      { process: 's', verb: 'poll', steps: [poll('a', [0, 2])] },
    ]),
  ).toContain('inconsistent-offsets')
})

test('an acknowledged offset that holds something else', () => {
  const reread: BriefOperation = { process: 'r', verb: 'poll', steps: [poll('a', [0, 1], [1, 3], [2, 2])] }
  expect(found([...writeThree, reread])).toContain('inconsistent-offsets')
})

test('one value at two offsets, allowed without idempotence', () => {
  const twice: BriefOperation = {
    process: 'r',
    verb: 'poll',
    steps: [poll('a', [0, 1], [1, 2], [2, 3], [3, 2])],
  }
  expect(found([...writeThree, twice])).toEqual(['duplicate'])
  expect(found([...writeThree, twice], { readToEnd: true, idempotent: false })).toEqual([])
})

test('a value that nobody sent', () => {
  expect(found([{ process: 'r', verb: 'poll', steps: [poll('a', [0, 9])] }])).toEqual(['phantom'])
})

test('an aborted value that was read', () => {
  expect(
    found([
      { process: 'w', verb: 'txn', outcome: 'fail', steps: [send('a', 1, 0)] },
      { process: 'r', verb: 'poll', steps: [poll('a', [0, 1])] },
    ]),
  ).toEqual(['G1a'])
})

test('a committed value that readers passed over', () => {
  const past: BriefOperation = { process: 'r', verb: 'poll', steps: [poll('a', [0, 1]), poll('a', [2, 3])] }
  expect(found([...writeThree, past], { ...strict, readToEnd: false })).toEqual([
    'lost-write',
    'int-poll-skip',
  ])
})

test('half of a transaction of unknown outcome', () => {
  const torn: readonly BriefOperation[] = [
    { process: 'w', verb: 'txn', outcome: 'info', steps: [send('a', 1, 0), send('a', 2, 1)] },
    { process: 'w', verb: 'send', steps: [send('a', 3, 3)] },
    { process: 'r', verb: 'poll', steps: [poll('a', [0, 1])] },
    { process: 's', verb: 'poll', steps: [poll('a', [3, 3])] },
  ]
  expect(found(torn)).toEqual(['lost-write'])
})

test('an acknowledged value at the end of the log that nobody read', () => {
  const short: BriefOperation = { process: 'r', verb: 'poll', steps: [poll('a', [0, 1], [1, 2])] }
  expect(found([...writeThree, short])).toEqual(['unseen'])
  expect(found([...writeThree, short], { ...strict, readToEnd: false })).toEqual([])
})

test('a transaction that read its own write', () => {
  const own: BriefOperation = { process: 'w', verb: 'txn', steps: [send('a', 1, 0), poll('a', [0, 1])] }
  expect(found([own])).toEqual(['precommitted-read'])
})

test('polls that leave out or go back: forbidden when assigned, allowed when subscribed', () => {
  const polls = (verb: 'assign' | 'subscribe'): readonly BriefOperation[] => [
    ...writeThree,
    { process: 'r', verb, keys: ['a'] },
    { process: 'r', verb: 'poll', steps: [poll('a', [0, 1])] },
    { process: 'r', verb: 'poll', steps: [poll('a', [2, 3])] },
    { process: 'r', verb: 'poll', steps: [poll('a', [1, 2])] },
  ]
  expect(found(polls('assign'))).toEqual(['poll-skip', 'nonmonotonic-poll'])
  expect(found(polls('subscribe'))).toEqual([])
  expect(all(polls('subscribe'))).toEqual(['poll-skip', 'nonmonotonic-poll'])
})

test('a poll that failed moves nothing on', () => {
  expect(
    found([
      ...writeThree,
      { process: 'r', verb: 'assign', keys: ['a'] },
      { process: 'r', verb: 'poll', steps: [poll('a', [0, 1])] },
      { process: 'r', verb: 'txn', outcome: 'fail', steps: [poll('a', [1, 2], [2, 3])] },
      { process: 'r', verb: 'poll', steps: [poll('a', [1, 2], [2, 3])] },
    ]),
  ).toEqual([])
})

test('a key that was left and taken again begins anew; one that was kept does not', () => {
  const history = (keys: readonly string[]): readonly BriefOperation[] => [
    ...writeThree,
    { process: 'r', verb: 'assign', keys: ['a'] },
    { process: 'r', verb: 'poll', steps: [poll('a', [0, 1], [1, 2], [2, 3])] },
    { process: 'r', verb: 'assign', keys },
    { process: 'r', verb: 'assign', keys: ['a'] },
    { process: 'r', verb: 'poll', steps: [poll('a', [0, 1])] },
  ]
  expect(found(history(['b']))).toEqual([])
  expect(found(history(['a', 'b']))).toEqual(['nonmonotonic-poll'])
})

test('order within one poll, but for keys of a rebalance', () => {
  const inside: BriefOperation = {
    process: 'r',
    verb: 'poll',
    steps: [poll('a', [0, 1], [2, 3], [1, 2])],
  }
  expect(found([...writeThree, inside])).toEqual(['int-poll-skip', 'int-nonmonotonic-poll'])
  expect(found([...writeThree, { ...inside, rebalanced: ['a'] }])).toEqual([])
})

test('sends that go back, and those with others between', () => {
  const reader: BriefOperation = { process: 'r', verb: 'poll', steps: [poll('a', [0, 2], [1, 3], [2, 1])] }
  const one = (value: number, offset: number): BriefOperation => ({
    process: 'w',
    verb: 'send',
    steps: [send('a', value, offset)],
  })
  expect(found([one(1, 2), one(2, 0), one(3, 1), reader])).toEqual(['nonmonotonic-send'])
  const txn = (...steps: readonly [number, number][]): BriefOperation => ({
    process: 'w',
    verb: 'txn',
    steps: steps.map(([value, offset]) => send('a', value, offset)),
  })
  expect(found([txn([1, 2], [2, 0], [3, 1]), reader])).toEqual(['int-nonmonotonic-send'])
  const skipping = [txn([2, 0], [1, 2]), { ...one(3, 1), process: 'v' }, reader]
  expect(found(skipping)).toEqual([])
  expect(all(skipping)).toContain('int-send-skip')
})

test('two transactions that read from each other', () => {
  const circle: readonly BriefOperation[] = [
    { process: 'v', verb: 'txn', steps: [send('a', 1, 0), poll('b', [0, 1])] },
    { process: 'w', verb: 'txn', steps: [send('b', 1, 0), poll('a', [0, 1])] },
  ]
  expect(found(circle)).toEqual(['G1c-wr'])
})

test('writes of two transactions that interleave are allowed', () => {
  const interleaved: readonly BriefOperation[] = [
    { process: 'v', verb: 'txn', steps: [send('a', 1, 0), send('b', 1, 1)] },
    { process: 'w', verb: 'txn', steps: [send('a', 2, 1), send('b', 2, 0)] },
    { process: 'r', verb: 'poll', steps: [poll('a', [0, 1], [1, 2]), poll('b', [0, 2], [1, 1])] },
  ]
  expect(found(interleaved)).toEqual([])
  expect(all(interleaved)).toEqual(['G0', 'G1c'])
})

test('a long history takes time by its length', () => {
  const history = Array.from({ length: 50_000 }, (_, i) =>
    operation({ process: `p${i % 7}`, verb: 'txn', steps: [send(`k${i % 7}`, i, i), poll(`k${i % 7}`)] }),
  )
  const reader = operation({
    process: 'reader',
    verb: 'poll',
    steps: Array.from({ length: 7 }, (_, key) =>
      poll(`k${key}`, ...history.flatMap((_, i) => (i % 7 === key ? [[i, i] as const] : []))),
    ),
  })
  expect(forbidden(check([...history, reader], strict))).toEqual([])
})
