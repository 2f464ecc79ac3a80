// Tail: the records of several partitions merged as they come, for somebody who looks.
import { isCode } from '../../core/errors.ts'
import type { LogRecord } from '../../core/records.ts'
import type { Partition } from './partitions/partition.ts'
import { offsetOf, readCommitted, type TailStart } from './read.ts'

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

export interface TailedRecord extends LogRecord {
  readonly topic: string
  readonly partition: number
}

/**
 * Merges the committed records of partitions: in order within each, by turns between them. Ends behind what was there at the start unless it
 * follows, after `recordsMax` records, or when the signal aborts. A batch that cannot be decoded is left out: this is
 * for looking, sinks set it aside. Byte arrays are views: copy what you keep.
 */
export async function* tailTopics(
  partitions: readonly Partition[],
  options: TailOptions,
  signal: AbortSignal,
): AsyncGenerator<TailedRecord> {
  const { follow, recordsMax = Number.POSITIVE_INFINITY } = options
  const readers = await Promise.all(partitions.map((partition) => openReader(partition, options)))
  using news = follow ? newsOf(partitions) : null
  for (let left = recordsMax; left > 0 && !signal.aborted; ) {
    const before = left
    // One record a partition and turn, so that a busy one does not hide the others.
    for (const reader of readers) {
      if (!hasMore(reader)) continue
      const record = await take(reader)
      if (signal.aborted) return
      if (record === null) continue
      left -= 1
      yield record
      if (left === 0 || signal.aborted) return
    }
    if (left < before) continue
    if (news !== null) await news.wait(() => readers.some(hasMore), signal)
    else if (!readers.some(hasMore)) return
  }
}

/** How far a tail is in one partition. */
interface Reader {
  readonly partition: Partition
  /** Nothing is read from here on: where a tail ends that does not follow. */
  readonly endOffset: number
  next: number
  /** What is being read, and up to where. */
  records: AsyncGenerator<LogRecord> | null
  recordsEnd: number
}

async function openReader(partition: Partition, { start, follow }: TailOptions): Promise<Reader> {
  const endOffset = follow ? Number.POSITIVE_INFINITY : partition.lastStableOffset
  return { partition, endOffset, next: await offsetOf(partition, start), records: null, recordsEnd: 0 }
}

function hasMore({ partition, next, endOffset, records }: Reader): boolean {
  if (records !== null) return true
  return Math.max(next, partition.startOffset) < Math.min(partition.lastStableOffset, endOffset)
}

/** The reader's next record, or null when it came to the end of what is visible. */
async function take(reader: Reader): Promise<TailedRecord | null> {
  const { partition } = reader
  while (hasMore(reader)) {
    if (reader.records === null) {
      reader.next = Math.max(reader.next, partition.startOffset)
      reader.recordsEnd = Math.min(partition.lastStableOffset, reader.endOffset)
      reader.records = readCommitted(partition, reader.next, reader.recordsEnd)
    }
    try {
      const { done, value } = await reader.records.next()
      if (done !== true) {
        reader.next = value.offset + 1
        return { ...value, topic: partition.topic, partition: partition.index }
      }
      reader.next = reader.recordsEnd
    } catch (error) {
      // Retention came first: the next try begins at the new start.
      if (!isCode(error, 'OFFSET_OUT_OF_RANGE')) throw error
    }
    reader.records = null
  }
  return null
}

interface News extends Disposable {
  /** Resolves when the condition holds after a high watermark moved (or holds already), or when the signal aborts. */
  wait(condition: () => boolean, signal: AbortSignal): Promise<void>
}

/**
 * Tells when any of the partitions has more. One promise a wait, which ends with it: a race over a promise for each
 * partition would leave a reaction in those of the idle ones with every record of a busy one.
 */
function newsOf(partitions: readonly Partition[]): News {
  let tell: () => void = () => undefined
  const unlisten = partitions.map((partition) => partition.listen(() => tell()))
  return {
    wait: (condition, signal) =>
      new Promise((resolve) => {
        const finish = () => {
          tell = () => undefined
          signal.removeEventListener('abort', finish)
          resolve()
        }
        tell = () => {
          if (condition()) finish()
        }
        signal.addEventListener('abort', finish, { once: true })
        if (signal.aborted) finish()
        else tell()
      }),
    [Symbol.dispose]() {
      for (const stop of unlisten) stop()
    },
  }
}
