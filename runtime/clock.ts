// The machine's clock: wall time, monotonic time, and sleep that an AbortSignal ends early.
import type { Clock } from '../core/runtime.ts'

/** setTimeout overflows above this and fires at once; longer sleeps are cut into pieces. */
const timerMsMax = 2 ** 31 - 1

/** Time as this machine tells it. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep,
}

async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  let left = ms
  while (left > timerMsMax && !signal.aborted) {
    await sleepOnce(timerMsMax, signal)
    left -= timerMsMax
  }
  await sleepOnce(left, signal)
}

function sleepOnce(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', finish)
      resolve()
    }
    const timer = setTimeout(finish, ms)
    signal.addEventListener('abort', finish, { once: true })
  })
}
