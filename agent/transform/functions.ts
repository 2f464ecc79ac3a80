// The functions of expressions: what each takes and gives. All pure, all bounded.

/** What an expression works with; null is a field that is not there. */
export type Value = string | number | boolean | null | readonly Value[]

/** An expression met a value it cannot work with; `reason` is a word with underscores. */
export class EvaluationError extends Error {
  override readonly name = 'EvaluationError'
  readonly reason: string

  constructor(reason: string) {
    super(reason)
    this.reason = reason
  }
}

/** A longer text is not made. */
const textCharactersMax = 256 * 1024
const partsMax = 1000

export interface Callable {
  readonly inputsMin: number
  readonly inputsMax: number
  /** As help shows it. */
  readonly usage: string
  /** Gives null when its first input is null, without being called. */
  readonly skipsMissing: boolean
  run(inputs: readonly Value[]): Value
}

export const functions: ReadonlyMap<string, Callable> = new Map([
  // What it is given is a path, and whether that is there is all it looks at.
  ['exists', of('exists(.field)', 1, 1, ([value]) => value !== null, false)],
  ['length', of('length(text)', 1, 1, ([value]) => lengthOf(value))],
  ['lower', of('lower(text)', 1, 1, ([value]) => textOf(value).toLowerCase())],
  ['upper', of('upper(text)', 1, 1, ([value]) => textOf(value).toUpperCase())],
  ['trim', of('trim(text)', 1, 1, ([value]) => textOf(value).trim())],
  ['substr', of('substr(text, start, length)', 2, 3, substr)],
  ['replace', of('replace(text, what, with)', 3, 3, replace)],
  ['split', of('split(text, separator)', 2, 2, split)],
  [
    'coalesce',
    of('coalesce(a, b, ...)', 1, 16, (values) => values.find((one) => one !== null) ?? null, false),
  ],
  ['number', of('number(value)', 1, 1, ([value]) => toNumber(value))],
  ['text', of('text(value)', 1, 1, ([value]) => toText(value))],
  ['round', of('round(number)', 1, 1, ([value]) => Math.round(numberOf(value)))],
  ['floor', of('floor(number)', 1, 1, ([value]) => Math.floor(numberOf(value)))],
])

/** The text itself. Throws EvaluationError for anything else. */
export function textOf(value: Value | undefined): string {
  if (typeof value === 'string') return value
  throw new EvaluationError('wrong_type')
}

/** The number itself. Throws EvaluationError for anything else. */
export function numberOf(value: Value | undefined): number {
  if (typeof value === 'number') return value
  throw new EvaluationError('wrong_type')
}

/** A text that is not too long. Throws EvaluationError. */
export function bounded(text: string): string {
  if (text.length > textCharactersMax) throw new EvaluationError('text_too_long')
  return text
}

function of(
  usage: string,
  inputsMin: number,
  inputsMax: number,
  run: Callable['run'],
  skipsMissing = true,
): Callable {
  return { usage, inputsMin, inputsMax, run, skipsMissing }
}

function lengthOf(value: Value | undefined): number {
  return Array.isArray(value) ? value.length : textOf(value).length
}

function substr([text, start, length]: readonly Value[]): Value {
  const whole = textOf(text)
  const from = wholeOf(start)
  const begin = from < 0 ? Math.max(0, whole.length + from) : from
  if (length === undefined) return whole.slice(begin)
  return whole.slice(begin, begin + Math.max(0, wholeOf(length)))
}

function replace([text, what, instead]: readonly Value[]): Value {
  const [whole, part, other] = [textOf(text), textOf(what), textOf(instead)]
  if (part === '') return whole
  // Split first: how long the result will be is known before it is made.
  const pieces = whole.split(part)
  const characters = whole.length + (pieces.length - 1) * (other.length - part.length)
  if (characters > textCharactersMax) throw new EvaluationError('text_too_long')
  return pieces.join(other)
}

function split([text, separator]: readonly Value[]): Value {
  const between = textOf(separator)
  if (between === '') throw new EvaluationError('empty_separator')
  // One part more than fits says that there are too many.
  const parts = textOf(text).split(between, partsMax + 1)
  if (parts.length > partsMax) throw new EvaluationError('too_many_parts')
  return parts
}

function toNumber(value: Value | undefined): Value {
  if (typeof value === 'number') return value
  const text = textOf(value).trim()
  const number = /^-?\d{1,30}(\.\d{1,30})?([eE][+-]?\d{1,3})?$/.test(text) ? Number(text) : Number.NaN
  if (!Number.isFinite(number)) throw new EvaluationError('not_a_number')
  return number
}

function toText(value: Value | undefined): string {
  if (value === undefined || Array.isArray(value)) throw new EvaluationError('wrong_type')
  return String(value)
}

function wholeOf(value: Value | undefined): number {
  const number = numberOf(value)
  if (!Number.isSafeInteger(number)) throw new EvaluationError('not_a_whole_number')
  return number
}
