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

  /**
   * The length of the next frame, or null at the end of the stream; no promise when it is here already. Throws
   * INVALID_REQUEST above `bytesMax`.
   */
  length(bytesMax: number): number | null | Promise<number | null> {
    const read = this.#connection.read(this.#head, 4)
    return typeof read === 'number'
      ? this.#lengthIn(read, bytesMax)
      : read.then((count) => this.#lengthIn(count, bytesMax))
  }

  /**
   * The frame behind its length, which the caller gives back with `release`; null at the end of the stream. No promise
   * when it is here already.
   */
  frame(length: number, signal: AbortSignal): Buffer | null | Promise<Buffer | null> {
    const { budget } = this.#parts
    if (budget.tryTake(length)) return this.#read(length)
    return budget.take(length, signal).then((isTaken) => (isTaken ? this.#read(length) : null))
  }

  /** The frame is done with. `isReusable`: nobody looks at its bytes any more. */
  release(frame: Buffer, isReusable: boolean): void {
    this.#parts.budget.give(frame.length)
    if (isReusable) this.#parts.pool.give(frame)
  }

  #lengthIn(count: number, bytesMax: number): number | null {
    if (count < 4) return null
    const length = this.#head.readInt32BE(0)
    if (length >= 0 && length <= bytesMax) return length
    const other = otherProtocol(this.#head)
    const guess = other === null ? '' : `; it begins as ${other} does`
    throw new KafkaError(
      'INVALID_REQUEST',
      `a request of ${length} bytes: at most ${bytesMax} are allowed${guess}`,
    )
  }

  #read(length: number): Buffer | null | Promise<Buffer | null> {
    const frame = this.#parts.pool.take(length)
    const read = length === 0 ? 0 : this.#connection.read(frame, length)
    return typeof read === 'number' ? this.#whole(frame, read) : this.#wholeInTime(frame, read)
  }

  async #wholeInTime(frame: Buffer, reading: Promise<number>): Promise<Buffer | null> {
    const { clock, requestMs } = this.#parts
    this.#dueAt = clock.monotonic() + requestMs + frame.length / bytesPerMsMin
    try {
      return this.#whole(frame, await reading)
    } catch (error) {
      this.#parts.budget.give(frame.length)
      throw error
    } finally {
      this.#dueAt = null
    }
  }

  #whole(frame: Buffer, count: number): Buffer | null {
    if (count === frame.length) return frame
    this.#parts.budget.give(frame.length)
    return null
  }
}

/** What a client seems to speak instead, by its first bytes, for whoever reads the log. */
function otherProtocol(head: Buffer): string | null {
  if (head[0] === 0x16 && head[1] === 3) return 'TLS'
  return /^(GET |PUT |PRI |POST|HEAD|OPTI|PATC|DELE|CONN)/.test(head.toString('latin1')) ? 'HTTP' : null
}
