// Values of fields that come as bare text: which of them are numbers, which are true or false, which are not there.
import { type Fields, kind } from './fields.ts'
import type { Name } from './names.ts'
import { matches } from './time.ts'

/** A double holds so many digits for sure: longer numbers stay text. */
const digitsMax = 15
const zero = 0x30
const nine = 0x39

/** Where the JSON number that begins at `from` ends; -1 when none begins there, or one that a double does not hold. */
export function numberEnd(bytes: Uint8Array, from: number, to: number): number {
  let at = from
  if (at < to && bytes[at] === 0x2d) at += 1
  const whole = at
  while (at < to && isDigit(bytes[at] as number)) at += 1
  let digits = at - whole
  if (digits === 0 || (digits > 1 && bytes[whole] === zero)) return -1
  if (at < to && bytes[at] === 0x2e) {
    const point = at
    at += 1
    while (at < to && isDigit(bytes[at] as number)) at += 1
    if (at === point + 1) return -1
    digits += at - point - 1
  }
  if (at < to && ((bytes[at] as number) | 0x20) === 0x65) {
    at += 1
    if (at < to && (bytes[at] === 0x2b || bytes[at] === 0x2d)) at += 1
    const exponent = at
    while (at < to && isDigit(bytes[at] as number)) at += 1
    // Two digits are always inside the range of a double.
    if (at === exponent || at - exponent > 2) return -1
  }
  return digits > digitsMax ? -1 : at
}

/** Adds a bare value as what it looks like: a number, true, false, or text. */
export function addBare(fields: Fields, name: Name, bytes: Uint8Array, from: number, to: number): void {
  const first = bytes[from] as number
  if (to > from && (isDigit(first) || first === 0x2d) && numberEnd(bytes, from, to) === to) {
    fields.add(name, kind.number, from, to)
  } else if (to - from === 4 && matches(bytes, from, 'true')) fields.flag(name, true)
  else if (to - from === 5 && matches(bytes, from, 'false')) fields.flag(name, false)
  else fields.add(name, kind.text, from, to)
}

/** As `addBare`, of a value that is a string already. */
export function addBareText(fields: Fields, name: Name, text: string): void {
  const bytes = Buffer.from(text)
  if (text === 'true' || text === 'false') fields.flag(name, text === 'true')
  else
    fields.addText(name, text, numberEnd(bytes, 0, bytes.length) === bytes.length ? kind.number : kind.text)
}

function isDigit(byte: number): boolean {
  return byte >= zero && byte <= nine
}
