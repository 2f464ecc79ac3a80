// Frames: a stream of chunks cut into messages by the length before each.

import { KafkaError } from './errors.ts'

/**
 * Cuts frames (an int32 length, then so many bytes) out of chunks as they come. A frame inside one chunk is a view of
 * it; one over several chunks is copied once. Nothing is allocated for a length above `frameBytesMax`: it is refused
 * with KafkaError INVALID_REQUEST, and the connection cannot go on.
 */
export class FrameSplitter {
  /** May be raised or lowered between chunks: little before a client has authenticated, more then. */
  frameBytesMax: number
  readonly #head = Buffer.alloc(4)
  /** Bytes of the length that are there. */
  #headFilled = 0
  /** The frame that is being filled, or null between frames. */
  #frame: Buffer | null = null
  #filled = 0

  constructor(frameBytesMax: number) {
    this.frameBytesMax = frameBytesMax
  }

  /** Bytes of an unfinished frame: 0 at a boundary, where a peer may leave in good order. */
  get pendingBytes(): number {
    return this.#headFilled + this.#filled
  }

  /** The frames that end in this chunk, without their lengths. */
  push(chunk: Uint8Array): readonly Uint8Array[] {
    const frames: Uint8Array[] = []
    let at = 0
    while (at < chunk.length) {
      if (this.#frame === null) {
        at = this.#readHead(chunk, at)
        if (this.#headFilled < 4) break
        const size = this.#size()
        if (size <= chunk.length - at) {
          frames.push(chunk.subarray(at, at + size))
          this.#headFilled = 0
          at += size
          continue
        }
        this.#frame = Buffer.allocUnsafe(size)
      }
      const frame = this.#frame
      const taken = Math.min(frame.length - this.#filled, chunk.length - at)
      frame.set(chunk.subarray(at, at + taken), this.#filled)
      this.#filled += taken
      at += taken
      if (this.#filled === frame.length) {
        frames.push(frame)
        this.#frame = null
        this.#filled = 0
        this.#headFilled = 0
      }
    }
    return frames
  }

  /** Takes bytes of the length and returns the position behind them. */
  #readHead(chunk: Uint8Array, from: number): number {
    let at = from
    while (this.#headFilled < 4 && at < chunk.length) this.#head[this.#headFilled++] = chunk[at++] as number
    return at
  }

  #size(): number {
    const size = this.#head.readInt32BE(0)
    if (size < 0 || size > this.frameBytesMax) {
      throw new KafkaError(
        'INVALID_REQUEST',
        `a frame of ${size} bytes: at most ${this.frameBytesMax} are allowed`,
      )
    }
    return size
  }
}
