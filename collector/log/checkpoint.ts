// Checkpoint: what a log remembers of itself between two runs: its start, how far it is synced, and its segments.
import type { Storage } from '../../core/runtime.ts'
import type { Gap } from './recovery.ts'
import type { SegmentState } from './segment.ts'
import { readState, writeState } from './state-file.ts'

/** The file's name in the log's directory. */
const checkpointName = 'log.checkpoint'

export interface Checkpoint {
  /** The first offset that may be read. */
  readonly startOffset: number
  /** Everything below is synced: a missing byte there is damage, never a torn write. */
  readonly recoveryPoint: number
  /** Below this offset the log was cleaned; not there in checkpoints of logs that never were. */
  readonly cleanedOffset?: number
  readonly segments: readonly SegmentState[]
}

/** Replaces the checkpoint durably. Throws DISK_FULL or DISK_FAILED; the old one is then still there. */
export async function writeCheckpoint(
  storage: Storage,
  directory: string,
  checkpoint: Checkpoint,
): Promise<void> {
  await writeState(storage, directory, checkpointName, 'logCheckpoint', checkpoint)
}

/** The checkpoint of a directory, null when there is none. Throws STATE_CORRUPT. */
export async function readCheckpoint(storage: Storage, directory: string): Promise<Checkpoint | null> {
  const value = await readState(storage, directory, checkpointName, 'logCheckpoint')
  return isCheckpoint(value) ? value : null
}

function isCheckpoint(value: unknown): value is Checkpoint {
  if (!isObject(value) || !isCount(value.startOffset) || !isCount(value.recoveryPoint)) return false
  if (value.cleanedOffset !== undefined && !isCount(value.cleanedOffset)) return false
  return Array.isArray(value.segments) && value.segments.every(isSegmentState)
}

function isSegmentState(value: unknown): value is SegmentState {
  if (!isObject(value) || !isCount(value.baseOffset) || !isCount(value.endOffset)) return false
  if (!isCount(value.bytes) || typeof value.appendedAt !== 'number') return false
  if (value.timestampMax !== null && typeof value.timestampMax !== 'number') return false
  return Array.isArray(value.gaps) && value.gaps.every(isGap)
}

function isGap(value: unknown): value is Gap {
  if (!isObject(value) || !isCount(value.fromPosition) || !isCount(value.toPosition)) return false
  return isCount(value.fromOffset) && isCount(value.toOffset)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
