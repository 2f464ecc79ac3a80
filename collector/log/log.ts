// Log: segments as one range of offsets; append, read, trim, truncate, sync. Knows nothing of topics, sources, groups.
import { strict as assert } from 'node:assert'
import { isCode, LogdriveError } from '../../core/errors.ts'
import type { Clock, Logger, Storage } from '../../core/runtime.ts'
import { writeCheckpoint } from './checkpoint.ts'
import { diskFull } from './disk-full.ts'
import { createSegment, openSegments } from './open.ts'
import { quarantineSegment } from './quarantine.ts'
import type { Gap } from './recovery.ts'
import { expiredSegments, type RetentionLimits } from './retention.ts'
import type { LogBatch, OffsetRange, Segment } from './segment.ts'
import { type LogHeader, type LogRead, SegmentRow } from './segment-row.ts'

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
  /** Told once, when the disk failed and the log will never append again. */
  readonly onFailure: (error: LogdriveError) => void
}

/** Counters and facts for status. */
export interface LogStatus {
  readonly startOffset: number
  readonly endOffset: number
  readonly bytes: number
  readonly segments: number
  /** Bytes of torn tails cut at the last start. */
  readonly tornBytes: number
  /** Unreadable ranges that are known. */
  readonly gaps: readonly OffsetRange[]
  /** Copies put into quarantine since the start. */
  readonly quarantined: number
  readonly failed: boolean
}

/** What a log asks of the world. */
export interface LogParts {
  readonly storage: Storage
  readonly clock: Clock
  readonly logger: Logger
}

const start = Symbol('start')
const segmentOffsetsMax = 0x7fffffff

/** Opens the log of a directory, made when missing; recovers what a crash left. */
export async function openLog(open: OpenLog, parts: LogParts): Promise<Log> {
  const log = new Log(open, parts)
  await log[start]()
  return log
}

export class Log implements AsyncDisposable {
  readonly #open: OpenLog
  #options: LogOptions
  readonly #parts: LogParts
  readonly #storage: Storage
  readonly #clock: Clock
  readonly #logger: Logger
  #row = new SegmentRow([])
  #startOffset = 0
  /** Everything below is synced. */
  #syncedOffset = 0
  /** The recovery point on disk. */
  #checkpointed = -1
  #activeSince = 0
  #tornBytes = 0
  #quarantined = 0
  #failure: LogdriveError | null = null
  #queue: Promise<unknown> = Promise.resolve()
  #damageWork: Promise<void> = Promise.resolve()

  constructor(open: OpenLog, parts: LogParts) {
    this.#open = open
    this.#options = open.options
    this.#parts = parts
    this.#storage = parts.storage
    this.#clock = parts.clock
    this.#logger = parts.logger
  }

  get startOffset(): number {
    return this.#startOffset
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
    return this.#failure
  }

  /** When segments are closed, from the next append on. */
  configure(options: LogOptions): void {
    this.#options = options
  }

  status(): LogStatus {
    return {
      startOffset: this.#startOffset,
      endOffset: this.endOffset,
      bytes: this.#row.segments.reduce((sum, segment) => sum + segment.bytes, 0),
      segments: this.#row.segments.length,
      tornBytes: this.#tornBytes,
      gaps: this.#row.segments.flatMap((segment) => segment.state.gaps.map(offsetsOf)),
      quarantined: this.#quarantined,
      failed: this.#failure !== null,
    }
  }

  /**
   * Appends stamped batches whose offsets continue the log; all or none. They are safe after `sync`. Throws DISK_FULL
   * (nothing was stored, try later) or DISK_FAILED (for ever).
   */
  append(batches: readonly LogBatch[]): Promise<void> {
    return this.#exclusive(async () => {
      let expected = this.endOffset
      let bytes = 0
      for (const batch of batches) {
        assert.equal(batch.baseOffset, expected, 'appended offsets continue the log')
        expected = batch.lastOffset + 1
        bytes += batch.bytes.length
      }
      if (this.#rollIsDue(bytes, expected)) await this.#roll()
      const active = this.#active
      if (active.bytes === 0) this.#activeSince = this.#clock.now()
      try {
        await active.append(batches, this.#clock.now())
      } catch (error) {
        await this.#rollBack(active, error)
      }
    })
  }

