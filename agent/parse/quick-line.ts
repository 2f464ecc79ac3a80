// Lines, the quick way: of a line whose text between its values is known, the record is one look and a few copies.
//
// What it writes is what the general way (a LineParser, records.ts) writes, byte for byte; a line that is unusual in any
// way (other text between the values, a backslash, a control character, a time that cannot be read) is left to that one.
// Each step is in one place: the kernel (quick-kernel.ts) finds the values and what they are, `#read` understands those that
// are more than text, and the kernel writes the template (quick-shape.ts) of lines that have what this one has.
import { requestNames } from './access-log.ts'
import { escapedMax } from './json-bytes.ts'
import { fieldsMax, idBytesMax } from './options.ts'
import { valueKinds } from './quick-kernel.ts'
import { type QuickMemory, quickLineBytesMax, rangeAt } from './quick-memory.ts'
import { found, type QuickShape, type QuickSlot, slotOf, states, templateOf } from './quick-shape.ts'
import { RecordTime } from './record-time.ts'
import type { Severities, Severity } from './severity.ts'
import type { Moment, TimeParser } from './time.ts'

/** Reads the columns that are more than text. */
export interface QuickReaders {
  readonly time: TimeParser
  readonly severities: Severities
}

/** Names may make a record much longer than its line: more than this goes the general way. */
const namesBytesMax = 2 * 1024
/** A record beside its line, all of which may be in its body: names, and the room that copying needs. */
const recordBytes = 16 * 1024
/** Templates that are remembered; lines of a format differ in what is `-`. */
const templatesMax = 64
/** One is learned for so many lines at most: it costs as much as some lines the general way. */
const linesPerLesson = 64
const linesSavedMax = templatesMax * linesPerLesson
/** Their keys are small integers. */
const keysMax = 2 ** 30

/** Where a template is in the memory. */
interface Template {
  readonly steps: number
  readonly text: number
}

export class QuickLine {
  readonly memory: QuickMemory
  readonly #shape: QuickShape
  readonly #readers: QuickReaders
  /** Where the shape is in the memory, as long as that is of this generation. */
  #shapeAt = 0
  #generation = Number.NaN
  readonly #templates = new Map<number, Template>()
  /** Lines that no lesson was had for: as many as are worth all templates at most. */
  #linesSaved = linesSavedMax
  /** Indexes of the slots that become these; -1 when none does. */
  readonly #timeAt: number
  readonly #severityAt: number
  readonly #moment: Moment = { timeMs: 0, timeNanos: 0 }
  readonly #time = new RecordTime()
  /** Null when no value becomes it. */
  #severity: Severity | null = null

  private constructor(shape: QuickShape, readers: QuickReaders, memory: QuickMemory) {
    this.memory = memory
    this.#shape = shape
    this.#readers = readers
    this.#timeAt = slotOf(shape, 'time')
    this.#severityAt = slotOf(shape, 'severity')
  }

  /** The quick way for a shape; null when it is unusual: a name twice, very many or very long ones. */
  static of(shape: QuickShape, readers: QuickReaders, memory: QuickMemory): QuickLine | null {
    const { slots, flags, first } = shape
    const names = slots.flatMap(({ name, kind }) => (kind === 'request' ? [...requestNames, name] : [name]))
    names.push(...flags.map(([name]) => name))
    const isUsual =
      slots.length > 0 &&
      new Set(names).size === names.length &&
      names.length <= fieldsMax &&
      Buffer.byteLength(names.join()) <= namesBytesMax &&
      slots.reduce((bytes, { until }) => bytes + until.length, first.length) <= quickLineBytesMax &&
      (!shape.hasNothing || keysOf(slots) <= keysMax)
    return isUsual ? new QuickLine(shape, readers, memory) : null
  }

  /** Writes the record of the line `[from, to)`, which is UTF-8; false, and nothing is written, when it is not of this make. */
  write(from: number, to: number, nowMs: number): boolean {
    const bytes = to - from
    if (bytes > quickLineBytesMax) return false
    const memory = this.memory
    const { json } = memory
    json.reserve(bytes * escapedMax + recordBytes)
    if (this.#generation !== memory.generation) this.#load()
    const key = memory.find(memory.placeOf(from, to), bytes, this.#shapeAt)
    if (key === -1 || !this.#read(nowMs)) return false
    if (this.#linesSaved < linesSavedMax) this.#linesSaved += 1
    const template = this.#templates.get(key) ?? this.#learn(key)
    if (template === null) return false
    this.#time.write(this.#moment, json)
    if (this.#severity !== null) json.piece(this.#severity.json)
    memory.write(template.steps, template.text)
    return true
  }

  /** Reads what has to be understood. */
  #read(nowMs: number): boolean {
    const moment = this.#moment
    const { bytes, ranges } = this.memory
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

  /** Puts the shape into the memory, as quick-kernel.ts reads it. */
  #load(): void {
    const { first, slots, hasNothing } = this.#shape
    const texts = [first, ...slots.map(({ until }) => until)]
    let textAt = 4 * (4 + 6 * slots.length)
    const numbers = [slots.length, rangeAt(slots.length), textAt, first.length]
    textAt += first.length
    for (const { kind, becomes, until } of slots) {
      const isId = becomes === 'trace' || becomes === 'span'
      const bytesMax = isId ? idBytesMax : quickLineBytesMax
      numbers.push(kindOf(kind, hasNothing), until[0] ?? 0, textAt, until.length, bytesMax, states[kind])
      textAt += until.length
    }
    this.#shapeAt = this.memory.put(numbers, Buffer.concat(texts))
    this.#generation = this.memory.generation
    this.#templates.clear()
  }

  /** Makes the template of lines that have what the one with this key has; null when there were too many of late. */
  #learn(key: number): Template | null {
    if (this.#linesSaved < linesPerLesson) return null
    this.#linesSaved -= linesPerLesson
    const { slots, hasNothing } = this.#shape
    let rest = key
    const has = slots.map(({ kind }) => (kind === 'number' ? found.number : found.text) as number)
    for (let index = slots.length - 1; hasNothing && index >= 0; index -= 1) {
      const { kind } = slots[index] as QuickSlot
      if (kind === 'number') continue
      const count = states[kind]
      has[index] = rest % count
      rest = Math.floor(rest / count)
    }
    const { steps, end } = templateOf(this.#shape, has)
    const numbers = steps.flatMap(({ text, first, last }) => {
      return [Buffer.byteLength(text), rangeAt(first), rangeAt(last) + 4]
    })
    numbers.push(Buffer.byteLength(end), 0)
    const text = steps.map((step) => step.text).join('') + end
    const at = this.memory.put(numbers, Buffer.from(text))
    const made = { steps: at, text: at + 4 * numbers.length }
    const [oldest] = this.#templates.keys()
    if (this.#templates.size === templatesMax && oldest !== undefined) this.#templates.delete(oldest)
    this.#templates.set(key, made)
    return made
  }
}

/** What a value may be, as the kernel knows it. */
function kindOf(kind: QuickSlot['kind'], hasNothing: boolean): number {
  if (kind === 'number') return valueKinds.number
  if (!hasNothing) return valueKinds.text
  if (kind === 'text') return valueKinds.textOrNothing
  return kind === 'request' ? valueKinds.request : valueKinds.numberOrText
}

/** How many templates there may be. */
function keysOf(slots: readonly QuickSlot[]): number {
  return slots.reduce((product, { kind }) => product * states[kind], 1)
}
