// Agent: tails the files of its inputs and ships their lines; starts, scans, stops.
import type { Runtime } from '../core/runtime.ts'
import { Scope } from '../core/scope.ts'
import { compress } from '../protocol/compression.ts'
import { type AgentLimits, type AgentOptions, defaultLimits, type FileInput } from './options.ts'
import { lineMaking, Parsing } from './parsing.ts'
import { RunningSources, type RunningSourcesOptions } from './running-sources.ts'
import { Quarantine } from './ship/quarantine.ts'
import type { Zstd } from './ship/shipper.ts'
import { Uplink } from './ship/uplink.ts'
import type { Source } from './source.ts'
import { openAgentId } from './state/agent-id.ts'
import { Checkpoints } from './state/checkpoints.ts'
import { Losses } from './state/losses.ts'
import { type AgentStatus, statusOf } from './status.ts'
import { slabBytes } from './tail/block.ts'
import { Discovery } from './tail/discover.ts'
import type { Follower } from './tail/follower.ts'
import { Lives } from './tail/lives.ts'
import { Handles } from './tail/open-file.ts'
import { Roster } from './tail/roster.ts'
import { Scanning } from './tail/scanning.ts'
import { Slabs } from './tail/turns.ts'

/** Memory for batches that nobody needed for so long is given back. */
const trimMs = 30_000

/** A running agent. Disposal stops it and waits; how it failed is heard through `stopped` alone. */
export interface Agent extends AsyncDisposable {
  /** Resolves when it stopped; rejects when its own disk failed. */
  readonly stopped: Promise<void>
  /** Everything there is to know about it now. */
  status(): AgentStatus
  /**
   * Takes other inputs. Those that are unchanged go on without a break, the others end; new ones begin where their files
   * were left the last time. False, and nothing has changed, when only a new start can do it. Throws CONFIG_INVALID for a
   * parser that cannot be made.
   */
  reload(change: InputChange): Promise<boolean>
}

/** The inputs that take the place of those that run. */
export interface InputChange {
  readonly inputs: readonly FileInput[]
  readonly sources: readonly Source[]
  /** Names of inputs that are as they were. */
  readonly unchanged: ReadonlySet<string>
}

/** Starts an agent. It stops when the signal aborts or when it is disposed. */
export async function startAgent(
  options: AgentOptions,
  runtime: Runtime,
  signal: AbortSignal,
): Promise<Agent> {
  const limits = { ...defaultLimits, ...options.limits }
  const parsings = await parsingsOf(options.inputs)
  await runtime.storage.makeDirectory(options.stateFolder)
  const checkpoints = await Checkpoints.open(
    { folder: options.stateFolder, everyMs: limits.checkpointMs, retentionMs: limits.checkpointRetentionMs },
    runtime,
  )
  const { id, isNew } = await openAgentId(options.stateFolder, checkpoints, runtime)
  const stop = new AbortController()
  const follow = () => stop.abort(signal.reason)
  if (signal.aborted) follow()
  else signal.addEventListener('abort', follow, { once: true })
  const running = new RunningAgent(options, limits, { id, isNew, checkpoints, parsings }, runtime)
  const stopped = running.run(stop.signal).finally(() => signal.removeEventListener('abort', follow))
  // The failure is the caller's through `stopped`; this only keeps it from being nobody's.
  stopped.catch(() => undefined)
  return {
    stopped,
    status: () => running.status(),
    reload: (change) => running.reload(change),
    async [Symbol.asyncDispose]() {
      stop.abort()
      // Not thrown a second time: both together would be a SuppressedError that hides the code of the first.
      await stopped.catch(() => undefined)
    },
  }
}

interface State {
  readonly id: string
  readonly isNew: boolean
  readonly checkpoints: Checkpoints
  readonly parsings: Map<string, Parsing>
}

