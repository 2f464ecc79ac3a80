// Lines by a regular expression of the user with named groups; only one that runs in linear time on any line.
import v8 from 'node:v8'
import type { LineParser } from './fields.ts'
import type { Names } from './names.ts'
import { addBareText } from './values.ts'

const patternCharactersMax = 4096

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

/**
 * Compiles what V8's linear engine takes too. Run by the usual engine, which is quicker; one line on which that goes
 * back too often is given to the linear one. Throws an Error with a sentence.
 */
export function linearExpression(pattern: string, flags = ''): RegExp {
  if (pattern.length > patternCharactersMax)
    throw new Error(`the pattern is over ${patternCharactersMax} characters`)
  v8.setFlagsFromString('--enable-experimental-regexp-engine')
  v8.setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks')
  const expression = compile(pattern, flags)
  try {
    compile(pattern, `${flags}l`)
  } catch {
    throw new Error(
      'the pattern could take for ever on some line: use no look-ahead, no back-references and no counts above 1000',
    )
  }
  return expression
}

function compile(pattern: string, flags: string): RegExp {
  try {
    return new RegExp(pattern, flags)
  } catch (error) {
    // The engine's own word is the last; before it stands the pattern, which is never repeated.
    const why = error instanceof Error ? error.message.split(': ').at(-1) : String(error)
    throw new Error(`not a regular expression: ${why}`)
  }
}
