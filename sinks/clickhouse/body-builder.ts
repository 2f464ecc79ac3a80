// The body of one insert in the making: bytes behind bytes, and where each row ends.
import { type Copier, copier, copyBytes } from '../../protocol/copy.ts'
import type { InsertRequest } from './warehouse.ts'

/** Rows ready to be sent. `ends[i]` is where row i ends in the bytes, `offsets[i]` where it stands in the log. */
export interface RowsBody {
  readonly format: InsertRequest['format']
  readonly columns: readonly string[] | null
  readonly bytes: Uint8Array
  readonly ends: readonly number[]
  readonly offsets: readonly number[]
}

const bytesAtFirst = 64 * 1024
/** copyBytes moves 32 bytes at a time where it finds room. */
const slackBytes = 32
const digitsMax = 16
const newline = 0x0a
const backslash = 0x5c

/** What follows the backslash for a byte that TabSeparated must not hold; 0 for all others. */
const tabEscapes = new Uint8Array(256)
for (const [byte, letter] of [
  [0x09, 't'],
  [newline, 'n'],
  [0x0d, 'r'],
  [backslash, '\\'],
  [0x00, '0'],
] as const) {
  tabEscapes[byte] = letter.charCodeAt(0)
}

export class BodyBuilder {
  readonly #format: RowsBody['format']
  readonly #columns: RowsBody['columns']
  readonly #ends: number[] = []
  readonly #offsets: number[] = []
  #bytes: Buffer = Buffer.allocUnsafe(bytesAtFirst)
  #length = 0
  #copier: Copier | null = null

  constructor(format: RowsBody['format'], columns: RowsBody['columns']) {
    this.#format = format
    this.#columns = columns
  }

  /** Rows so far. */
  get count(): number {
    return this.#ends.length
  }

  /** Makes room at once for what is about to come; growing bit by bit copies all each time. */
  expect(bytes: number): void {
    this.#reserve(bytes)
  }

  bytes(source: Uint8Array): void {
    this.#reserve(source.length)
    this.#bytes.set(source, this.#length)
    this.#length += source.length
  }

  /** The same as `bytes`, for what is appended to every row. */
  piece(piece: Piece): void {
    this.#reserve(piece.length + slackBytes)
    if (piece.copier?.target !== this.#bytes) piece.copier = copier(piece.padded, this.#bytes)
    copyBytes(piece.copier, this.#length, 0, piece.length)
    this.#length += piece.length
  }

  /** A whole number from 0 to 2^53 in decimal. */
  number(value: number): void {
    this.#reserve(digitsMax)
    let digits = 1
    for (let power = 10; power <= value; power *= 10) digits += 1
    let rest = value
    for (let at = this.#length + digits - 1; at >= this.#length; at -= 1) {
      const next = Math.floor(rest / 10)
      this.#bytes[at] = 0x30 + (rest - next * 10)
      rest = next
    }
    this.#length += digits
  }

  text(value: string): void {
    this.#reserve(value.length * 3)
    this.#length += this.#bytes.write(value, this.#length)
  }

  /** Part of a source of many rows, as it is. */
  range(source: Uint8Array, from: number, to: number): void {
    this.#reserve(to - from + slackBytes)
    copyBytes(this.#copierOf(source), this.#length, from, to)
    this.#length += to - from
  }

  /** The bytes as one field of TabSeparated, whatever they are: the column gets exactly them. */
  tabEscaped(source: Uint8Array, from: number, to: number): void {
    this.#reserve((to - from) * 2 + slackBytes)
    const copying = this.#copierOf(source)
    if (isPlain(copying.sourceView, from, to)) {
      copyBytes(copying, this.#length, from, to)
      this.#length += to - from
    } else this.#length = escapeInto(this.#bytes, this.#length, source, from, to)
  }

  /** Ends the row that stands at this offset of the log. */
  endRow(offset: number): void {
    this.#reserve(1)
    this.#bytes[this.#length] = newline
    this.#length += 1
    this.#ends.push(this.#length)
    this.#offsets.push(offset)
  }

  /** The rows; the builder must not be used afterwards. */
  finish(): RowsBody {
    return {
      format: this.#format,
      columns: this.#columns,
      bytes: this.#bytes.subarray(0, this.#length),
      ends: this.#ends,
      offsets: this.#offsets,
    }
  }

  #copierOf(source: Uint8Array): Copier {
    const known = this.#copier
    if (known?.source === source && known.target === this.#bytes) return known
    const made = copier(source, this.#bytes)
    this.#copier = made
    return made
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + more))
    this.#bytes.copy(grown, 0, 0, this.#length)
    this.#bytes = grown
  }
}

/** The same rows without those that `keep` says no to. */
export function keepRows(body: RowsBody, keep: (index: number) => boolean): RowsBody {
  const pieces: Uint8Array[] = []
  const ends: number[] = []
  const offsets: number[] = []
  let length = 0
  for (let index = 0; index < body.ends.length; index += 1) {
    if (!keep(index)) continue
    const piece = body.bytes.subarray(index === 0 ? 0 : body.ends[index - 1], body.ends[index])
    pieces.push(piece)
    length += piece.length
    ends.push(length)
    offsets.push(body.offsets[index] as number)
  }
  return { ...body, bytes: Buffer.concat(pieces, length), ends, offsets }
}

/** Bytes that are appended to every row. Made by `pieceOf`; belongs to one builder. */
export interface Piece {
  readonly padded: Uint8Array
  readonly length: number
  copier: Copier | null
}

export function pieceOf(text: string): Piece {
  const length = Buffer.byteLength(text)
  const padded = Buffer.alloc(length + slackBytes)
  padded.write(text)
  return { padded, length, copier: null }
}

const every = 0x01010101
const highBits = 0x80808080

/** Neither a control character nor a backslash, four bytes at a time (Bit Twiddling Hacks, "hasless", "hasvalue"). */
function isPlain(view: DataView, from: number, to: number): boolean {
  let at = from
  for (; at + 4 <= to; at += 4) {
    const four = view.getInt32(at, true)
    const slashes = four ^ (backslash * every)
    const control = (four - 0x20 * every) & ~four
    const slash = (slashes - every) & ~slashes
    if (((control | slash) & highBits) !== 0) return false
  }
  for (; at < to; at += 1) {
    const byte = view.getUint8(at)
    if (byte < 0x20 || byte === backslash) return false
  }
  return true
}

function escapeInto(target: Buffer, start: number, source: Uint8Array, from: number, to: number): number {
  let at = start
  for (let read = from; read < to; read += 1) {
    const byte = source[read] as number
    const letter = tabEscapes[byte] as number
    if (letter === 0) {
      target[at] = byte
      at += 1
    } else {
      target[at] = backslash
      target[at + 1] = letter
      at += 2
    }
  }
  return at
}
