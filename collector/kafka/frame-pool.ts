// Buffers for frames and answers, used again: a fresh megabyte costs as much as all the rest of its way.

/** Below this a fresh buffer is cheap. */
const bytesMin = 4 * 1024
/** Above this nothing is kept. */
const bytesMax = 16 * 1024 * 1024

/** Keeps buffers in sizes of powers of two, up to a bound for all of them. */
export class FramePool {
  /** Bytes in loans that have not ended. */
  lentBytes = 0
  readonly #keptBytesMax: number
  readonly #free = new Map<number, Buffer[]>()
  #keptBytes = 0

  constructor(keptBytesMax: number) {
    this.#keptBytesMax = keptBytesMax
  }

  get keptBytes(): number {
    return this.#keptBytes
  }

  /** A buffer of exactly this length, its content arbitrary; perhaps a part of a larger one. */
  take(length: number): Buffer {
    if (length < bytesMin) return Buffer.allocUnsafe(length)
    if (length > bytesMax) return Buffer.allocUnsafeSlow(length)
    const size = sizeFor(length)
    const kept = this.#free.get(size)?.pop()
    if (kept === undefined) return Buffer.allocUnsafeSlow(size).subarray(0, length)
    this.#keptBytes -= size
    return kept.subarray(0, length)
  }

  /** Takes a buffer back, as it was given out, that nobody looks at any more. */
  give(buffer: Buffer): void {
    if (buffer.length < bytesMin || buffer.length > bytesMax) return
    const size = sizeFor(buffer.length)
    if (this.#keptBytes + size > this.#keptBytesMax) return
    this.#keptBytes += size
    const whole = Buffer.from(buffer.buffer, 0, size)
    const kept = this.#free.get(size)
    if (kept === undefined) this.#free.set(size, [whole])
    else kept.push(whole)
  }
}

/** The buffers of one answer: they go back together, when it is sent. */
export class Loan {
  readonly #pool: FramePool
  readonly #buffers: Buffer[] = []

  constructor(pool: FramePool) {
    this.#pool = pool
  }

  take(length: number): Buffer {
    const buffer = this.#pool.take(length)
    this.#pool.lentBytes += length
    this.#buffers.push(buffer)
    return buffer
  }

  /** The answer is sent, or it never will be: then somebody may still look at the buffers. */
  end(outcome: 'sent' | 'lost'): void {
    for (const buffer of this.#buffers.splice(0)) {
      this.#pool.lentBytes -= buffer.length
      if (outcome === 'sent') this.#pool.give(buffer)
    }
  }
}

function sizeFor(length: number): number {
  return 1 << (32 - Math.clz32(length - 1))
}
