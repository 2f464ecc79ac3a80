// What a tail is told and what it asks for: bounds, where to begin, and its surroundings.
import type { Clock, Files, Logger } from '../../core/runtime.ts'
import type { Framing } from '../lines/framing.ts'
import type { Losses } from '../state/losses.ts'
import type { Rested } from './extent.ts'
import type { Locator, Print } from './identity.ts'
import type { Handles } from './open-file.ts'
import type { PackedFile } from './packed-file.ts'
import type { Slabs } from './turns.ts'

/** Looks in a row that must miss a file before it counts as gone: one may fall between a rename and the next name. */
export const missedMax = 2

/** Bounds and waits of a tail. */
export interface TailLimits {
  readonly batchBytesMax: number
  readonly lineBytesMax: number
  /** An unfinished last line that did not grow for so long is taken as it is. */
  readonly partialMs: number
  /** How long a file that left its path is kept open after it last grew. */
  readonly graceMs: number
  /** A file that was not read for so long is closed. */
  readonly idleMs: number
}

export interface TailOptions {
  readonly source: string
  readonly locator: Locator
  readonly path: string
  readonly limits: TailLimits
  readonly framing: Framing
  /** What is done with compressed files. */
  readonly compressed: 'auto' | 'skip'
  /** Where to begin, and what must be there for it to be the same content; prints are empty for a new file. */
  readonly start: TailMark
  /** The modification time that the file had then; null when that is not known. */
  readonly mtimeMs: number | null
  /** How it came to rest in this run of the agent; null for one that was not read in it. */
  readonly rested: Rested | null
}

/** What a checkpoint keeps of a tail. */
export interface TailMark {
  readonly epoch: number
  readonly position: number
  readonly head: Print
  readonly guard: Print
}

/**
 * Whose content a compressed file that nobody knows holds. `own`: of no file that is known. `moved`: of one that is gone; its
 * source goes on in this file, under another tail. `wait`: of one that is still read, or it cannot be told yet.
 */
export type Claim = 'own' | 'moved' | 'wait'

export interface TailDeps {
  readonly files: Files
  readonly slabs: Slabs
  readonly handles: Handles
  readonly clock: Clock
  readonly logger: Logger
  readonly losses: Losses
  /** How far the collector has an epoch of this file, 0 when it cannot say now: what it has is not lost. */
  stored(epoch: number): Promise<number>
  /** Bytes at the end of the file were counted as lost: they must not be counted once more after a restart. */
  cut(): void
  /** Makes a new epoch durable before its first batch can leave. */
  keepEpoch(mark: TailMark): Promise<void>
  /** Asked once for each compressed file that no checkpoint knows, and again after `wait`. */
  claim(file: PackedFile): Promise<Claim>
  /** Something began that needs ticks until the tail is asleep again. */
  stirred(): void
  /** The file was read to its end, or no way leads to the rest of it. */
  ended(): void
}

/** `rotated`: it left its path (renamed or deleted) and is read to its end through the open handle. */
export type TailState = 'following' | 'rotated' | 'unreadable' | 'ended'
