// Gives back to the system what starting up and work needed: half an agent's heap is compiled code and garbage of its start.
import { performance } from 'node:perf_hooks'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Clock } from '../core/runtime.ts'

/** By then everything is loaded that an idle process needs. */
const settleMs = 2_000
const lookEveryMs = 2_000
/** Below this share of its time a process is idle. */
const idleUtilizationMax = 0.05
/** Handles of files that are read no more are closed by then, and what was kept for them is garbage. */
const closedMs = 100_000
/** Less growth than this, and than this share of the heap, is not worth a collection: one takes the longer the more there is. */
const growthBytesMin = 2 * 1024 * 1024
const growthShareMin = 0.3
/** The same while the process has work to do: V8 alone would let a heap of 50 MB become 350. */
const busyGrowthBytesMin = 32 * 1024 * 1024
const busyGrowthShareMin = 1

/**
 * Collects garbage after the start, and whenever the process has become idle and its heap has grown, and once more a while
 * after that: an idle process stays as small as it can be. While it is busy the heap may double. Ends when the signal aborts.
 */
export async function releaseWhenIdle(clock: Clock, signal: AbortSignal): Promise<void> {
  await clock.sleep(settleMs, signal)
  let small = 0
  let againAt = Number.POSITIVE_INFINITY
  let isIdle = true
  let before = performance.eventLoopUtilization()
  while (!signal.aborted) {
    const growth = process.memoryUsage().heapUsed - small
    const [bytesMin, shareMin] = isIdle
      ? [growthBytesMin, growthShareMin]
      : [busyGrowthBytesMin, busyGrowthShareMin]
    const hasGrown = growth > Math.max(bytesMin, small * shareMin)
    if (hasGrown || (isIdle && clock.monotonic() >= againAt)) {
      releaseMemory(isIdle)
      small = process.memoryUsage().heapUsed
      againAt = hasGrown ? clock.monotonic() + closedMs : Number.POSITIVE_INFINITY
    }
    await clock.sleep(lookEveryMs, signal)
    const now = performance.eventLoopUtilization()
    isIdle = performance.eventLoopUtilization(now, before).utilization <= idleUtilizationMax
    before = now
  }
}

/**
 * Collects all garbage; of an idle process compiled code that is not in use too. Takes some 20 ms, with 100 MB in use 100 ms:
 * not for a hot path.
 */
function releaseMemory(isIdle: boolean): void {
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('gc')
  setFlagsFromString('--no-expose-gc')
  if (typeof collect === 'function') collect({ type: 'major', flavor: isIdle ? 'last-resort' : 'regular' })
}
