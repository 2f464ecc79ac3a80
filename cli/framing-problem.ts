// What is wrong with how an input's lines are to be cut and joined; for whoever reads the configuration.

import { compileFraming } from '../agent/lines/compile.ts'
import type { ParserProblem } from '../config/load.ts'
import type { FileInputConfig } from '../config/schema.ts'
import { LogdriveError } from '../core/errors.ts'
import { framingOptions } from './framings.ts'

/** Makes the framing, and says what is wrong with it; `path` is the key at fault of the input. */
export function framingProblem(input: FileInputConfig): ParserProblem | null {
  const options = framingOptions(input)
  if (options === null) return null
  try {
    compileFraming(options)
    return null
  } catch (error) {
    if (!(error instanceof LogdriveError)) throw error
    const [key] = error.details.path as readonly string[]
    // The agent's names are in camel case, those of the YAML are not.
    const named = (key ?? '').replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
    return { path: ['multiline', named], message: error.message }
  }
}
