// Times in lines, from their bytes: ISO 8601 and RFC 3339, seconds to nanoseconds since 1970, and strftime formats.
import { compileTimeFormat } from './time-format.ts'
import type { Zone } from './zone.ts'

/** A time that was read: whole ms since 1970, and the ns behind them. */
export interface Moment {
  timeMs: number
  timeNanos: number
}

/** Reads the whole of `bytes[from, to)`; false, and nothing changed, when it is no time. `nowMs` gives the year where none is. */
export type TimeParser = (bytes: Uint8Array, from: number, to: number, into: Moment, nowMs: number) => boolean

/** Years 1970 to 2261: what the tables' DateTime64(9) holds. */
export const timeMsMax = 9_214_646_399_999

/** Formats by the name they have in the configuration, and those that are strftime. */
const named: ReadonlyMap<string, string> = new Map([
  ['clf', '%d/%b/%Y:%H:%M:%S %z'],
  ['nginx', '%d/%b/%Y:%H:%M:%S %z'],
  ['apache', '%d/%b/%Y:%H:%M:%S %z'],
  ['nginx_error', '%Y/%m/%d %H:%M:%S'],
  ['klog', '%m%d %H:%M:%S.%f'],
  ['rfc1123', '%a, %d %b %Y %H:%M:%S %Z'],
  ['ansic', '%a %b %e %H:%M:%S %Y'],
  ['ruby', '%a %b %d %H:%M:%S %z %Y'],
])
const epochUnits: ReadonlyMap<string, number> = new Map([
  ['epoch', 0],
  ['epoch_s', 1000],
  ['epoch_ms', 1],
  ['epoch_us', 0.001],
  ['epoch_ns', 0.000_001],
])

/** Every name that a `time.format` may have. */
export const timeFormatNames: readonly string[] = [
  'auto',
  'rfc3339',
  'iso8601',
  'syslog',
  ...named.keys(),
  ...epochUnits.keys(),
]

/** The parser of a format's name or of a strftime format. Throws an Error with a sentence for what is neither. */
export function timeParser(format: string, zone: Zone): TimeParser {
  if (format === 'rfc3339' || format === 'iso8601') return isoParser(zone)
  if (format === 'auto') return either(isoParser(zone), epochParser(0))
  if (format === 'syslog')
    return either(remembering(compileTimeFormat('%b %e %H:%M:%S', zone)), isoParser(zone))
  const unit = epochUnits.get(format)
  if (unit !== undefined) return epochParser(unit)
  const known = named.get(format)
  if (known === undefined && !format.includes('%')) {
    throw new Error(
      `unknown format of a time: expected ${timeFormatNames.join(', ')} or strftime such as %Y-%m-%d %H:%M:%S`,
    )
  }
  return remembering(compileTimeFormat(known ?? format, zone))
}

/** Longer texts are read anew each time. */
const rememberedBytesMax = 40

/** The text that was read last: lines in a row are mostly of the same second. */
class LastText {
  readonly #bytes = Buffer.alloc(rememberedBytesMax)
  #length = -1

