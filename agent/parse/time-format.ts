// strftime formats, compiled once into steps that read bytes.
import { digits, digitsEnd, fraction, give, matches, offsetMs, type TimeParser, wallTime } from './time.ts'
import type { Zone } from './zone.ts'

/** What the steps have read so far. */
interface Clockface {
  year: number
  month: number
  day: number
  hour: number
  minute: number
  second: number
  nanos: number
  /** 12 for PM, 0 for AM, -1 when not said. */
  half: number
  /** ms, or null when not said. */
  offset: number | null
  epochS: number
}

/** Reads from `at`; returns where it stopped, or -1. */
type Step = (bytes: Uint8Array, at: number, to: number, face: Clockface) => number

const months = 'january february march april may june july august september october november december'.split(
  ' ',
)
const weekdays = 'monday tuesday wednesday thursday friday saturday sunday'.split(' ')

const short: Readonly<Record<string, string>> = { T: '%H:%M:%S', F: '%Y-%m-%d', D: '%m/%d/%y', R: '%H:%M' }

const steps: Readonly<Record<string, Step>> = {
  Y: number(4, 4, (face, value) => (face.year = value)),
  y: number(2, 2, (face, value) => (face.year = value + (value < 70 ? 2000 : 1900))),
  m: number(1, 2, (face, value) => (face.month = value)),
  d: number(1, 2, (face, value) => (face.day = value)),
  e: padded(number(1, 2, (face, value) => (face.day = value))),
  H: number(1, 2, (face, value) => (face.hour = value)),
  k: padded(number(1, 2, (face, value) => (face.hour = value))),
  I: number(1, 2, (face, value) => (face.hour = value % 12)),
  l: padded(number(1, 2, (face, value) => (face.hour = value % 12))),
  M: number(2, 2, (face, value) => (face.minute = value)),
  S: number(2, 2, (face, value) => (face.second = value)),
  s: number(1, 11, (face, value) => (face.epochS = value)),
  f: subseconds,
  L: subseconds,
  N: subseconds,
  b: word(months, (face, index) => (face.month = index + 1)),
  B: word(months, (face, index) => (face.month = index + 1)),
  h: word(months, (face, index) => (face.month = index + 1)),
  a: word(weekdays, () => undefined),
  A: word(weekdays, () => undefined),
  p: half,
  z: offset,
  Z: offset,
  '%': literal('%'),
}

/** The parser of a strftime format. Throws an Error with a sentence when it is no such format, or gives no time. */
export function compileTimeFormat(format: string, zone: Zone): TimeParser {
  const whole = format.replace(/%([TFDR])/g, (_, letter: string) => short[letter] ?? '')
  const list: Step[] = []
  const seen = new Set<string>()
  for (const [piece, letter] of whole.matchAll(/%(.?)|[^%]+/gsu)) {
    const step = letter === undefined ? literal(piece) : steps[letter]
    if (step === undefined) {
      throw new Error(
        `"${piece}" is not known in a time format: expected ${Object.keys(steps)
          .map((one) => `%${one}`)
          .join(' ')}`,
      )
    }
    if (letter !== undefined) seen.add(letter)
    list.push(step)
  }
  const hasDate = [...'bBhm'].some((one) => seen.has(one)) && [...'de'].some((one) => seen.has(one))
  if (!seen.has('s') && !hasDate) throw new Error('a time format needs a month and a day (%m %d), or %s')
  const isYearless = !seen.has('s') && !seen.has('Y') && !seen.has('y')
  return (bytes, from, to, into, nowMs) => {
    const face = { ...blank }
    let at = from
    for (const step of list) {
      at = step(bytes, at, to, face)
      if (at < 0) return false
    }
    if (at !== to) return false
    if (face.epochS >= 0) return give(into, face.epochS * 1000, face.nanos)
    if (face.half >= 0) face.hour = (face.hour % 12) + face.half
    const ms = isYearless ? nearestYear(face, zone, nowMs) : toUtc(face, face.year, zone)
    return give(into, ms, face.nanos)
  }
}

