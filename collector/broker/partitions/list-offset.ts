// ListOffsets: where a partition begins and ends, and its first record at or after a time.
import { isCode } from '../../../core/errors.ts'
import { decodeBatch } from '../../../protocol/batch-decode.ts'
import type { Log } from '../../log/log.ts'
import { storedLimits } from '../../log/scan.ts'
import type { LogHeader } from '../../log/segment-row.ts'
import type { Isolation } from './kafka-append.ts'
import type { Partition } from './partition.ts'

/** An answer of ListOffsets; offset -1 when there is no such record, timestamp -1 when none was asked for. */
export interface ListedOffset {
  readonly offset: number
  readonly timestamp: number
  readonly leaderEpoch: number
}

/** What Kafka's timestamps below zero ask for. -4 is the start of what the broker's own disk holds: all there is. */
const latest = -1
const earliest = -2
const maxTimestamp = -3
const earliestLocal = -4

/**
 * The offset for a timestamp (wall-clock ms) or one of the four special ones. Only what a reader of this isolation may
 * see counts.
 */
export async function listOffset(
  partition: Partition,
  timestamp: number,
  isolation: Isolation,
): Promise<ListedOffset> {
  const { leaderEpoch, log } = partition
  const end = isolation === 'read_committed' ? partition.lastStableOffset : partition.highWatermark
  if (timestamp === latest) return { offset: end, timestamp: -1, leaderEpoch }
  if (timestamp === earliest || timestamp === earliestLocal) {
    return { offset: partition.startOffset, timestamp: -1, leaderEpoch }
  }
  const found =
    timestamp === maxTimestamp ? await latestRecord(log, end) : await firstSince(log, timestamp, end)
  return found === null ? { offset: -1, timestamp: -1, leaderEpoch: -1 } : { ...found, leaderEpoch }
}

interface TimedOffset {
  readonly offset: number
  readonly timestamp: number
}

/** The first record below `endOffset` with this timestamp or a later one. Reads an index, some headers and one batch. */
export async function firstSince(
  log: Log,
  timestamp: number,
  endOffset: number,
): Promise<TimedOffset | null> {
  for await (const stored of log.headersSince(timestamp, endOffset)) {
    const found = await firstIn(stored, timestamp, log.startOffset)
    if (found !== null) return found.offset < endOffset ? found : null
  }
  return null
}

/** The first record with the largest timestamp. */
async function latestRecord(log: Log, endOffset: number): Promise<TimedOffset | null> {
  const largest = await log.largestTimestamp(endOffset)
  return largest === null ? null : await firstSince(log, largest, endOffset)
}

/** The first record of a batch at or after a time; null when there is none, or the batch cannot be decoded. */
async function firstIn(
  { header, position, segment }: LogHeader,
  timestamp: number,
  startOffset: number,
): Promise<TimedOffset | null> {
  const bytes = await segment.readAt(position, header.length)
  try {
    const batch = decodeBatch(bytes, 0, storedLimits)
    for (let index = 0; index < batch.count; index += 1) {
      const offset = batch.baseOffset + (batch.offsetDeltas[index] as number)
      const time = batch.timestamps[index] as number
      if (time >= timestamp && offset >= startOffset) return { offset, timestamp: time }
    }
    return null
  } catch (error) {
    if (isCode(error, 'BATCH_CORRUPT') || isCode(error, 'BATCH_TOO_LARGE')) return null
    throw error
  }
}
