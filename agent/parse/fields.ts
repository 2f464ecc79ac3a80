// Fields: what a parser finds in one line, as ranges over its bytes; one object, filled again for every line.
import type { Name } from './names.ts'
import { fieldsMax } from './options.ts'
import type { Severity } from './severity.ts'

/** How the bytes of a value are meant: as text, as the inside of a JSON string, as a JSON number, as true or false. */
export const kind = { text: 0, json: 1, number: 2, flag: 3 } as const
export type Kind = (typeof kind)[keyof typeof kind]

/** Why a line was not parsed: a word with underscores. */
export type Reason = string

/** Finds the fields of `bytes[from, to)`; null when it could, else why not. Never throws, whatever the bytes. */
export type LineParser = (bytes: Uint8Array, from: number, to: number, fields: Fields) => Reason | null

const scratchBytesMin = 4096
/** Room for fields of our own in a record that is full: what went wrong with it, and its body. */
const roomMax = fieldsMax + 8

export class Fields {
  readonly names: Name[] = []
  readonly kinds = new Uint8Array(roomMax)
  /** A value is `bytesOf(i)[from[i], to[i])`; of a flag only `from` counts, 1 for true. */
  readonly from = new Int32Array(roomMax)
  readonly to = new Int32Array(roomMax)
  /** 1: fills a column of its own and is no attribute any more. */
  readonly taken = new Uint8Array(roomMax)
  readonly #inScratch = new Uint8Array(roomMax)
  count = 0
  /** There were more than fit. */
  overflow = false
  /** When the line says it happened: whole ms since 1970, NaN when it does not say, and the ns behind them. */
  timeMs = Number.NaN
  timeNanos = 0
  severity: Severity | null = null
  /** Indexes of fields that fill a column of their own; -1: none. */
  message = -1
  trace = -1
  span = -1
  service = -1
  #line = 0
  #bytes: Uint8Array = new Uint8Array(0)
  #viewed: Uint8Array = this.#bytes
  #view: DataView = new DataView(new ArrayBuffer(0))
  #scratch = Buffer.alloc(scratchBytesMin)
  #scratchEnd = 0
  #fromScratch = 0

  /** Forgets the line before. */
  begin(bytes: Uint8Array): void {
    this.#line += 1
    this.#bytes = bytes
    this.#scratchEnd = 0
    this.#fromScratch = 0
    this.count = 0
    this.overflow = false
    this.timeMs = Number.NaN
    this.timeNanos = 0
    this.severity = null
    this.message = -1
    this.trace = -1
    this.span = -1
    this.service = -1
  }

  /** Adds a field of the parsed bytes; a second one of the same name replaces the first. */
  add(name: Name, of: Kind, from: number, to: number): void {
    this.#add(name, of, from, to, this.#fromScratch)
  }

  flag(name: Name, value: boolean): void {
    this.#add(name, kind.flag, value ? 1 : 0, 0, 0)
  }

  /** Adds a field whose text does not stand in the line as it is meant. */
  addText(name: Name, text: string, of: Kind = kind.text): void {
    const from = this.#scratchEnd
    this.#write(text)
    this.#add(name, of, from, this.#scratchEnd, 1)
  }

  /** As `addText`, of a field of our own: there is always room for a few. */
  addOwn(name: Name, text: string): void {
    const from = this.#scratchEnd
    this.#write(text)
    this.#add(name, kind.text, from, this.#scratchEnd, 1, roomMax)
  }

  /** Where the field of a name is; -1 when the line has none. */
  indexOf(name: Name): number {
    return name.line === this.#line && this.names[name.index] === name ? name.index : -1
  }

  /** Takes a field away: it is no attribute, fills no column and is found no more. */
  drop(index: number): void {
    const name = this.names[index] as Name
    if (this.indexOf(name) === index) name.line = -1
    this.taken[index] = 1
    for (const column of ['message', 'trace', 'span', 'service'] as const)
      if (this[column] === index) this[column] = -1
  }

