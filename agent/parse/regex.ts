// Lines by a regular expression of the user with named groups; only one that runs in linear time on any line.
import { linearExpression } from '../../config/linear-expression.ts'
import type { LineParser } from './fields.ts'
import type { Names } from './names.ts'
import { addBareText } from './values.ts'

/**
 * The parser of an expression. Throws an Error with a sentence when it is none, has no named groups, or needs what no
 * engine runs in linear time (look-ahead, back-references, counts over a thousand).
 */
export function regexParser(pattern: string, names: Names): LineParser {
  const expression = linearExpression(pattern)
  // A group of that name is there in any match of an alternative with nothing in it.
  const groups = Object.keys(new RegExp(`${pattern}|`).exec('')?.groups ?? {})
  if (groups.length === 0) throw new Error('the pattern has no named groups, such as (?<level>[A-Z]+)')
  const known = groups.map((group) => ({ group, name: names.of(group) }))
  return (bytes, from, to, fields) => {
    const found = expression.exec(
      Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString(),
    )?.groups
    if (found === undefined) return 'no_match'
    for (const { group, name } of known) {
      const value = found[group]
      if (value !== undefined) addBareText(fields, name, value)
    }
    return null
  }
}