  /** Makes everything appended so far safe. A failure is final: DISK_FAILED, now and for every later call. */
  sync(): Promise<void> {
    return this.#exclusive(async () => {
      const { endOffset } = this
      if (this.#syncedOffset >= endOffset) return
      await this.#orFail(() => this.#active.sync())
      this.#syncedOffset = endOffset
    })
  }

  /**
   * Whole batches from the one that holds `fromOffset` on, below `endOffset`, about `bytesMax` but one at least. Throws
   * OFFSET_OUT_OF_RANGE below the start and beyond the end.
   */
  async read(fromOffset: number, endOffset: number, bytesMax: number): Promise<LogRead> {
    this.#checkRange(fromOffset)
    try {
      return await this.#row.read(fromOffset, endOffset, bytesMax)
    } catch (error) {
      // Perhaps the files were trimmed away just now: then that is what the reader should hear.
      this.#checkRange(fromOffset)
      throw error
    }
  }

  /** The headers of the batches from the one that holds `fromOffset` on, below `endOffset`; `skipped` is added to. */
  async *headers(fromOffset: number, endOffset: number, skipped: OffsetRange[]): AsyncGenerator<LogHeader> {
    this.#checkRange(fromOffset)
    try {
      yield* this.#row.headers(fromOffset, endOffset, skipped)
    } catch (error) {
      this.#checkRange(fromOffset)
      throw error
    }
  }

  /** An offset at or before the first record with this timestamp (ms) or a later one; the end when there is none. */
  async offsetForTime(timestamp: number): Promise<number> {
    const offset = await this.#row.searchTime(timestamp)
    return Math.max(offset ?? this.endOffset, this.#startOffset)
  }

  /** Forgets what is below the offset: the new start is made durable first, then whole segments are removed. */
  trim(startOffset: number): Promise<void> {
    return this.#exclusive(() => this.#trim(Math.min(startOffset, this.endOffset)))
  }

  /** Removes the segments that are too old or too many; gives back how many went. */
  expire(limits: RetentionLimits): Promise<number> {
    return this.#exclusive(async () => {
      const facts = this.#row.segments.map((segment) => segment.state)
      const count = expiredSegments(facts, limits, this.#clock.now())
      if (count > 0) await this.#trim((this.#row.segments[count] as Segment).baseOffset)
      return count
    })
  }

  /** Cuts the log before the batch that holds `endOffset`, and syncs. */
  truncate(endOffset: number): Promise<void> {
    return this.#exclusive(async () => {
      assert(endOffset >= this.#startOffset, 'a log is not truncated below its start')
      while (this.#row.segments.length > 1 && this.#active.baseOffset >= endOffset) {
        await this.#row.pop().remove()
      }
      await this.#orFail(async () => {
        await this.#storage.syncDirectory(this.#open.directory)
        await this.#active.openToWrite()
        await this.#active.truncate(endOffset)
        await this.#active.sync()
      })
      this.#syncedOffset = this.endOffset
      await this.#saveCheckpoint()
    })
  }

  /** Closes the active segment when it is older than `segmentAgeMs`, so that retention can take it. */
  rollIfOld(): Promise<void> {
    return this.#exclusive(async () => {
      if (this.#rollIsDue(0, this.endOffset)) await this.#roll()
    })
  }

  /** Notes durably how far the log is synced, so that the next start need not guess. Costs nothing when that is known. */
  checkpoint(): Promise<void> {
    return this.#exclusive(async () => {
      if (this.#checkpointed !== this.#syncedOffset) await this.#saveCheckpoint()
    })
  }

  /** Closes the files. What was appended is synced before, and the checkpoint says so. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#exclusive(async () => {
        if (this.#syncedOffset < this.endOffset) await this.#orFail(() => this.#active.sync())
        this.#syncedOffset = this.endOffset
        await this.#writeIndexes(this.#active)
        await this.#saveCheckpoint()
      })
    } catch (error) {
      // A failed log has told its owner already; there is nothing left to save.
      if (!isCode(error, 'DISK_FAILED')) throw error
    } finally {
      await this.#damageWork
      for (const segment of this.#row.segments) await segment[Symbol.asyncDispose]()
    }
  }

  async [start](): Promise<void> {
    const { directory, clean } = this.#open
    const opened = await openSegments({ directory, clean }, this.#parts)
    this.#row = new SegmentRow(opened.segments)
    this.#startOffset = opened.startOffset
    this.#tornBytes = opened.tornBytes
    this.#quarantined = opened.quarantined
    this.#syncedOffset = this.endOffset
    this.#activeSince = this.#active.state.appendedAt
    for (const segment of this.#row.segments) segment.onDamage = (gap) => this.#foundDamage(segment, gap)
    if (opened.changed) await this.#saveCheckpoint()
  }

  get #active(): Segment {
    return this.#row.active
  }

  /** One change at a time, in the order they were asked for. */
  #exclusive<R>(work: () => Promise<R>): Promise<R> {
    const run = async () => {
      if (this.#failure !== null) throw this.#failure
      return await work()
    }
    const result = this.#queue.then(run)
    this.#queue = result.catch(() => undefined)
    return result
  }

  #rollIsDue(bytes: number, endOffset: number): boolean {
    const active = this.#active
    if (active.bytes === 0) return false
    const { segmentBytes, segmentAgeMs } = this.#options
    if (active.bytes + bytes > segmentBytes) return true
    if (endOffset - active.baseOffset > segmentOffsetsMax) return true
    return this.#clock.now() - this.#activeSince > segmentAgeMs
  }

  async #roll(): Promise<void> {
    const full = this.#active
    await this.#orFail(() => full.sync())
    this.#syncedOffset = this.endOffset
    await this.#writeIndexes(full)
    const next = await this.#orFail(() => createSegment(this.#open.directory, this.endOffset, this.#parts))
    next.onDamage = (gap) => this.#foundDamage(next, gap)
    this.#row.push(next)
    await this.#row.touch(full)
    await this.#saveCheckpoint()
  }

  async #rollBack(active: Segment, error: unknown): Promise<never> {
    if (!isCode(error, 'DISK_FULL')) throw this.#fail(error)
    await this.#orFail(async () => {
      await active.cutBack()
      await active.sync()
    })
    throw diskFull(error)
  }

  async #trim(startOffset: number): Promise<void> {
    if (startOffset <= this.#startOffset) return
    await writeCheckpoint(this.#storage, this.#open.directory, {
      ...this.#checkpointNow(),
      startOffset,
    })
    this.#startOffset = startOffset
    while (this.#row.segments.length > 1 && (this.#row.segments[1] as Segment).baseOffset <= startOffset) {
      await this.#row.shift().remove()
    }
  }

  #checkpointNow() {
    const segments = this.#row.segments.map((segment) => segment.state)
    return { startOffset: this.#startOffset, recoveryPoint: this.#syncedOffset, segments }
  }

  /** The checkpoint only saves work at the next start: a full disk does not stop the log. */
  async #saveCheckpoint(): Promise<void> {
    const { directory } = this.#open
    try {
      const checkpoint = this.#checkpointNow()
      await writeCheckpoint(this.#storage, directory, checkpoint)
      this.#checkpointed = checkpoint.recoveryPoint
    } catch (error) {
      if (!isCode(error, 'DISK_FULL')) throw this.#fail(error)
      this.#logger.warn(
        { err: error, directory },
        'no room for a checkpoint; the next start will take longer',
      )
    }
  }

  async #writeIndexes(segment: Segment): Promise<void> {
    const { directory } = this.#open
    try {
      await segment.writeIndexes()
    } catch (error) {
      this.#logger.warn({ err: error, directory }, 'an index could not be written; it will be rebuilt')
    }
  }

  #foundDamage(segment: Segment, gap: Gap): void {
    const { directory } = this.#open
    this.#logger.error({ directory, segment: segment.path, gap }, 'the log is damaged; readers skip the gap')
    this.#damageWork = this.#damageWork.then(async () => {
      try {
        if (await quarantineSegment(this.#storage, directory, segment.path, gap)) this.#quarantined += 1
      } catch (error) {
        this.#logger.error({ err: error, segment: segment.path }, 'a damaged segment could not be copied')
      }
    })
  }

  #checkRange(offset: number): void {
    if (offset >= this.#startOffset && offset <= this.endOffset) return
    const range = { startOffset: this.#startOffset, endOffset: this.endOffset }
    throw new LogdriveError(
      'OFFSET_OUT_OF_RANGE',
      `offset ${offset} is not in [${range.startOffset}, ${range.endOffset}]`,
      { details: range },
    )
  }

  /** Runs a step whose failure ends the log, unless there was just no room (or no descriptor) for it. */
  async #orFail<R>(step: () => Promise<R>): Promise<R> {
    try {
      return await step()
    } catch (error) {
      if (isCode(error, 'DISK_FULL')) throw diskFull(error)
      if (isCode(error, 'OVERLOADED')) throw error
      throw this.#fail(error)
    }
  }

  #fail(cause: unknown): LogdriveError {
    if (this.#failure !== null) return this.#failure
    const { directory } = this.#open
    this.#failure = new LogdriveError(
      'DISK_FAILED',
      `the log in ${directory} failed and takes no more writes`,
      {
        cause,
        hint: 'Look at the disk, then start again: the log recovers from what the disk holds.',
      },
    )
    this.#open.onFailure(this.#failure)
    return this.#failure
  }
}

function offsetsOf(gap: Gap): OffsetRange {
  return { fromOffset: gap.fromOffset, toOffset: gap.toOffset }
}
