// SourceState: the kept positions of one partition on disk: a snapshot now and then, the record headers for the rest.
import { isCode } from '../../../core/errors.ts'
import type { Logger, Storage } from '../../../core/runtime.ts'
import { decodeBatch, firstRecord } from '../../../protocol/batch-decode.ts'
import { storedLimits } from '../../log/scan.ts'
import { readState, writeState } from '../../log/state-file.ts'
import { factOf, type SourceFact, sourceFacts } from './record-source.ts'
import { type SavedSources, type SourceLimits, Sources } from './sources.ts'

const snapshotName = 'sources.snapshot'

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

/** Moves the positions by what a stored batch of ours says of itself. */
export function rebuildSources(
  bytes: Uint8Array,
  at: number,
  state: SourceState,
  { now, logger }: { readonly now: number; readonly logger: Logger },
): void {
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

/** Nothing is known yet. */
export function emptySources(limits: SourceLimits): SourceState {
  return { ranges: new Sources(limits), records: new Sources(limits) }
}

/** The last snapshot, or null when there is none that can be used. */
export async function readSourceSnapshot(
  directory: string,
  limits: SourceLimits,
  parts: { readonly storage: Storage; readonly logger: Logger },
): Promise<{ readonly offset: number; readonly state: SourceState } | null> {
  try {
    const value = await readState(parts.storage, directory, snapshotName, 'sourcesSnapshot')
    if (value === null || typeof value !== 'object') return null
    const state = emptySources(limits)
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
