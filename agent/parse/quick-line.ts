// Lines, the quick way: of a line whose text between its values is known, the record is one look and a few copies.
//
// What it writes is what the general way (a LineParser, records.ts) writes, byte for byte; a line that is unusual in any
// way (other text between the values, a backslash, a control character, a time that cannot be read) is left to that one.
// Each step is in one place: `#find` looks at the bytes and says where the values are, `#read` understands those that are
// more than text, and a template (quick-shape.ts) for lines that have what this one has writes the record.
import { type Copier, copier } from '../../protocol/copy.ts'
import { isNothing, requestNames, requestParts } from './access-log.ts'
import { plainEnd } from './four-bytes.ts'
import type { JsonBytes } from './json-bytes.ts'
import { isAt, type Literal, literalOf } from './literal.ts'
import { fieldsMax, idBytesMax } from './options.ts'
import {
  found,
  protocol,
  type QuickShape,
  type QuickSlot,
  query,
  slotOf,
  states,
  templateOf,
} from './quick-shape.ts'
import { type RecordTemplate, writeTemplate } from './record-template.ts'
import { RecordTime } from './record-time.ts'
import type { Severities, Severity } from './severity.ts'
import type { Moment, TimeParser } from './time.ts'
import { numberEnd } from './values.ts'

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
/** Bytes behind a range that are read with it: copyBytes, plainEnd. */
const slack = 32
/** Templates that are remembered; lines of a format differ in what is `-`. */
const templatesMax = 64
/** Their keys are small integers. */
const keysMax = 2 ** 30

/** A slot as its bytes are looked at. */
interface Slot {
  /** A word of four times the byte that ends the value. */
  readonly stop: number
  readonly until: Literal
  readonly isNumber: boolean
  /** How many things its value may be. */
  readonly states: number
}

export class QuickLine {
  readonly #shape: QuickShape
  readonly #readers: QuickReaders
  readonly #first: Literal
  readonly #slots: readonly Slot[]
  /** Indexes of the slots that become these; -1 when none does. */
  readonly #timeAt: number
  readonly #severityAt: number
  /** Slots whose length is bounded, and the bounds. */
  readonly #bounded: readonly { readonly at: number; readonly bytesMax: number }[]
  /** Where the values begin and end in the line; the parts of a request behind all others. */
  readonly #ranges: Int32Array
  readonly #parts: Int32Array
  readonly #templates = new Map<number, RecordTemplate>()
  readonly #moment: Moment = { timeMs: 0, timeNanos: 0 }
  readonly #time = new RecordTime()
  /** Null when no value becomes it. */
  #severity: Severity | null = null
  #copier: Copier | null = null