class RunningAgent {
  readonly #options: AgentOptions
  readonly #limits: AgentLimits
  readonly #state: State
  readonly #runtime: Runtime
  readonly #startedAt: number
  readonly #losses: Losses
  readonly #slabs: Slabs
  readonly #handles: Handles
  readonly #uplink: Uplink
  readonly #quarantine: Quarantine
  /** Both by name; the roster reads them, a reload changes them. */
  readonly #inputs: Map<string, FileInput>
  readonly #parsings: Map<string, Parsing>
  readonly #slabBytes: number
  #sources: RunningSources | null = null
  #roster: Roster | null = null
  #scanning: Scanning | null = null

  constructor(options: AgentOptions, limits: AgentLimits, state: State, runtime: Runtime) {
    this.#options = options
    this.#limits = limits
    this.#state = state
    this.#runtime = runtime
    this.#startedAt = runtime.clock.now()
    this.#losses = new Losses(runtime.logger, state.checkpoints)
    this.#slabBytes = slabBytesFor(options.inputs, limits)
    this.#slabs = new Slabs(limits.batchesMax, this.#slabBytes, limits.batchLinesMax)
    this.#handles = new Handles(limits.openFilesMax)
    const { collectors, key, host, stateFolder } = options
    this.#uplink = new Uplink(
      {
        collectors,
        key,
        agent: host,
        timeoutMs: limits.requestMs,
        requestsMin: limits.requestsMin,
        requestsMax: limits.requestsMax,
        probeMs: limits.probeMs,
        blockedMs: limits.blockedMs,
      },
      runtime,
    )
    const quarantine = { folder: stateFolder, bytesMax: limits.quarantineBytesMax }
    this.#quarantine = new Quarantine(quarantine, runtime, this.#losses)
    this.#inputs = new Map(options.inputs.map((input) => [input.name, input]))
    this.#parsings = state.parsings
  }

  status(): AgentStatus {
    return statusOf({
      agent: this.#state.id,
      host: this.#options.host,
      followers: this.#roster?.followers ?? [],
      deletions: this.#roster?.deletions.status(),
      resting: this.#roster?.resting ?? null,
      inputs: this.#inputs,
      scan: this.#scanning?.last ?? null,
      uplink: this.#uplink,
      checkpoints: this.#state.checkpoints,
      clock: this.#runtime.clock,
      startedAt: this.#startedAt,
      batchesInFlight: this.#slabs.taken,
      openFiles: this.#handles.count,
      losses: this.#losses,
      missing: this.#roster?.missingFiles.status(),
      parsings: this.#parsings,
      sources: this.#sources?.status() ?? {},
    })
  }

  /** Until `stop` aborts; then requests under way may finish, and the last positions are kept. */
  async run(stop: AbortSignal): Promise<void> {
    const { checkpoints } = this.#state
    const { clock, logger } = this.#runtime
    const never = new AbortController().signal
    await using keeping = new Scope(never)
    keeping.spawn((signal) => checkpoints.run(signal))
    {
      await using followers = new Scope(never)
      await using scanning = new Scope(stop)
      const lives = new Lives()
      const roster = this.#makeRoster((follower, ended) => {
        followers.spawn(() => follower.run(lives).finally(ended))
      })
      this.#roster = roster
      const stopAll = () => {
        lives.stop()
        roster.stop()
      }
      scanning.signal.addEventListener('abort', stopAll, { once: true })
      followers.signal.addEventListener('abort', () => lives.kill(), { once: true })
      // Whatever fails first (our own disk) ends all of it.
      const fail = () => scanning.cancel(new Error('a part of the agent failed'))
      followers.signal.addEventListener('abort', fail, { once: true })
      keeping.signal.addEventListener('abort', fail, { once: true })
      const discovery = new Discovery(this.#options.inputs, this.#runtime.files)
      const scans = new Scanning(discovery, roster, this.#limits, this.#runtime)
      this.#scanning = scans
      scanning.spawn((signal) => scans.run(signal))
      scanning.spawn((signal) => roster.missingFiles.run(signal))
      scanning.spawn((signal) => this.#collectLoop(roster, signal))
      scanning.spawn((signal) => this.#trimLoop(signal))
      this.#runSources(followers, scanning)
      const inputs = this.#options.inputs.length + (this.#options.sources?.length ?? 0)
      logger.info({ agent: this.#state.id, inputs }, 'agent started')
      await scanning.wait()
      const drained = new AbortController()
      try {
        await Promise.race([followers.wait(), clock.sleep(this.#limits.drainMs, drained.signal)])
      } finally {
        // Not before: a wait that ends with the failure would end the race without it.
        drained.abort()
      }
    }
    keeping.cancel()
    await keeping.wait()
    await checkpoints.save()
    logger.info({ agent: this.#state.id }, 'agent stopped')
  }

  async reload({ inputs, sources, unchanged }: InputChange): Promise<boolean> {
    if (slabBytesFor(inputs, this.#limits) > this.#slabBytes) return false
    const parsings = await parsingsOf(inputs.filter(({ name }) => !unchanged.has(name)))
    this.#inputs.clear()
    for (const input of inputs) this.#inputs.set(input.name, input)
    for (const name of this.#parsings.keys()) if (!unchanged.has(name)) this.#parsings.delete(name)
    for (const [name, parsing] of parsings) this.#parsings.set(name, parsing)
    this.#roster?.keepOnly(unchanged)
    this.#sources?.replace(sources, unchanged)
    this.#scanning?.replace(new Discovery(inputs, this.#runtime.files))
    return true
  }

  #runSources(scope: Scope, scanning: Scope): void {
    const sources = new RunningSources({
      parts: this.#sourceParts(),
      losses: this.#losses,
      clock: this.#runtime.clock,
      drainMs: this.#limits.drainMs,
      scope,
      stop: scanning.signal,
      // An agent whose inputs have all come to their end, such as standard input, has nothing left to do.
      exhausted: () => {
        if (this.#inputs.size === 0) scanning.cancel()
      },
    })
    this.#sources = sources
    sources.start(this.#options.sources ?? [])
  }

  #makeRoster(start: (follower: Follower, ended: () => void) => void): Roster {
    const { id: agentId, isNew, checkpoints } = this.#state
    return new Roster({
      runtime: this.#runtime,
      agentId,
      isNew,
      host: this.#options.host,
      zstd: this.#zstd(),
      inputs: this.#inputs,
      parsings: this.#parsings,
      limits: this.#limits,
      checkpoints,
      slabs: this.#slabs,
      handles: this.#handles,
      uplink: this.#uplink,
      losses: this.#losses,
      quarantine: this.#quarantine,
      start,
    })
  }

  #sourceParts(): RunningSourcesOptions['parts'] {
    return {
      agentId: this.#state.id,
      stateFolder: this.#options.stateFolder,
      host: this.#options.host,
      zstd: this.#zstd(),
      limits: this.#limits,
      runtime: this.#runtime,
      uplink: this.#uplink,
    }
  }

  #zstd(): Zstd {
    return this.#options.zstd ?? (async (bytes) => compress('zstd', bytes))
  }

  async #collectLoop(roster: Roster, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#runtime.clock.sleep(this.#limits.collectMs, signal)
      if (signal.aborted) return
      const forgotten = this.#state.checkpoints.collect((key) => roster.isLive(key))
      for (const checkpoint of forgotten) roster.missingFiles.forget(checkpoint)
    }
  }

  async #trimLoop(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#runtime.clock.sleep(trimMs, signal)
      this.#slabs.trim()
    }
  }
}

/** Bytes of a buffer that holds a batch, and the longest line there may be. */
function slabBytesFor(inputs: readonly FileInput[], { batchBytesMax }: AgentLimits): number {
  const recordBytes = inputs.map(
    ({ lineBytesMax, framing }) => lineBytesMax + (framing?.grouper?.limits.bytesMax ?? 0),
  )
  return slabBytes(batchBytesMax, Math.max(0, ...recordBytes))
}

async function parsingsOf(inputs: readonly FileInput[]): Promise<Map<string, Parsing>> {
  const parsings = new Map<string, Parsing>()
  for (const input of inputs) {
    const making = await lineMaking(input)
    if (making !== null) parsings.set(input.name, new Parsing(making))
  }
  return parsings
}
