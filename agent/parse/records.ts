// Lines to log records: JSON objects in the shape that the sinks know, one for every line, whatever parsing does.
import { isUtf8 } from 'node:buffer'
import { increase, Tally, type Verdict } from '../tally.ts'
import type { CompiledParser, InnerParser, QuickWay } from './compile.ts'
import { type Facts, noFacts } from './facts.ts'
import { Fields, type Kind, kind, type LineParser, type Reason } from './fields.ts'
import { JsonBytes } from './json-bytes.ts'
import type { Beside, FieldLine, FieldSteps, Lines, MadeLines } from './made-lines.ts'
import type { Name, Names } from './names.ts'
import { idBytesMax, parsedLineBytesMax } from './options.ts'
import { type Piece, pieceOf } from './piece.ts'
import { RecordTime } from './record-time.ts'
import { timeMsMax } from './time.ts'

const texts = {
  service: pieceOf(',"service_name":"'),
  trace: pieceOf(',"trace_id":"'),
  span: pieceOf(',"span_id":"'),
  body: pieceOf(',"body":"'),
  strings: pieceOf(',"attrs_string":{'),
  numbers: pieceOf(',"attrs_number":{'),
  flags: pieceOf(',"attrs_bool":{'),
  true: pieceOf('true'),
  false: pieceOf('false'),
}
const quote = 0x22
const comma = 0x2c
const closing = 0x7d
/** A record may have so many times the bytes of its line, and these: names of objects are repeated in their fields. */
const growthMax = 16
const recordBytesMin = 4096

/** The line in work, and where it is counted. */
interface Work {
  readonly index: number
  readonly nowMs: number
  readonly tally: Tally
  hashOf(index: number): number
}

const noHash = () => 0
const noMarks: ReadonlyMap<number, string> = new Map()

/** Makes the records of an input's lines, in memory that is used again. */
export class RecordMaker {
  readonly #parser: CompiledParser
  readonly #quick: QuickWay | null
  readonly #steps: FieldSteps | null
  readonly #fields = new Fields()
  readonly #json: JsonBytes
  readonly #parseError: Name
  readonly #rawBytes: Name
  #starts = new Int32Array(0)
  #ends = new Int32Array(0)
  #facts = noFacts
  #hasGroups = false
  /** Only the first of several lines was parsed: `body` is all of them. */
  #isWhole = false
  /** The names and values of the facts. */
  #given: readonly (readonly [Name, string])[] = []
  readonly #time = new RecordTime()
  #work: Work = { index: 0, nowMs: 0, hashOf: noHash, tally: new Tally() }

  constructor(
    parser: CompiledParser,
    stepsOf: (fields: Fields, names: Names) => FieldSteps | null = () => null,
  ) {
    this.#parser = parser
    this.#quick = parser.quick()
    this.#json = this.#quick?.memory.json ?? new JsonBytes()
    this.#steps = stepsOf(this.#fields, parser.names)
    this.#parseError = parser.names.of('parse_error')
    this.#rawBytes = parser.names.of('body_base64')
  }

