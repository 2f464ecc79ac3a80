// Status: what an agent knows about itself, as plain values. Written nowhere; whoever asks gets it.
import type { Clock } from '../core/runtime.ts'
import type { InputStatus } from './input-counts.ts'
import type { FileInput } from './options.ts'
import type { Parsing, ParsingStatus } from './parsing.ts'
import type { Uplink, UplinkStatus } from './ship/uplink.ts'
import type { SourceStatus } from './source.ts'
import type { Checkpoints } from './state/checkpoints.ts'
import type { Loss, Losses } from './state/losses.ts'
import { type DeletionStatus, noDeletions } from './tail/deletions.ts'
import type { Scan } from './tail/discover.ts'
import type { Follower } from './tail/follower.ts'
import { sourceOf } from './tail/identity.ts'
import type { Resting } from './tail/resting.ts'
import type { TailState } from './tail/tail-options.ts'

export interface AgentStatus {
  /** The agent's id. */
  readonly agent: string
  readonly host: string
  readonly files: readonly FileStatus[]
  /** Paths that cannot be looked at, and why. */
  readonly unobservable: readonly { readonly path: string; readonly reason: string }[]
  readonly openFiles: number
  /** Wall-clock ms. */
  readonly startedAt: number
  /** Batches in memory: read and not yet acknowledged. */
  readonly batchesInFlight: number
  readonly lagBytes: number
  /** The longest of all files. */
  readonly lagMs: number
  /** Failed requests since the start. */
  readonly retries: number
  /** What keeps the agent from shipping now, null when nothing does. */
  readonly trouble: string | null
  /** What keeps positions off the disk now, null when nothing does. */
  readonly stateTrouble: string | null
  readonly uplink: UplinkStatus
  readonly scanMs: number
  /** Files that went before all of them was read, and bytes of them that nobody has: lost if they don't turn up again. */
  readonly missing: Loss
  /** Since the start, by reason. */
  readonly losses: Readonly<Record<string, Loss>>
  /** Since the state folder is there. */
  readonly lossesEver: Readonly<Record<string, Loss>>
  /** Of the inputs that remove what was shipped. */
  readonly deletions: DeletionStatus
  /** Of the file inputs with a parser or transforms, by name: what was acknowledged. */
  readonly parsing: Readonly<Record<string, ParsingStatus>>
  /** Of the inputs that are no files, by name. Their lines are counted as they are read. */
  readonly sources: Readonly<Record<string, SourceStatus & InputStatus>>
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
  /** How old the oldest byte is that is not acknowledged; as fine as scans are. */
  readonly lagMs: number
  readonly state: TailState
  readonly retries: number
  readonly shippedBytes: number
  readonly shippedLines: number
}

interface Parts {
  readonly agent: string
  readonly host: string
  readonly followers: Iterable<Follower>
  readonly deletions: DeletionStatus | undefined
  readonly resting: Resting | null
  readonly inputs: ReadonlyMap<string, FileInput>
  readonly scan: { readonly scan: Scan; readonly tookMs: number } | null
  readonly uplink: Uplink
  readonly checkpoints: Checkpoints
  readonly clock: Clock
  readonly startedAt: number
  readonly batchesInFlight: number
  readonly openFiles: number
  readonly losses: Losses
  readonly missing: Loss | undefined
  readonly parsings: ReadonlyMap<string, Parsing>
  readonly sources: AgentStatus['sources']
}

/** The status out of the parts that know it. */
export function statusOf(parts: Parts): AgentStatus {
  const nowMs = parts.clock.monotonic()
  const files = [
    ...[...parts.followers].map((follower) => fileStatus(follower, nowMs)),
    ...restingFiles(parts, nowMs),
  ]
  const uplink = parts.uplink.status()
  const unobservable = [...(parts.scan?.scan.unobservable ?? [])]
  return {
    agent: parts.agent,
    host: parts.host,
    files,
    unobservable: unobservable.map(([path, error]) => ({ path, reason: error.message })),
    openFiles: parts.openFiles,
    startedAt: parts.startedAt,
    batchesInFlight: parts.batchesInFlight,
    lagBytes: files.reduce((sum, file) => sum + file.lagBytes, 0),
    lagMs: files.reduce((longest, file) => Math.max(longest, file.lagMs), 0),
    retries: uplink.retries,
    trouble: parts.uplink.trouble,
    stateTrouble: parts.checkpoints.trouble,
    uplink,
    scanMs: parts.scan?.tookMs ?? 0,
    missing: parts.missing ?? { times: 0, bytes: 0 },
    losses: parts.losses.byReason(),
    lossesEver: parts.losses.totals(),
    deletions: parts.deletions ?? noDeletions,
    parsing: Object.fromEntries([...parts.parsings].map(([name, parsing]) => [name, parsing.status()])),
    sources: parts.sources,
  }
}

function fileStatus(follower: Follower, nowMs: number): FileStatus {
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
    lagMs: follower.lag.ageMs(tail.committed.position, nowMs),
    state: tail.state,
    ...follower.past,
  }
}

/** Files that nobody reads now, as they are known by their checkpoints. */
function restingFiles({ agent, checkpoints, resting, inputs }: Parts, nowMs: number): readonly FileStatus[] {
  return [...(resting?.files ?? [])].map(([key, { sighting, rested, past }]) => {
    const { input, path, stat } = sighting
    const checkpoint = checkpoints.find(stat)
    const position = checkpoint?.position ?? 0
    const since = resting?.waitsSince(key) ?? null
    const size = since === null ? (rested?.size ?? position) : Math.max(position, stat.size)
    const lagBytes = Math.max(0, size - position)
    return {
      path,
      input,
      topic: inputs.get(input)?.topic ?? '',
      source: checkpoint?.source ?? sourceOf(agent, stat),
      epoch: checkpoint?.epoch ?? 0,
      position,
      size,
      lagBytes,
      lagMs: since === null || lagBytes === 0 ? 0 : nowMs - since,
      state: 'following',
      ...past,
    }
  })
}
