// Source: an input that is no file. It makes records by itself and ships them under a source id of its own.
import type { Runtime } from '../core/runtime.ts'
import type { Losses } from './losses.ts'
import type { AgentLimits } from './options.ts'
import type { Zstd } from './shipper.ts'
import type { Uplink } from './uplink.ts'

/** What the agent lends a source. */
export interface SourceParts {
  readonly agentId: string
  readonly host: string
  readonly zstd: Zstd
  readonly limits: AgentLimits
  readonly runtime: Runtime
  readonly uplink: Uplink
  readonly losses: Losses
}

export interface Source {
  /** The input's name. */
  readonly name: string
  /** Makes records until `stop` aborts and ships them until `kill` does; rejects only for a bug. */
  run(parts: SourceParts, stop: AbortSignal, kill: AbortSignal): Promise<void>
}