  is(bytes: Uint8Array, from: number, to: number): boolean {
    if (to - from !== this.#length) return false
    const known = this.#bytes
    // From the end: there two times differ.
    for (let at = to - 1; at >= from; at -= 1) if (known[at - from] !== bytes[at]) return false
    return true
  }

  keep(bytes: Uint8Array, from: number, to: number): void {
    this.#length = to - from <= rememberedBytesMax ? to - from : -1
    for (let at = 0; at < this.#length; at += 1) this.#bytes[at] = bytes[from + at] as number
  }
}

/** The same text, read at the same time, is the same moment. */
function remembering(parser: TimeParser): TimeParser {
  const last = new LastText()
  let readMs = Number.NaN
  const moment: Moment = { timeMs: 0, timeNanos: 0 }
  return (bytes, from, to, into, nowMs) => {
    if (nowMs !== readMs || !last.is(bytes, from, to)) {
      readMs = Number.NaN
      if (!parser(bytes, from, to, moment, nowMs)) return false
      readMs = nowMs
      last.keep(bytes, from, to)
    }
    into.timeMs = moment.timeMs
    into.timeNanos = moment.timeNanos
    return true
  }
}

function either(one: TimeParser, other: TimeParser): TimeParser {
  return (bytes, from, to, into, nowMs) =>
    one(bytes, from, to, into, nowMs) || other(bytes, from, to, into, nowMs)
}

/** `2026-11-21T06:00:00.123456789+01:00`; a blank or `_` for the T, a comma for the point, no seconds, no zone at all. */
function isoParser(zone: Zone): TimeParser {
  const last = new LastText()
  let lastMs = 0
  return (bytes, from, to, into) => {
    if (to - from < minuteBytes) return false
    const hasSecond = to - from > minuteBytes && bytes[from + minuteBytes] === colon
    let at = Math.min(to, from + (hasSecond ? secondBytes : minuteBytes))
    const isLast = last.is(bytes, from, at)
    const wallMs = isLast ? lastMs : isoWallTime(bytes, from, at)
    if (Number.isNaN(wallMs)) return false
    if (!isLast) {
      lastMs = wallMs
      last.keep(bytes, from, at)
    }
    let nanos = 0
    if (hasSecond && at < to && (bytes[at] === dot || bytes[at] === comma)) {
      const end = digitsEnd(bytes, at + 1, to)
      nanos = fraction(bytes, at + 1, end)
      at = end
    }
    if (nanos < 0) return false
    if (at < to && bytes[at] === space) at += 1
    const offset = at === to ? null : offsetMs(bytes, at, to)
    if (Number.isNaN(offset)) return false
    return give(into, offset === null ? zone(wallMs) : wallMs - offset, nanos)
  }
}

/** `2026-11-21T06:00` and `:00` in UTC; NaN when it is no such time. */
function isoWallTime(bytes: Uint8Array, from: number, to: number): number {
  const year = digits(bytes, from, from + 4, to)
  const month = digits(bytes, from + 5, from + 7, to)
  const day = digits(bytes, from + 8, from + 10, to)
  const between = bytes[from + 10]
  if (between !== 0x54 && between !== 0x74 && between !== space && between !== 0x5f) return Number.NaN
  const hour = digits(bytes, from + 11, from + 13, to)
  const minute = digits(bytes, from + 14, from + minuteBytes, to)
  if (bytes[from + 4] !== dash || bytes[from + 7] !== dash || bytes[from + 13] !== colon) return Number.NaN
  const isShort = to - from === minuteBytes
  const second = isShort ? 0 : digits(bytes, from + minuteBytes + 1, from + secondBytes, to)
  return wallTime(year, month, day, hour, minute, second)
}

/** Below 1e11 seconds, below 1e14 ms, below 1e17 us, else ns: the year 5138 and 1973 lie between. */
function epochParser(unitMs: number): TimeParser {
  return (bytes, from, to, into) => {
    const end = digitsEnd(bytes, from, to)
    const length = end - from
    if (length === 0 || length > 19) return false
    if (end < to && bytes[end] !== dot) return false
    const end2 = end < to ? digitsEnd(bytes, end + 1, to) : end
    if (end2 !== to || end + 1 === to) return false
    const whole = digits(bytes, from, end, to)
    const unit =
      unitMs !== 0 ? unitMs : whole < 1e11 ? 1000 : whole < 1e14 ? 1 : whole < 1e17 ? 0.001 : 0.000_001
    if (unit >= 1) {
      const nanos = end < to ? fraction(bytes, end + 1, to) : 0
      if (unit === 1000) return nanos >= 0 && give(into, whole * 1000, nanos)
      return nanos >= 0 && give(into, whole, Math.floor(nanos / 1000))
    }
    // Below the ms: by digits, because a double holds only 15 of them.
    const below = unit === 0.001 ? 3 : 6
    if (length <= below) return false
    const ms = digits(bytes, from, end - below, to)
    const rest = digits(bytes, end - below, end, to)
    return give(into, ms, below === 3 ? rest * 1000 : rest, true)
  }
}

/** Lengths of `2026-11-21T06:00` and of that with `:00`. */
const minuteBytes = 16
const secondBytes = 19
const dash = 0x2d
const colon = 0x3a
const dot = 0x2e
const comma = 0x2c
const space = 0x20
const plus = 0x2b
const daysBefore = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334]
const daysIn = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

/** Puts the moment in, when the tables can hold it; `nanos` behind the second, or behind the ms when `isBehindMs`. */
export function give(into: Moment, ms: number, nanos: number, isBehindMs = false): boolean {
  const whole = isBehindMs ? ms : ms + Math.floor(nanos / 1_000_000)
  if (!(whole >= 0 && whole <= timeMsMax)) return false
  into.timeMs = whole
  into.timeNanos = isBehindMs ? nanos : nanos % 1_000_000
  return true
}

/** The value of `bytes[from, to)`; NaN unless all are digits and lie before `end`. */
export function digits(bytes: Uint8Array, from: number, to: number, end: number): number {
  if (to > end) return Number.NaN
  let value = 0
  for (let at = from; at < to; at += 1) {
    const digit = (bytes[at] as number) - 0x30
    if (digit < 0 || digit > 9) return Number.NaN
    value = value * 10 + digit
  }
  return value
}

/** Where the digits that begin at `from` end. */
export function digitsEnd(bytes: Uint8Array, from: number, to: number): number {
  let at = from
  while (at < to && (bytes[at] as number) >= 0x30 && (bytes[at] as number) <= 0x39) at += 1
  return at
}

/** What the last of so many digits behind a point counts, in nanoseconds. */
const nanosOf = [1e9, 1e8, 1e7, 1e6, 1e5, 1e4, 1000, 100, 10, 1]

/** Nanoseconds of the 1 to 9 (or more, the rest is dropped) digits behind a point; -1 when there is none. */
export function fraction(bytes: Uint8Array, from: number, to: number): number {
  if (to === from) return -1
  const end = Math.min(to, from + 9)
  return digits(bytes, from, end, to) * (nanosOf[end - from] as number)
}

/** ms of `Z`, `+01:00`, `+0100`, `+01`, `UTC` or `GMT`; NaN for anything else. */
export function offsetMs(bytes: Uint8Array, from: number, to: number): number {
  const sign = bytes[from]
  const length = to - from
  if (length === 1 && (sign === 0x5a || sign === 0x7a)) return 0
  if (length === 3 && (matches(bytes, from, 'UTC') || matches(bytes, from, 'GMT'))) return 0
  if ((sign !== plus && sign !== dash) || (length !== 3 && length !== 5 && length !== 6)) return Number.NaN
  if (length === 6 && bytes[from + 3] !== colon) return Number.NaN
  const hours = digits(bytes, from + 1, from + 3, to)
  const minutes = length === 3 ? 0 : digits(bytes, to - 2, to, to)
  if (!(hours < 24 && minutes < 60)) return Number.NaN
  return (sign === dash ? -1 : 1) * (hours * 60 + minutes) * 60_000
}

export function matches(bytes: Uint8Array, from: number, text: string): boolean {
  for (let at = 0; at < text.length; at += 1) if (bytes[from + at] !== text.charCodeAt(at)) return false
  return true
}

/** ms since 1970 of a date and time in UTC; NaN when there is no such time. A leap second is the next one. */
export function wallTime(
  year: number,
  month: number,
  day: number,
  hour: number,
  minute: number,
  second: number,
): number {
  if (!(year >= 1970 && year <= 2261 && month >= 1 && month <= 12)) return Number.NaN
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
  const days = (daysIn[month - 1] as number) + (isLeap && month === 2 ? 1 : 0)
  if (!(day >= 1 && day <= days && hour < 24 && minute < 60 && second <= 60)) return Number.NaN
  const before = year - 1
  const leaps = Math.floor(before / 4) - Math.floor(before / 100) + Math.floor(before / 400) - 477
  const dayOfYear = (daysBefore[month - 1] as number) + (isLeap && month > 2 ? 1 : 0) + day - 1
  const day1970 = (year - 1970) * 365 + leaps + dayOfYear
  return (((day1970 * 24 + hour) * 60 + minute) * 60 + second) * 1000
}
