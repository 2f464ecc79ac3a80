// Where the journal is read on: cursors in short and long form, the kept file, and who of them is believed.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { journalctlArguments } from '../../../../agent/inputs/journal/arguments.ts'
import { isCursor, packCursor, unpackCursor } from '../../../../agent/inputs/journal/cursor.ts'
import { positionOf } from '../../../../agent/inputs/journal/position.ts'
import { decodeState, encodeState } from '../../../../agent/inputs/journal/state.ts'

const cursor =
  's=b31ac333aad94b4f85a6fddcb15435c8;i=12c;b=00112233445566778899aabbccddeeff;m=48ff8;t=6608b0163bff8;x=43972972c585ddf2'
const short = 's=b31ac333aad94b4f85a6fddcb15435c8;i=12c;t=6608b0163bff8;x=43972972c585ddf2'
const packed = packCursor(cursor)
const other = cursor.replace('i=12c', 'i=12b')

test('the short form fits beside a position and leads to the same entry', () => {
  expect(packed.length).toBeLessThanOrEqual(64)
  expect(packed).toMatch(/^[\x21-\x7e]+$/)
  expect(unpackCursor(packed)).toBe(short)
  expect(packCursor(short)).toBe(packed)
})

test('numbers of any size go there and back', () => {
  const hex = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((number) => number.toString(16))
  fc.assert(
    fc.property(hex, hex, hex, (i, t, x) => {
      const one = `s=${'0'.repeat(31)}a;i=${i};t=${t};x=${x}`
      expect(unpackCursor(packCursor(one))).toBe(one)
    }),
  )
})

test('what is no cursor is never handed to journalctl', () => {
  for (const text of ['', '--help', 's=zz', `${cursor};`, `${cursor}\n`, `s=${'a'.repeat(300)}`, '1:0123'])
    expect([isCursor(text), packCursor(text)]).toEqual([false, ''])
  expect(unpackCursor('1024:0123456789abcdef0123456789abcdef')).toBeNull()
  fc.assert(
    fc.property(fc.string(), (text) => {
      const unpacked = unpackCursor(text)
      expect(unpacked === null || isCursor(unpacked)).toBe(true)
    }),
  )
})

test('the kept file is read as it was written; any other byte makes it none', () => {
  const state = { epoch: 1795000000, to: 42, cursor }
  const bytes = encodeState(state)
  expect(decodeState(bytes)).toEqual(state)
  for (let at = 0; at < bytes.length; at += 1) {
    const flipped = Buffer.from(bytes)
    flipped[at] = (flipped[at] as number) ^ 1
    expect(decodeState(flipped)).toBeNull()
    expect(decodeState(bytes.subarray(0, at))).toBeNull()
  }
})

test.each([
  ['nothing is known: the journal is begun', null, null, { epoch: 100, to: 0, base: 0, cursor: null }],
  [
    'the collector forgot: behind what was acknowledged, in an epoch of its own',
    null,
    { epoch: 200, to: 7, cursor },
    { epoch: 201, to: 0, base: 0, cursor },
  ],
  [
    'the collector knows the entry: there, in the long form where that is the same',
    { epoch: 5, to: 9, guard: packed },
    { epoch: 5, to: 9, cursor },
    { epoch: 5, to: 9, base: 9, cursor },
  ],
  [
    'the kept file is older: the entry of the collector',
    { epoch: 5, to: 9, guard: packed },
    { epoch: 5, to: 8, cursor: other },
    { epoch: 5, to: 9, base: 9, cursor: short },
  ],
  [
    'the collector lost some: back to what it has',
    { epoch: 5, to: 8, guard: packCursor(other) },
    { epoch: 5, to: 9, cursor },
    { epoch: 5, to: 8, base: 8, cursor: short.replace('i=12c', 'i=12b') },
  ],
  [
    'it has a position without an entry: counted again from the kept file',
    { epoch: 5, to: 9 },
    { epoch: 5, to: 4, cursor },
    { epoch: 5, to: 9, base: 4, cursor },
  ],
  [
    'a position that nothing leads to: an epoch of its own',
    { epoch: 500, to: 9 },
    { epoch: 5, to: 4, cursor },
    { epoch: 501, to: 0, base: 0, cursor },
  ],
])('%s', (_, kept, state, wanted) => {
  expect(positionOf(kept, state, 100)).toEqual(wanted)
})

test('journalctl is asked for units, matches and a beginning', () => {
  const options = { units: ['a'], matches: ['_PID=1'], since: 3_600_000, directory: '/j' } as const
  expect(journalctlArguments(options, null, 7_200_000).slice(5)).toEqual([
    '--directory=/j',
    '--since=@3600',
    '--unit=a',
    '_PID=1',
  ])
  expect(journalctlArguments({ ...options, directory: null }, cursor, 0)[5]).toBe(`--after-cursor=${cursor}`)
})
