// Access logs, the quick way: a line with nothing to escape becomes its record by one look and a few copies.
//
// What it writes is what the general way (access-log.ts, records.ts) writes, byte for byte; a line that is unusual in any
// way (a backslash, a control character, a time that cannot be read) is left to that one.
import { type Copier, copier, copyBytes } from '../../protocol/copy.ts'
import { type AccessLogFormat, isAt, isNothing, requestNames, requestParts, type Slot } from './access-log.ts'
import { lowestMark, markEscapedOr } from './four-bytes.ts'
import { type JsonBytes, type Piece, pieceOf } from './json-bytes.ts'
import { fieldsMax } from './options.ts'
import { type Moment, type TimeParser, timeText } from './time.ts'
import { numberEnd } from './values.ts'

/** Longer lines are rare, and the general way bounds what they become. */
const lineBytesMax = 8 * 1024
/** Names may make a record much longer than its line: formats whose names are longer than this go the general way. */
const namesBytesMax = 2 * 1024
/** A record beside its values: names of the fields, literals, and the room that copying needs. */
const recordBytes = 16 * 1024
/** copyBytes reads and writes so far behind a range. */
const slack = 32
const quote = 0x22
const closing = 0x7d
const ts = pieceOf('{"ts":"')
const body = pieceOf('","body":"')

/** What is written around a value: the same in front of the first of its kind, and of a later one. */
interface Head {
  readonly first: Piece
  readonly next: Piece
}

/** A variable with what its fields are written with. */
interface PlainSlot extends Slot {
  /** A word of four times the byte that ends the value. */
  readonly stop: number
  /** The text behind the value as JSON, for the body. */
  readonly untilText: Piece
  readonly text: Head
  readonly number: Head
  readonly isTime: boolean
}

export class QuickAccessLog {
  readonly #first: Uint8Array
  readonly #firstText: Piece
  readonly #slots: readonly PlainSlot[]
  readonly #request: readonly Head[]
  readonly #timeParser: TimeParser
  readonly #timeIndex: number
  readonly #keepRaw: boolean
  /** Where the values begin and end in the line. */
  readonly #from: Int32Array
  readonly #to: Int32Array
  readonly #parts = new Int32Array(8)
  readonly #moment: Moment = { timeMs: 0, timeNanos: 0 }
  /** The time that was written last, as text. */
  #writtenMs = Number.NaN
  #writtenNanos = 0
  #time = pieceOf('')
  #copier: Copier | null = null
  /** A text was written: the next one is not the first. */
  #isOpen = false

  private constructor(format: AccessLogFormat, time: TimeParser, keepRaw: boolean) {
    this.#first = format.first
    this.#firstText = asJson(format.first)
    this.#slots = format.slots.map(plainSlot)
    this.#request = requestNames.map(textHead)
    this.#timeParser = time
    this.#timeIndex = this.#slots.findIndex(({ isTime }) => isTime)
    this.#keepRaw = keepRaw
    this.#from = new Int32Array(format.slots.length)
    this.#to = new Int32Array(format.slots.length)
  }

  /** The quick way for a format; null when its fields mean more than a time, or are unusual in another way. */
  static of(format: AccessLogFormat, time: TimeParser, keepRaw: boolean): QuickAccessLog | null {
    const { slots } = format
    const names = slots.flatMap(({ name, as }) =>
      as === 'request' ? [...requestNames, name.text] : [name.text],
    )
    const times = slots.filter(({ name }) => name.role === 'time')
    const isUsual =
      times.length === 1 &&
      slots.every(({ name, as }) => name.role === null || name.role === 'time' || as === 'request') &&
      new Set(names).size === names.length &&
      names.length <= fieldsMax &&
      Buffer.byteLength(names.join()) <= namesBytesMax
    return isUsual ? new QuickAccessLog(format, time, keepRaw) : null
  }