  private constructor(shape: QuickShape, readers: QuickReaders) {
    this.#shape = shape
    this.#readers = readers
    this.#first = literalOf(shape.first)
    this.#slots = shape.slots.map(({ until, kind }) => ({
      stop: Math.imul(until[0] ?? 0, 0x01010101),
      until: literalOf(until),
      isNumber: kind === 'number',
      states: states[kind],
    }))
    this.#timeAt = slotOf(shape, 'time')
    this.#severityAt = slotOf(shape, 'severity')
    this.#bounded = (['trace', 'span'] as const)
      .map((becomes) => ({ at: slotOf(shape, becomes), bytesMax: idBytesMax }))
      .filter(({ at }) => at !== -1)
    const values = shape.slots.length
    this.#ranges = new Int32Array(2 * (values + requestNames.length))
    this.#parts = this.#ranges.subarray(2 * values)
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
      Buffer.byteLength(names.join()) <= namesBytesMax &&
      (!shape.hasNothing || keysOf(slots) <= keysMax)
    return isUsual ? new QuickLine(shape, readers) : null
  }

  /** Writes the record of `bytes[from, to)`, which is UTF-8; false, and nothing is written, when the line is not of this make. */
  write(bytes: Uint8Array, from: number, to: number, json: JsonBytes, nowMs: number): boolean {
    if (to - from > lineBytesMax || to + slack > bytes.length) return false
    json.reserve((to - from) * 3 + recordBytes)
    const copy = this.#copierOf(bytes, json)
    if (!this.#find(bytes, copy.sourceView, from, to) || !this.#read(bytes, nowMs)) return false
    this.#time.write(this.#moment, json)
    if (this.#severity !== null) json.piece(this.#severity.json)
    json.moveTo(writeTemplate(this.#templateOf(bytes), copy, json.length, this.#ranges))
    return true
  }

  #find(bytes: Uint8Array, view: DataView, from: number, to: number): boolean {
    const first = this.#first
    if (!isAt(view, from, to, first)) return false
    let at = from + first.length
    const slots = this.#slots
    const ranges = this.#ranges
    for (let index = 0; index < slots.length; index += 1) {
      const { until, stop, isNumber } = slots[index] as Slot
      ranges[2 * index] = at
      at = isNumber ? numberEnd(bytes, at, to) : plainEnd(view, at, to, stop)
      // A value with the beginning of what ends it is found the general way.
      if (at === -1 || !isAt(view, at, to, until)) return false
      ranges[2 * index + 1] = at
      at += until.length
    }
    if (at !== to) return false
    for (const { at: index, bytesMax } of this.#bounded)
      if ((ranges[2 * index + 1] as number) - (ranges[2 * index] as number) > bytesMax) return false
    return true
  }

  /** Reads what has to be understood. */
  #read(bytes: Uint8Array, nowMs: number): boolean {
    const moment = this.#moment
    const ranges = this.#ranges
    const time = 2 * this.#timeAt
    if (time < 0) {
      moment.timeMs = nowMs
      moment.timeNanos = 0
    } else {
      const [from, to] = [ranges[time] as number, ranges[time + 1] as number]
      if (!this.#readers.time(bytes, from, to, moment, nowMs)) return false
    }
    const severity = 2 * this.#severityAt
    if (severity < 0) return true
    const [from, to] = [ranges[severity] as number, ranges[severity + 1] as number]
    this.#severity = this.#readers.severities.find(bytes, from, to)
    return this.#severity !== null
  }

  /** The template of lines that have what this one has. */
  #templateOf(bytes: Uint8Array): RecordTemplate {
    const { slots, hasNothing } = this.#shape
    let key = 0
    if (hasNothing)
      for (let index = 0; index < slots.length; index += 1)
        key = (Math.imul(key, (this.#slots[index] as Slot).states) + this.#stateOf(bytes, index)) | 0
    return this.#templates.get(key) ?? this.#learn(key, bytes)
  }

  /** Apart from `#templateOf`: a closure in there would cost every line its memory. */
  #learn(key: number, bytes: Uint8Array): RecordTemplate {
    const states = this.#slots.map((_, index) => this.#stateOf(bytes, index))
    const made = templateOf(this.#shape, states)
    if (this.#templates.size === templatesMax) this.#templates.clear()
    this.#templates.set(key, made)
    return made
  }

  /** What a value is in this line; finds the parts of a request. */
  #stateOf(bytes: Uint8Array, index: number): number {
    const { hasNothing, slots } = this.#shape
    const { kind } = slots[index] as QuickSlot
    const from = this.#ranges[2 * index] as number
    const to = this.#ranges[2 * index + 1] as number
    if (kind === 'number') return found.number
    if (hasNothing && isNothing(bytes, from, to)) return found.nothing
    if (kind === 'text') return found.text
    if (kind === 'maybe_number') return numberEnd(bytes, from, to) === to ? found.number : found.text
    const parts = this.#parts
    if (!requestParts(bytes, from, to, parts)) return found.text
    return found.split + (parts[4] === -1 ? 0 : query) + (parts[6] === -1 ? 0 : protocol)
  }

  #copierOf(source: Uint8Array, json: JsonBytes): Copier {
    const known = this.#copier
    if (known !== null && known.source === source && known.target === json.bytes) return known
    const made = copier(source, json.bytes)
    this.#copier = made
    return made
  }
}

/** How many templates there may be. */
function keysOf(slots: readonly QuickSlot[]): number {
  return slots.reduce((product, { kind }) => product * states[kind], 1)
}
