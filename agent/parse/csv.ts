// Lines of values with a delimiter between them (RFC 4180, one record a line); the names of the columns are given.
import { type Fields, kind, type LineParser } from './fields.ts'
import type { Name, Names } from './names.ts'
import { addBare } from './values.ts'

const quote = 0x22

/** The parser of rows with these columns. A line with more or fewer values is none; an empty value is not there. */
export function csvParser(columns: readonly string[], delimiter: string, names: Names): LineParser {
  const list = columns.map((column) => names.of(column))
  const between = delimiter.charCodeAt(0)
  return (bytes, from, to, fields) => {
    let at = from
    for (const [index, name] of list.entries()) {
      const end = valueEnd(bytes, at, to, between)
      if (end === -1) return 'unclosed_quote'
      if (end < to && bytes[end] !== between) return 'bad_quote'
      if ((end === to) !== (index === list.length - 1)) return 'other_columns'
      addValue(fields, name, bytes, at, end)
      at = end + 1
    }
    return null
  }
}

/** Where the value ends: at the delimiter or the line's end; -1 when its quote is not closed. */
function valueEnd(bytes: Uint8Array, from: number, to: number, between: number): number {
  let at = from
  if (at >= to || bytes[at] !== quote) {
    while (at < to && bytes[at] !== between) at += 1
    return at
  }
  for (at += 1; at < to; at += 1) {
    if (bytes[at] !== quote) continue
    if (at + 1 < to && bytes[at + 1] === quote) at += 1
    else return at + 1
  }
  return -1
}

function addValue(fields: Fields, name: Name, bytes: Uint8Array, from: number, to: number): void {
  if (to === from) return
  const inside = bytes.subarray(from + 1, to - 1)
  if (bytes[from] !== quote) addBare(fields, name, bytes, from, to)
  else if (!inside.includes(quote)) fields.add(name, kind.text, from + 1, to - 1)
  else fields.addText(name, Buffer.from(inside).toString().replaceAll('""', '"'))
}
