// Steps: how many functions a piece of work calls, counted by V8: the same on every machine, however busy it is.
import { Session } from 'node:inspector'
import { setFlagsFromString } from 'node:v8'

/** Optimized code does not count. */
const optimizers = ['opt', 'maglev']

/**
 * How many functions of ours and of libraries are called while `run` does its work. Loops and what a built-in does inside, such
 * as a search in a string, are no steps of their own. It runs several times slower than it would: keep it small.
 */
export function stepsOf(run: () => void): number {
  const session = new Session()
  session.connect()
  for (const name of optimizers) setFlagsFromString(`--no-${name}`)
  let steps = 0
  try {
    session.post('Profiler.enable')
    session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false })
    run()
    session.post('Profiler.takePreciseCoverage', (error, { result }) => {
      if (error !== null) throw error
      for (const { functions } of result)
        for (const { ranges } of functions) for (const { count } of ranges) steps += count
    })
  } finally {
    session.disconnect()
    for (const name of optimizers) setFlagsFromString(`--${name}`)
  }
  return steps
}
