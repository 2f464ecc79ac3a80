// A lane: so many at once, so many waiting, the rest refused.
import { EngineError } from './engine.ts'

/** Runs the work when there is room; throws EngineError 202 when too many wait already. */
export type Lane = <T>(work: () => Promise<T>) => Promise<T>

export function createLane(runningMax: number, waitingMax: number): Lane {
  const waiting: (() => void)[] = []
  let running = 0
  return async (work) => {
    if (running >= runningMax) {
      if (waiting.length >= waitingMax) throw busy(runningMax, waitingMax)
      // Whoever finishes hands its place over, so `running` stays.
      await new Promise<void>((resolve) => waiting.push(resolve))
    } else running += 1
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next === undefined) running -= 1
      else next()
    }
  }
}

function busy(runningMax: number, waitingMax: number): EngineError {
  const text = `${runningMax} statements run and ${waitingMax} wait already. (TOO_MANY_SIMULTANEOUS_QUERIES)`
  return new EngineError(202, `Code: 202. DB::Exception: Too many simultaneous queries: ${text}`)
}
