// Recovery: reads a segment after a crash, finds where it ends, and tells a torn tail from damage.
//
// A torn tail (the unfinished write of a crash) is in the last segment, at or after the recovery point, and whatever is
// whole behind its hole belongs to the write that the hole is in: nobody was told that it is safe, and it is cut.
// Anything else is damage: nothing is cut, the unreadable range becomes a gap that readers skip, and what is behind it
// stays. Algorithm: docs/storage-format.md.
import type { StorageFile } from '../../core/runtime.ts'
import { type BatchHeader, nextOffsetOf } from '../../protocol/batch-header.ts'
import { OffsetIndex } from './offset-index.ts'
import { findBatch, ReadWindow, verifiedAt } from './scan.ts'
import { TimeIndex } from './time-index.ts'
import { decodeMark } from './write-mark.ts'

/** A range of a segment that cannot be read. Offsets and positions: from included, to excluded. */
export interface Gap {
  readonly fromPosition: number
  readonly toPosition: number
  readonly fromOffset: number
  readonly toOffset: number
}

/** What a scan found in one segment. */
export interface SegmentScan {
  readonly endOffset: number
  /** Bytes up to the end of the last whole batch. */
  readonly bytes: number
  /** Bytes of a torn tail, to be cut from `bytes` on; 0 when there is none. */
  readonly tornBytes: number
  /** Where the torn write has whole batches behind its hole: worth a copy, should it be damage after all. */
  readonly tornGap: Gap | null
  readonly gaps: readonly Gap[]
  /** From this byte on no sync is known to have worked; `bytes` where all is known to be synced. */
  readonly doubtPosition: number
  readonly timestampMax: number | null
  readonly offsetIndex: OffsetIndex
  readonly timeIndex: TimeIndex
}

export interface ScanOptions {
  readonly baseOffset: number
  /** Offsets below this are known to be synced: losing one is damage, never a torn write. */
  readonly recoveryPoint: number
  /** The last segment of its log: only there can a write be torn. */
  readonly isLast: boolean
  /** Writes were not synced one by one. */
  readonly isSyncedLate: boolean
  /** Where the next segment begins, null for the last one. */
  readonly nextBaseOffset: number | null
  readonly indexIntervalBytes: number
}

const windowBytes = 1024 * 1024

/** Reads and verifies every byte of the segment, and indexes what is good. */
export async function scanSegment(file: StorageFile, options: ScanOptions): Promise<SegmentScan> {
  const window = new ReadWindow(file, file.size, windowBytes)
  const gaps: Gap[] = []
  const indexer = new SegmentIndexer(options.indexIntervalBytes)
  let position = 0
  let expected = options.baseOffset
  let tornBytes = 0
  let torn: TornWrite | null = null
  let doubt: Write | null = null
  while (position < file.size) {
    const header = await verifiedAt(window, position)
    if (header !== null && header.baseOffset === expected) {
      // A write that began behind the hole began after all before it was synced.
      if (torn !== null && writeStart(header) > torn.offset) torn = null
      if (torn === null && isDoubtful(header, doubt, options))
        doubt = { position, offset: writeStart(header) }
      expected = nextOffsetOf(header)
      indexer.note(header.baseOffset, position, header.length, header.maxTimestamp, expected)
      position += header.length
      continue
    }
    const found = await findBatch(window, position + 1, expected)
    if (found === null) {
      if (options.isLast && expected >= options.recoveryPoint) tornBytes = file.size - position
      else gaps.push(gapToEnd(position, file.size, expected, options))
      break
    }
    const mayBeTorn = torn === null && options.isLast && expected >= options.recoveryPoint
    if (mayBeTorn) torn = { position, offset: expected, gaps: gaps.length }
    gaps.push({
      fromPosition: position,
      toPosition: found.position,
      fromOffset: expected,
      toOffset: found.header.baseOffset,
    })
    position = found.position
    expected = found.header.baseOffset
  }
  const tornGap = torn === null ? null : (gaps[torn.gaps] ?? null)
  if (torn !== null) {
    indexer.truncate(torn.position, torn.offset)
    gaps.length = torn.gaps
    tornBytes = file.size - torn.position
    position = torn.position
    expected = torn.offset
  }
  const lastGap = gaps.at(-1)
  const endOffset = Math.max(expected, lastGap?.toOffset ?? expected, endFloor(options))
  if (endOffset > expected && (lastGap === undefined || lastGap.toOffset < endOffset) && tornBytes === 0) {
    // Bytes that were synced are missing altogether: the file is shorter than it was.
    gaps.push({ fromPosition: position, toPosition: file.size, fromOffset: expected, toOffset: endOffset })
  }
  const bytes = tornBytes > 0 ? position : file.size
  return {
    endOffset,
    bytes,
    tornBytes,
    tornGap,
    gaps,
    doubtPosition: Math.min(doubt?.position ?? bytes, bytes),
    timestampMax: indexer.timestampMax,
    offsetIndex: indexer.offsets,
    timeIndex: indexer.times,
  }
}

