// Log: segments as one range of offsets; append, read, trim, truncate, sync. Knows nothing of topics, sources, groups.
import { strict as assert } from 'node:assert'
import { isCode, type LogdriveError } from '../../core/errors.ts'
import type { Clock, Logger, Storage } from '../../core/runtime.ts'
import { Changes } from './changes.ts'
import { writeCheckpoint } from './checkpoint.ts'
import { Damage } from './damage.ts'
import { diskFull } from './disk-full.ts'
import { type LogStatus, logStatus } from './log-status.ts'
import { createSegment, type OpenedSegments, openSegments } from './open.ts'
import { RecentSegments } from './recent-segments.ts'
import { Replacements } from './replace.ts'
import { expiredSegments, type RetentionLimits } from './retention.ts'
import type { BatchRewriter } from './rewrite.ts'
import { continued, type LogBatch, type OffsetRange, type Segment, type SegmentState } from './segment.ts'
import { type Allocate, allocateFresh } from './segment-files.ts'
import { type LogHeader, type LogRead, SegmentRow } from './segment-row.ts'
import { SyncBehind } from './sync-behind.ts'

export interface LogOptions {
  /** A segment that would grow beyond this is closed and a new one begun. */
  readonly segmentBytes: number
  /** A segment whose first append is older than this is closed. */
  readonly segmentAgeMs: number
}

export interface OpenLog {
  readonly directory: string
  readonly options: LogOptions
  /** The last shutdown was clean: what the checkpoint says of the end is believed. */
  readonly clean: boolean
  /** Not each append is synced before the next: see `recovery.ts`. */
  readonly isSyncedLate: boolean
  /** Told once, when the disk failed and the log will never append again. */
  readonly onFailure: (error: LogdriveError) => void
}

/** What a log asks of the world. */
export interface LogParts {
  readonly storage: Storage
  readonly clock: Clock
  readonly logger: Logger
  /** The open descriptors of closed segments, shared with other logs; its own when left out. */
  readonly recent?: RecentSegments
}

const saveFirst = Symbol('saveFirst')
const segmentOffsetsMax = 0x7fffffff

/** Opens the log of a directory, made when missing; recovers what a crash left. */
export async function openLog(open: OpenLog, parts: LogParts): Promise<Log> {
  const opened = await openSegments(open, parts)
  const log = new Log(open, opened, parts)
  if (opened.noted === 'else') await log[saveFirst]()
  return log
}

export class Log implements AsyncDisposable {
  readonly #open: OpenLog
  #options: LogOptions
  readonly #parts: LogParts
  readonly #changes: Changes
  readonly #behind: SyncBehind
  readonly #damage: Damage
  readonly #row: SegmentRow
  readonly #replacements: Replacements
  /** Everything below is synced. */
  #syncedOffset: number
  /** The recovery point on disk; -1 when it says something else than what was found. */
  #checkpointed: number
  #checkpointedDamage = 0
  /** The end that recovery found beyond the checkpoint. */
  readonly #recoveredOffset: number | null
  #activeSince: number
  #cleanedOffset: number
  readonly #tornBytes: number

