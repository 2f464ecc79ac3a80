// Patterns: which lines belong together, by regular expressions of the user.
import { linearExpression } from '../../config/linear-expression.ts'
import type { Verdict } from './groups.ts'

/** Expressions that lines are looked at with; at least one. */
export interface Patterns {
  /** Such a line begins a record. */
  readonly start?: string | undefined
  /** Such a line belongs to the record before it. */
  readonly continueThrough?: string | undefined
  /** The line after such a line belongs to its record. */
  readonly continuePast?: string | undefined
  /** Such a line does not belong to the record before it. */
  readonly haltBefore?: string | undefined
  /** Such a line is the last of its record. */
  readonly haltWith?: string | undefined
}

/** As a `Joiner`, of lines as text. */
export interface TextJoiner {
  begin(line: string): boolean
  next(line: string): Verdict
}

/** Throws an Error with `cause`, the key of the pattern at fault. */
export function patternJoiner(patterns: Patterns): TextJoiner {
  const start = expression(patterns, 'start')
  const through = expression(patterns, 'continueThrough')
  const past = expression(patterns, 'continuePast')
  const before = expression(patterns, 'haltBefore')
  const last = expression(patterns, 'haltWith')
  // Without a word about what continues, everything does.
  const isGreedy = through === null && past === null
  // The rest of a record whose beginning was sent before stays together, when nothing but a beginning ends it.
  const isOnlyStart = start !== null && isGreedy && before === null && last === null
  let goesOn = false
  return {
    begin(line) {
      goesOn = past?.test(line) === true
      if (last?.test(line) === true) return false
      if (start !== null && !isOnlyStart && !start.test(line)) return false
      return isGreedy || through !== null || goesOn
    },
    next(line) {
      if (start?.test(line) === true || before?.test(line) === true) return 'apart'
      if (!isGreedy && !goesOn && through?.test(line) !== true) return 'apart'
      goesOn = past?.test(line) === true
      if (last?.test(line) === true) return 'ends'
      return isGreedy || through !== null || goesOn ? 'joins' : 'ends'
    },
  }
}

function expression(patterns: Patterns, key: keyof Patterns): RegExp | null {
  const pattern = patterns[key]
  if (pattern === undefined) return null
  try {
    return linearExpression(pattern)
  } catch (error) {
    throw new Error(error instanceof Error ? error.message : String(error), { cause: key })
  }
}