  /**
   * A record for each line that the steps leave; `readAtMs` is the time of lines that have none, and dates those without
   * a year.
   */
  make(lines: Lines, readAtMs: number, { facts = noFacts, hashOf = noHash }: Beside = {}): MadeLines {
    const { bytes, starts, ends, count, hasGroups = false } = lines
    this.#hasGroups = hasGroups
    this.#isWhole = false
    this.#take(facts)
    const nowMs = Math.min(timeMsMax, Math.max(0, Math.floor(readAtMs)))
    const areText = isUtf8(bytes.subarray(starts[0], ends[count - 1]))
    const tally = new Tally()
    tally.lines = count
    this.#steps?.look(lines)
    // What is known of all lines stands in none of them.
    const quick = facts === noFacts && !hasGroups ? this.#quick : null
    let made = 0
    let verdict: Verdict = 'kept'
    if (this.#starts.length < count) {
      this.#starts = new Int32Array(count)
      this.#ends = new Int32Array(count)
    }
    const json = this.#json
    json.cut(0)
    quick?.memory.take(bytes)
    for (let index = 0; index < count; index += 1) {
      const from = starts[index] as number
      const to = ends[index] as number
      const begin = json.length
      const isText = areText || isUtf8(bytes.subarray(from, to))
      const isQuick = isText && quick !== null && this.#steps?.needs(index) !== true
      if (isQuick && quick.write(from, to, nowMs)) verdict = 'kept'
      else {
        this.#work = { index, nowMs, hashOf, tally }
        verdict = this.#record(bytes, from, to, isText)
      }
      if (verdict === 'kept') {
        this.#starts[made] = begin
        this.#ends[made] = json.length
        made += 1
      } else {
        tally[verdict] += 1
        json.cut(begin)
      }
    }
    const records = { bytes: json.bytes, starts: this.#starts, ends: this.#ends, count: made }
    return { ...records, tally, marks: noMarks, lastIsKept: verdict === 'kept' }
  }

  #take(facts: Facts): void {
    if (facts === this.#facts) return
    this.#facts = facts
    this.#given = facts.attributes.map(([name, value]) => [this.#parser.names.of(name), value])
  }

  #record(bytes: Uint8Array, from: number, to: number, isText: boolean): Verdict {
    const fields = this.#fields
    const { nowMs, tally } = this.#work
    this.#parser.names.tidy()
    fields.begin(bytes)
    if (!isText) {
      // JSON is UTF-8: the line as far as it can be read, and its very bytes beside it.
      const line = Buffer.from(bytes.subarray(from, to))
      fields.addOwn(this.#rawBytes, line.toString('base64'))
      const readable = Buffer.from(line.toString())
      const verdict = this.#finish(
        { bytes: readable, from: 0, to: readable.length, isWhole: true },
        'not_utf8',
      )
      return counted(verdict, 'not_utf8', tally)
    }
    const reason = this.#hasGroups
      ? this.#parseGroup(bytes, from, to, nowMs)
      : this.#parseBounded(bytes, from, to, nowMs)
    if (reason === null && !this.#hasGroups) this.#quick?.learn?.(bytes, from, to, fields)
    const start = this.#json.length
    const line = { bytes, from, to, isWhole: this.#parser.keepRaw || this.#isWhole }
    const verdict = this.#finish(line, reason)
    if (this.#json.length - start <= (to - from) * growthMax + recordBytesMin)
      return counted(verdict, reason, tally)
    this.#json.cut(start)
    fields.begin(bytes)
    return counted(this.#finish(line, 'too_large'), 'too_large', tally)
  }

  /** Takes the record through the steps and writes what they leave of it; `reason` is why it did not parse. */
  #finish(line: FieldLine, reason: Reason | null): Verdict {
    const { index, nowMs, hashOf, tally } = this.#work
    const fields = this.#fields
    if (reason !== null) fields.addOwn(this.#parseError, reason)
    // Behind what the line says: it cannot say that it comes from elsewhere.
    for (const [name, value] of this.#given) fields.addText(name, value)
    fields.severity ??= this.#facts.severity
    const whole = reason === null ? line : { ...line, isWhole: true }
    const verdict = this.#steps === null ? 'kept' : this.#steps.apply(whole, index, hashOf(index), tally)
    if (verdict === 'kept') this.#write(whole, nowMs)
    return verdict
  }

  /** Of several lines that do not parse as one record, the first is parsed. */
  #parseGroup(bytes: Uint8Array, from: number, to: number, nowMs: number): Reason | null {
    const { inside, isOneLine } = this.#parser
    const first = lineEnd(bytes, from, to)
    this.#isWhole = false
    if (first === to || !isOneLine) {
      const reason = this.#parseBounded(bytes, from, to, nowMs)
      // An envelope is around all of them: the first line of what is in it is looked at where that is parsed.
      if (reason === null || first === to || inside !== null) return reason
    }
    const reason = this.#parseBounded(bytes, from, first, nowMs)
    this.#fields.message = -1
    this.#isWhole = reason === null
    return reason
  }

  #parseBounded(bytes: Uint8Array, from: number, to: number, nowMs: number): Reason | null {
    return to - from > this.#parser.lineBytesMax ? 'line_too_long' : this.#parse(bytes, from, to, nowMs)
  }

  /** Fills the fields. A line that does not parse has none; of one whose message does not, those around it stay. */
  #parse(bytes: Uint8Array, from: number, to: number, nowMs: number): Reason | null {
    const fields = this.#fields
    const reason = this.#parseOuter(bytes, from, to, nowMs)
    if (reason !== null) fields.begin(bytes)
    const { inside } = this.#parser
    if (reason !== null || inside === null || fields.message === -1) return reason
    const inner = this.#parseInner(inside, nowMs, this.#hasGroups && inside.isOneLine)
    if (inner === null) return null
    // Half of what is inside may have been taken over.
    fields.begin(bytes)
    this.#parseOuter(bytes, from, to, nowMs)
    if (!this.#hasGroups || inside.isOneLine) return inner
    if (this.#parseInner(inside, nowMs, true) === null) return null
    fields.begin(bytes)
    this.#parseOuter(bytes, from, to, nowMs)
    return inner
  }

  /** `isFirst`: of a message of several lines only the first is parsed, and it stays `body` as a whole. */
  #parseInner(inside: InnerParser, nowMs: number, isFirst: boolean): Reason | null {
    const fields = this.#fields
    const { message: outer, count } = fields
    const bytes = (fields.to[outer] as number) - (fields.from[outer] as number)
    if (!isFirst && bytes > parsedLineBytesMax) return 'line_too_long'
    const parse = isFirst ? firstLineParser(inside.parse) : inside.parse
    const reason = fields.parseMessage(parse, this.#parser.names.detached)
    if (reason !== null) return reason
    if (fields.overflow) return 'too_many_fields'
    if (!inside.keepRaw && !(isFirst && this.#isGroup(outer))) fields.message = -1
    this.#assign(nowMs, count)
    if (fields.message === -1) fields.message = outer
    return null
  }

  #isGroup(index: number): boolean {
    const fields = this.#fields
    const to = fields.to[index] as number
    return lineEnd(fields.bytesOf(index), fields.from[index] as number, to) !== to
  }

  #parseOuter(bytes: Uint8Array, from: number, to: number, nowMs: number): Reason | null {
    const fields = this.#fields
    const reason = this.#parser.parse(bytes, from, to, fields)
    if (reason !== null) return reason
    return fields.overflow ? 'too_many_fields' : this.#assign(nowMs, 0)
  }

  /** Gives the columns that are no attributes their fields, from field `first` on; of two for one, it is the first. */
  #assign(nowMs: number, first: number): Reason | null {
    const fields = this.#fields
    for (let index = first; index < fields.count; index += 1) {
      const { role } = fields.names[index] as Name
      if (role === null || fields.kinds[index] === kind.flag) continue
      if (role === 'time') {
        if (!this.#assignTime(index, nowMs) && this.#parser.isTimeRequired) return 'bad_time'
      } else if (role === 'severity') this.#assignSeverity(index)
      else if (fields.kinds[index] !== kind.number) this.#assignText(role, index)
    }
    return null
  }

  #assignTime(index: number, nowMs: number): boolean {
    const fields = this.#fields
    if (!Number.isNaN(fields.timeMs)) return true
    const from = fields.from[index] as number
    const isTime = this.#parser.time(fields.bytesOf(index), from, fields.to[index] as number, fields, nowMs)
    if (isTime) fields.taken[index] = 1
    return isTime
  }

  #assignSeverity(index: number): void {
    const fields = this.#fields
    if (fields.severity !== null) return
    const from = fields.from[index] as number
    fields.severity = this.#parser.severities.find(fields.bytesOf(index), from, fields.to[index] as number)
    if (fields.severity !== null) fields.taken[index] = 1
  }

  #assignText(role: 'message' | 'trace' | 'span' | 'service', index: number): void {
    const fields = this.#fields
    if (fields[role] !== -1) return
    const bytes = (fields.to[index] as number) - (fields.from[index] as number)
    if (role !== 'message' && role !== 'service' && bytes > idBytesMax) return
    fields[role] = index
    if (role !== 'message' || !this.#parser.keepRaw) fields.taken[index] = 1
  }

  #write({ bytes, from, to, isWhole }: FieldLine, nowMs: number): void {
    const fields = this.#fields
    const json = this.#json
    if (Number.isNaN(fields.timeMs)) fields.timeMs = nowMs
    this.#time.write(fields, json)
    if (fields.severity !== null) json.piece(fields.severity.json)
    if (fields.service !== -1) this.#writeColumn(texts.service, fields.service)
    if (fields.trace !== -1) this.#writeColumn(texts.trace, fields.trace)
    if (fields.span !== -1) this.#writeColumn(texts.span, fields.span)
    const { message } = fields
    if (message !== -1 && fields.taken[message] === 1) this.#writeColumn(texts.body, message)
    else {
      json.piece(texts.body)
      // Without its message a line that parsed has nothing to say beside its fields.
      if (isWhole) json.text(bytes, from, to)
      json.byte(quote)
    }
    this.#writeAttributes(texts.strings, kind.text, kind.json)
    this.#writeAttributes(texts.numbers, kind.number, kind.number)
    this.#writeAttributes(texts.flags, kind.flag, kind.flag)
    json.byte(closing)
  }

  #writeColumn(head: Piece, index: number): void {
    this.#json.piece(head)
    this.#writeText(index)
    this.#json.byte(quote)
  }

