// What the test client makes of fetched bytes and of group assignments: it must not hide what it is there to find.
import { expect, test } from 'vitest'
import { stampBatch } from '../../protocol/batch-header.ts'
import { decodeAssignment, encodeAssignment } from './assignment.ts'
import { encodeValues, readFetched } from './records.ts'

function batch(values: readonly string[], baseOffset: number, producerId = -1): Uint8Array {
  const bytes = encodeValues(values, {
    producerId,
    producerEpoch: 0,
    baseSequence: 0,
    isTransactional: producerId >= 0,
    codec: 'none',
    timestampMs: 1,
  })
  stampBatch(bytes, 0, baseOffset, 0)
  return bytes
}

test('what stands before the position is left out, what is cut off at the end is not there yet', () => {
  const bytes = Buffer.concat([batch(['a', 'b', 'c'], 5), batch(['d'], 8), batch(['e'], 9).subarray(0, 30)])
  const seen = readFetched(bytes, 6, null)
  expect(seen.records).toEqual([
    { offset: 6, value: 'b' },
    { offset: 7, value: 'c' },
    { offset: 8, value: 'd' },
  ])
  expect(seen.position).toBe(9)
})

test('records of aborted transactions are left out from where they begin', () => {
  const bytes = Buffer.concat([batch(['a'], 0, 7), batch(['b'], 1, 7), batch(['c'], 2, 8)])
  const seen = readFetched(bytes, 0, [{ producerId: 7, firstOffset: 1 }])
  expect(seen.records.map(({ value }) => value)).toEqual(['a', 'c'])
  expect(seen.batches.map(({ lastOffset }) => lastOffset)).toEqual([0, 1, 2])
})

test('assignments come back as they were', () => {
  const targets = [
    { topic: 'a', partition: 1 },
    { topic: 'a', partition: 0 },
    { topic: 'b', partition: 7 },
  ]
  expect(decodeAssignment(encodeAssignment(targets))).toEqual(targets)
  expect(decodeAssignment(new Uint8Array(0))).toEqual([])
})
