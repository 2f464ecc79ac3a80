// A lane: so many at once, so many waiting, the rest refused.
import { createGate, type Gate } from '../gate.ts'
import { EngineError } from './engine.ts'

/** A gate that throws EngineError 202 when too many wait already. */
export function createLane(runningMax: number, waitingMax: number): Gate {
  const gate = createGate(runningMax)
  let inside = 0
  return async (work) => {
    if (inside >= runningMax + waitingMax) throw busy(runningMax, waitingMax)
    inside += 1
    try {
      return await gate(work)
    } finally {
      inside -= 1
    }
  }
}

function busy(runningMax: number, waitingMax: number): EngineError {
  const text = `${runningMax} statements run and ${waitingMax} wait already. (TOO_MANY_SIMULTANEOUS_QUERIES)`
  return new EngineError(202, `Code: 202. DB::Exception: Too many simultaneous queries: ${text}`)
}
