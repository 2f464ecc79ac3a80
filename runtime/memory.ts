// Gives back to the system what starting up and work needed: half an agent's heap is compiled code and garbage of its start.
import { performance } from 'node:perf_hooks'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Clock } from '../core/runtime.ts'

/** By then everything is loaded that an idle process needs. */
const settleMs = 2_000
const lookEveryMs = 5_000
/** Below this share of its time a process is idle. */
const idleUtilizationMax = 0.05
/** Handles of files that are read no more are closed by then, and what was kept for them is garbage. */
const closedMs = 100_000
/** Less growth than this, and than this share of the heap, is not worth a collection: one takes the longer the more there is. */
const growthBytesMin = 2 * 1024 * 1024
const growthShareMin = 0.3

/**
 * Collects garbage after the start, and whenever the process has become idle and its heap has grown, and once more a while
 * after that: an idle process stays as small as it can be, a busy one is left alone. Ends when the signal aborts.
 */
export async function releaseWhenIdle(clock: Clock, signal: AbortSignal): Promise<void> {
  await clock.sleep(settleMs, signal)
  let small = 0
  let againAt = Number.POSITIVE_INFINITY
  let before = performance.eventLoopUtilization()
  while (!signal.aborted) {
    const growth = process.memoryUsage().heapUsed - small
    const hasGrown = growth > Math.max(growthBytesMin, small * growthShareMin)
    if (hasGrown || clock.monotonic() >= againAt) {
      releaseMemory()
      small = process.memoryUsage().heapUsed
      againAt = hasGrown ? clock.monotonic() + closedMs : Number.POSITIVE_INFINITY
    }
    let utilization = 1
    while (utilization > idleUtilizationMax && !signal.aborted) {
      await clock.sleep(lookEveryMs, signal)
      const now = performance.eventLoopUtilization()
      utilization = performance.eventLoopUtilization(now, before).utilization
      before = now
    }
  }
}

/** Collects all garbage, compiled code that is not in use included. Takes some 20 ms: for once, not for a hot path. */
function releaseMemory(): void {
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('gc')
  setFlagsFromString('--no-expose-gc')
  if (typeof collect === 'function') collect({ type: 'major', flavor: 'last-resort' })
}
