// Status: what an agent knows about itself, as plain values. Written nowhere; whoever asks gets it.
import type { Scan } from './discover.ts'
import type { Follower } from './follower.ts'
import type { Loss, Losses } from './losses.ts'
import type { Parsing, ParsingStatus } from './parsing.ts'
import type { Source, SourceStatus } from './source.ts'
import type { TailState } from './tail-options.ts'
import type { Uplink } from './uplink.ts'

export interface AgentStatus {
  /** The agent's id. */
  readonly agent: string
  readonly host: string
  readonly files: readonly FileStatus[]
  /** Paths that cannot be looked at, and why. */
  readonly unobservable: readonly { readonly path: string; readonly reason: string }[]
  readonly openFiles: number
  readonly batchesInFlight: number
  readonly lagBytes: number
  /** Failed requests since the start. */
  readonly retries: number
  /** What keeps the agent from shipping now, null when nothing does. */
  readonly trouble: string | null
  readonly scanMs: number
  readonly losses: Readonly<Record<string, Loss>>
  /** Of the inputs with a parser, by name. */
  readonly parsing: Readonly<Record<string, ParsingStatus>>
  /** Of the inputs that are no files, by name. */
  readonly sources: Readonly<Record<string, SourceStatus>>
}

export interface FileStatus {
  readonly path: string
  readonly input: string
  readonly topic: string
  readonly source: string
  readonly epoch: number
  /** Acknowledged up to here. */
  readonly position: number
  readonly size: number
  readonly lagBytes: number
  readonly state: TailState
  readonly retries: number
  readonly shippedBytes: number
  readonly shippedLines: number
}

interface Parts {
  readonly agent: string
  readonly host: string
  readonly followers: Iterable<Follower>
  readonly scan: { readonly scan: Scan; readonly tookMs: number } | null
  readonly uplink: Uplink
  readonly batchesInFlight: number
  readonly openFiles: number
  readonly losses: Losses
  readonly parsings: ReadonlyMap<string, Parsing>
  readonly sources: readonly Source[]
}

/** The status out of the parts that know it. */
export function statusOf(parts: Parts): AgentStatus {
  const files = [...parts.followers].map(fileStatus)
  const unobservable = [...(parts.scan?.scan.unobservable ?? [])]
  return {
    agent: parts.agent,
    host: parts.host,
    files,
    unobservable: unobservable.map(([path, error]) => ({ path, reason: error.message })),
    openFiles: parts.openFiles,
    batchesInFlight: parts.batchesInFlight,
    lagBytes: files.reduce((sum, file) => sum + file.lagBytes, 0),
    retries: parts.uplink.retries,
    trouble: parts.uplink.trouble,
    scanMs: parts.scan?.tookMs ?? 0,
    losses: parts.losses.byReason(),
    parsing: Object.fromEntries([...parts.parsings].map(([name, parsing]) => [name, parsing.status()])),
    sources: Object.fromEntries(parts.sources.map((source) => [source.name, source.status?.() ?? {}])),
  }
}

function fileStatus(follower: Follower): FileStatus {
  const { tail, options } = follower
  return {
    path: tail.path,
    input: options.input,
    topic: options.topic,
    source: tail.source,
    epoch: tail.epoch,
    position: tail.committed.position,
    size: tail.size,
    lagBytes: tail.lagBytes,
    state: tail.state,
    retries: follower.retries,
    shippedBytes: follower.shipped.bytes,
    shippedLines: follower.shipped.lines,
  }
}
