// Bytes of a socket, pulled: large reads land in the caller's own buffer, small ones in a slab that reads ahead.
import { strict as assert } from 'node:assert'
import type { OnReadOpts } from 'node:net'

/** What a connection reads through; `target` and `bytesMin` as in `Connection.read`. */
export interface SocketReader {
  read(target: Uint8Array, bytesMin: number): Promise<number> | number
  /** The stream is over: with an error it broke, without the other end has finished. What waits can still be read. */
  end(error: Error | null): void
}

/** What a connection reads ahead into; what lands here is copied once more. */
const slabBytes = 64 * 1024
const burstBytes = 1024 * 1024
/** Lent at a time. A connection has one for one read and until what came is taken; without one its own two have to do. */
const burstsMax = 8
/** From here on a read goes straight into the caller's buffer. */
const directBytesMin = 16 * 1024

/** The one read that waits, and how the stream ended. */
class PendingRead {
  /** Null when nobody waits. */
  target: Uint8Array | null = null
  filled = 0
  #bytesMin = 0
  #ended: { readonly error: Error | null } | null = null
  #resolve: (count: number) => void = () => undefined
  #reject: (error: Error) => void = () => undefined

  /** A read that found `filled` bytes waiting, too few: waits for the others unless there will be none. */
  begin(target: Uint8Array, bytesMin: number, filled: number): Promise<number> | number {
    assert(this.target === null, 'one read at a time')
    if (this.#ended !== null) return this.#ended.error === null ? filled : Promise.reject(this.#ended.error)
    this.target = target
    this.filled = filled
    this.#bytesMin = bytesMin
    return new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  /** Resolves the read when it has enough. */
  settle(): void {
    if (this.target === null || this.filled < this.#bytesMin) return
    this.target = null
    this.#resolve(this.filled)
  }

  end(error: Error | null): void {
    if (this.#ended !== null) return
    this.#ended = { error }
    if (this.target === null) return
    this.target = null
    if (error === null) this.#resolve(this.filled)
    else this.#reject(error)
  }
}

/** Memory that bytes land in, and which of them wait: `from` included, `to` excluded. */
interface Slab {
  readonly bytes: Buffer
  from: number
  to: number
}

/** Large slabs, which all connections share: a stream that fills its own slab gets one for its next read. */
export class Bursts {
  readonly #free: Buffer[] = []
  #lent = 0

  /** Null when all are lent. */
  take(): Slab | null {
    if (this.#lent >= burstsMax) return null
    this.#lent += 1
    return { bytes: this.#free.pop() ?? Buffer.allocUnsafeSlow(burstBytes), from: 0, to: 0 }
  }

  give(slab: Slab): void {
    this.#lent -= 1
    this.#free.push(slab.bytes)
  }

  /** One will not come back: somebody may still read what is in it. */
  lose(): void {
    this.#lent -= 1
  }
}

/**
 * Reads by the `onread` option of net.Socket: the kernel copies into buffers that we name, nothing is allocated (measured:
 * 4,200 MB/s against 1,200 MB/s by `data` events). The next buffer is named when bytes came, before anybody could take
 * them: so there are two slabs. A stream that fills one at once has more to say: one large read then brings many requests
 * together, which go on together, to the disk and back (measured: a third less CPU a byte than reads of 64 KiB).
 */
export class SlabReader implements SocketReader {
  /** The option for the socket. */
  readonly onread: OnReadOpts
  /** Continues reading; set once the socket is there. */
  resume: () => void = () => undefined
  readonly #bursts: Bursts
  /** Where the next bytes go, unless straight to who waits for them. */
  #named: Slab = newSlab()
  /** What came before the bytes in it, in order. */
  readonly #older: Slab[] = []
  readonly #spares: Slab[] = []
  #hasTwo = false
  #landsInTarget = false
  #isStopped = false
  #isOver = false
  readonly #pending = new PendingRead()

  constructor(bursts: Bursts) {
    this.#bursts = bursts
    this.onread = { buffer: () => this.#nextBuffer(), callback: (bytes) => this.#landed(bytes) }
  }

  read(target: Uint8Array, bytesMin: number): Promise<number> | number {
    const filled = this.#take(target, 0)
    return filled >= bytesMin ? filled : this.#pending.begin(target, bytesMin, filled)
  }

  end(error: Error | null): void {
    this.#pending.end(error)
    if (this.#isOver) return
    this.#isOver = true
    for (const slab of [...this.#older, this.#named]) if (isBurst(slab)) this.#bursts.lose()
  }

  /** Copies what waits; with nothing left, a stopped socket goes on. */
  #take(target: Uint8Array, at: number): number {
    let filled = at
    for (;;) {
      const slab = this.#older[0] ?? this.#named
      const count = Math.min(slab.to - slab.from, target.length - filled)
      if (count > 0) {
        slab.bytes.copy(target, filled, slab.from, slab.from + count)
        slab.from += count
        filled += count
      }
      if (slab === this.#named || slab.from < slab.to) break
      this.#older.shift()
      this.#retire(slab)
    }
    if (this.#isStopped && this.#named.from === this.#named.to) {
      // The whole of it was named when reading stopped.
      this.#named.from = 0
      this.#named.to = 0
      this.#isStopped = false
      this.resume()
    }
    return filled
  }

  /** Bytes came into the buffer that was named last. False stops the reading. */
  #landed(bytes: number): boolean {
    const pending = this.#pending
    if (this.#landsInTarget) pending.filled += bytes
    else {
      this.#named.to += bytes
      if (pending.target !== null) pending.filled = this.#take(pending.target, pending.filled)
    }
    pending.settle()
    this.#nameNext(bytes)
    return !this.#isStopped
  }

  /** Chooses where the bytes behind those that just came go. */
  #nameNext(bytes: number): void {
    const named = this.#named
    const isTaken = named.from === named.to
    const isFull = named.to === named.bytes.length
    if (isTaken) {
      named.from = 0
      named.to = 0
    }
    // A large slab takes one read, and only when all before it was taken: so nobody keeps one, or two.
    const isFlood = isFull && bytes >= slabBytes / 2 && !isBurst(named) && this.#older.length === 0
    if (!isFlood && !isBurst(named) && (isTaken || !isFull)) return
    const next = (isFlood ? this.#bursts.take() : null) ?? this.#takeSpare()
    if (next === null) {
      this.#isStopped = !isTaken
      return
    }
    if (isTaken) this.#retire(named)
    else this.#older.push(named)
    this.#named = next
  }

  #nextBuffer(): Uint8Array {
    this.#landsInTarget = false
    const { bytes, to } = this.#named
    if (this.#isStopped) return bytes
    const { target, filled } = this.#pending
    const directMin = isBurst(this.#named) ? burstBytes / 4 : directBytesMin
    if (target !== null && target.length - filled >= directMin) {
      this.#landsInTarget = true
      return target.subarray(filled)
    }
    return to === 0 ? bytes : bytes.subarray(to)
  }

  #takeSpare(): Slab | null {
    const spare = this.#spares.pop()
    if (spare !== undefined || this.#hasTwo) return spare ?? null
    this.#hasTwo = true
    return newSlab()
  }

  #retire(slab: Slab): void {
    slab.from = 0
    slab.to = 0
    if (!isBurst(slab)) this.#spares.push(slab)
    else if (!this.#isOver) this.#bursts.give(slab)
  }
}

function newSlab(): Slab {
  return { bytes: Buffer.allocUnsafeSlow(slabBytes), from: 0, to: 0 }
}

function isBurst({ bytes }: Slab): boolean {
  return bytes.length > slabBytes
}

/** Reads the `data` of a stream, for TLS, where `onread` is not to be had. */
export class ChunkReader implements SocketReader {
  readonly #stream: { pause(): unknown; resume(): unknown }
  readonly #chunks: Uint8Array[] = []
  #at = 0
  #waiting = 0
  readonly #pending = new PendingRead()

  constructor(stream: { pause(): unknown; resume(): unknown }) {
    this.#stream = stream
  }

  push(chunk: Uint8Array): void {
    this.#chunks.push(chunk)
    this.#waiting += chunk.length
    const { target, filled } = this.#pending
    if (target !== null) this.#pending.filled = this.#take(target, filled)
    this.#pending.settle()
    if (this.#waiting >= slabBytes) this.#stream.pause()
  }

  read(target: Uint8Array, bytesMin: number): Promise<number> | number {
    const filled = this.#take(target, 0)
    return filled >= bytesMin ? filled : this.#pending.begin(target, bytesMin, filled)
  }

  end(error: Error | null): void {
    this.#pending.end(error)
  }

  #take(target: Uint8Array, at: number): number {
    let filled = at
    while (filled < target.length) {
      const chunk = this.#chunks[0]
      if (chunk === undefined) break
      const count = Math.min(chunk.length - this.#at, target.length - filled)
      target.set(chunk.subarray(this.#at, this.#at + count), filled)
      filled += count
      this.#at += count
      if (this.#at < chunk.length) break
      this.#chunks.shift()
      this.#at = 0
    }
    this.#waiting -= filled - at
    if (this.#waiting < slabBytes) this.#stream.resume()
    return filled
  }
}
