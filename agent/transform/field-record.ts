// FieldRecord: a record with fields as transforms see it, over what the parser found in the line.
import { type Fields, kind } from '../parse/fields.ts'
import type { FieldLine } from '../parse/made-lines.ts'
import type { Name, Names } from '../parse/names.ts'
import { severityOf } from '../parse/severity.ts'
import { EvaluationError, type Value } from './functions.ts'
import type { CountRedacted, Redactor } from './redact.ts'
import type { TransformRecord } from './transforms.ts'

const columns: ReadonlyMap<string, 'service' | 'trace' | 'span'> = new Map([
  ['service_name', 'service'],
  ['trace_id', 'trace'],
  ['span_id', 'span'],
])
/** Longer values of `trace_id` and `span_id` are none. */
const idCharactersMax = 64
/** A number with so many digits may be that of a card. */
const cardDigitsMin = 13
/** Names of fields whose value is likely a secret that nothing but the name tells. */
const secretName = /secret/i

export class FieldRecord implements TransformRecord {
  readonly #fields: Fields
  readonly #names: Names
  /** Names that are read or set; others come with lines. */
  readonly #known: ReadonlyMap<string, Name>
  readonly #error: Name
  readonly #rawBytes: Name
  #line: FieldLine = { bytes: new Uint8Array(0), from: 0, to: 0, isWhole: false }

  /** Made before the first line: `used` are the names that steps read and set. */
  constructor(fields: Fields, names: Names, used: readonly string[]) {
    this.#fields = fields
    this.#names = names
    this.#known = new Map(used.map((name) => [name, names.of(name)]))
    this.#error = names.of('transform_error')
    this.#rawBytes = names.of('body_base64')
  }

  /** A line whose fields were found. */
  begin(line: FieldLine): void {
    this.#line = line
  }

  valueOf(name: string): Value {
    const fields = this.#fields
    if (name === 'body') return this.#body()
    if (fields.severity !== null && name === 'severity_text') return fields.severity.text
    if (fields.severity !== null && name === 'severity_number') return fields.severity.number
    const column = columns.get(name)
    const index = column === undefined || fields[column] === -1 ? this.#indexOf(name) : fields[column]
    return index === -1 ? null : this.#valueAt(index)
  }

  set(name: string, value: Value): void {
    if (name === 'body') this.#setBody(textOf(value))
    else this.#set(this.#nameOf(name), value)
  }

  remove(name: string): void {
    const fields = this.#fields
    if (name === 'body') this.#setBody('')
    if (name === 'severity_text' || name === 'severity_number') fields.severity = null
    const column = columns.get(name)
    if (column !== undefined && fields[column] !== -1) fields.drop(fields[column])
    for (const index of this.#inside(name)) fields.drop(index)
  }

  rename(from: string, to: string): void {
    const value = this.valueOf(from)
    const inner = this.#inside(`${from}.`).map(
      (index) => [(this.#fields.names[index] as Name).text.slice(from.length), this.#valueAt(index)] as const,
    )
    if (value === null && inner.length === 0) return
    this.remove(from)
    if (value !== null) this.set(to, value)
    for (const [rest, one] of inner) this.set(`${to}${rest}`, one)
  }

  redact(redactor: Redactor, count: CountRedacted): void {
    const fields = this.#fields
    const body = fields.message === -1 || fields.taken[fields.message] !== 1 ? this.#body() : ''
    const redacted = redactor.redact(body, count)
    const fieldCount = fields.count
    for (let index = 0; index < fieldCount; index += 1) {
      // What fills no column and is no attribute is written nowhere.
      if (fields.taken[index] === 1 && !this.#isColumn(index)) continue
      this.#redactField(index, redactor, count)
    }
    if (redacted !== body) this.#setBody(redacted)
  }

  mark(reasons: string): void {
    this.#fields.addOwn(this.#error, reasons)
  }

  #indexOf(name: string): number {
    const known = this.#known.get(name)
    return known === undefined ? -1 : this.#fields.indexOf(known)
  }

  /** The name of a field that steps use, or of one that a line brought. */
  #nameOf(text: string): Name {
    const known = this.#known.get(text)
    if (known !== undefined) return known
    const bytes = Buffer.from(text)
    return this.#names.find(bytes, 0, bytes.length, null) as Name
  }

  /** Fields of this name and of names that go on behind it with a dot; with a dot at its end only the latter. */
  #inside(name: string): number[] {
    const fields = this.#fields
    const begin = name.endsWith('.') ? name : `${name}.`
    const found: number[] = []
    for (let index = 0; index < fields.count; index += 1) {
      const one = fields.names[index] as Name
      if ((one.text === name || one.text.startsWith(begin)) && fields.indexOf(one) === index)
        found.push(index)
    }
    return found
  }

