// What is wrong with the transforms of an input; for whoever reads the configuration.
import { compileTransforms } from '../agent/transform/compile.ts'
import type { ParserProblem } from '../config/load.ts'
import type { LineInputConfig } from '../config/schema.ts'
import { LogdriveError } from '../core/errors.ts'

/** Compiles the steps, and says what is wrong with them; `path` is the key at fault from `transforms` on. */
export function transformProblem(input: LineInputConfig): ParserProblem | null {
  try {
    const { needsFields, names } = compileTransforms(input.transforms)
    const isRaw = input.parse === undefined && (input.type === 'file' || input.type === 'stdin')
    const unknown = isRaw && !needsFields ? names.find((name) => name !== 'body') : undefined
    if (unknown === undefined) return null
    const message = `the field ${JSON.stringify(unknown)} is never there: without parse a line has only .body`
    return { path: [], message }
  } catch (error) {
    if (!(error instanceof LogdriveError)) throw error
    return { path: error.details.path as ParserProblem['path'], message: error.message }
  }
}
