// SourceState: the kept positions of one partition on disk: a snapshot now and then, the record headers for the rest.
import { isCode } from '../../core/errors.ts'
import type { Clock, Logger, Storage } from '../../core/runtime.ts'
import { decodeBatch, firstRecord } from '../../protocol/batch-decode.ts'
import { readHeader } from '../../protocol/batch-header.ts'
import type { Log } from '../log/log.ts'
import { storedLimits } from '../log/scan.ts'
import { readState, writeState } from '../log/state-file.ts'
import { factOf, type SourceFact, sourceFacts } from './record-source.ts'
import { type SavedSources, type SourceLimits, Sources } from './sources.ts'

export const snapshotName = 'sources.snapshot'

const readBytes = 4 * 1024 * 1024

/** The positions of durable records: of sources that append ranges, and of sources that publish records. */
export interface SourceState {
  readonly ranges: Sources
  readonly records: Sources
}

/** What a snapshot holds. */
export interface SavedState {
  readonly offset: number
  readonly ranges: SavedSources
  readonly records: SavedSources
}

interface Parts {
  readonly storage: Storage
  readonly clock: Clock
  readonly logger: Logger
}

/** Reads the snapshot and then the records behind it. `offset` is where the snapshot ended. */
export async function loadSourceState(
  directory: string,
  log: Log,
  limits: SourceLimits,
  parts: Parts,
): Promise<{ readonly state: SourceState; readonly offset: number }> {
  const snapshot = await readSnapshot(directory, limits, parts)
  const offset = Math.min(log.endOffset, Math.max(log.startOffset, snapshot?.offset ?? 0))
  const state = snapshot?.state ?? emptyState(limits)
  const now = parts.clock.now()
  for (let next = offset; next < log.endOffset; ) {
    const read = await log.read(next, log.endOffset, readBytes)
    for (let at = 0; at < read.bytes.length; ) {
      const header = readHeader(read.bytes, at)
      rebuildFrom(read.bytes, at, state, now, parts.logger)
      at += header.length
    }
    next = read.nextOffset
  }
  return { state, offset }
}

/** The positions of everything below `offset` as they are now, ready to be written. */
export function savedSources(state: SourceState, offset: number): SavedState {
  return { offset, ranges: state.ranges.save(), records: state.records.save() }
}

/** Replaces the snapshot durably; everything below its offset must be synced. */
export async function writeSourceSnapshot(
  directory: string,
  saved: SavedState,
  storage: Storage,
): Promise<void> {
  await writeState(storage, directory, snapshotName, 'sourcesSnapshot', saved)
}

function rebuildFrom(bytes: Uint8Array, at: number, state: SourceState, now: number, logger: Logger): void {
  try {
    const first = factOf(firstRecord(bytes, at, storedLimits).headers)
    if (first?.kind === 'range') {
      apply(state, first, now)
      return
    }
    for (const fact of sourceFacts(decodeBatch(bytes, at, storedLimits))) apply(state, fact, now)
  } catch (error) {
    logger.error({ err: error }, 'a stored batch is unreadable; the positions of its sources are not rebuilt')
  }
}

function apply(state: SourceState, fact: SourceFact, now: number): void {
  const sources = fact.kind === 'range' ? state.ranges : state.records
  const guard = fact.kind === 'range' ? fact.guard : undefined
  sources.advance(fact.source, { epoch: fact.epoch, to: fact.to, guard }, now)
}

function emptyState(limits: SourceLimits): SourceState {
  return { ranges: new Sources(limits), records: new Sources(limits) }
}

async function readSnapshot(directory: string, limits: SourceLimits, parts: Parts) {
  try {
    const value = await readState(parts.storage, directory, snapshotName, 'sourcesSnapshot')
    if (value === null || typeof value !== 'object') return null
    const state = emptyState(limits)
    const { offset, ranges, records } = value as Record<string, unknown>
    const good =
      Number.isSafeInteger(offset) && state.ranges.restore(ranges) && state.records.restore(records)
    return good ? { offset: offset as number, state } : null
  } catch (error) {
    if (!isCode(error, 'STATE_CORRUPT')) throw error
    parts.logger.warn(
      { err: error, directory },
      'a source snapshot is unreadable; positions are rebuilt from the log',
    )
    return null
  }
}
