// From the `parse` keys of the YAML to what the agent's parsers take, and what those say against it.

import { compileParser } from '../agent/parse/compile.ts'
import type { ParseOptions } from '../agent/parse/options.ts'
import type { ParserProblem } from '../config/load.ts'
import type { ParseConfig } from '../config/schema.ts'
import { LogdriveError } from '../core/errors.ts'

/** The options of a parser; the zone `local` is this machine's. */
export function parseOptions(parse: ParseConfig): ParseOptions {
  const { keep_raw: keepRaw, inside, time, ...rest } = parse
  const zone = time?.zone === 'local' ? Intl.DateTimeFormat().resolvedOptions().timeZone : time?.zone
  return {
    ...rest,
    keepRaw,
    time: time === undefined ? undefined : { ...time, zone },
    inside: inside === undefined ? undefined : innerOptions(inside),
  }
}

function innerOptions({
  keep_raw: keepRaw,
  ...rest
}: NonNullable<ParseConfig['inside']>): ParseOptions['inside'] {
  return { ...rest, keepRaw }
}

/** Makes the parser, and says what is wrong with it. */
export function parserProblem(parse: ParseConfig): ParserProblem | null {
  try {
    compileParser(parseOptions(parse))
    return null
  } catch (error) {
    if (!(error instanceof LogdriveError)) throw error
    return { path: error.details.path as ParserProblem['path'], message: error.message }
  }
}
