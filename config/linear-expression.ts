// Regular expressions of users: only those that run in linear time on any text.
import v8 from 'node:v8'

const patternCharactersMax = 4096

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
