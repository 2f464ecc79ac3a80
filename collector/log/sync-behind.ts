// SyncBehind: begins the sync of a segment while it is appended to, so that its end has little left to wait for.
import type { Changes } from './changes.ts'
import type { Segment } from './segment.ts'

/** A sync is begun whenever a segment has grown by this part of its largest size. */
const partsOfSegment = 8

/**
 * A log that is synced late has to sync a whole segment when it begins the next one, and appends wait for that (measured: 60
 * to 110 ms for 128 MiB). Says nothing of what is safe: only a sync that the log waits for does.
 */
export class SyncBehind {
  readonly #changes: Changes
  /** Bytes of the active segment for which a sync was begun. */
  #begun = 0
  #running: Promise<void> | null = null

  constructor(changes: Changes) {
    this.#changes = changes
  }

  /** A sync of the active segment covers all that is in it. */
  covered(segment: Segment): void {
    this.#begun = segment.bytes
  }

  /** The active segment has grown: a sync begins when it is due and none is under way. A failure of it ends the log. */
  grown(segment: Segment, segmentBytes: number): void {
    if (segment.bytes < this.#begun) this.#begun = 0
    if (this.#running !== null || segment.bytes - this.#begun < segmentBytes / partsOfSegment) return
    this.#begun = segment.bytes
    const done = () => {
      this.#running = null
    }
    // Who is told of the failure is told by `orFail`.
    this.#running = this.#changes.orFail(() => segment.sync()).then(done, done)
  }

  /** Resolves when no sync is under way: the segment's file may be closed or cut. */
  async settled(): Promise<void> {
    await this.#running
  }
}
