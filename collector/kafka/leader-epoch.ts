// Leader epochs: what a client believes about the leader, held against what is so (KIP-320).
import { KafkaError } from '../../protocol/errors.ts'
import type { Partition } from '../broker/partitions/partition.ts'

/** Throws FENCED_LEADER_EPOCH for an old belief, UNKNOWN_LEADER_EPOCH for one from the future; -1 believes nothing. */
export function checkLeaderEpoch(believed: number, partition: Pick<Partition, 'leaderEpoch'>): void {
  if (believed < 0 || believed === partition.leaderEpoch) return
  const older = believed < partition.leaderEpoch
  throw new KafkaError(
    older ? 'FENCED_LEADER_EPOCH' : 'UNKNOWN_LEADER_EPOCH',
    `the leader epoch is ${partition.leaderEpoch}, not ${believed}`,
  )
}
