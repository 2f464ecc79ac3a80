// Traffic: how many requests are open, how many were answered and how; and the switch that stops taking new ones.
import type { Clock } from '../../core/runtime.ts'

/** Requests answered so far, per route and status. */
export interface TrafficCount {
  readonly route: string
  readonly status: number
  readonly count: number
}

export interface Traffic {
  readonly isDraining: boolean
  readonly openRequests: number
  begin(): void
  end(route: string, status: number): void
  counts(): readonly TrafficCount[]
  /** Takes no new requests from now on; resolves when the open ones are answered or the signal aborts. */
  drain(signal: AbortSignal): Promise<void>
}

/** How often a drain looks whether it is done, in ms. */
const pollMs = 10

/** Counters of one server. Bounded by routes times statuses. */
export function createTraffic(clock: Clock): Traffic {
  const counts = new Map<string, Map<number, number>>()
  let open = 0
  let draining = false
  return {
    get isDraining() {
      return draining
    },
    get openRequests() {
      return open
    },
    begin() {
      open += 1
    },
    end(route, status) {
      open -= 1
      const statuses = counts.get(route) ?? new Map<number, number>()
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
      counts.set(route, statuses)
    },
    counts() {
      return [...counts].flatMap(([route, statuses]) =>
        [...statuses].map(([status, count]) => ({ route, status, count })),
      )
    },
    async drain(signal) {
      draining = true
      while (open > 0 && !signal.aborted) await clock.sleep(pollMs, signal)
    },
  }
}