  /** Writes the record of `bytes[from, to)`, which is UTF-8; false, and nothing is written, when the line is not plain. */
  write(bytes: Uint8Array, from: number, to: number, json: JsonBytes, nowMs: number): boolean {
    if (to - from > lineBytesMax || to + slack > bytes.length) return false
    json.reserve((to - from) * 3 + recordBytes)
    const copy = this.#copierOf(bytes, json)
    if (!this.#find(bytes, copy.sourceView, from, to) || !this.#readTime(bytes, nowMs)) return false
    json.moveTo(this.#write(copy, json.length))
    return true
  }

  #find(bytes: Uint8Array, view: DataView, from: number, to: number): boolean {
    if (!isAt(bytes, from, to, this.#first)) return false
    let at = from + this.#first.length
    const slots = this.#slots
    for (let index = 0; index < slots.length; index += 1) {
      const { until, stop } = slots[index] as PlainSlot
      this.#from[index] = at
      at = plainEnd(view, at, to, stop)
      // A value with the beginning of what ends it is found the general way.
      if (!isAt(bytes, at, to, until)) return false
      this.#to[index] = at
      at += until.length
    }
    return at === to
  }

  #readTime(bytes: Uint8Array, nowMs: number): boolean {
    const moment = this.#moment
    const index = this.#timeIndex
    const from = this.#from[index] as number
    if (!this.#timeParser(bytes, from, this.#to[index] as number, moment, nowMs)) return false
    if (moment.timeMs === this.#writtenMs && moment.timeNanos === this.#writtenNanos) return true
    this.#writtenMs = moment.timeMs
    this.#writtenNanos = moment.timeNanos
    this.#time = pieceOf(timeText(moment))
    return true
  }

  #write(copy: Copier, start: number): number {
    const view = copy.targetView
    let at = put(view, start, ts)
    at = put(view, at, this.#time)
    at = this.#writeBody(copy, put(view, at, body))
    this.#isOpen = false
    let numbers = 0
    const slots = this.#slots
    for (let index = 0; index < slots.length; index += 1) {
      const slot = slots[index] as PlainSlot
      const from = this.#from[index] as number
      const to = this.#to[index] as number
      if (slot.isTime || isNothing(copy.source, from, to)) continue
      if (slot.as === 'request') at = this.#writeRequest(copy, at, index)
      else if (slot.as === 'number' && numberEnd(copy.source, from, to) === to) numbers += 1
      else at = this.#writeText(copy, at, slot.text, from, to)
    }
    // The quote of the last text, or of the body.
    view.setUint8(at, quote)
    at += 1
    if (this.#isOpen) view.setUint8(at++, closing)
    if (numbers > 0) at = this.#writeNumbers(copy, at)
    view.setUint8(at, closing)
    return at + 1
  }

  /** The whole line, or the request; what stands between the values is JSON already. */
  #writeBody(copy: Copier, start: number): number {
    const slots = this.#slots
    let at = start
    if (this.#keepRaw) at = put(copy.targetView, at, this.#firstText)
    for (let index = 0; index < slots.length; index += 1) {
      const slot = slots[index] as PlainSlot
      if (!this.#keepRaw && slot.as !== 'request') continue
      const from = this.#from[index] as number
      const to = this.#to[index] as number
      if (!this.#keepRaw && isNothing(copy.source, from, to)) continue
      copyBytes(copy, at, from, to)
      at += to - from
      if (this.#keepRaw) at = put(copy.targetView, at, slot.untilText)
    }
    return at
  }

  #writeRequest(copy: Copier, start: number, index: number): number {
    const from = this.#from[index] as number
    const to = this.#to[index] as number
    const parts = this.#parts
    if (!requestParts(copy.source, from, to, parts)) {
      // It is the body already.
      return this.#keepRaw
        ? this.#writeText(copy, start, (this.#slots[index] as PlainSlot).text, from, to)
        : start
    }
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
    const view = copy.targetView
    const slots = this.#slots
    let at = start
    for (let index = 0; index < slots.length; index += 1) {
      const { as, isTime, number } = slots[index] as PlainSlot
      const from = this.#from[index] as number
      const to = this.#to[index] as number
      if (as !== 'number' || isTime || isNothing(copy.source, from, to)) continue
      if (numberEnd(copy.source, from, to) !== to) continue
      at = put(view, at, at === start ? number.first : number.next)
      copyBytes(copy, at, from, to)
      at += to - from
    }
    view.setUint8(at, closing)
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

function plainSlot(slot: Slot): PlainSlot {
  const { name, until } = slot
  const text = JSON.stringify(name.text)
  return {
    ...slot,
    stop: Math.imul(until[0] ?? 0, 0x01010101),
    untilText: asJson(until),
    text: textHead(name.text),
    number: { first: pieceOf(`,"attrs_number":{${text}:`), next: pieceOf(`,${text}:`) },
    isTime: name.role === 'time',
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
