// The long poll of Fetch: sleeps until about enough bytes came into some partitions, without looking into them.
import type { Clock } from '../../core/runtime.ts'
import type { Partition } from '../broker/partitions/partition.ts'

/** What a long poll asks of the world. */
export interface WaitParts {
  readonly clock: Clock
  readonly signal: AbortSignal
}

/** One partition of a long poll. */
export interface Awaited {
  readonly partition: Pick<Partition, 'storedBytes' | 'listen'>
  /** What `storedBytes` was when the partition was read. */
  readonly storedBytes: number
  /** There is something to read now: bytes of an open transaction are not, for who reads committed ones only. */
  readonly isBehind: boolean
}

/**
 * Resolves when about so many bytes more became readable, or became so without new bytes (a transaction ended), after
 * `waitMs`, or when the signal aborts: to true when it is worth to read again.
 */
export async function waitForBytes(
  awaited: readonly Awaited[],
  limits: { readonly bytesMissing: number; readonly waitMs: number },
  parts: WaitParts,
): Promise<boolean> {
  const { clock, signal } = parts
  if (signal.aborted) return false
  const over = new AbortController()
  let bytes = 0
  let hasGrown = false
  const look = (one: Awaited, known: number): number => {
    const { storedBytes } = one.partition
    if (!one.isBehind) return known
    hasGrown = true
    bytes += storedBytes - known
    if (storedBytes === known || bytes >= limits.bytesMissing) over.abort()
    return storedBytes
  }
  const unlisten = awaited.map((one) => {
    let known = one.storedBytes
    // What came while other partitions were being read.
    if (one.partition.storedBytes !== known) known = look(one, known)
    return one.partition.listen(() => {
      known = look(one, known)
    })
  })
  const stop = () => over.abort()
  signal.addEventListener('abort', stop, { once: true })
  await clock.sleep(limits.waitMs, over.signal)
  signal.removeEventListener('abort', stop)
  for (const leave of unlisten) leave()
  return hasGrown
}
