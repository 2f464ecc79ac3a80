// Opening a log: its directory becomes a row of segments; the last one can be appended to.
import { isCode } from '../../core/errors.ts'
import type { StorageFile } from '../../core/runtime.ts'
import { type Checkpoint, readCheckpoint } from './checkpoint.ts'
import type { LogParts } from './log.ts'
import { quarantineSegment } from './quarantine.ts'
import { SegmentIndexer, type SegmentScan, scanSegment } from './recovery.ts'
import { indexIntervalBytes, Segment, type SegmentState, segmentBaseOf, segmentName } from './segment.ts'
import { copyRange } from './segment-files.ts'
import { segmentEndings } from './segment-indexes.ts'
import { recoverSwaps } from './swap.ts'

export interface OpenedSegments {
  /** In order; the last one is open for writing. */
  readonly segments: readonly Segment[]
  readonly startOffset: number
  /** Below this offset the log was cleaned. */
  readonly cleanedOffset: number
  readonly tornBytes: number
  readonly quarantined: number
  /** What the checkpoint on disk says of this. */
  readonly noted: Noted
}

/**
 * `all`: it says just that. `grown`: all but the last records, whole and synced by now; as with those of a log that runs,
 * a later note is in time. `else`: it has to be written before anything is made of what was found.
 */
export type Noted = 'all' | 'grown' | 'else'

interface OpenOptions {
  readonly directory: string
  readonly clean: boolean
  readonly isSyncedLate: boolean
}

/** Reads what is there, scans what may have suffered, cuts a torn tail, keeps what is damaged. */
export async function openSegments(options: OpenOptions, parts: LogParts): Promise<OpenedSegments> {
  const { storage, logger } = parts
  const { directory } = options
  await storage.makeDirectory(directory)
  const checkpoint = await checkpointOf(directory, parts)
  const found = await storage.list(directory)
  const swapped = await recoverSwaps(storage, directory, found)
  const names = swapped.size === 0 ? found : await storage.list(directory)
  const bases = names.map(segmentBaseOf).filter((base) => base !== null)
  const startOffset = checkpoint?.startOffset ?? bases[0] ?? 0
  const kept = await removeTrimmed(directory, bases, startOffset, parts)
  const reader = new DirectoryReader(options, withoutSwapped(checkpoint, swapped), parts)
  const segments: Segment[] = []
  for (const [index, base] of kept.entries()) {
    segments.push(await reader.open(base, kept[index + 1] ?? null))
  }
  // What was made just before a crash may have its name in the cache alone.
  if (swapped.size === 0 && !isNamed(checkpoint, kept)) await storage.syncDirectory(directory)
  const floor = Math.max(startOffset, checkpoint?.recoveryPoint ?? 0)
  const last = segments.at(-1)
  if (last === undefined || last.endOffset < floor || last.state.gaps.length > 0) {
    const base = Math.max(last?.endOffset ?? 0, floor)
    if (checkpoint !== null && (last?.endOffset ?? 0) < checkpoint.recoveryPoint) {
      logger.error({ directory, base }, 'stored segments are missing; the log goes on behind them')
    }
    await last?.release()
    segments.push(await createSegment(directory, base, parts))
  }
  const { tornBytes, quarantined } = reader
  const isSame = kept.length === bases.length && tornBytes === 0
  const noted = checkpoint !== null && isSame ? notedBy(checkpoint, segments) : 'else'
  const cleanedOffset = checkpoint?.cleanedOffset ?? 0
  return { segments, startOffset, cleanedOffset, tornBytes, quarantined, noted }
}

/** Whether the checkpoint knows the last segment: it is written once the segment's name is durable. */
function isNamed(checkpoint: Checkpoint | null, bases: readonly number[]): boolean {
  const last = bases.at(-1)
  return last === undefined || checkpoint?.segments.some(({ baseOffset }) => baseOffset === last) === true
}

