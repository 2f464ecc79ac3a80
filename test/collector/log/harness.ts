// What the log's tests share: a simulated disk with its clock, and batches with recognisable records.

import { type Log, type LogOptions, type OpenLog, openLog } from '../../../collector/log/log.ts'
import type { RecentSegments } from '../../../collector/log/recent-segments.ts'
import { storedLimits } from '../../../collector/log/scan.ts'
import type { LogBatch } from '../../../collector/log/segment.ts'
import { encodeMark } from '../../../collector/log/write-mark.ts'
import type { LogdriveError } from '../../../core/errors.ts'
import { decodeBatch, recordAt } from '../../../protocol/batch-decode.ts'
import { BatchBuilder } from '../../../protocol/batch-encode.ts'
import { readHeader, stampBatch } from '../../../protocol/batch-header.ts'
import { ManualClock } from '../../sim/clock.ts'
import { MemoryLogger } from '../../sim/logger.ts'
import { SeededRandom } from '../../sim/random.ts'
import { type DiskCall, SimulatedDisk } from '../../sim/storage.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

export const directory = '/data/p'

/** A batch of `count` records `r<offset>` at `baseOffset`; padded so that tests can fill segments. */
export function batchAt(
  baseOffset: number,
  count: number,
  padding = 0,
  timestamp = 1000 + baseOffset,
): LogBatch {
  const builder = new BatchBuilder()
  for (let i = 0; i < count; i += 1) {
    const value = encoder.encode(`r${baseOffset + i}${' '.repeat(padding)}`)
    builder.append(value, 0, value.length, timestamp + i)
  }
  const bytes = builder.finish({ codec: 'none' })
  stampBatch(bytes, 0, baseOffset, 0)
  return { bytes, baseOffset, lastOffset: baseOffset + count - 1, timestampMax: timestamp + count - 1 }
}

/** The batch as a write stores it that began `distance` offsets before it. */
export function marked(batch: LogBatch, distance: number): LogBatch {
  stampBatch(batch.bytes, 0, batch.baseOffset, encodeMark({ isForeign: true, distance }))
  return batch
}

export interface Machine {
  readonly disk: SimulatedDisk
  readonly clock: ManualClock
  readonly logger: MemoryLogger
  readonly failures: LogdriveError[]
  open(
    options?: Partial<LogOptions & Pick<OpenLog, 'clean' | 'isSyncedLate'>> & {
      readonly recent?: RecentSegments
    },
  ): Promise<Log>
}

export function machine(
  seed = 1,
  mode: 'ordered' | 'hostile' = 'ordered',
  wait?: (call: DiskCall) => Promise<void>,
): Machine {
  const random = new SeededRandom(seed)
  const disk = new SimulatedDisk({ random, mode, ...(wait === undefined ? {} : { wait }) })
  const clock = new ManualClock()
  const logger = new MemoryLogger()
  const failures: LogdriveError[] = []
  const open: Machine['open'] = ({ clean = false, isSyncedLate = false, recent, ...options } = {}) =>
    openLog(
      {
        directory,
        options: { segmentBytes: 4096, segmentAgeMs: Number.POSITIVE_INFINITY, ...options },
        clean,
        isSyncedLate,
        onFailure: (error) => failures.push(error),
      },
      { storage: disk.storage(), clock, logger, ...(recent === undefined ? {} : { recent }) },
    )
  return { disk, clock, logger, failures, open }
}

/** The values of all records that a reader gets, from the start on; checks that every record is the one of its offset. */
export async function valuesOf(log: Log, from = log.startOffset): Promise<readonly string[]> {
  const values: string[] = []
  for (let next = from; next < log.endOffset; ) {
    const read = await log.read(next, log.endOffset, 1000)
    for (let at = 0; at < read.bytes.length; at += readHeader(read.bytes, at).length) {
      const batch = decodeBatch(read.bytes, at, storedLimits)
      for (let i = 0; i < batch.count; i += 1) {
        const record = recordAt(batch, i)
        const value = decoder.decode(record.value ?? undefined).trim()
        if (value !== `r${record.offset}`) throw new Error(`offset ${record.offset} holds ${value}`)
        if (record.offset >= from) values.push(value)
      }
    }
    if (read.nextOffset <= next) throw new Error(`a read at ${next} did not move`)
    next = read.nextOffset
  }
  return values
}

/** The base offset of the first batch with this timestamp or a later one, null without any. */
export async function batchSince(log: Log, timestamp: number): Promise<number | null> {
  for await (const { header } of log.headersSince(timestamp, log.endOffset)) return header.baseOffset
  return null
}

/** `r<from>` to `r<to - 1>`. */
export function expected(from: number, to: number): readonly string[] {
  return Array.from({ length: to - from }, (_, i) => `r${from + i}`)
}
