// Tail: the records of several partitions merged as they come, for somebody who looks.
import type { Partition } from './partition.ts'
import { type TailedRecord, type TailStart, tailPartition } from './read.ts'

export interface TailOptions {
  readonly topics: readonly string[]
  /** One partition only; all when left out. */
  readonly partition?: number
  readonly start: TailStart
  /** Wait for more at the end. */
  readonly follow: boolean
  /** Ends after so many records. */
  readonly recordsMax?: number
}

/**
 * Merges the partitions: in order within each, as they come between them. Ends when all ended, after `recordsMax`
 * records, or when the signal aborts. Byte arrays are views: copy what you keep.
 */
export async function* tailTopics(
  partitions: readonly Partition[],
  options: TailOptions,
  signal: AbortSignal,
): AsyncGenerator<TailedRecord> {
  const ending = new AbortController()
  const ended = AbortSignal.any([signal, ending.signal])
  const tails = partitions.map((partition) => tailPartition(partition, options, ended))
  const waiting = new Map(tails.map((tail) => [tail, pull(tail)] as const))
  let left = options.recordsMax ?? Number.POSITIVE_INFINITY
  try {
    while (waiting.size > 0 && left > 0) {
      const { tail, result } = await Promise.race(waiting.values())
      if (result.done === true) {
        waiting.delete(tail)
        continue
      }
      // Behind the others now, so that one busy partition does not hide them.
      waiting.delete(tail)
      waiting.set(tail, pull(tail))
      left -= 1
      yield result.value
    }
  } finally {
    ending.abort()
    await Promise.allSettled(waiting.values())
    for (const tail of tails) await tail.return(undefined)
  }
}

interface Pulled {
  readonly tail: AsyncGenerator<TailedRecord>
  readonly result: IteratorResult<TailedRecord, void>
}

async function pull(tail: AsyncGenerator<TailedRecord>): Promise<Pulled> {
  return { tail, result: await tail.next() }
}
