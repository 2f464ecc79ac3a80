// Where reading the journal goes on: behind what the collector has, as far as it or the state folder can tell.
import { packCursor, unpackCursor } from './cursor.ts'
import type { JournalState } from './state.ts'

/** What the collector keeps of the source. */
export interface KeptPosition {
  readonly epoch: number
  readonly to: number
  readonly guard?: string | undefined
}

export interface JournalPosition {
  readonly epoch: number
  /** What the collector has. */
  readonly to: number
  /** The number of the entry at the cursor: what is read next has the one behind it. */
  readonly base: number
  /** Null: the journal is begun. */
  readonly cursor: string | null
}

/**
 * Decides. The collector's word counts, since it is of the same moment as its records: with its guard the cursor is exact.
 * Where it has none, the entries behind the cursor of the state folder are counted again up to its position.
 */
export function positionOf(
  kept: KeptPosition | null,
  state: JournalState | null,
  epochMin: number,
): JournalPosition {
  if (kept === null) {
    // It forgot the source, or is another one: what was acknowledged stays acknowledged.
    const epoch = Math.max(epochMin, (state?.epoch ?? -1) + 1)
    return { epoch, to: 0, base: 0, cursor: state?.cursor ?? null }
  }
  const { epoch, to, guard = '' } = kept
  // The long form tells a little more about journals that were merged.
  if (state !== null && guard !== '' && packCursor(state.cursor) === guard)
    return { epoch, to, base: to, cursor: state.cursor }
  const cursor = unpackCursor(guard)
  if (cursor !== null) return { epoch, to, base: to, cursor }
  if (state !== null && state.epoch === epoch && state.to <= to)
    return { epoch, to, base: state.to, cursor: state.cursor }
  return { epoch: Math.max(epochMin, epoch + 1), to: 0, base: 0, cursor: state?.cursor ?? null }
}
