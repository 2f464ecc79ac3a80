// The aborted index: overlapping transactions as a list that is searched, against one that is looked through.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Aborted, AbortedIndex } from '../../../../collector/broker/partitions/aborted.ts'

/** Transactions of some producers in one log, each with where the oldest open one began when it ended. */
function indexOf(ops: readonly { readonly id: number; readonly end: boolean }[]): readonly Aborted[] {
  const open = new Map<number, number>()
  const ended: Aborted[] = []
  for (const [offset, { id, end }] of ops.entries()) {
    const firstOffset = open.get(id)
    if (!end || firstOffset === undefined) {
      if (firstOffset === undefined) open.set(id, offset)
      continue
    }
    open.delete(id)
    const lastStableOffset = Math.min(offset + 1, ...open.values())
    ended.push({ producerId: id, firstOffset, lastOffset: offset, lastStableOffset })
  }
  return ended
}

test('what overlaps a range is found, sorted by its first offset; what was trimmed is not', () => {
  const op = fc.record({ id: fc.nat(4), end: fc.boolean() })
  fc.assert(
    fc.property(
      fc.array(op, { maxLength: 60 }),
      fc.nat(60),
      fc.nat(60),
      fc.nat(30),
      (ops, from, length, start) => {
        const all = indexOf(ops)
        const index = new AbortedIndex()
        for (const entry of all) index.add(entry)
        const to = from + length
        const check = () => {
          const wanted = all.filter((entry) => entry.lastOffset >= from && entry.firstOffset < to)
          expect(index.overlapping(from, to)).toEqual(
            [...wanted].sort((a, b) => a.firstOffset - b.firstOffset),
          )
          for (const id of [0, 1, 2, 3, 4]) {
            const isIn = all.some(
              (one) => one.producerId === id && one.firstOffset <= from && one.lastOffset >= from,
            )
            expect(index.covers(id, from)).toBe(isIn)
          }
        }
        check()
        const copy = new AbortedIndex()
        expect(copy.restore(JSON.parse(JSON.stringify(index.save())))).toBe(true)
        expect(copy.overlapping(0, 100)).toEqual(index.overlapping(0, 100))
        index.trim(start)
        if (start <= from) check()
        expect(index.size).toBe(all.filter((entry) => entry.lastOffset >= start).length)
      },
    ),
  )
})
