// LineCutter: bytes as they come to whole lines, with a bound on what waits for its end.

import type { Lines } from '../parse/made-lines.ts'
import { utf8Code, utf8End } from '../tail/lines.ts'

const newline = 10
const none: Lines = { bytes: new Uint8Array(0), starts: new Int32Array(0), ends: new Int32Array(0), count: 0 }

export class LineCutter {
  readonly #lineBytesMax: number
  readonly #cut: (bytes: number) => void
  /** What came last; from `#from` on it is a line without its end. */
  #bytes: Uint8Array = new Uint8Array(0)
  #from = 0
  /** Memory for lines that come in pieces. */
  #room = Buffer.alloc(0)
  /** Bytes left out so far of the over-long line that goes on; null when there is none. */
  #skipped: number | null = null

  /** `cut` hears how many bytes of a line over `lineBytesMax` were left out. */
  constructor(lineBytesMax: number, cut: (bytes: number) => void) {
    this.#lineBytesMax = lineBytesMax
    this.#cut = cut
  }

  /** The lines that end in these bytes, without their ends; valid until the next call. */
  push(chunk: Uint8Array): Lines {
    const rest = this.#skip(chunk)
    if (rest.length === 0) return none
    const before = this.#bytes.length - this.#from
    const bytes = before === 0 ? rest : this.#append(rest, before)
    const starts: number[] = []
    const ends: number[] = []
    let from = 0
    for (let at = before; ; at = from) {
      const end = bytes.indexOf(newline, at)
      if (end === -1) break
      this.#add(bytes, from, end, starts, ends)
      from = end + 1
    }
    if (bytes.length - from > this.#lineBytesMax + 1) {
      const kept = utf8End(bytes, from, from + this.#lineBytesMax)
      starts.push(from)
      ends.push(kept)
      this.#skipped = bytes.length - kept
      from = bytes.length
    }
    this.#bytes = bytes
    this.#from = from
    return linesOf(bytes, starts, ends)
  }

  /** The last line, when it has no end. */
  end(): Lines {
    const { length } = this.#bytes
    const starts: number[] = []
    const ends: number[] = []
    if (this.#skipped !== null) this.#cut(this.#skipped)
    else if (length > this.#from) this.#add(this.#bytes, this.#from, length, starts, ends)
    this.#skipped = null
    this.#from = length
    return linesOf(this.#bytes, starts, ends)
  }

  #add(bytes: Uint8Array, from: number, to: number, starts: number[], ends: number[]): void {
    const end = utf8Code.stripReturn(bytes, from, to)
    const isLong = end - from > this.#lineBytesMax
    const kept = isLong ? utf8End(bytes, from, from + this.#lineBytesMax) : end
    if (isLong) this.#cut(end - kept)
    starts.push(from)
    ends.push(kept)
  }

  /** What is behind the end of an over-long line. */
  #skip(chunk: Uint8Array): Uint8Array {
    if (this.#skipped === null) return chunk
    const end = chunk.indexOf(newline)
    this.#skipped += end === -1 ? chunk.length : end
    if (end === -1) return none.bytes
    this.#cut(this.#skipped)
    this.#skipped = null
    return chunk.subarray(end + 1)
  }

  /** The unfinished line with more behind it, in memory that is used again. */
  #append(chunk: Uint8Array, before: number): Uint8Array {
    const length = before + chunk.length
    if (this.#room.length < length) {
      const larger = Buffer.allocUnsafeSlow(length * 2)
      larger.set(this.#bytes.subarray(this.#from))
      this.#room = larger
    } else if (this.#bytes.buffer !== this.#room.buffer || this.#from > 0) {
      // A view of the same memory is moved as if it were copied aside first.
      this.#room.set(this.#bytes.subarray(this.#from))
    }
    this.#room.set(chunk, before)
    return this.#room.subarray(0, length)
  }
}

function linesOf(bytes: Uint8Array, starts: readonly number[], ends: readonly number[]): Lines {
  if (starts.length === 0) return none
  return { bytes, starts: Int32Array.from(starts), ends: Int32Array.from(ends), count: starts.length }
}
