// Source: an input that is no file. It makes records by itself and ships them under a source id of its own.
import type { Runtime } from '../core/runtime.ts'
import type { AgentLimits } from './options.ts'
import type { Zstd } from './ship/shipper.ts'
import type { Uplink } from './ship/uplink.ts'
import type { Losses } from './state/losses.ts'

/** What the agent lends a source. */
export interface SourceParts {
  readonly agentId: string
  readonly stateFolder: string
  readonly host: string
  readonly zstd: Zstd
  readonly limits: AgentLimits
  readonly runtime: Runtime
  readonly uplink: Uplink
  readonly losses: Losses
}

/** What an input says of itself: counts since the start, and what stands in its way. */
export type SourceStatus = Readonly<Record<string, number | string | null | Readonly<Record<string, number>>>>

export interface Source {
  /** The input's name. */
  readonly name: string
  /** Absent where there is nothing to say. */
  status?(): SourceStatus
  /**
   * Makes records until `stop` aborts or there are no more, and ships them until `kill` does. Rejects for what the operator
   * has to mend before it can run at all, and for a bug.
   */
  run(parts: SourceParts, stop: AbortSignal, kill: AbortSignal): Promise<void>
}
