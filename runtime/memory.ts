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
/** Growth that is worth a collection, in bytes and as a share of what was left by the last one. */
interface Worth {
  readonly bytesMin: number
  readonly shareMin: number
}

/** A collection takes the longer the more there is. */
const idleWorth: Worth = { bytesMin: 2 * 1024 * 1024, shareMin: 0.1 }
/** V8 alone would let a heap of 50 MB become 350. */
const busyWorth: Worth = { bytesMin: 32 * 1024 * 1024, shareMin: 1 }

/**
 * Collects garbage after the start, and whenever the process has become idle and its heap has grown, and once more a while
 * after that: an idle process stays as small as it can be. While it is busy the heap may double. Ends when the signal aborts.
 */
export async function releaseWhenIdle(clock: Clock, signal: AbortSignal): Promise<void> {
  await clock.sleep(settleMs, signal)
  let isIdle = true
  /** What the last collection left, and the last one of the idle process. */
  let left = 0
  let leftAtRest = 0
  let againAt = Number.POSITIVE_INFINITY
  let before = performance.eventLoopUtilization()
  while (!signal.aborted) {
    const hasGrown = isIdle ? isWorthIt(leftAtRest, idleWorth) : isWorthIt(left, busyWorth)
    if (hasGrown || (isIdle && clock.monotonic() >= againAt)) {
      releaseMemory(isIdle)
      left = usedBytes()
      if (isIdle) leftAtRest = left
      againAt = hasGrown ? clock.monotonic() + closedMs : Number.POSITIVE_INFINITY
    }
    await clock.sleep(lookEveryMs, signal)
    const now = performance.eventLoopUtilization()
    isIdle = performance.eventLoopUtilization(now, before).utilization <= idleUtilizationMax
    before = now
  }
}

function isWorthIt(left: number, { bytesMin, shareMin }: Worth): boolean {
  return usedBytes() - left > Math.max(bytesMin, left * shareMin)
}

/** Buffers with the heap: V8 lets 64 MB of those that nobody has pile up. */
function usedBytes(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
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
