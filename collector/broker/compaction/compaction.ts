// Compaction: of a topic that is cleaned by key, the last record of each key stays, and everything not yet looked at.
//
// A cleaning reads what is new since the last one and notes the latest offset of each key, as many keys as fit; then it
// writes all closed segments up to there anew, without the records that have a later one. Both by pieces, while appends
// and reads go on. See compact-batch.ts for what stays, log/swap.ts for how the files are replaced.
import { readHeader } from '../../../protocol/batch-header.ts'
import type { Partition } from '../partitions/partition.ts'
import { BatchCompactor, decoded } from './compact-batch.ts'
import { type CompactionPlan, compactionGroups, planCompaction } from './compaction-plan.ts'
import { KeyOffsets } from './key-offsets.ts'

export interface CompactionOptions {
  /** Wall-clock ms. */
  readonly now: number
  /** Keys that are kept in mind: with more, a cleaning goes less far. */
  readonly keysMax: number
}

/** What a cleaning did. */
export interface Compacted {
  /** Everything below was looked at. */
  readonly toOffset: number
  readonly bytesBefore: number
  readonly bytesAfter: number
}

/** Small pieces, so that nobody waits long while one is looked at. */
const readBytes = 128 * 1024

/** Cleans the partition when that is due; null when it is not. Throws DISK_FULL, DISK_FAILED, or what the signal says. */
export async function compactPartition(
  partition: Partition,
  { now, keysMax }: CompactionOptions,
  signal: AbortSignal,
): Promise<Compacted | null> {
  const { log, settings, producers } = partition
  const facts = {
    segments: log.closedSegments,
    cleanedOffset: log.cleanedOffset,
    lastStableOffset: partition.lastStableOffset,
    now,
  }
  const plan = planCompaction(facts, settings.compaction)
  if (plan === null) return null
  // Where sources and producers stand must not depend on batches that are about to lose their records.
  if (!(await partition.saveState(plan.toOffset))) return null
  const { keys, toOffset } = await latestOffsets(partition, plan, keysMax, signal)
  const compactor = new BatchCompactor({
    isSuperseded: (key, offset) => keys.latest(key) > offset,
    isAborted: (header) => producers.isHidden(header),
    isLastOf: (producerId, baseOffset) => producers.isLastOf(producerId, baseOffset),
    now,
    deleteRetentionMs: settings.compaction.deleteRetentionMs,
  })
  const bytesBefore = log.status().bytes
  for (const group of compactionGroups(log.closedSegments, toOffset, settings.segmentBytes)) {
    const bases = group.map(({ baseOffset }) => baseOffset)
    // Retention was faster: next time.
    if (!(await log.rewrite(bases, (bytes, header) => compactor.compact(bytes, header), signal))) return null
  }
  await log.markCleaned(toOffset)
  return { toOffset, bytesBefore, bytesAfter: log.status().bytes }
}

/** The latest offset of each key in what was not cleaned yet, and how far that goes. */
async function latestOffsets(
  { log, producers }: Partition,
  { dirtyFrom, toOffset }: CompactionPlan,
  keysMax: number,
  signal: AbortSignal,
): Promise<{ readonly keys: KeyOffsets; readonly toOffset: number }> {
  const keys = new KeyOffsets(keysMax)
  for (let next = Math.max(dirtyFrom, log.startOffset); next < toOffset; ) {
    signal.throwIfAborted()
    const read = await log.read(next, toOffset, readBytes)
    for (let at = 0; at < read.bytes.length; ) {
      const header = readHeader(read.bytes, at)
      const bytes = read.bytes.subarray(at, at + header.length)
      at += header.length
      if (header.count === 0 || producers.isHidden(header)) continue
      const noted = noteKeys(bytes, keys)
      if (noted !== null) return { keys, toOffset: noted }
    }
    next = read.nextOffset
  }
  return { keys, toOffset }
}

/** Notes the keys of a batch; null, or the offset of the first record whose key has no room. */
function noteKeys(bytes: Uint8Array, keys: KeyOffsets): number | null {
  const batch = decoded(bytes)
  if (batch === null) return null
  for (let index = 0; index < batch.count; index += 1) {
    const from = batch.keyFrom[index] as number
    if (from === -1) continue
    const offset = batch.baseOffset + (batch.offsetDeltas[index] as number)
    if (!keys.put(batch.bytes.subarray(from, batch.keyTo[index] as number), offset)) return offset
  }
  return null
}
