// RecentSegments: the closed segments that were read last stay open, a bounded number of them over all logs.
import type { Segment } from './segment.ts'

/** Descriptors of closed segments that one process keeps: those of the segments that are appended to come on top. */
const openSegmentsMax = 256

export class RecentSegments {
  readonly #max: number
  /** In the order of their last use. */
  readonly #segments = new Set<Segment>()

  constructor(max: number = openSegmentsMax) {
    this.#max = max
  }

  /** The segment is about to be read; the one that was not for longest gives its descriptor back. */
  async touch(segment: Segment): Promise<void> {
    this.#segments.delete(segment)
    this.#segments.add(segment)
    if (this.#segments.size <= this.#max) return
    const [oldest] = this.#segments
    if (oldest === undefined) return
    this.#segments.delete(oldest)
    await oldest.release()
  }

  /** The segment is closed, or will be appended to: its descriptor is none of ours. */
  forget(segment: Segment): void {
    this.#segments.delete(segment)
  }
}
