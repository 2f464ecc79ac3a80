// Frames of one connection: a length, bounded before anything is allocated for it, then so many bytes, in time.
import type { Clock, Connection } from '../../core/runtime.ts'
import { KafkaError } from '../../protocol/errors.ts'
import type { ByteBudget } from './byte-budget.ts'
import type { FramePool } from './frame-pool.ts'

export interface FrameReaderParts {
  readonly clock: Clock
  readonly budget: ByteBudget
  readonly pool: FramePool
  /** A frame that began has to come at this pace: so many ms, and a second more for every 100 kB. */
  readonly requestMs: number
}

/** Bytes a ms that a large frame has to come with. */
const bytesPerMsMin = 100

export class FrameReader {
  readonly #connection: Connection
  readonly #parts: FrameReaderParts
  readonly #head = Buffer.allocUnsafe(4)
  #dueAt: number | null = null

  constructor(connection: Connection, parts: FrameReaderParts) {
    this.#connection = connection
    this.#parts = parts
  }

  /** Monotonic ms by when the frame that began has to be whole; null between frames. */
  get dueAt(): number | null {
    return this.#dueAt
  }

  /** The length of the next frame, or null at the end of the stream. Throws INVALID_REQUEST above `bytesMax`. */
  async length(bytesMax: number): Promise<number | null> {
    const read = this.#connection.read(this.#head, 4)
    if ((typeof read === 'number' ? read : await read) < 4) return null
    const length = this.#head.readInt32BE(0)
    if (length >= 0 && length <= bytesMax) return length
    throw new KafkaError('INVALID_REQUEST', `a request of ${length} bytes: at most ${bytesMax} are allowed`)
  }

  /** The frame behind its length, which the caller gives back with `release`; null at the end of the stream. */
  async frame(length: number, signal: AbortSignal): Promise<Buffer | null> {
    const { budget, pool, clock, requestMs } = this.#parts
    if (!budget.tryTake(length) && !(await budget.take(length, signal))) return null
    const frame = pool.take(length)
    let count = 0
    try {
      const read = length === 0 ? 0 : this.#connection.read(frame, length)
      if (typeof read !== 'number') this.#dueAt = clock.monotonic() + requestMs + length / bytesPerMsMin
      count = typeof read === 'number' ? read : await read
    } finally {
      this.#dueAt = null
      if (count < length) budget.give(length)
    }
    return count < length ? null : frame
  }

  /** The frame is done with. `isReusable`: nobody looks at its bytes any more. */
  release(frame: Buffer, isReusable: boolean): void {
    this.#parts.budget.give(frame.length)
    if (isReusable) this.#parts.pool.give(frame)
  }
}
