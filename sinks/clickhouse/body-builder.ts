// The body of one insert in the making: bytes behind bytes, and where each row ends.
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

  constructor(format: RowsBody['format'], columns: RowsBody['columns']) {
    this.#format = format
    this.#columns = columns
  }

  /** Rows so far. */
  get count(): number {
    return this.#ends.length
  }

  bytes(source: Uint8Array): void {
    this.#reserve(source.length)
    this.#bytes.set(source, this.#length)
    this.#length += source.length
  }

  text(value: string): void {
    this.#reserve(value.length * 3)
    this.#length += this.#bytes.write(value, this.#length)
  }

  /** The bytes as one field of TabSeparated, whatever they are: the column gets exactly them. */
  tabEscaped(source: Uint8Array, from: number, to: number): void {
    this.#reserve((to - from) * 2)
    const target = this.#bytes
    let at = this.#length
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
    this.#length = at
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