  #isColumn(index: number): boolean {
    const { message, service, trace, span } = this.#fields
    return index === message || index === service || index === trace || index === span
  }

  #valueAt(index: number): Value {
    const fields = this.#fields
    switch (fields.kinds[index]) {
      case kind.flag:
        return fields.from[index] === 1
      case kind.number:
        return Number(fields.textOf(index))
      default:
        return fields.textOf(index)
    }
  }

  #body(): string {
    const { message, taken } = this.#fields
    if (message !== -1 && taken[message] === 1) return this.#fields.textOf(message)
    const { bytes, from, to, isWhole } = this.#line
    return isWhole ? Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString() : ''
  }

  #setBody(text: string): void {
    const fields = this.#fields
    fields.addOwn(this.#names.detached, text)
    fields.message = fields.indexOf(this.#names.detached)
    fields.taken[fields.message] = 1
  }

  #set(name: Name, value: Value): void {
    const fields = this.#fields
    if (Array.isArray(value)) throw new EvaluationError('wrong_type')
    const before = fields.indexOf(name)
    const isMessage = before !== -1 && before === fields.message && fields.taken[before] === 1
    if (typeof value === 'boolean') fields.flag(name, value)
    else fields.addText(name, String(value), typeof value === 'number' ? kind.number : kind.text)
    this.#checkRoom()
    const index = fields.indexOf(name)
    if (isMessage) {
      fields.replaceText(index, String(value))
      fields.taken[index] = 1
    } else if (typeof value === 'string') this.#fillColumn(name, index, value)
  }

  #fillColumn({ role, text: name }: Name, index: number, text: string): void {
    const fields = this.#fields
    if (role === 'severity') {
      const severity = severityOf(text)
      if (severity === null) return
      fields.severity = severity
    } else {
      const column = role === 'service' || role === 'trace' || role === 'span' ? role : columns.get(name)
      if (column === undefined || (column !== 'service' && text.length > idCharactersMax)) return
      fields[column] = index
    }
    fields.taken[index] = 1
  }

  #redactField(index: number, redactor: Redactor, count: CountRedacted): void {
    const fields = this.#fields
    const name = fields.names[index] as Name
    if (fields.kinds[index] !== kind.flag) {
      const text = fields.textOf(index)
      const isNumber = fields.kinds[index] === kind.number
      const redacted =
        isNumber && text.length < cardDigitsMin ? text : redactValue(name, text, redactor, count)
      if (name === this.#rawBytes) this.#redactRaw(index, text, redactor)
      else if (redacted !== text) fields.replaceText(index, redacted)
    }
    const cleaned = redactor.redact(name.text, count)
    if (cleaned === name.text || name === this.#names.detached) return
    fields.rename(index, this.#nameOf(cleaned))
  }

  /** The exact bytes of a line that is no text, beside what of it can be read. */
  #redactRaw(index: number, base64: string, redactor: Redactor): void {
    const bytes = Buffer.from(base64, 'base64').toString('latin1')
    const redacted = redactor.redact(bytes, () => {})
    if (redacted !== bytes)
      this.#fields.replaceText(index, Buffer.from(redacted, 'latin1').toString('base64'))
  }

  #checkRoom(): void {
    if (this.#fields.overflow) {
      this.#fields.overflow = false
      throw new EvaluationError('too_many_fields')
    }
  }
}

function redactValue({ text: name }: Name, text: string, redactor: Redactor, count: CountRedacted): string {
  const redacted = redactor.redact(text, count)
  if (redacted !== text || !secretName.test(name)) return redacted
  const named = redactor.redact(`${name}=${text}`, count)
  return named.startsWith(`${name}=`) ? named.slice(name.length + 1) : redacted
}

function textOf(value: Value): string {
  if (value === null || Array.isArray(value)) throw new EvaluationError('wrong_type')
  return String(value)
}
