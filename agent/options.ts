// What an agent is told: its inputs, its collectors, its folder, and the bounds of everything it holds.

import type { Origin } from './containers/origin.ts'
import type { Framing } from './lines/framing.ts'
import type { LineOptions } from './parsing.ts'
import type { Zstd } from './ship/shipper.ts'
import type { Source } from './source.ts'

/** Files to tail. */
export interface FileInput extends LineOptions {
  readonly name: string
  /** Globs. */
  readonly paths: readonly string[]
  readonly exclude: readonly string[]
  readonly topic: string
  /** Where a file is begun that was there before the agent's very first start; later files begin at their beginning. */
  readonly start: 'beginning' | 'end'
  /** What is in a file that was not written for so long when it is first seen is left out. */
  readonly ignoreOlderMs?: number
  /** Files are removed when all of them was acknowledged so long ago, and nothing was written to them since. */
  readonly deleteAfterMs?: number
  /** `auto`: compressed files are unpacked; `skip`: they are left out. */
  readonly compressed?: 'auto' | 'skip'
  readonly lineBytesMax: number
  /** What their paths say, where they are logs of containers. */
  readonly origin?: Origin
  /** How lines are read and joined; without it each line of UTF-8 is a record. */
  readonly framing?: Framing
}

export interface AgentOptions {
  /** Addresses, such as http://127.0.0.1:8750; at least one. */
  readonly collectors: readonly string[]
  readonly key: string | null
  readonly stateFolder: string
  /** The name of this machine, sent with every batch. */
  readonly host: string
  readonly inputs: readonly FileInput[]
  /** Inputs that are no files. */
  readonly sources?: readonly Source[]
  /** Packs batches; without it that is done in between, on the same core. */
  readonly zstd?: Zstd
  /** Other bounds than the defaults. */
  readonly limits?: Partial<AgentLimits>
}

/** Bounds and waits; durations in ms, sizes in bytes. */
export interface AgentLimits {
  /** Between two scans of all globs. */
  readonly scanMs: number
  /** Between two scans that change hints asked for. */
  readonly hintMs: number
  readonly batchBytesMax: number
  readonly batchLinesMax: number
  /** Batches in memory over all files: read and not yet acknowledged. */
  readonly batchesMax: number
  readonly openFilesMax: number
  /** Requests to the collector at a time: as many as it takes well, between these. */
  readonly requestsMin: number
  readonly requestsMax: number
  /** How often it is looked whether a collector before the one in use is back. */
  readonly probeMs: number
  readonly requestMs: number
  readonly partialMs: number
  readonly graceMs: number
  readonly idleMs: number
  readonly checkpointMs: number
  readonly checkpointRetentionMs: number
  /** Checkpoints of files long gone are looked for this often. */
  readonly collectMs: number
  readonly retryMsMin: number
  readonly retryMsMax: number
  /** Wait after an answer that somebody has to mend: 401, 403, 404. */
  readonly blockedMs: number
  readonly quarantineBytesMax: number
  /** Samples of an input of host metrics that wait for the collector. */
  readonly samplesBytesMax: number
  /** Records of any other input that is no file that wait for the collector. */
  readonly recordsBytesMax: number
  /** How long requests under way may take at a stop. */
  readonly drainMs: number
}

export const defaultLimits: AgentLimits = {
  scanMs: 1000,
  hintMs: 100,
  batchBytesMax: 2 * 1024 * 1024,
  batchLinesMax: 64 * 1024,
  batchesMax: 12,
  openFilesMax: 512,
  requestsMin: 1,
  requestsMax: 8,
  probeMs: 15_000,
  requestMs: 30_000,
  partialMs: 5000,
  graceMs: 30_000,
  idleMs: 60_000,
  checkpointMs: 200,
  checkpointRetentionMs: 7 * 24 * 3_600_000,
  collectMs: 3_600_000,
  retryMsMin: 500,
  retryMsMax: 30_000,
  blockedMs: 30_000,
  quarantineBytesMax: 64 * 1024 * 1024,
  samplesBytesMax: 8 * 1024 * 1024,
  recordsBytesMax: 8 * 1024 * 1024,
  drainMs: 5000,
}