function notedBy(checkpoint: Checkpoint, segments: readonly Segment[]): Noted {
  const found = segments.map(({ state }) => state)
  const last = found.at(-1)
  if (last?.endOffset === checkpoint.recoveryPoint && isSameState(found, checkpoint.segments)) return 'all'
  const known = checkpoint.segments.at(-1)
  const isLonger = known?.baseOffset === last?.baseOffset && last?.gaps.length === 0
  return isLonger && isSameState(found.slice(0, -1), checkpoint.segments.slice(0, -1)) ? 'grown' : 'else'
}

function isSameState(left: readonly SegmentState[], right: readonly SegmentState[]): boolean {
  return JSON.stringify(left) === JSON.stringify(right)
}

/** What the checkpoint says of segments that were replaced since is of others. */
function withoutSwapped(checkpoint: Checkpoint | null, swapped: ReadonlySet<number>): Checkpoint | null {
  if (checkpoint === null || swapped.size === 0) return checkpoint
  const segments = checkpoint.segments.filter(({ baseOffset }) => !swapped.has(baseOffset))
  return { ...checkpoint, segments }
}

/** A new, empty segment, open for writing, its name durable. */
export async function createSegment(
  directory: string,
  baseOffset: number,
  parts: LogParts,
): Promise<Segment> {
  const { storage, clock } = parts
  const file = await storage.open(`${directory}/${segmentName(baseOffset)}.log`, 'write')
  await file.truncate(0)
  await storage.syncDirectory(directory)
  const indexer = new SegmentIndexer(indexIntervalBytes)
  return new Segment(storage, directory, emptyState(baseOffset, clock.now()), { file, indexer })
}

/** Opens the segments of one directory one by one, and counts what it finds. */
class DirectoryReader {
  tornBytes = 0
  quarantined = 0
  readonly #options: OpenOptions
  readonly #checkpoint: Checkpoint | null
  readonly #parts: LogParts

  constructor(options: OpenOptions, checkpoint: Checkpoint | null, parts: LogParts) {
    this.#options = options
    this.#checkpoint = checkpoint
    this.#parts = parts
  }

  async open(baseOffset: number, nextBaseOffset: number | null): Promise<Segment> {
    const known = this.#checkpoint?.segments.find((segment) => segment.baseOffset === baseOffset)
    const recoveryPoint = this.#checkpoint?.recoveryPoint ?? 0
    const isSynced = known !== undefined && known.endOffset <= recoveryPoint
    if (nextBaseOffset !== null) {
      // Closed and synced: read when somebody asks, as everything on disk is checked then.
      if (isSynced && known.endOffset === nextBaseOffset) return this.#closed(known)
      return await this.#scanned(baseOffset, nextBaseOffset, recoveryPoint, known)
    }
    if (this.#options.clean && isSynced && known.gaps.length === 0) {
      const segment = await this.#trusted(known)
      if (segment !== null) return segment
    }
    return await this.#scanned(baseOffset, null, recoveryPoint, known)
  }

  #closed(state: SegmentState): Segment {
    return new Segment(this.#parts.storage, this.#options.directory, state, null)
  }

