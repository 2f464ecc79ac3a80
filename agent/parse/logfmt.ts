// logfmt: `level=info msg="a b" dur=12ms retry`; keys without a value are true, as Go's libraries write and read it.
import { type Fields, kind, type LineParser } from './fields.ts'
import type { Name, Names } from './names.ts'
import { addBare } from './values.ts'

const quote = 0x22
const backslash = 0x5c
const equals = 0x3d

/** The parser of logfmt. A line without any `key=value` is none. */
export function logfmtParser(names: Names): LineParser {
  return (bytes, from, to, fields) => {
    let at = skipBlank(bytes, from, to)
    let pairs = 0
    while (at < to) {
      const end = keyEnd(bytes, at, to)
      if (end === at) return 'not_logfmt'
      const name = names.find(bytes, at, end, null) as Name
      if (end === to || bytes[end] !== equals) {
        fields.flag(name, true)
        at = skipBlank(bytes, end, to)
        continue
      }
      pairs += 1
      at = end + 1
      if (at < to && bytes[at] === quote) {
        const closing = quoteEnd(bytes, at, to)
        if (closing === -1) return 'unclosed_quote'
        addQuoted(fields, name, bytes, at + 1, closing)
        at = closing + 1
        if (at < to && (bytes[at] as number) > 0x20) return 'not_logfmt'
      } else {
        const valueEnd = bareEnd(bytes, at, to)
        if (valueEnd > at) addBare(fields, name, bytes, at, valueEnd)
        else fields.add(name, kind.text, at, at)
        at = valueEnd
      }
      at = skipBlank(bytes, at, to)
    }
    return pairs === 0 ? 'not_logfmt' : null
  }
}

function addQuoted(fields: Fields, name: Name, bytes: Uint8Array, from: number, to: number): void {
  if (!bytes.subarray(from, to).includes(backslash)) fields.add(name, kind.text, from, to)
  else fields.addText(name, unquote(Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString()))
}

const letters: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  b: '\b',
  f: '\f',
  v: '\v',
  a: '\x07',
  '"': '"',
  '\\': '\\',
}

/** Go's escapes; what is none stays as it is. */
function unquote(text: string): string {
  const pattern =
    /\\(?:([ntrbfva"\\])|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U(0010[0-9a-fA-F]{4}|000[0-9a-fA-F]{5}))/g
  return text
    .replace(pattern, (_, letter?: string, two?: string, four?: string, eight?: string) =>
      letter === undefined
        ? String.fromCodePoint(Number.parseInt(two ?? four ?? eight ?? '0', 16))
        : (letters[letter] ?? letter),
    )
    .toWellFormed()
}

function keyEnd(bytes: Uint8Array, from: number, to: number): number {
  let at = from
  while (at < to && (bytes[at] as number) > 0x20 && bytes[at] !== equals && bytes[at] !== quote) at += 1
  return at
}

function bareEnd(bytes: Uint8Array, from: number, to: number): number {
  let at = from
  while (at < to && (bytes[at] as number) > 0x20) at += 1
  return at
}

/** Where the quote closes that opens at `at`; -1 when it does not. */
function quoteEnd(bytes: Uint8Array, at: number, to: number): number {
  for (let next = at + 1; next < to; next += 1) {
    if (bytes[next] === backslash) next += 1
    else if (bytes[next] === quote) return next
  }
  return -1
}

function skipBlank(bytes: Uint8Array, from: number, to: number): number {
  let at = from
  while (at < to && (bytes[at] as number) <= 0x20) at += 1
  return at
}
