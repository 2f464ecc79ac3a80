// Garbage, collected when a test says so: what is still in memory then is what somebody has.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')

/** Collects all of it. What was used in this turn of the event loop may still be there. */
export const collectGarbage: () => void = runInNewContext('gc')