/** A hole that is torn as far as has been seen: where it begins, and how many gaps were known before. */
interface TornWrite {
  readonly position: number
  readonly offset: number
  readonly gaps: number
}

/** Where a write begins. */
interface Write {
  readonly position: number
  /** Its first offset. */
  readonly offset: number
}

/**
 * Whether the doubt begins at this batch, and no earlier. A write begins when the one before it is synced: only the last one
 * is in doubt, and each batch of another write shows that the one before was not the last. Where syncs come late, all is that
 * lies at or behind the recovery point.
 */
function isDoubtful(header: BatchHeader, doubt: Write | null, options: ScanOptions): boolean {
  if (!options.isLast || header.baseOffset < options.recoveryPoint) return false
  return doubt === null || (!options.isSyncedLate && doubt.offset !== writeStart(header))
}

/** The first offset of the write that a batch is part of. */
function writeStart({ baseOffset, leaderEpoch }: BatchHeader): number {
  return baseOffset - decodeMark(leaderEpoch).distance
}

/** The offset below which the log handed out every offset: none of them may be used again. */
function endFloor(options: ScanOptions): number {
  return options.isLast ? options.recoveryPoint : (options.nextBaseOffset ?? 0)
}

function gapToEnd(position: number, size: number, expected: number, options: ScanOptions): Gap {
  const toOffset = Math.max(expected, endFloor(options))
  return { fromPosition: position, toPosition: size, fromOffset: expected, toOffset }
}

/** Fills both indexes of a segment as batches pass by, one entry every `intervalBytes`. */
export class SegmentIndexer {
  readonly offsets: OffsetIndex
  readonly times: TimeIndex
  readonly #intervalBytes: number
  #bytesSince = 0
  #timestampMax: number | null

  constructor(intervalBytes: number, offsets = new OffsetIndex(), times = new TimeIndex()) {
    this.#intervalBytes = intervalBytes
    this.offsets = offsets
    this.times = times
    this.#timestampMax = times.timestampMax
  }

  /** The largest timestamp seen, in ms; null before the first batch. */
  get timestampMax(): number | null {
    return this.#timestampMax
  }

  /** Notes one batch; `endOffset` is the offset behind its last record. */
  note(baseOffset: number, position: number, bytes: number, timestamp: number, endOffset: number): void {
    if (this.#timestampMax === null || timestamp > this.#timestampMax) this.#timestampMax = timestamp
    this.#bytesSince += bytes
    if (this.#bytesSince < this.#intervalBytes) return
    this.#bytesSince = 0
    this.offsets.add(baseOffset, position)
    this.times.add(this.#timestampMax, endOffset)
  }

  /** Closes the time index with the largest timestamp of all. */
  seal(endOffset: number): void {
    if (this.#timestampMax !== null) this.times.add(this.#timestampMax, endOffset)
  }

  /** Forgets what is at or after the position; the largest timestamp stays, a hint that is too large does no harm. */
  truncate(position: number, endOffset: number): void {
    this.offsets.truncate(position)
    this.times.truncate(endOffset)
    this.#bytesSince = 0
  }
}
