// Lines, the quick way: of a line whose text between its values is known, the record is one look and a few copies.
//
// What it writes is what the general way (a LineParser, records.ts) writes, byte for byte; a line that is unusual in any
// way (other text between the values, a backslash, a control character, a time that cannot be read) is left to that one.
import { type Copier, copier, copyBytes } from '../../protocol/copy.ts'
import { isAt, isNothing, requestNames, requestParts } from './access-log.ts'
import { lowestMark, markEscapedOr } from './four-bytes.ts'
import { type JsonBytes, type Piece, pieceOf } from './json-bytes.ts'
import { fieldsMax, idBytesMax } from './options.ts'
import { RecordTime } from './record-time.ts'
import type { Severities, Severity } from './severity.ts'
import type { Moment, TimeParser } from './time.ts'
import { numberEnd } from './values.ts'

/** What a value becomes: a column of the record, or an attribute. */
export type Becomes = 'attribute' | 'time' | 'severity' | 'service' | 'trace' | 'span' | 'message'

/** A value in a line, and the text behind it. */
export interface QuickSlot {
  readonly name: string
  /** `maybe_number`: a number if it looks like one. `request`: split as access logs do. */
  readonly kind: 'text' | 'number' | 'maybe_number' | 'request'
  readonly becomes: Becomes
  /** What ends the value; empty: the end of the line. */
  readonly until: Uint8Array
}

/** All lines of one make. */
export interface QuickShape {
  /** What every line begins with. */
  readonly first: Uint8Array
  readonly slots: readonly QuickSlot[]
  /** Attributes that are true or false by the text between the values. */
  readonly flags: readonly (readonly [string, boolean])[]
  /** `-` and nothing mean that there is no value. */
  readonly hasNothing: boolean
  readonly keepRaw: boolean
}

/** Reads the columns that are more than text. */
export interface QuickReaders {
  readonly time: TimeParser
  readonly severities: Severities
}

/** Longer lines are rare, and the general way bounds what they become. */
const lineBytesMax = 8 * 1024
/** Names may make a record much longer than its line: more than this goes the general way. */
const namesBytesMax = 2 * 1024
/** A record beside its values: names, the text between them, and the room that copying needs. */
const recordBytes = 16 * 1024
/** copyBytes reads and writes so far behind a range. */
const slack = 32
const quote = 0x22
const closing = 0x7d
const ts = pieceOf('{"ts":"')
const body = pieceOf(',"body":"')
const afterTime = pieceOf('"')
/** Columns that are text, in the order of the record. */
const textColumns = [
  ['service', pieceOf(',"service_name":"')],
  ['trace', pieceOf(',"trace_id":"')],
  ['span', pieceOf(',"span_id":"')],
] as const

/** What is written in front of the first value of its kind, and of a later one. */
interface Head {
  readonly first: Piece
  readonly next: Piece
}

interface Slot extends QuickSlot {
  /** A word of four times the byte that ends the value. */
  readonly stop: number
  /** The text behind the value as JSON, for the body. */
  readonly untilText: Piece
  readonly text: Head
  readonly number: Head
}

export class QuickLine {
  readonly #shape: QuickShape
  readonly #readers: QuickReaders
  readonly #firstText: Piece
  readonly #slots: readonly Slot[]
  readonly #request: readonly Head[]
  readonly #flags: Piece
  /** Indexes of the slots that become these; -1 when none does. */
  readonly #timeAt: number
  readonly #severityAt: number
  readonly #messageAt: number
  readonly #columns: readonly { readonly at: number; readonly head: Piece; readonly bytesMax: number }[]
  /** Where the values begin and end in the line. */
  readonly #from: Int32Array
  readonly #to: Int32Array
  readonly #parts = new Int32Array(2 * requestNames.length)
  readonly #moment: Moment = { timeMs: 0, timeNanos: 0 }
  readonly #time = new RecordTime()
  #severity: Severity | null = null
  #copier: Copier | null = null
  /** A text was written: the next one is not the first. */
  #isOpen = false

  private constructor(shape: QuickShape, readers: QuickReaders) {
    this.#shape = shape
    this.#readers = readers
    this.#firstText = asJson(shape.first)
    this.#slots = shape.slots.map(slotOf)
    this.#request = requestNames.map(textHead)
    const flags = shape.flags.map(([name, value]) => `${JSON.stringify(name)}:${value}`)
    this.#flags = pieceOf(flags.length === 0 ? '' : `,"attrs_bool":{${flags.join()}}`)
    const find = (becomes: Becomes) => shape.slots.findIndex((slot) => slot.becomes === becomes)
    this.#timeAt = find('time')
    this.#severityAt = find('severity')
    this.#messageAt = find('message')
    this.#columns = textColumns
      .map(([column, head]) => ({
        at: find(column),
        head,
        bytesMax: column === 'service' ? lineBytesMax : idBytesMax,
      }))
      .filter(({ at }) => at !== -1)
    this.#from = new Int32Array(shape.slots.length)
    this.#to = new Int32Array(shape.slots.length)
  }

