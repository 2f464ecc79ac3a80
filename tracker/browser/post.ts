// Post: one batch to the collector, and what its answer means for each event.

import { type Item, UNLOAD_BYTES_MAX } from './batch.ts'

const REQUEST_MS_MAX = 30_000
const RETRY_AFTER_MS_MAX = 300_000

/** Answers what must be sent again (in order), how many events were refused, and the Retry-After in ms. */
export async function post(
  endpoint: string,
  body: Blob,
  batch: readonly Item[],
  firstTry: boolean,
): Promise<readonly [again: readonly Item[], refused: number, retryAfterMs: number]> {
  try {
    // The keepalive quota may be used up by the page itself: only the first try depends on it.
    const keepalive = firstTry && body.size <= UNLOAD_BYTES_MAX
    // Where browsers do not know it, their own limit holds.
    const signal = AbortSignal.timeout?.(REQUEST_MS_MAX)
    const response = await fetch(endpoint, { method: 'POST', body, keepalive, signal })
    const { status } = response
    if (status === 429 || status > 499) {
      const seconds = Number(response.headers.get('retry-after')) || 0
      return [batch, 0, Math.min(seconds * 1000, RETRY_AFTER_MS_MAX)]
    }
    if (status > 299) return [[], batch.length, 0]
    const { results } = await response.json()
    const having = (wanted: string) =>
      batch.filter(({ id }) => {
        const { result } = results[id] || {}
        return result === wanted
      })
    return [having('retry'), having('drop').length, 0]
  } catch {
    // No answer, or none that can be read: nobody has answered for these events.
    return [batch, 0, 0]
  }
}
