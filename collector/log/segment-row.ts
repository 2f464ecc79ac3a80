// SegmentRow: the segments of a log in order; finds the one for an offset and reads across their borders.
import { strict as assert } from 'node:assert'
import type { OffsetRange, Segment, StoredBatch } from './segment.ts'

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

/** Closed segments that stay open for reading. */
const openSegmentsMax = 8

export class SegmentRow {
  readonly #segments: Segment[]
  #recent: Segment[] = []

  constructor(segments: readonly Segment[]) {
    this.#segments = [...segments]
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

  /** Takes the first one out. */
  shift(): Segment {
    assert(this.#segments.length > 1, 'the active segment stays')
    const first = this.#segments.shift() as Segment
    this.#recent = this.#recent.filter((segment) => segment !== first)
    return first
  }

  /** Takes the last one out. */
  pop(): Segment {
    assert(this.#segments.length > 1, 'a log has a segment')
    return this.#segments.pop() as Segment
  }

  /** Whole batches from the one that holds `fromOffset` on; the caller checked that the range is there. */
  async read(fromOffset: number, endOffset: number, bytesMax: number): Promise<LogRead> {
    const skipped: OffsetRange[] = []
    let next = fromOffset
    while (next < endOffset) {
      const segment = this.#at(next)
      if (segment.baseOffset > next) skipped.push({ fromOffset: next, toOffset: segment.baseOffset })
      await this.touch(segment)
      const part = await segment.read(Math.max(next, segment.baseOffset), endOffset, bytesMax)
      skipped.push(...part.skipped)
      if (part.bytes.length > 0) return { bytes: part.bytes, nextOffset: part.nextOffset, skipped }
      next = leave(segment, part.nextOffset, skipped)
    }
    return { bytes: new Uint8Array(0), nextOffset: next, skipped }
  }

  /** The headers of the batches from the one that holds `fromOffset` on; ranges without any are added to `skipped`. */
  async *headers(fromOffset: number, endOffset: number, skipped: OffsetRange[]): AsyncGenerator<LogHeader> {
    let next = fromOffset
    while (next < endOffset) {
      const segment = this.#at(next)
      if (segment.baseOffset > next) skipped.push({ fromOffset: next, toOffset: segment.baseOffset })
      await this.touch(segment)
      const from = Math.max(next, segment.baseOffset)
      const before = skipped.length
      for await (const stored of segment.headers(from, endOffset, skipped)) {
        next = stored.header.baseOffset + stored.header.count
        yield { ...stored, segment }
      }
      next = Math.max(next, skipped.slice(before).at(-1)?.toOffset ?? next)
      if (next < endOffset) next = leave(segment, next, skipped)
    }
  }

  /** An offset at or before the first record with this timestamp (ms) or a later one; null when there is none. */
  async searchTime(timestamp: number): Promise<number | null> {
    for (const segment of [...this.#segments]) {
      if ((segment.state.timestampMax ?? Number.NEGATIVE_INFINITY) < timestamp) continue
      await this.touch(segment)
      const offset = await segment.searchTime(timestamp)
      if (offset !== null) return offset
    }
    return null
  }

  /** Keeps only the closed segments open that were read last. */
  async touch(segment: Segment): Promise<void> {
    if (segment === this.active || this.#recent.at(-1) === segment) return
    this.#recent = this.#recent.filter((known) => known !== segment)
    this.#recent.push(segment)
    if (this.#recent.length > openSegmentsMax) await this.#recent.shift()?.release()
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