  /** The quick way for a shape; null when it is unusual: a name twice, very many or very long ones. */
  static of(shape: QuickShape, readers: QuickReaders): QuickLine | null {
    const { slots, flags } = shape
    const names = slots.flatMap(({ name, kind }) => (kind === 'request' ? [...requestNames, name] : [name]))
    names.push(...flags.map(([name]) => name))
    const isUsual =
      slots.length > 0 &&
      new Set(names).size === names.length &&
      names.length <= fieldsMax &&
      Buffer.byteLength(names.join()) <= namesBytesMax
    return isUsual ? new QuickLine(shape, readers) : null
  }

  /** Writes the record of `bytes[from, to)`, which is UTF-8; false, and nothing is written, when the line is not of this make. */
  write(bytes: Uint8Array, from: number, to: number, json: JsonBytes, nowMs: number): boolean {
    if (to - from > lineBytesMax || to + slack > bytes.length) return false
    json.reserve((to - from) * 3 + recordBytes)
    const copy = this.#copierOf(bytes, json)
    if (!this.#find(bytes, copy.sourceView, from, to) || !this.#read(bytes, nowMs)) return false
    json.piece(ts)
    this.#time.write(this.#moment, json)
    json.moveTo(this.#write(copy, json.length))
    return true
  }

  #find(bytes: Uint8Array, view: DataView, from: number, to: number): boolean {
    const { first } = this.#shape
    if (!isAt(bytes, from, to, first)) return false
    let at = from + first.length
    const slots = this.#slots
    for (let index = 0; index < slots.length; index += 1) {
      const { until, stop, kind } = slots[index] as Slot
      const start = at
      at = plainEnd(view, at, to, stop)
      // A value with the beginning of what ends it is found the general way.
      if (!isAt(bytes, at, to, until)) return false
      if (kind === 'number' && numberEnd(bytes, start, at) !== at) return false
      this.#from[index] = start
      this.#to[index] = at
      at += until.length
    }
    return at === to
  }

  /** Reads what has to be understood. */
  #read(bytes: Uint8Array, nowMs: number): boolean {
    const moment = this.#moment
    const time = this.#timeAt
    if (time === -1) {
      moment.timeMs = nowMs
      moment.timeNanos = 0
    } else {
      const from = this.#from[time] as number
      if (!this.#readers.time(bytes, from, this.#to[time] as number, moment, nowMs)) return false
    }
    this.#severity = null
    const severity = this.#severityAt
    if (severity !== -1) {
      const from = this.#from[severity] as number
      this.#severity = this.#readers.severities.find(bytes, from, this.#to[severity] as number)
      if (this.#severity === null) return false
    }
    for (const { at, bytesMax } of this.#columns)
      if ((this.#to[at] as number) - (this.#from[at] as number) > bytesMax) return false
    return true
  }

  #write(copy: Copier, start: number): number {
    const view = copy.targetView
    let at = put(view, start, afterTime)
    if (this.#severity !== null) at = put(view, at, this.#severity.json)
    for (const column of this.#columns) at = this.#writeColumn(copy, at, column.head, column.at)
    at = this.#writeBody(copy, put(view, at, body))
    this.#isOpen = false
    let numbers = 0
    const slots = this.#slots
    const { hasNothing } = this.#shape
    for (let index = 0; index < slots.length; index += 1) {
      const slot = slots[index] as Slot
      const { kind } = slot
      const from = this.#from[index] as number
      const to = this.#to[index] as number
      if (hasNothing && isNothing(copy.source, from, to)) continue
      if (kind === 'request') at = this.#writeRequest(copy, at, index)
      else if (slot.becomes !== 'attribute') continue
      else if (kind === 'number' || (kind === 'maybe_number' && numberEnd(copy.source, from, to) === to))
        numbers += 1
      else at = this.#writeText(copy, at, slot.text, from, to)
    }
    // The quote of the last text, or of the body.
    view.setUint8(at, quote)
    at += 1
    if (this.#isOpen) view.setUint8(at++, closing)
    if (numbers > 0) at = this.#writeNumbers(copy, at)
    at = put(view, at, this.#flags)
    view.setUint8(at, closing)
    return at + 1
  }

  #writeColumn(copy: Copier, start: number, head: Piece, index: number): number {
    const from = this.#from[index] as number
    const to = this.#to[index] as number
    const at = put(copy.targetView, start, head)
    copyBytes(copy, at, from, to)
    copy.targetView.setUint8(at + to - from, quote)
    return at + to - from + 1
  }

  /** The whole line, or the message; what stands between the values is JSON already. */
  #writeBody(copy: Copier, start: number): number {
    if (this.#shape.keepRaw) return this.#writeRaw(copy, start)
    const message = this.#messageAt
    if (message === -1) return start
    const from = this.#from[message] as number
    const to = this.#to[message] as number
    if (this.#shape.hasNothing && isNothing(copy.source, from, to)) return start
    copyBytes(copy, start, from, to)
    return start + to - from
  }

  #writeRaw(copy: Copier, start: number): number {
    const slots = this.#slots
    let at = put(copy.targetView, start, this.#firstText)
    for (let index = 0; index < slots.length; index += 1) {
      const from = this.#from[index] as number
      const to = this.#to[index] as number
      copyBytes(copy, at, from, to)
      at = put(copy.targetView, at + to - from, (slots[index] as Slot).untilText)
    }
    return at
  }

  #writeRequest(copy: Copier, start: number, index: number): number {
    const from = this.#from[index] as number
    const to = this.#to[index] as number
    const parts = this.#parts
    const { becomes, text } = this.#slots[index] as Slot
    if (!requestParts(copy.source, from, to, parts))
      return becomes === 'attribute' ? this.#writeText(copy, start, text, from, to) : start
    let at = start
    for (let part = 0; part < parts.length; part += 2) {
      const partFrom = parts[part] as number
      if (partFrom === -1) continue
      at = this.#writeText(copy, at, this.#request[part >> 1] as Head, partFrom, parts[part + 1] as number)
    }
    return at
  }

  #writeText(copy: Copier, start: number, head: Head, from: number, to: number): number {
    const at = put(copy.targetView, start, this.#isOpen ? head.next : head.first)
    this.#isOpen = true
    copyBytes(copy, at, from, to)
    return at + to - from
  }

  #writeNumbers(copy: Copier, start: number): number {
    const slots = this.#slots
    let at = start
    for (let index = 0; index < slots.length; index += 1) {
      const { kind, becomes, number } = slots[index] as Slot
      if ((kind !== 'number' && kind !== 'maybe_number') || becomes !== 'attribute') continue
      const from = this.#from[index] as number
      const to = this.#to[index] as number
      if (kind === 'maybe_number' && (to === from || numberEnd(copy.source, from, to) !== to)) continue
      at = put(copy.targetView, at, at === start ? number.first : number.next)
      copyBytes(copy, at, from, to)
      at += to - from
    }
    copy.targetView.setUint8(at, closing)
    return at + 1
  }

  #copierOf(source: Uint8Array, json: JsonBytes): Copier {
    const known = this.#copier
    if (known !== null && known.source === source && known.target === json.bytes) return known
    const made = copier(source, json.bytes)
    this.#copier = made
    return made
  }
}

function slotOf(slot: QuickSlot): Slot {
  const { name, until } = slot
  const text = JSON.stringify(name)
  return {
    ...slot,
    stop: Math.imul(until[0] ?? 0, 0x01010101),
    untilText: asJson(until),
    text: textHead(name),
    number: { first: pieceOf(`,"attrs_number":{${text}:`), next: pieceOf(`,${text}:`) },
  }
}

/** The quote in front closes the text before, or the body. */
function textHead(name: string): Head {
  const text = JSON.stringify(name)
  return { first: pieceOf(`","attrs_string":{${text}:"`), next: pieceOf(`",${text}:"`) }
}

function asJson(literal: Uint8Array): Piece {
  return pieceOf(JSON.stringify(Buffer.from(literal).toString()).slice(1, -1))
}

function put(view: DataView, start: number, piece: Piece): number {
  const { view: source, length } = piece
  for (let at = 0; at < length; at += 8) view.setBigInt64(start + at, source.getBigInt64(at, true), true)
  return start + length
}

/** The first place in `view[from, to)` of the stop (four times in a word), or of a byte that JSON has to escape. */
function plainEnd(view: DataView, from: number, to: number, stop: number): number {
  for (let at = from; at < to; at += 4) {
    const marks = markEscapedOr(view.getInt32(at, true), stop)
    if (marks !== 0) return Math.min(to, at + lowestMark(marks))
  }
  return to
}
