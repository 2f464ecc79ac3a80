// JsonBytes: JSON written as bytes, one value behind the other, copied from where they stand; nothing becomes a string.
import { type Copier, copier, copyBytes } from '../../protocol/copy.ts'
import { lowestMark, markEscaped } from './four-bytes.ts'
import { type Piece, pieceSlack, putPiece } from './piece.ts'

const bytesAtFirst = 64 * 1024
const bytesKeptMax = 16 * 1024 * 1024
/** A byte of text is six of JSON at most (`\u0001`). */
export const escapedMax = 6
/** copyBytes moves 32 bytes at a time where it finds room. */
const slack = 32
const quote = 0x22
const backslash = 0x5c
const hex = Buffer.from('0123456789abcdef')

/** What stands behind the backslash for a byte: 0 for none, `u` for the long way. */
const escapes = new Uint8Array(256)
escapes.fill(0x75, 0, 0x20)
for (const [byte, letter] of [
  [0x08, 'b'],
  [0x09, 't'],
  [0x0a, 'n'],
  [0x0c, 'f'],
  [0x0d, 'r'],
  [quote, '"'],
  [backslash, '\\'],
] as const) {
  escapes[byte] = letter.charCodeAt(0)
}

/** Where JSON is written. */
export interface JsonRoom {
  /** A room of at least `size` bytes that begins as `bytes` does; nobody uses those any more. */
  grow(bytes: Buffer<ArrayBuffer>, size: number): Buffer<ArrayBuffer>
  /** A small room, in place of any other. */
  begin(): Buffer<ArrayBuffer>
}

const ownRoom: JsonRoom = {
  grow(bytes, size) {
    const grown = Buffer.allocUnsafeSlow(size)
    grown.set(bytes)
    return grown
  },
  begin: () => Buffer.allocUnsafeSlow(bytesAtFirst),
}

export class JsonBytes {
  readonly #room: JsonRoom
  #bytes: Buffer<ArrayBuffer>
  #view: DataView
  #length = 0
  /** Views over the sources that are copied from, kept from one range to the next. */
  #line: Copier | null = null
  #other: Copier | null = null

  constructor(room = ownRoom) {
    this.#room = room
    this.#bytes = room.begin()
    this.#view = viewOf(this.#bytes)
  }

  get bytes(): Buffer {
    return this.#bytes
  }

  get length(): number {
    return this.#length
  }

  moveTo(length: number): void {
    this.#length = length
  }

  /** Cuts off what was written behind `length`; at 0, gives back what one unusual batch needed. */
  cut(length: number): void {
    this.#length = length
    if (length === 0 && this.#bytes.length > bytesKeptMax) this.#use(this.#room.begin())
  }

  /** `source[from, to)` as it is. */
  raw(source: Uint8Array, from: number, to: number): void {
    this.reserve(to - from + slack)
    copyBytes(this.#copierOf(source), this.#length, from, to)
    this.#length += to - from
  }

  /** UTF-8 as the inside of a JSON string: looked at and copied eight bytes at a time, up to one that must be escaped. */
  text(source: Uint8Array, from: number, to: number): void {
    this.reserve((to - from) * escapedMax + slack)
    const view = this.#copierOf(source).sourceView
    const target = this.#view
    let at = this.#length
    let read = from
    while (read < to) {
      if (read + 8 <= to) {
        const low = view.getInt32(read, true)
        const high = view.getInt32(read + 4, true)
        // Too much of them is written over.
        target.setInt32(at, low, true)
        target.setInt32(at + 4, high, true)
        const marks = markEscaped(low)
        const plain = marks === 0 ? 4 + lowestMark(markEscaped(high)) : lowestMark(marks)
        at += plain
        read += plain
        if (plain === 8) continue
      }
      at = this.#escape(view.getUint8(read), at)
      read += 1
    }
    this.#length = at
  }

  piece(piece: Piece): void {
    this.reserve(piece.length + pieceSlack)
    this.#length = putPiece(this.#view, this.#length, piece)
  }

  byte(byte: number): void {
    this.reserve(1)
    this.#bytes[this.#length] = byte
    this.#length += 1
  }

  /** `digits` decimal digits of a whole number below 2^31, zeros in front. */
  padded(value: number, digits: number): void {
    this.reserve(digits)
    const target = this.#bytes
    let rest = value | 0
    for (let at = this.#length + digits - 1; at >= this.#length; at -= 1) {
      const next = (rest / 10) | 0
      target[at] = 0x30 + rest - next * 10
      rest = next
    }
    this.#length += digits
  }

  /** One byte, escaped where it must be; where it ends. */
  #escape(byte: number, start: number): number {
    const target = this.#bytes
    const letter = escapes[byte] as number
    let at = start
    if (letter === 0) {
      target[at++] = byte
      return at
    }
    target[at++] = backslash
    target[at++] = letter
    if (letter !== 0x75) return at
    target[at++] = 0x30
    target[at++] = 0x30
    target[at++] = hex[byte >> 4] as number
    target[at++] = hex[byte & 15] as number
    return at
  }

  #copierOf(source: Uint8Array): Copier {
    const known = this.#line
    if (known?.source === source && known.target === this.#bytes) return known
    const other = this.#other
    const made =
      other?.source === source && other.target === this.#bytes ? other : copier(source, this.#bytes)
    this.#other = known
    this.#line = made
    return made
  }

  /** Room for `more` bytes, for who writes them itself and then says so with `moveTo`. */
  reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return
    this.#use(this.#room.grow(this.#bytes, Math.max(this.#bytes.length * 2, this.#length + more)))
  }

  #use(bytes: Buffer<ArrayBuffer>): void {
    this.#bytes = bytes
    this.#view = viewOf(bytes)
  }
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