  #writeAttributes(head: Piece, one: Kind, other: Kind): void {
    const fields = this.#fields
    const json = this.#json
    let isOpen = false
    for (let index = 0; index < fields.count; index += 1) {
      const how = fields.kinds[index] as Kind
      if ((how !== one && how !== other) || fields.taken[index] === 1) continue
      if (isOpen) json.byte(comma)
      else json.piece(head)
      isOpen = true
      json.piece((fields.names[index] as Name).json)
      this.#writeValue(index, how)
    }
    if (isOpen) json.byte(closing)
  }

  #writeValue(index: number, how: Kind): void {
    const fields = this.#fields
    const json = this.#json
    const from = fields.from[index] as number
    if (how === kind.flag) json.piece(from === 1 ? texts.true : texts.false)
    else if (how === kind.number) json.raw(fields.bytesOf(index), from, fields.to[index] as number)
    else {
      json.byte(quote)
      this.#writeText(index)
      json.byte(quote)
    }
  }

  #writeText(index: number): void {
    const fields = this.#fields
    const bytes = fields.bytesOf(index)
    const from = fields.from[index] as number
    const to = fields.to[index] as number
    if (fields.kinds[index] === kind.json) this.#json.raw(bytes, from, to)
    else this.#json.text(bytes, from, to)
  }
}

/** Where the first line of `bytes[from, to)` ends. */
function lineEnd(bytes: Uint8Array, from: number, to: number): number {
  const found = bytes.indexOf(0x0a, from)
  return found === -1 || found > to ? to : found
}

/** Parses the first line alone. */
function firstLineParser(parse: LineParser): LineParser {
  return (bytes, from, to, fields) => {
    const end = lineEnd(bytes, from, to)
    return end - from > parsedLineBytesMax ? 'line_too_long' : parse(bytes, from, end, fields)
  }
}

function counted(verdict: Verdict, reason: Reason | null, tally: Tally): Verdict {
  if (reason !== null) increase(tally.unparsed, reason)
  return verdict
}
