// JsonBytes: JSON written as bytes, one value behind the other, copied from where they stand; nothing becomes a string.
import { type Copier, copier, copyBytes } from '../../protocol/copy.ts'

const bytesAtFirst = 64 * 1024
const bytesKeptMax = 16 * 1024 * 1024
/** A byte of text is six of JSON at most (`\u0001`). */
const escapedMax = 6
const quote = 0x22
const backslash = 0x5c
/** copyBytes moves 32 bytes at a time where it finds room. */
const slack = 32
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

export class JsonBytes {
  #bytes = Buffer.allocUnsafeSlow(bytesAtFirst)
  #length = 0
  /** Views over the sources that are copied from, kept from one range to the next. */
  #line: Copier | null = null
  #other: Copier | null = null

  get bytes(): Uint8Array {
    return this.#bytes
  }

  get length(): number {
    return this.#length
  }

  /** Cuts off what was written behind `length`; at 0, gives back what one unusual batch needed. */
  cut(length: number): void {
    this.#length = length
    if (length === 0 && this.#bytes.length > bytesKeptMax) this.#bytes = Buffer.allocUnsafeSlow(bytesAtFirst)
  }

  /** `source[from, to)` as it is. */
  raw(source: Uint8Array, from: number, to: number): void {
    this.#reserve(to - from + slack)
    copyBytes(this.#copierOf(source), this.#length, from, to)
    this.#length += to - from
  }

  /** UTF-8 as the inside of a JSON string. */
  text(source: Uint8Array, from: number, to: number): void {
    if (isPlain(source, from, to)) this.raw(source, from, to)
    else this.#escape(source, from, to)
  }

  #escape(source: Uint8Array, from: number, to: number): void {
    this.#reserve((to - from) * escapedMax + slack)
    const target = this.#bytes
    let at = this.#length
    for (let read = from; read < to; read += 1) {
      const byte = source[read] as number
      const letter = escapes[byte] as number
      if (letter === 0) {
        target[at++] = byte
        continue
      }
      target[at++] = backslash
      target[at++] = letter
      if (letter !== 0x75) continue
      target[at++] = 0x30
      target[at++] = 0x30
      target[at++] = hex[byte >> 4] as number
      target[at++] = hex[byte & 15] as number
    }
    this.#length = at
  }

  /** A short piece that is written again and again, such as a name. */
  piece(bytes: Uint8Array): void {
    this.#reserve(bytes.length)
    const target = this.#bytes
    let at = this.#length
    for (let read = 0; read < bytes.length; read += 1) target[at++] = bytes[read] as number
    this.#length = at
  }

  byte(byte: number): void {
    this.#reserve(1)
    this.#bytes[this.#length] = byte
    this.#length += 1
  }

  /** `digits` decimal digits of a whole number, zeros in front. */
  padded(value: number, digits: number): void {
    this.#reserve(digits)
    let rest = value
    for (let at = this.#length + digits - 1; at >= this.#length; at -= 1) {
      const next = Math.floor(rest / 10)
      this.#bytes[at] = 0x30 + (rest - next * 10)
      rest = next
    }
    this.#length += digits
  }

  /** Any string, as JSON without its quotes. */
  string(value: string): void {
    this.piece(Buffer.from(JSON.stringify(value.toWellFormed()).slice(1, -1)))
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

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return
    const grown = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * 2, this.#length + more))
    grown.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = grown
  }
}

/** Nothing in it must be escaped. */
function isPlain(source: Uint8Array, from: number, to: number): boolean {
  let at = from
  while (at < to && escapes[source[at] as number] === 0) at += 1
  return at === to
}
