// SegmentRow: the segments of a log in order; finds the one for an offset and reads across their borders.
import { strict as assert } from 'node:assert'
import { LogdriveError } from '../../core/errors.ts'
import { nextOffsetOf } from '../../protocol/batch-header.ts'
import type { RecentSegments } from './recent-segments.ts'
import type { OffsetRange, Segment, StoredBatch } from './segment.ts'
import type { Allocate } from './segment-files.ts'
import { SegmentGone } from './shared-file.ts'

/** What a reader gets: whole batches, and the ranges it will never get. */
export interface LogRead {
  /** Whole batches one behind the other; belongs to the caller. */
  readonly bytes: Uint8Array
  /** Read on from here. */
  readonly nextOffset: number
  readonly skipped: readonly OffsetRange[]
}

/** A stored batch and the segment that holds it. */
export interface LogHeader extends StoredBatch {
  readonly segment: Segment
}

/** Kafka's word for "no time". */
const noTimestamp = -1

export class SegmentRow implements AsyncDisposable {
  /** The first offset that may be read: nothing below is given out, whatever the first segment still holds. */
  startOffset: number
  readonly #segments: Segment[]
  readonly #recent: RecentSegments

  constructor(segments: readonly Segment[], startOffset: number, recent: RecentSegments) {
    this.#recent = recent
    this.#segments = [...segments]
    this.startOffset = startOffset
  }

  get segments(): readonly Segment[] {
    return this.#segments
  }

  /** The last one, which is appended to. */
  get active(): Segment {
    const last = this.#segments.at(-1)
    assert(last !== undefined, 'an open log has a segment')
    return last
  }

  push(segment: Segment): void {
    this.#segments.push(segment)
  }

  /** Closes the files. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const segment of this.#segments) {
      this.#recent.forget(segment)
      await segment[Symbol.asyncDispose]()
    }
  }

  /** Takes the first one out. */
  shift(): Segment {
    assert(this.#segments.length > 1, 'the active segment stays')
    const first = this.#segments.shift() as Segment
    this.#recent.forget(first)
    return first
  }

  /** Takes the last one out. */
  pop(): Segment {
    assert(this.#segments.length > 1, 'a log has a segment')
    const last = this.#segments.pop() as Segment
    this.#recent.forget(this.active)
    return last
  }

  /** The closed segments with these base offsets, when they are there one behind the other; else null. */
  closedRun(bases: readonly number[]): readonly [Segment, ...Segment[]] | null {
    const at = this.#segments.findIndex((segment) => segment.baseOffset === bases[0])
    const run = this.#segments.slice(at, at + bases.length)
    const [first, ...others] = run
    if (at < 0 || first === undefined || run.at(-1) === this.active) return null
    return run.every((segment, index) => segment.baseOffset === bases[index]) ? [first, ...others] : null
  }

  /** Takes `before`, neighbours in the row, out and puts one in that holds the same offsets. False when they are gone. */
  replace(before: readonly Segment[], after: Segment): boolean {
    const at = this.#segments.indexOf(before[0] as Segment)
    if (at < 0 || before.some((segment, index) => this.#segments[at + index] !== segment)) return false
    assert(at + before.length < this.#segments.length, 'the active segment stays')
    this.#segments.splice(at, before.length, after)
    for (const segment of before) this.#recent.forget(segment)
    return true
  }

  /**
   * Whole batches from the one that holds `fromOffset` on. Throws OFFSET_OUT_OF_RANGE below the start and beyond the
   * end.
   */
  async read(fromOffset: number, endOffset: number, bytesMax: number, allocate: Allocate): Promise<LogRead> {
    this.#checkRange(fromOffset)
    const skipped: OffsetRange[] = []
    let next = fromOffset
    while (next < endOffset) {
      const segment = this.#at(next)
      const from = Math.max(next, segment.baseOffset)
      await this.touch(segment)
      const part = await this.#orGone(segment, next, () => segment.read(from, endOffset, bytesMax, allocate))
      if (part === null) continue
      if (from > next) skipped.push({ fromOffset: next, toOffset: from })
      skipped.push(...part.skipped)
      if (part.bytes.length > 0) return { bytes: part.bytes, nextOffset: part.nextOffset, skipped }
      next = leave(segment, part.nextOffset, skipped)
    }
    return { bytes: new Uint8Array(0), nextOffset: next, skipped }
  }

  /**
   * The headers of the batches from the one that holds `fromOffset` on; ranges without any are added to `skipped`. Throws
   * as `read` does.
   */
  async *headers(fromOffset: number, endOffset: number, skipped: OffsetRange[]): AsyncGenerator<LogHeader> {
    this.#checkRange(fromOffset)
    let next = fromOffset
    while (next < endOffset) {
      const segment = this.#at(next)
      await this.touch(segment)
      const from = Math.max(next, segment.baseOffset)
      const before = skipped.length
      const headers = segment.headers(from, endOffset, skipped)
      const first = await this.#orGone(segment, next, () => headers.next())
      if (first === null) continue
      if (from > next) skipped.push({ fromOffset: next, toOffset: from })
      try {
        for (let result = first; result.done !== true; result = await headers.next()) {
          next = nextOffsetOf(result.value.header)
          yield { ...result.value, segment }
        }
      } finally {
        await headers.return(undefined)
      }
      next = Math.max(next, skipped.slice(before).at(-1)?.toOffset ?? next)
      if (next < endOffset) next = leave(segment, next, skipped)
    }
  }

  /** An offset at or before the first record with this timestamp (ms) or a later one; null when there is none. */
  async searchTime(timestamp: number): Promise<number | null> {
    let next = this.startOffset
    for (;;) {
      const segment = this.#segments.find((known) => {
        return known.endOffset > next && (known.state.timestampMax ?? Number.NEGATIVE_INFINITY) >= timestamp
      })
      if (segment === undefined) return null
      await this.touch(segment)
      const found = await this.#orGone(segment, Math.max(next, this.startOffset), async () => ({
        offset: await segment.searchTime(timestamp),
      }))
      if (found === null) continue
      if (found.offset !== null) return found.offset
      next = segment.endOffset
    }
  }