  /** Gives a field another name; one that has it already is dropped. */
  rename(index: number, name: Name): void {
    const other = this.indexOf(name)
    if (other !== -1 && other !== index) this.drop(other)
    const before = this.names[index] as Name
    if (this.indexOf(before) === index) before.line = -1
    this.names[index] = name
    name.line = this.#line
    name.index = index
  }

  /** Gives a field another text; it stays what it is for. */
  replaceText(index: number, text: string, of: Kind = kind.text): void {
    this.from[index] = this.#scratchEnd
    this.#write(text)
    this.to[index] = this.#scratchEnd
    this.kinds[index] = of
    this.#inScratch[index] = 1
  }

  /** Cuts one line feed off the end of a text; false when there is none. */
  dropLineEnd(index: number): boolean {
    const bytes = this.bytesOf(index)
    const from = this.from[index] as number
    const to = this.to[index] as number
    // As JSON has it: a backslash that is not one of a pair, and an n.
    const width = this.kinds[index] === kind.json ? 2 : 1
    const isEnd = to - from >= width && bytes[to - 1] === (width === 2 ? 0x6e : 0x0a)
    if (!isEnd || (width === 2 && !isEscape(bytes, from, to - 2))) return false
    this.to[index] = to - width
    return true
  }

  /** A view over bytes that are parsed, made anew only for others than the last. */
  viewOf(bytes: Uint8Array): DataView {
    if (bytes !== this.#viewed) {
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
      this.#viewed = bytes
    }
    return this.#view
  }

  /** The bytes that a field's range is over. */
  bytesOf(index: number): Uint8Array {
    return this.#inScratch[index] === 1 ? this.#scratch : this.#bytes
  }

  /** A field's value as a string; of a JSON string it is read. */
  textOf(index: number): string {
    const bytes = this.bytesOf(index)
    const from = this.from[index] as number
    const text = Buffer.from(
      bytes.buffer,
      bytes.byteOffset + from,
      (this.to[index] as number) - from,
    ).toString()
    return this.kinds[index] === kind.json ? String(JSON.parse(`"${text}"`)) : text
  }

  /** Parses the message with another parser: what that finds joins the rest. The message goes by the name of `detached`. */
  parseMessage(parser: LineParser, detached: Name): Reason | null {
    const { message } = this
    const text = Buffer.from(this.textOf(message))
    const from = this.#scratchEnd
    this.#reserve(text.length)
    this.#scratch.set(text, from)
    this.#scratchEnd += text.length
    // A field of the same name inside must not replace it.
    this.names[message] = detached
    this.kinds[message] = kind.text
    this.#inScratch[message] = 1
    this.from[message] = from
    this.to[message] = this.#scratchEnd
    this.#fromScratch = 1
    const reason = parser(this.#scratch, from, this.#scratchEnd, this)
    this.#fromScratch = 0
    return reason
  }

  #add(name: Name, of: Kind, from: number, to: number, inScratch: number, countMax = fieldsMax): void {
    const known = this.indexOf(name)
    const index = known === -1 ? this.count : known
    if (known === -1 && index >= countMax) {
      this.overflow = true
      return
    }
    if (known === -1) this.count += 1
    name.line = this.#line
    name.index = index
    this.names[index] = name
    this.kinds[index] = of
    this.from[index] = from
    this.to[index] = to
    this.#inScratch[index] = inScratch
    this.taken[index] = 0
  }

  #write(text: string): void {
    this.#reserve(text.length * 3)
    this.#scratchEnd += this.#scratch.write(text, this.#scratchEnd)
  }

  #reserve(bytes: number): void {
    if (this.#scratchEnd + bytes <= this.#scratch.length) return
    // The old bytes stay as they are for a parser that reads them.
    const larger = Buffer.alloc(Math.max(this.#scratch.length * 2, this.#scratchEnd + bytes))
    larger.set(this.#scratch.subarray(0, this.#scratchEnd))
    this.#scratch = larger
  }
}

/** True when the byte at `at` is a backslash that begins an escape, and not the second of two. */
function isEscape(bytes: Uint8Array, from: number, at: number): boolean {
  let start = at
  while (start >= from && bytes[start] === 0x5c) start -= 1
  return (at - start) % 2 === 1
}