  constructor(open: OpenLog, opened: OpenedSegments, parts: LogParts) {
    this.#open = open
    this.#options = open.options
    this.#parts = parts
    this.#changes = new Changes(open.directory, open.onFailure)
    this.#behind = new SyncBehind(this.#changes)
    this.#damage = new Damage(open.directory, parts, opened.quarantined)
    this.#row = new SegmentRow(opened.segments, opened.startOffset, parts.recent ?? new RecentSegments())
    for (const segment of this.#row.segments) this.#damage.watch(segment)
    this.#replacements = this.#newReplacements()
    this.#tornBytes = opened.tornBytes
    this.#cleanedOffset = opened.cleanedOffset
    this.#syncedOffset = this.endOffset
    this.#checkpointed = opened.noted === 'all' ? this.endOffset : -1
    this.#recoveredOffset = opened.noted === 'grown' ? this.endOffset : null
    this.#activeSince = this.#active.state.appendedAt
  }

  get startOffset(): number {
    return this.#row.startOffset
  }

  /** The offset of the next record. */
  get endOffset(): number {
    return this.#active.endOffset
  }

  /** The first offset of the segment that is appended to. */
  get activeBaseOffset(): number {
    return this.#active.baseOffset
  }

  get failure(): LogdriveError | null {
    return this.#changes.failure
  }

  /** When segments are closed, from the next append on. */
  configure(options: LogOptions): void {
    this.#options = options
  }

  status(): LogStatus {
    return logStatus(this.#row, {
      tornBytes: this.#tornBytes,
      quarantined: this.#damage.quarantined,
      failed: this.failure !== null,
    })
  }

  /**
   * Appends stamped batches whose offsets continue the log; all or none. They are safe after `sync`. Throws DISK_FULL
   * (nothing was stored, try later) or DISK_FAILED (for ever).
   */
  append(batches: readonly LogBatch[]): Promise<void> {
    return this.#changes.exclusive(async () => {
      const { bytes, endOffset } = continued(batches, this.endOffset)
      if (this.#rollIsDue(bytes, endOffset)) await this.#roll()
      const active = this.#active
      if (active.bytes === 0) this.#activeSince = this.#parts.clock.now()
      try {
        await active.append(batches, this.#parts.clock.now())
      } catch (error) {
        await this.#rollBack(active, error)
      }
      this.#behind.grown(active, this.#options.segmentBytes)
    })
  }