  /** The largest timestamp (ms) of the batches below `endOffset`; null when there is none. */
  async largestTimestamp(endOffset: number): Promise<number | null> {
    const known = (segment: Segment) => segment.state.timestampMax ?? noTimestamp
    const segments = this.#segments.filter((segment) => segment.baseOffset < endOffset)
    segments.sort((a, b) => known(b) - known(a))
    let largest = noTimestamp
    for (const segment of segments) {
      if (known(segment) <= largest) break
      await this.touch(segment)
      const found = await this.#orGone(segment, Math.max(segment.baseOffset, this.startOffset), () =>
        segment.largestTimestamp(endOffset),
      )
      // One that was compacted meanwhile: its successor is asked instead.
      if (found === null) return await this.largestTimestamp(endOffset)
      largest = Math.max(largest, found)
    }
    return largest === noTimestamp ? null : largest
  }

  /**
   * Does something with a segment; null when the segment went before it began and another one is there by now. Throws
   * OFFSET_OUT_OF_RANGE when it went because the log begins later now.
   */
  async #orGone<R>(segment: Segment, offset: number, work: () => Promise<R>): Promise<R | null> {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof SegmentGone)) throw error
      this.#checkRange(offset)
      if (this.#at(offset) !== segment) return null
      throw new LogdriveError('UNAVAILABLE', 'the log is closed')
    }
  }

  #checkRange(offset: number): void {
    const { startOffset } = this
    const { endOffset } = this.active
    if (offset >= startOffset && offset <= endOffset) return
    throw new LogdriveError(
      'OFFSET_OUT_OF_RANGE',
      `offset ${offset} is not in [${startOffset}, ${endOffset}]`,
      {
        details: { startOffset, endOffset },
      },
    )
  }

  /** Keeps only the closed segments open that were read last. */
  async touch(segment: Segment): Promise<void> {
    if (segment !== this.active) await this.#recent.touch(segment)
  }

  /** The segment that holds the offset, or the next one when it lies between two. */
  #at(offset: number): Segment {
    let low = 0
    let high = this.#segments.length - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if ((this.#segments[middle] as Segment).baseOffset <= offset) low = middle
      else high = middle - 1
    }
    const found = this.#segments[low] as Segment
    return found.endOffset <= offset ? (this.#segments[low + 1] ?? found) : found
  }
}

/** The offset to go on with when a segment has nothing more; what is missing up to there is named. */
function leave(segment: Segment, next: number, skipped: OffsetRange[]): number {
  if (segment.endOffset > next) skipped.push({ fromOffset: next, toOffset: segment.endOffset })
  return Math.max(next, segment.endOffset)
}
