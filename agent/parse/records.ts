// Lines to log records: JSON objects in the shape that the sinks know, one for every line, whatever parsing does.
import { isUtf8 } from 'node:buffer'
import type { CompiledParser, InnerParser } from './compile.ts'
import { type Facts, noFacts } from './facts.ts'
import { Fields, type Kind, kind, type LineParser, type Reason } from './fields.ts'
import { JsonBytes, type Piece, pieceOf } from './json-bytes.ts'
import type { Name } from './names.ts'
import { idBytesMax, parsedLineBytesMax } from './options.ts'
import { RecordTime } from './record-time.ts'
import { timeMsMax } from './time.ts'

/** Lines of a block: line `i` is `bytes[starts[i], ends[i])`. */
export interface Lines {
  readonly bytes: Uint8Array
  readonly starts: Int32Array
  readonly ends: Int32Array
  readonly count: number
  /** Some may be of several lines. */
  readonly hasGroups?: boolean
}

/** Records as they were made, valid until the next are, and how many lines did not parse, by reason. */
export interface ParsedLines extends Lines {
  readonly unparsed: ReadonlyMap<Reason, number>
}

const texts = {
  ts: pieceOf('{"ts":"'),
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

/** Makes the records of an input's lines, in memory that is used again. */
export class RecordMaker {
  readonly #parser: CompiledParser
  readonly #fields = new Fields()
  readonly #json = new JsonBytes()
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

  constructor(parser: CompiledParser) {
    this.#parser = parser
    this.#parseError = parser.names.of('parse_error')
    this.#rawBytes = parser.names.of('body_base64')
  }

  /**
   * One record for each line; `readAtMs` is the time of lines that have none, and dates those without a year. `facts` are
   * what is known of all these lines beside what they say.
   */
  make(lines: Lines, readAtMs: number, facts: Facts = noFacts): ParsedLines {
    const { bytes, starts, ends, count, hasGroups = false } = lines
    this.#hasGroups = hasGroups
    this.#isWhole = false
    this.#take(facts)
    const nowMs = Math.min(timeMsMax, Math.max(0, Math.floor(readAtMs)))
    const isText = isUtf8(bytes.subarray(starts[0], ends[count - 1]))
    // What is known of all lines stands in none of them.
    const quick = this.#given.length === 0 && !hasGroups ? this.#parser.quick : null
    const unparsed = new Map<Reason, number>()
    if (this.#starts.length < count) {
      this.#starts = new Int32Array(count)
      this.#ends = new Int32Array(count)
    }
    this.#json.cut(0)
    for (let index = 0; index < count; index += 1) {
      const from = starts[index] as number
      const to = ends[index] as number
      this.#starts[index] = this.#json.length
      const reason =
        isText && quick?.write(bytes, from, to, this.#json, nowMs) === true
          ? null
          : this.#record(bytes, from, to, isText || isUtf8(bytes.subarray(from, to)), nowMs)
      if (reason !== null) unparsed.set(reason, (unparsed.get(reason) ?? 0) + 1)
      this.#ends[index] = this.#json.length
    }
    return { bytes: this.#json.bytes, starts: this.#starts, ends: this.#ends, count, unparsed }
  }

  #take(facts: Facts): void {
    if (facts === this.#facts) return
    this.#facts = facts
    this.#given = facts.attributes.map(([name, value]) => [this.#parser.names.of(name), value])
  }

  #record(bytes: Uint8Array, from: number, to: number, isText: boolean, nowMs: number): Reason | null {
    const fields = this.#fields
    this.#parser.names.tidy()
    fields.begin(bytes)
    if (!isText) {
      // JSON is UTF-8: the line as far as it can be read, and its very bytes beside it.
      const line = Buffer.from(bytes.subarray(from, to))
      fields.addText(this.#rawBytes, line.toString('base64'))
      fields.addText(this.#parseError, 'not_utf8')
      const readable = Buffer.from(line.toString())
      this.#write(readable, 0, readable.length, nowMs, true)
      return 'not_utf8'
    }
    const reason = this.#hasGroups
      ? this.#parseGroup(bytes, from, to, nowMs)
      : this.#parseBounded(bytes, from, to, nowMs)
    if (reason !== null) fields.addText(this.#parseError, reason)
    else if (!this.#hasGroups) this.#parser.quick?.learn?.(bytes, from, to, fields)
    const start = this.#json.length
    this.#write(bytes, from, to, nowMs, this.#parser.keepRaw || reason !== null || this.#isWhole)
    if (this.#json.length - start <= (to - from) * growthMax + recordBytesMin) return reason
    this.#json.cut(start)
    fields.begin(bytes)
    fields.addText(this.#parseError, 'too_large')
    this.#write(bytes, from, to, nowMs, true)
    return 'too_large'
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

  #write(bytes: Uint8Array, from: number, to: number, nowMs: number, isWhole: boolean): void {
    const fields = this.#fields
    const json = this.#json
    // Last: a line cannot say that it comes from elsewhere.
    for (const [name, value] of this.#given) fields.addText(name, value)
    fields.severity ??= this.#facts.severity
    json.piece(texts.ts)
    if (Number.isNaN(fields.timeMs)) fields.timeMs = nowMs
    this.#time.write(fields, json)
    json.byte(quote)
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