  /** Makes everything appended so far safe. A failure is final: DISK_FAILED, now and for every later call. */
  sync(): Promise<void> {
    return this.#changes.exclusive(async () => {
      const { endOffset } = this
      if (this.#syncedOffset >= endOffset) return
      // A failure is told once for a descriptor: to that sync, and this one would be told that all is well.
      await this.#behind.settled()
      await this.#changes.orFail(() => this.#active.sync())
      this.#syncedOffset = endOffset
      this.#behind.covered(this.#active)
    })
  }

  /**
   * Whole batches from the one that holds `fromOffset` on, below `endOffset`, about `bytesMax` but one at least. Throws
   * OFFSET_OUT_OF_RANGE below the start and beyond the end. The bytes lie in what `allocate` gave last.
   */
  read(
    fromOffset: number,
    endOffset: number,
    bytesMax: number,
    allocate: Allocate = allocateFresh,
  ): Promise<LogRead> {
    return this.#row.read(fromOffset, endOffset, bytesMax, allocate)
  }

  /** The headers of the batches from the one that holds `fromOffset` on, below `endOffset`; `skipped` is added to. */
  headers(fromOffset: number, endOffset: number, skipped: OffsetRange[]): AsyncGenerator<LogHeader> {
    return this.#row.headers(fromOffset, endOffset, skipped)
  }

  /** The headers of batches below `endOffset` that hold a record of this timestamp (ms) or later, in order. */
  async *headersSince(timestamp: number, endOffset: number): AsyncGenerator<LogHeader> {
    const from = await this.#row.searchTime(timestamp)
    if (from === null) return
    for await (const stored of this.headers(Math.max(from, this.startOffset), endOffset, [])) {
      if (stored.header.maxTimestamp >= timestamp) yield stored
    }
  }

  /** The largest timestamp (ms) of the batches below `endOffset`; null when there is none. */
  largestTimestamp(endOffset: number): Promise<number | null> {
    return this.#row.largestTimestamp(endOffset)
  }

  /** Forgets what is below the offset: the new start is made durable first, then whole segments are removed. */
  trim(startOffset: number): Promise<void> {
    return this.#changes.exclusive(() => this.#trim(Math.min(startOffset, this.endOffset)))
  }

  /**
   * Removes the segments that are too old at the time (wall-clock ms), or too many; gives back how many went. One that is
   * appended to is closed first when all in it is too old.
   */
  expire(limits: RetentionLimits, now: number): Promise<number> {
    return this.#changes.exclusive(async () => {
      const { bytes, appendedAt } = this.#active.state
      if (limits.ageMs !== null && bytes > 0 && now - appendedAt > limits.ageMs) await this.#roll()
      const facts = this.#row.segments.map((segment) => segment.state)
      const count = expiredSegments(facts, limits, now)
      if (count > 0) await this.#trim((this.#row.segments[count] as Segment).baseOffset)
      return count
    })
  }

  /** Cuts the log before the batch that holds `endOffset`, and syncs. */
  truncate(endOffset: number): Promise<void> {
    return this.#changes.exclusive(async () => {
      assert(endOffset >= this.startOffset, 'a log is not truncated below its start')
      await this.#behind.settled()
      while (this.#row.segments.length > 1 && this.#active.baseOffset >= endOffset) {
        await this.#row.pop().remove()
      }
      await this.#changes.orFail(async () => {
        await this.#parts.storage.syncDirectory(this.#open.directory)
        await this.#active.openToWrite()
        await this.#active.truncate(endOffset)
        await this.#active.sync()
      })
      this.#syncedOffset = this.endOffset
      await this.#saveCheckpoint()
    })
  }

  /** The closed segments, in order: what a cleaner chooses from. */
  get closedSegments(): readonly SegmentState[] {
    return this.#row.segments.slice(0, -1).map((segment) => segment.state)
  }

  /** Below this offset the log was cleaned. */
  get cleanedOffset(): number {
    return this.#cleanedOffset
  }

  /**
   * Makes one segment of neighbouring closed ones (their base offsets), of what the rewriter leaves. Appends and reads go
   * on meanwhile. False when one of them is gone or damaged: nothing was changed. Throws DISK_FULL (nothing was changed),
   * DISK_FAILED, or what the signal says.
   */
  rewrite(bases: readonly number[], rewriter: BatchRewriter, signal: AbortSignal): Promise<boolean> {
    return this.#replacements.rewrite(bases, rewriter, signal)
  }

  /** Notes durably that the log was cleaned up to an offset. */
  markCleaned(offset: number): Promise<void> {
    return this.#changes.exclusive(async () => {
      this.#cleanedOffset = offset
      await this.#saveCheckpoint()
    })
  }

  /** Closes the active segment when it is older than `segmentAgeMs`, so that retention can take it. */
  rollIfOld(): Promise<void> {
    return this.#changes.exclusive(async () => {
      if (this.#rollIsDue(0, this.endOffset)) await this.#roll()
    })
  }

  /** A checkpoint would only say what recovery found, and would find again: it need not be soon. */
  get isAsRecovered(): boolean {
    const isDamaged = this.#checkpointedDamage !== this.#damage.found
    return this.#checkpointed < 0 && this.#recoveredOffset === this.#syncedOffset && !isDamaged
  }

  /** Notes durably how far the log is synced, so that the next start need not guess. Costs nothing when that is known. */
  checkpoint(): Promise<void> {
    return this.#changes.exclusive(async () => {
      if (this.#isCheckpointOld) await this.#saveCheckpoint()
    })
  }

  /** Closes the files. What was appended is synced before, and the checkpoint says so. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#replacements[Symbol.asyncDispose]()
    try {
      await this.#changes.exclusive(async () => {
        if (this.#syncedOffset < this.endOffset) await this.#changes.orFail(() => this.#active.sync())
        this.#syncedOffset = this.endOffset
        if (this.#active.bytes > 0) await this.#writeIndexes(this.#active)
        if (this.#isCheckpointOld) await this.#saveCheckpoint()
      })
    } catch (error) {
      // A failed log has told its owner already; there is nothing left to save.
      if (!isCode(error, 'DISK_FAILED')) throw error
    } finally {
      await this.#behind.settled()
      await this.#damage.settled()
      await this.#row[Symbol.asyncDispose]()
    }
  }

  /** What was found differs from the checkpoint. */
  async [saveFirst](): Promise<void> {
    await this.#saveCheckpoint()
  }

  get #active(): Segment {
    return this.#row.active
  }

  #newReplacements(): Replacements {
    const { directory } = this.#open
    return new Replacements({
      directory,
      storage: this.#parts.storage,
      row: this.#row,
      changes: this.#changes,
      damage: this.#damage,
      writeIndexes: (segment) => this.#writeIndexes(segment),
      saveSegments: (segments) =>
        writeCheckpoint(this.#parts.storage, directory, { ...this.#checkpointNow(), segments }),
    })
  }

  #rollIsDue(bytes: number, endOffset: number): boolean {
    const active = this.#active
    if (active.bytes === 0) return false
    const { segmentBytes, segmentAgeMs } = this.#options
    if (active.bytes + bytes > segmentBytes) return true
    if (endOffset - active.baseOffset > segmentOffsetsMax) return true
    return this.#parts.clock.now() - this.#activeSince > segmentAgeMs
  }

  async #roll(): Promise<void> {
    const full = this.#active
    await this.#behind.settled()
    await this.#changes.orFail(() => full.sync())
    this.#syncedOffset = this.endOffset
    await this.#writeIndexes(full)
    const next = await this.#changes.orFail(() =>
      createSegment(this.#open.directory, this.endOffset, this.#parts),
    )
    this.#damage.watch(next)
    this.#row.push(next)
    await this.#row.touch(full)
    await this.#saveCheckpoint()
  }

  async #rollBack(active: Segment, error: unknown): Promise<never> {
    if (!isCode(error, 'DISK_FULL')) throw this.#changes.fail(error)
    await this.#changes.orFail(async () => {
      await active.cutBack()
      await active.sync()
    })
    throw diskFull(error)
  }

  async #trim(startOffset: number): Promise<void> {
    if (startOffset <= this.startOffset) return
    const checkpoint = { ...this.#checkpointNow(), startOffset }
    await this.#changes.orFail(() => writeCheckpoint(this.#parts.storage, this.#open.directory, checkpoint))
    this.#row.startOffset = startOffset
    while (this.#row.segments.length > 1 && (this.#row.segments[1] as Segment).baseOffset <= startOffset) {
      await this.#row.shift().remove()
    }
  }

  get #isCheckpointOld(): boolean {
    return this.#checkpointed !== this.#syncedOffset || this.#checkpointedDamage !== this.#damage.found
  }

  #checkpointNow() {
    const segments = this.#row.segments.map((segment) => segment.state)
    const { startOffset } = this
    const cleanedOffset = this.#cleanedOffset
    return { startOffset, recoveryPoint: this.#syncedOffset, cleanedOffset, segments }
  }

  /** The checkpoint only saves work at the next start: a full disk does not stop the log. */
  async #saveCheckpoint(): Promise<void> {
    const { directory } = this.#open
    try {
      const { found } = this.#damage
      const checkpoint = this.#checkpointNow()
      await writeCheckpoint(this.#parts.storage, directory, checkpoint)
      this.#checkpointed = checkpoint.recoveryPoint
      this.#checkpointedDamage = found
    } catch (error) {
      if (!isCode(error, 'DISK_FULL')) throw this.#changes.fail(error)
      this.#parts.logger.warn(
        { err: error, directory },
        'no room for a checkpoint; the next start will take longer',
      )
    }
  }

  async #writeIndexes(segment: Segment): Promise<void> {
    try {
      await segment.writeIndexes()
    } catch (error) {
      const fields = { err: error, directory: this.#open.directory }
      this.#parts.logger.warn(fields, 'an index could not be written; it will be rebuilt')
    }
  }
}
