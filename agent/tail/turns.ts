// Turns: a bounded number of things at a time, first come first served; a turn to read brings its reused buffer.
import assert from 'node:assert/strict'
import type { FrameRoom } from '../../protocol/batch-encode.ts'
import { type LineRanges, lineRanges } from './lines.ts'

/** Hands out at most `turnsMax` turns; who comes when all are taken waits in line. */
export class Turns {
  #turnsMax: number
  readonly #waiting: { start: (taken: boolean) => void }[] = []
  #taken = 0

  constructor(turnsMax: number) {
    assert(turnsMax >= 1)
    this.#turnsMax = turnsMax
  }

  /** Turns that are out. */
  get taken(): number {
    return this.#taken
  }

  /** From now on so many: who waits gets what is free now; turns that are out above it are not passed on. */
  resize(turnsMax: number): void {
    assert(turnsMax >= 1)
    this.#turnsMax = turnsMax
    while (this.#taken < turnsMax) {
      const next = this.#waiting.shift()
      if (next === undefined) return
      this.#taken += 1
      next.start(true)
    }
  }

  /** Resolves when it is the caller's turn; who gets one gives it back. Rejects when the signal aborts. */
  async take(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (this.#taken < this.#turnsMax) {
      this.#taken += 1
      return
    }
    const taken = await new Promise<boolean>((resolve) => {
      const waiter = {
        start: (given: boolean) => {
          signal.removeEventListener('abort', leave)
          resolve(given)
        },
      }
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1)
        resolve(false)
      }
      signal.addEventListener('abort', leave, { once: true })
      this.#waiting.push(waiter)
    })
    if (!taken) throw signal.reason
  }

  /** Gives a turn back: the first in line gets it. */
  give(): void {
    assert(this.#taken > 0)
    const next = this.#taken > this.#turnsMax ? undefined : this.#waiting.shift()
    if (next === undefined) this.#taken -= 1
    else next.start(true)
  }
}

/** A batch up to this many bytes and lines is moved into memory of its own size. */
const smallBytesMax = 16 * 1024
const smallLinesMax = 512
/** So many of these a slab: with what they become on the wire they take as much memory as it. */
const smallPerSlab = 32

/** Room for one batch of lines, as they were read and as they are framed for the wire. */
export interface Slab {
  readonly bytes: Uint8Array
  readonly ranges: LineRanges
  readonly frame: FrameRoom
}

/** The memory of all batches that are read but not yet acknowledged: `slabsMax` slabs, made when first needed. */
export class Slabs {
  readonly #turns: Turns
  readonly #free: Slab[] = []
  /** Of the free ones so many were not needed since the last trim. */
  #spare = 0
  readonly #small = new Set<Slab>()
  readonly #smallMax: number
  readonly #bytes: number
  readonly #lines: number

  constructor(slabsMax: number, bytes: number, lines: number) {
    this.#turns = new Turns(slabsMax)
    this.#smallMax = slabsMax * smallPerSlab
    this.#bytes = bytes
    this.#lines = lines
  }

  /** Slabs in use. */
  get taken(): number {
    return this.#turns.taken + this.#small.size
  }

  async take(signal: AbortSignal): Promise<Slab> {
    await this.#turns.take(signal)
    // Slow means: not from the shared pool, and pages never touched cost nothing.
    const known = this.#free.pop()
    this.#spare = Math.min(this.#spare, this.#free.length)
    if (known !== undefined) return known
    const frame = { bytes: Buffer.alloc(0) }
    return { bytes: Buffer.allocUnsafeSlow(this.#bytes), ranges: lineRanges(this.#lines), frame }
  }

  /**
   * Moves the lines of a slab, of which none was cut, into memory of their own size, as long as there is room for such, and gives the
   * slab back; else the slab itself. So hundreds of files with a line each are on their way at a time.
   */
  shrink(slab: Slab): Slab {
    const { bytes, ranges } = slab
    const { end: size, count, cutBytes } = ranges
    if (
      cutBytes !== null ||
      size > smallBytesMax ||
      count > smallLinesMax ||
      this.#small.size >= this.#smallMax
    )
      return slab
    const valueFrom = ranges.valueFrom.slice(0, count)
    const valueTo = ranges.valueTo.slice(0, count)
    const small = {
      bytes: Buffer.from(bytes.subarray(0, size)),
      ranges: { ...ranges, valueFrom, valueTo },
      frame: { bytes: Buffer.alloc(0) },
    }
    this.#small.add(small)
    this.give(slab)
    return small
  }

  /**
   * Gives back the memory of slabs that nobody needed since the last call, at once: the garbage collector knows little of it. But for
   * the frame: a request that was answered early may still be read from it.
   */
  trim(): void {
    for (const { bytes, ranges } of this.#free.splice(0, this.#spare))
      for (const { buffer, byteLength } of [bytes, ranges.valueFrom, ranges.valueTo])
        if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0)
    this.#spare = this.#free.length
  }

  give(slab: Slab): void {
    if (this.#small.delete(slab)) return
    this.#free.push(slab)
    this.#turns.give()
  }
}
