// ProducerState: producers and aborted transactions of one partition, on disk as a snapshot now and then.
import { isCode } from '../../../core/errors.ts'
import type { Logger, Storage } from '../../../core/runtime.ts'
import type { BatchHeader } from '../../../protocol/batch-header.ts'
import type { Marker } from '../../../protocol/control-batch.ts'
import { readState, writeState } from '../../log/state-file.ts'
import { AbortedIndex, type SavedAborted } from './aborted.ts'
import { type ProducerLimits, Producers, type SavedProducers } from './producers.ts'

const snapshotName = 'producers.snapshot'

/** What a snapshot holds: everything that the batches below `offset` say. */
export interface SavedProducerState {
  readonly offset: number
  readonly producers: SavedProducers
  readonly aborted: SavedAborted
}

export class ProducerState {
  readonly producers: Producers
  readonly aborted = new AbortedIndex()

  constructor(limits: ProducerLimits) {
    this.producers = new Producers(limits)
  }

  /** Takes a durable batch of a producer, in the order of the log; `marker` is what a control batch says. */
  apply(header: BatchHeader, baseOffset: number, marker: Marker | null, now: number): void {
    const ended = this.producers.apply(header, baseOffset, marker, now)
    if (ended?.outcome !== 'abort') return
    const { producerId, firstOffset, lastOffset } = ended
    const lastStableOffset = this.producers.firstOpenOffset ?? lastOffset + 1
    this.aborted.add({ producerId, firstOffset, lastOffset, lastStableOffset })
  }

  /** Below it every transaction has ended. */
  lastStableOffset(startOffset: number, highWatermark: number): number {
    const open = this.producers.firstOpenOffset
    return open === null ? highWatermark : Math.max(startOffset, Math.min(open, highWatermark))
  }

  save(offset: number): SavedProducerState {
    return { offset, producers: this.producers.save(), aborted: this.aborted.save() }
  }

  /** Takes what `save` gave; anything else is refused by returning false. */
  restore(saved: Record<string, unknown>): boolean {
    return this.producers.restore(saved.producers) && this.aborted.restore(saved.aborted)
  }
}

/** Replaces the snapshot durably; everything below its offset must be synced. */
export async function writeProducerSnapshot(
  directory: string,
  saved: SavedProducerState,
  storage: Storage,
): Promise<void> {
  await writeState(storage, directory, snapshotName, 'producersSnapshot', saved)
}

/** The last snapshot, or null when there is none that can be used for a log with this end. */
export async function readProducerSnapshot(
  directory: string,
  log: { readonly startOffset: number; readonly endOffset: number },
  limits: ProducerLimits,
  parts: { readonly storage: Storage; readonly logger: Logger },
): Promise<{ readonly offset: number; readonly state: ProducerState } | null> {
  try {
    const value = await readState(parts.storage, directory, snapshotName, 'producersSnapshot')
    if (value === null || typeof value !== 'object') return null
    const state = new ProducerState(limits)
    const { offset } = value as Record<string, unknown>
    if (!Number.isSafeInteger(offset) || !state.restore(value as Record<string, unknown>)) return null
    // It knows of batches that a flush mode which syncs late has lost: only the log counts then.
    if ((offset as number) > log.endOffset) return null
    // Markers behind it may be gone with what was trimmed: they would be missed for ever.
    if ((offset as number) < log.startOffset) state.producers.forgetOpen()
    return { offset: offset as number, state }
  } catch (error) {
    if (!isCode(error, 'STATE_CORRUPT')) throw error
    parts.logger.warn(
      { err: error, directory },
      'a producer snapshot is unreadable; producers are rebuilt from the log',
    )
    return null
  }
}
