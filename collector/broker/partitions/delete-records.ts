// DeleteRecords: a partition begins later from now on, also in the middle of a batch.
import { LogdriveError } from '../../../core/errors.ts'
import { KafkaError } from '../../../protocol/errors.ts'
import type { Partition } from './partition.ts'

/** The whole partition, as far as it can be read. */
const toHighWatermark = -1

/**
 * Forgets everything below the offset (-1: below the high watermark); resolves to the new start once it is durable.
 * Whole segments below it are removed. Throws OFFSET_OUT_OF_RANGE, and POLICY_VIOLATION for a topic that is only
 * compacted.
 */
export async function deleteRecords(partition: Partition, offset: number): Promise<number> {
  if (!partition.settings.isDeleted) {
    throw new KafkaError('POLICY_VIOLATION', 'records of a topic are only deleted with cleanup.policy=delete')
  }
  const { highWatermark } = partition
  const target = offset === toHighWatermark ? highWatermark : offset
  if (target < 0 || target > highWatermark) {
    throw new LogdriveError('OFFSET_OUT_OF_RANGE', `offset ${offset} is not in [0, ${highWatermark}]`)
  }
  await partition.log.trim(target)
  return partition.startOffset
}
