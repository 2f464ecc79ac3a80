// A gate: at most so many pieces of work at once, the rest waits its turn in order.

/** Runs the work when there is room. */
export type Gate = <T>(work: () => Promise<T>) => Promise<T>

/** Waiting is bounded by the callers: one pump a partition, one batch each. */
export function createGate(runningMax: number): Gate {
  const waiting: (() => void)[] = []
  let running = 0
  return async (work) => {
    // Whoever finishes hands its place over, so `running` stays.
    if (running >= runningMax) await new Promise<void>((resolve) => waiting.push(resolve))
    else running += 1
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next === undefined) running -= 1
      else next()
    }
  }
}