const blank: Clockface = {
  year: 0,
  month: 0,
  day: 0,
  hour: 0,
  minute: 0,
  second: 0,
  nanos: 0,
  half: -1,
  offset: null,
  epochS: -1,
}
const dayMs = 86_400_000

function toUtc(face: Clockface, year: number, zone: Zone): number {
  const { month, day, hour, minute, second, offset: said } = face
  const wallMs = wallTime(year, month, day, hour, minute, second)
  return said === null ? zone(wallMs) : wallMs - said
}

/** A time without its year is of this year, unless it would lie more than a day ahead: then of the one before. */
function nearestYear(face: Clockface, zone: Zone, nowMs: number): number {
  // A day ahead of now may be of the next year.
  const latest = new Date(Math.min(nowMs + dayMs, 8e15)).getUTCFullYear()
  for (let year = latest; year > latest - 9; year -= 1) {
    const ms = toUtc(face, year, zone)
    // 29 February is not there in most years.
    if (ms <= nowMs + dayMs) return ms
  }
  return Number.NaN
}

function number(lengthMin: number, lengthMax: number, set: (face: Clockface, value: number) => void): Step {
  return (bytes, at, to, face) => {
    const end = Math.min(digitsEnd(bytes, at, Math.min(to, at + lengthMax)), to)
    if (end - at < lengthMin) return -1
    set(face, digits(bytes, at, end, to))
    return end
  }
}

/** A number that may have a blank in front. */
function padded(step: Step): Step {
  return (bytes, at, to, face) => step(bytes, bytes[at] === 0x20 ? at + 1 : at, to, face)
}

function subseconds(bytes: Uint8Array, at: number, to: number, face: Clockface): number {
  const end = digitsEnd(bytes, at, to)
  face.nanos = fraction(bytes, at, end)
  return end === at ? -1 : end
}

/** A word or its first three letters, whatever their case. */
function word(words: readonly string[], set: (face: Clockface, index: number) => void): Step {
  const known = new Map(words.map((text, index) => [packed(Buffer.from(text), 0), { text, index }]))
  return (bytes, at, to, face) => {
    const found = at + 3 > to ? undefined : known.get(packed(bytes, at))
    if (found === undefined) return -1
    set(face, found.index)
    const end = at + found.text.length
    return end <= to && isWord(bytes, at, found.text) ? end : at + 3
  }
}

/** Three letters in lower case as a number. */
function packed(bytes: Uint8Array, at: number): number {
  const [one, two, three] = [bytes[at] as number, bytes[at + 1] as number, bytes[at + 2] as number]
  return ((one | 0x20) << 16) | ((two | 0x20) << 8) | (three | 0x20)
}

function isWord(bytes: Uint8Array, at: number, lower: string): boolean {
  for (let index = 0; index < lower.length; index += 1)
    if (((bytes[at + index] as number) | 0x20) !== lower.charCodeAt(index)) return false
  return true
}

/** AM or PM. */
function half(bytes: Uint8Array, at: number, to: number, face: Clockface): number {
  if (at + 2 > to) return -1
  if (isWord(bytes, at, 'am')) face.half = 0
  else if (isWord(bytes, at, 'pm')) face.half = 12
  else return -1
  return at + 2
}

function offset(bytes: Uint8Array, at: number, to: number, face: Clockface): number {
  let end = at
  while (end < to && end - at < 6 && bytes[end] !== 0x20 && bytes[end] !== 0x5d) end += 1
  const ms = offsetMs(bytes, at, end)
  if (Number.isNaN(ms)) return -1
  face.offset = ms
  return end
}

function literal(text: string): Step {
  const encoded = Buffer.from(text).toString('latin1')
  return (bytes, at, to) =>
    at + encoded.length <= to && matches(bytes, at, encoded) ? at + encoded.length : -1
}
