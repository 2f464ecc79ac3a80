// Reading: batches and records of a log in order, and where a reader begins.
import { LogdriveError } from '../../core/errors.ts'
import type { UnreadableBatch } from '../../core/event-log.ts'
import type { DecodedBatch, LogRecord } from '../../core/records.ts'
import { decodeBatch, recordAt } from '../../protocol/batch-decode.ts'
import { type BatchHeader, readHeader } from '../../protocol/batch-header.ts'
import type { Log } from '../log/log.ts'
import { storedLimits } from '../log/scan.ts'
import { firstSince } from './partitions/list-offset.ts'
import type { Partition } from './partitions/partition.ts'

const readBytes = 1024 * 1024

/**
 * The batches of a log, decoded one at a time: whole ones, so the first may begin below `fromOffset`. One that cannot be
 * decoded is yielded as it is, so that it never blocks what is behind it. Hidden ones are not looked into.
 */
export async function* readBatches(
  log: Log,
  fromOffset: number,
  endOffset: number,
  isHidden: (header: BatchHeader) => boolean = () => false,
): AsyncGenerator<DecodedBatch | UnreadableBatch> {
  let next = fromOffset
  while (next < endOffset) {
    const read = await log.read(next, endOffset, readBytes)
    for (let at = 0; at < read.bytes.length; ) {
      const header = readHeader(read.bytes, at)
      const bytes = read.bytes.subarray(at, at + header.length)
      at += header.length
      if (!isHidden(header)) yield decodeOrGive(bytes, header)
    }
    if (read.nextOffset <= next) return
    next = read.nextOffset
  }
}

/** The records of a log from one offset up to another; batches that cannot be decoded are told of and left out. */
export async function* readRecords(
  log: Log,
  fromOffset: number,
  endOffset: number,
  onUnreadable: (batch: UnreadableBatch) => void = () => undefined,
): AsyncGenerator<LogRecord> {
  for await (const batch of readBatches(log, fromOffset, endOffset)) {
    if ('unreadable' in batch) {
      onUnreadable(batch)
      continue
    }
    yield* recordsOf(batch, fromOffset, endOffset)
  }
}

/** The committed records of a partition; ends at its last stable offset at the latest. */
export async function* readCommitted(
  partition: Partition,
  fromOffset: number,
  endOffset: number,
): AsyncGenerator<LogRecord> {
  const end = Math.min(endOffset, partition.lastStableOffset)
  const isHidden = (header: BatchHeader) => partition.producers.isHidden(header)
  for await (const batch of readBatches(partition.log, fromOffset, end, isHidden)) {
    if (!('unreadable' in batch)) yield* recordsOf(batch, fromOffset, end)
  }
}

function* recordsOf(batch: DecodedBatch, fromOffset: number, endOffset: number): Generator<LogRecord> {
  for (let index = 0; index < batch.count; index += 1) {
    const record = recordAt(batch, index)
    if (record.offset >= fromOffset && record.offset < endOffset) yield record
  }
}

/** Where a reader begins: an offset, the first record at or after a time (wall-clock ms), or an end of the log. */
export type TailStart = 'beginning' | 'end' | { readonly offset: number } | { readonly timestamp: number }

/** The first offset for a start, moved into what the partition holds. */
export async function offsetOf(partition: Partition, start: TailStart): Promise<number> {
  const { startOffset, highWatermark } = partition
  if (start === 'beginning') return startOffset
  if (start === 'end') return highWatermark
  const offset = 'offset' in start ? start.offset : await timeOffset(partition, start.timestamp)
  return Math.min(highWatermark, Math.max(startOffset, offset))
}

async function timeOffset({ log, highWatermark }: Partition, timestamp: number): Promise<number> {
  return (await firstSince(log, timestamp, highWatermark))?.offset ?? highWatermark
}

function decodeOrGive(bytes: Uint8Array, header: BatchHeader): DecodedBatch | UnreadableBatch {
  try {
    return decodeBatch(bytes, 0, storedLimits)
  } catch (error) {
    if (!(error instanceof LogdriveError)) throw error
    const { baseOffset, lastOffsetDelta } = header
    return { unreadable: error.message, baseOffset, lastOffset: baseOffset + lastOffsetDelta, bytes }
  }
}
