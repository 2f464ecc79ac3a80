// Filled batches: what Kafka readers get of a log: the batches that hold records, with the leader epoch in them.
//
// Compaction leaves an empty batch where it took everything out, so that a hole in the offsets is always damage. Kafka
// itself leaves a hole; clients know that better than empty batches, and some take an answer of nothing but empty
// batches for the end.
import type { Log } from '../../log/log.ts'
import type { Allocate } from '../../log/segment-files.ts'
import type { LogRead } from '../../log/segment-row.ts'
import { clearMark } from '../../log/write-mark.ts'

export interface FilledOptions {
  readonly bytesMax: number
  readonly leaderEpoch: number
  /** Where the bytes go; without it into a buffer of their own. */
  readonly allocate?: Allocate | undefined
}

/**
 * As `log.read`, without empty batches; reads on while there are no others. When all the rest up to `endOffset` is empty,
 * that is what comes, so that a reader gets behind it.
 */
export async function readFilled(
  log: Log,
  fromOffset: number,
  endOffset: number,
  options: FilledOptions,
): Promise<LogRead> {
  const skipped: LogRead['skipped'][number][] = []
  for (let next = fromOffset; ; ) {
    const read = await log.read(next, endOffset, options.bytesMax, options.allocate)
    skipped.push(...read.skipped)
    const bytes = withoutEmpty(read.bytes, options.leaderEpoch)
    const isLast = read.nextOffset >= endOffset || read.nextOffset <= next
    if (bytes.length > 0 || isLast) {
      return { bytes: bytes.length > 0 ? bytes : read.bytes, nextOffset: read.nextOffset, skipped }
    }
    next = read.nextOffset
  }
}

/**
 * The whole batches in the bytes without those that hold no record, moved together in place, or the very same array;
 * with the leader epoch in place of their marks.
 */
function withoutEmpty(bytes: Uint8Array, leaderEpoch: number): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let end = 0
  for (let at = 0; at < bytes.length; ) {
    const length = view.getInt32(at + 8) + 12
    clearMark(view, at, leaderEpoch)
    if (view.getInt32(at + 57) > 0) {
      if (end < at) bytes.copyWithin(end, at, at + length)
      end += length
    }
    at += length
  }
  return end === bytes.length ? bytes : bytes.subarray(0, end)
}
