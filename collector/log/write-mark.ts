// The write mark: what stands on disk in a batch's leader epoch: whose batch it is, and how far it is from the start of its write.
//
// Batches that are written and synced together are one write. After a power cut any part of the last write may be
// missing, also a batch in the middle; of all writes before it nothing is, because a write begins when the one before
// it is synced. A batch that tells where its write began tells the two apart: a hole inside the last write is torn, any
// other one is damage. On one node the leader is the same for ever, so that the field, which lies outside of the CRC,
// is free; readers get the real leader epoch (`clearMark`).
//
//   mark >= 0   a batch of ours (its record headers are facts about sources), `mark` offsets behind the start of its write
//   mark <  0   a batch of a Kafka client, `-1 - mark` offsets behind it
import { strict as assert } from 'node:assert'

export interface WriteMark {
  /** Made by a Kafka client: whatever its records' headers say, they are no facts of ours. */
  readonly isForeign: boolean
  /** Offsets between the start of the write and the batch. */
  readonly distance: number
}

const distanceMax = 0x3fffffff
const leaderEpochAt = 12

/** The number that stands for a mark. */
export function encodeMark({ isForeign, distance }: WriteMark): number {
  assert(distance >= 0 && distance <= distanceMax, 'a write holds less than 2^30 records')
  return isForeign ? -1 - distance : distance
}

/** The mark in the leader epoch's field of a stored batch. */
export function decodeMark(leaderEpoch: number): WriteMark {
  const isForeign = leaderEpoch < 0
  return { isForeign, distance: isForeign ? -1 - leaderEpoch : leaderEpoch }
}

/** Puts the leader epoch into a batch that goes to a reader. */
export function clearMark(view: DataView, at: number, leaderEpoch: number): void {
  view.setInt32(at + leaderEpochAt, leaderEpoch)
}
