// Severity: words, letters and numbers of loggers to OpenTelemetry's severity_number (logs data model, 1..24).
import { ByteMap } from './byte-map.ts'
import type { SeverityOptions, SeverityWord } from './options.ts'
import { type Piece, pieceOf } from './piece.ts'

export interface Severity {
  /** The word of the line; where it has only a number, the usual word. */
  readonly text: string
  readonly number: number
  /** Both as members of a JSON object, a comma in front. */
  readonly json: Piece
}

const wordNumbers: Readonly<Record<SeverityWord, number>> = {
  trace: 1,
  debug: 5,
  info: 9,
  warn: 13,
  error: 17,
  fatal: 21,
}

const words: ReadonlyMap<string, number> = new Map([
  ...same(1, 'trace trc finest verbose silly all vrb'),
  ...same(5, 'debug dbg fine finer d'),
  ...same(9, 'info information informational inf i config log'),
  ...same(10, 'notice'),
  ...same(13, 'warn warning wrn w'),
  ...same(17, 'error err e eror severe failure'),
  ...same(18, 'critical crit'),
  ...same(19, 'alert'),
  ...same(21, 'fatal panic ftl f emerg emergency dpanic'),
])

/** RFC 5424, section 6.2.1, and what OpenTelemetry makes of each. */
const syslogSeverities: readonly Severity[] = [
  severity('emerg', 21),
  severity('alert', 19),
  severity('crit', 18),
  severity('err', 17),
  severity('warning', 13),
  severity('notice', 10),
  severity('info', 9),
  severity('debug', 5),
]

/** pino and bunyan count in tens. */
const tens: readonly Severity[] = [
  severity('TRACE', 1),
  severity('DEBUG', 5),
  severity('INFO', 9),
  severity('WARN', 13),
  severity('ERROR', 17),
  severity('FATAL', 21),
]

const klogSeverities: ReadonlyMap<number, Severity> = new Map([
  [0x49, severity('INFO', 9)],
  [0x57, severity('WARNING', 13)],
  [0x45, severity('ERROR', 17)],
  [0x46, severity('FATAL', 21)],
])

/** Of the lower three bits of a syslog priority. */
export function syslogSeverity(priority: number): Severity {
  return syslogSeverities[priority & 7] as Severity
}

/** Of the letter that a klog line begins with; null for any other. */
export function klogSeverity(letter: number): Severity | null {
  return klogSeverities.get(letter) ?? null
}

/** What a word or number means: by the own map first, then 0..7 as syslog, 10..60 as pino, else by the word. */
export function severityOf(text: string, own: SeverityOptions['map'] = undefined): Severity | null {
  if (own !== undefined && Object.hasOwn(own, text)) {
    const word = own[text] as SeverityWord
    return severity(isNumber(text) ? word.toUpperCase() : text, wordNumbers[word])
  }
  if (isNumber(text)) {
    const number = Number(text)
    if (number < 8) return syslogSeverities[number] ?? null
    return number % 10 === 0 ? (tens[number / 10 - 1] ?? null) : null
  }
  const number = words.get(text.toLowerCase())
  return number === undefined ? null : severity(text, number)
}

const textBytesMax = 32

/** The severities that lines had, each looked up once. */
export class Severities {
  readonly #own: SeverityOptions['map']
  readonly #known = new ByteMap<Severity | null>()

  constructor(own: SeverityOptions['map'] = undefined) {
    this.#own = own
  }

  find(bytes: Uint8Array, from: number, to: number): Severity | null {
    if (to - from > textBytesMax) return null
    const known = this.#known.find(bytes, from, to, 0)
    if (known !== undefined) return known
    const text = Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString()
    const found = severityOf(text, this.#own)
    if (this.#known.isFull) this.#known.clear()
    this.#known.add(bytes, from, to, 0, found)
    return found
  }
}

function isNumber(text: string): boolean {
  return /^\d{1,3}$/.test(text)
}

function same(number: number, list: string): [string, number][] {
  return list.split(' ').map((word) => [word, number])
}

function severity(text: string, number: number): Severity {
  const json = JSON.stringify({ severity_text: text.toWellFormed(), severity_number: number })
  return { text, number, json: pieceOf(`,${json.slice(1, -1)}`) }
}
