// What the agent says against an input of the YAML: its parsers, framings and transforms are made, as a trial.

import type { InputChecks } from '../config/load.ts'
import { framingProblem } from './framing-problem.ts'
import { parserProblem } from './parsers.ts'
import { transformProblem } from './transform-problem.ts'

/** All of it; who imports this loads these parts of the agent. */
export const inputChecks: InputChecks = { parserProblem, framingProblem, transformProblem }
