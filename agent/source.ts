// Source: an input that is no file. It makes records by itself and ships them under a source id of its own.
import type { Runtime } from '../core/runtime.ts'
import type { InputCounts, LossCounter } from './input-counts.ts'
import type { AgentLimits } from './options.ts'
import type { ParsingStatus } from './parsing.ts'
import type { Zstd } from './ship/shipper.ts'
import type { Uplink } from './ship/uplink.ts'

/** What the agent lends a source. */
export interface SourceParts {
  readonly agentId: string
  readonly stateFolder: string
  readonly host: string
  readonly zstd: Zstd
  readonly limits: AgentLimits
  readonly runtime: Runtime
  readonly uplink: Uplink
  readonly losses: LossCounter
  readonly counts: InputCounts
}

/** What an input says of itself, as far as it is one of such a type: counts since the start. */
export interface SourceStatus extends Partial<ParsingStatus> {
  /** Runs of the program of `exec`. */
  readonly runs?: number
  /** Runs that were ended because they took too long. */
  readonly timeouts?: number
  /** How runs ended, by exit code or signal. */
  readonly exits?: Readonly<Record<string, number>>
  /** Starts of journalctl. */
  readonly starts?: number
  /** Entries of the journal that were read. */
  readonly entries?: number
  /** Messages that came in datagrams. */
  readonly datagrams?: number
  /** Connections that are open. */
  readonly connections?: number
  /** Connections that were closed because what came was not framed. */
  readonly malformed?: number
}

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