  /** The last segment after a clean shutdown, or null when the file is not what the checkpoint says. */
  async #trusted(state: SegmentState): Promise<Segment | null> {
    const segment = this.#closed(state)
    const file = await this.#openFile(state.baseOffset)
    const fits = file.size === state.bytes
    await file[Symbol.asyncDispose]()
    if (!fits) return null
    await segment.openToWrite()
    return segment
  }

  async #scanned(
    baseOffset: number,
    nextBaseOffset: number | null,
    recoveryPoint: number,
    known: SegmentState | undefined,
  ): Promise<Segment> {
    const { storage, clock } = this.#parts
    const { directory } = this.#options
    const isLast = nextBaseOffset === null
    const file = await this.#openFile(baseOffset)
    const { isSyncedLate } = this.#options
    const options = { baseOffset, nextBaseOffset, recoveryPoint, isLast, isSyncedLate, indexIntervalBytes }
    const scan = await scanSegment(file, options)
    if (scan.tornGap !== null) await this.#keepCopy(`${directory}/${segmentName(baseOffset)}`, scan.tornGap)
    if (scan.tornBytes > 0) await this.#cutTail(file, baseOffset, scan)
    await this.#writeAgain(file, scan)
    // What a killed process wrote is perhaps only in the page cache, and is about to be shown to readers.
    if (scan.tornBytes > 0 || scan.endOffset > recoveryPoint) await file.sync()
    const state: SegmentState = {
      baseOffset,
      endOffset: scan.endOffset,
      bytes: scan.bytes,
      timestampMax: scan.timestampMax,
      appendedAt: known?.appendedAt ?? Math.min(clock.now(), scan.timestampMax ?? clock.now()),
      gaps: scan.gaps,
    }
    const indexer = new SegmentIndexer(indexIntervalBytes, scan.offsetIndex, scan.timeIndex)
    const segment = new Segment(storage, directory, state, { file, indexer })
    for (const gap of scan.gaps) await this.#quarantine(segment, gap)
    if (!isLast || scan.gaps.length > 0) await segment.release()
    return segment
  }

  /**
   * After a sync that failed the page cache keeps what the disk does not have, and calls it written: no sync brings it there.
   * Whoever was killed then, before anybody heard of it, left a last write that only looks stored. Written again, it is synced
   * again.
   */
  async #writeAgain(file: StorageFile, { doubtPosition, bytes }: SegmentScan): Promise<void> {
    try {
      await copyRange(file, file, doubtPosition, bytes)
    } catch (error) {
      if (!isCode(error, 'DISK_FULL')) throw error
      // Where overwriting takes room: a full disk keeps no log from starting, which alone can make room.
      const { directory } = this.#options
      this.#parts.logger.warn(
        { err: error, directory },
        'no room to write the last records again; they are only synced',
      )
    }
  }

  #openFile(baseOffset: number): Promise<StorageFile> {
    return this.#parts.storage.open(`${this.#options.directory}/${segmentName(baseOffset)}.log`, 'write')
  }

  async #cutTail(file: StorageFile, baseOffset: number, scan: SegmentScan): Promise<void> {
    const { tornBytes, endOffset } = scan
    await file.truncate(scan.bytes)
    this.tornBytes += tornBytes
    const { directory } = this.#options
    this.#parts.logger.warn({ directory, baseOffset, tornBytes, endOffset }, 'a torn tail was cut')
  }

  async #quarantine(segment: Segment, gap: SegmentScan['gaps'][number]): Promise<void> {
    const { logger } = this.#parts
    const { directory } = this.#options
    logger.error({ directory, segment: segment.path, gap }, 'the log is damaged; readers skip the gap')
    await this.#keepCopy(segment.path, gap)
  }

  async #keepCopy(path: string, gap: SegmentScan['gaps'][number]): Promise<void> {
    const { storage, logger } = this.#parts
    try {
      if (await quarantineSegment(storage, this.#options.directory, path, gap)) this.quarantined += 1
    } catch (error) {
      if (!isCode(error, 'DISK_FULL')) throw error
      logger.error({ err: error, segment: path }, 'no room to copy a damaged segment')
    }
  }
}

async function checkpointOf(directory: string, parts: LogParts): Promise<Checkpoint | null> {
  try {
    return await readCheckpoint(parts.storage, directory)
  } catch (error) {
    if (!isCode(error, 'STATE_CORRUPT')) throw error
    parts.logger.error({ err: error, directory }, 'a log checkpoint is unreadable; the whole log is scanned')
    return null
  }
}

/** Removes the segments that lie below the start: a crash came between the new start and their removal. */
async function removeTrimmed(
  directory: string,
  bases: readonly number[],
  startOffset: number,
  parts: LogParts,
): Promise<readonly number[]> {
  const kept: number[] = []
  for (const [index, base] of bases.entries()) {
    const next = bases[index + 1]
    if (next === undefined || next > startOffset) {
      kept.push(base)
      continue
    }
    for (const ending of segmentEndings) {
      await parts.storage.remove(`${directory}/${segmentName(base)}.${ending}`)
    }
  }
  return kept
}

function emptyState(baseOffset: number, now: number): SegmentState {
  return { baseOffset, endOffset: baseOffset, bytes: 0, timestampMax: null, appendedAt: now, gaps: [] }
}
