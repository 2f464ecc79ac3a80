// Roster: the followed files. Takes each scan over: who is new, who moved, who is gone.
import { LogdriveError } from '../../core/errors.ts'
import type { Logger, Runtime } from '../../core/runtime.ts'
import { plainFraming } from '../lines/framing.ts'
import type { AgentLimits, FileInput } from '../options.ts'
import { type Parsing, parsedBatchBytesMax } from '../parsing.ts'
import type { Quarantine } from '../ship/quarantine.ts'
import { Shipper, type Zstd } from '../ship/shipper.ts'
import type { Uplink } from '../ship/uplink.ts'
import type { Checkpoint } from '../state/checkpoint-file.ts'
import type { Checkpoints } from '../state/checkpoints.ts'
import type { Losses } from '../state/losses.ts'
import { BlindSpots } from './blind-spots.ts'
import { Deletions } from './deletions.ts'
import { isUnobservable, type Scan, type Sighting } from './discover.ts'
import { Follower } from './follower.ts'
import { compareLocators, emptyPrint, type Locator, locatorKey, sourceOf } from './identity.ts'
import { Kinship } from './kin.ts'
import { type Handles, isAt } from './open-file.ts'
import { Neighbourhood, type Relative } from './relatives.ts'
import { storedTo } from './stored.ts'
import { Tail } from './tail.ts'
import { missedMax, type TailLimits, type TailMark } from './tail-options.ts'
import type { Slabs } from './turns.ts'

export interface RosterDeps {
  readonly runtime: Runtime
  readonly agentId: string
  /** This agent never ran before: the collector cannot know its files. */
  readonly isNew: boolean
  readonly host: string
  readonly zstd: Zstd
  readonly inputs: ReadonlyMap<string, FileInput>
  /** The parsers of the inputs that have one. */
  readonly parsings: ReadonlyMap<string, Parsing>
  readonly limits: AgentLimits
  readonly checkpoints: Checkpoints
  readonly slabs: Slabs
  readonly handles: Handles
  readonly uplink: Uplink
  readonly losses: Losses
  readonly quarantine: Quarantine
  /** Runs a follower to its end. */
  start(follower: Follower, ended: () => void): void
}

export class Roster {
  readonly #deps: RosterDeps
  readonly #followers = new Map<string, Follower>()
  /** Those where time alone may change something. */
  readonly #restless = new Set<Follower>()
  /** Paths of files that were left: they may be followed anew. */
  readonly #left = new Set<string>()
  readonly #kinship: Kinship
  readonly deletions: Deletions
  readonly #blindSpots: BlindSpots
  readonly #loggers = new Map<string, Logger>()
  /** Checkpoints of an earlier run, by what survives a change of device numbers. */
  readonly #earlier: ReadonlyMap<string, Checkpoint>
  /** Inputs whose rotated files were not looked for yet. */
  readonly #unsearched: Set<string>
  /** Inputs have changed since the last scan: a file may belong to another one now. */
  #areInputsNew = false
  #scans = 0
  #isNewKept = false

  constructor(deps: RosterDeps) {
    this.#deps = deps
    const { runtime, checkpoints, limits } = deps
    const isLive = (locator: Locator) => this.isLive(locator)
    this.#blindSpots = new BlindSpots(runtime.logger)
    this.#kinship = new Kinship({ runtime, checkpoints, graceMs: limits.graceMs, isLive })
    this.deletions = new Deletions(deps, this.#followers, this.#restless)
    this.#unsearched = new Set(deps.inputs.keys())
    this.#earlier = new Map(deps.checkpoints.all.map((known) => [inodeKey(known.locator), known]))
  }

  get followers(): Iterable<Follower> {
    return this.#followers.values()
  }

  isLive(locator: Locator): boolean {
    return this.#followers.has(locatorKey(locator))
  }

  /**
   * The inputs have changed but for these. Followers of the others end where they are; the next scans follow their files anew,
   * from the positions that were kept, where there is still an input that means them.
   */
  keepOnly(unchanged: ReadonlySet<string>): void {
    this.#areInputsNew = true
    for (const follower of this.#followers.values())
      if (!unchanged.has(follower.options.input)) this.#leave(follower)
    for (const name of this.#deps.inputs.keys()) if (!unchanged.has(name)) this.#unsearched.add(name)
  }

  /**
   * Paths that files were missed at or are left. As long as there are some each look has to be a scan: before a rotated
   * file ends, files that had its path after it are looked for.
   */
  get missing(): readonly string[] {
    const paths = [...this.#restless].flatMap(({ missed, leftAt, tail }) =>
      missed > 0 || leftAt !== null ? [tail.path] : [],
    )
    return [...paths, ...this.#left]
  }

  /** Takes over what a scan saw. */
  async take(scan: Scan): Promise<void> {
    this.#blindSpots.tell(scan)
    const areInputsNew = this.#areInputsNew
    this.#areInputsNew = false
    this.#left.clear()
    const added = this.#follow(scan, areInputsNew)
    await this.#findLost(scan)
    if (this.#scans > 0 && added.length > 0) await this.#findBetween(added)
    this.#scans += 1
    const neighbourhood = new Neighbourhood(this.#deps.runtime.files)
    for (const [key, follower] of this.#followers) {
      if (this.#isLeaving(follower)) continue
      if (!scan.files.has(key) && !isUnobservable(scan, follower.tail.path))
        await this.#miss(follower, neighbourhood)
    }
    if (this.#isNewKept) await this.#deps.checkpoints.save()
    this.#isNewKept = false
    await this.deletions.take(scan.files)
  }

  /** Takes over files that only changed. */
  observe(files: readonly Sighting[]): void {
    for (const { stat, path } of files) this.#followers.get(locatorKey(stat))?.tail.observe(stat, path)
  }

  /** Does what waits for time to pass, of the files where something may. */
  async tick(): Promise<void> {
    for (const follower of this.#restless) {
      if (follower.leftAt !== null) continue
      await this.#tick(follower)
      if (follower.missed === 0 && follower.tail.isAsleep) this.#restless.delete(follower)
    }
  }

  /** Takes over the files that are there; gives those that are new. */
  #follow(scan: Scan, areInputsNew: boolean): readonly Sighting[] {
    const added: Sighting[] = []
    for (const [key, sighting] of scan.files) {
      const follower = this.#followers.get(key)
      if (follower === undefined) added.push(sighting)
      else if (follower.leftAt !== null) continue
      else if (areInputsNew && follower.options.input !== sighting.input) this.#leave(follower)
      else {
        follower.missed = 0
        follower.adopted = false
        follower.tail.observe(sighting.stat, sighting.path)
      }
    }
    // Oldest first: turns are given in the order in which files ask for them.
    added.sort((a, b) => a.stat.mtimeMs - b.stat.mtimeMs)
    for (const sighting of added) this.#add(sighting)
    return added
  }

  #leave(follower: Follower): void {
    follower.leave()
    this.#restless.add(follower)
  }

  /** What it has under way may take as long as at a stop, and no longer. */
  #isLeaving(follower: Follower): boolean {
    if (follower.leftAt === null) return false
    const { runtime, limits } = this.#deps
    if (runtime.clock.monotonic() - follower.leftAt > limits.drainMs) follower.kill()
    return true
  }

  /** A follower whose file was not seen: what has become of it, and of files that had its path after it? */
  async #miss(follower: Follower, neighbourhood: Neighbourhood): Promise<void> {
    const { tail, options } = follower
    follower.missed += 1
    this.#restless.add(follower)
    const wanted = tail.isOpen || (follower.adopted && tail.lagBytes === 0) ? 'later' : 'all'
    const relatives = await neighbourhood.find(tail.path, tail.locator, wanted)
    for (const relative of relatives.later) this.#addLater(relative, options.input, tail.path)
    const self = relatives.self !== null && isAt(tail.locator, relatives.self.stat) ? relatives.self : null
    tail.found(self)
    if (follower.adopted || tail.state === 'rotated') return
    // Held from the first miss on: what was written right before it left is only to be read through the handle.
    const isHeld = (tail.isOpen || self !== null) && (await tail.hold())
    // It is there, only not to be opened just now: not gone yet.
    if (!isHeld && self !== null) follower.missed = 1
    if (follower.missed >= missedMax) tail.rotate()
  }

  /**
   * Files that were rotated out of the globs while no agent, or no input of this one, followed them. The last known one of a path is followed even when it
   * was read to its end: as long as it is, files that take its place are looked for.
   */
  async #findLost(scan: Scan): Promise<void> {
    // One that is still leaving a file would hide that the file is to be followed again.
    if (this.#unsearched.size === 0 || [...this.#followers.values()].some((one) => one.leftAt !== null))
      return
    const inputs = new Set(this.#unsearched)
    this.#unsearched.clear()
    const latest = this.#deps.checkpoints.latest(() => true)
    const neighbourhood = new Neighbourhood(this.#deps.runtime.files)
    for (const checkpoint of this.#deps.checkpoints.all) {
      const { locator, path, input, position } = checkpoint
      if (scan.files.has(locatorKey(locator)) || !inputs.has(input)) continue
      const { self, later } = await neighbourhood.find(path, locator)
      for (const relative of later) this.#addLater(relative, input, path)
      const wanted = self !== null && (self.stat.size > position || latest.get(path) === checkpoint)
      if (wanted) this.#addRotated(self, input, path)
    }
  }

  /** New files at paths whose last one is followed no more: were others there between, and rotated before any scan? */
  async #findBetween(arrived: readonly Sighting[]): Promise<void> {
    const latest = this.#deps.checkpoints.latest(({ locator }) => !this.isLive(locator))
    const neighbourhood = new Neighbourhood(this.#deps.runtime.files)
    for (const { path, input } of arrived) {
      const known = latest.get(path)
      if (known === undefined) continue
      const { later } = await neighbourhood.find(path, known.locator)
      for (const relative of later) this.#addLater(relative, input, path)
    }
  }

  /** Follows one that came after, unless it was read to its end before and did not change since. */
  #addLater(relative: Relative, input: string, path: string): void {
    const known = this.#deps.checkpoints.find(relative.stat)
    const { size, mtimeMs } = relative.stat
    if (known === null || known.position !== size || known.mtimeMs !== mtimeMs)
      this.#addRotated(relative, input, path)
  }

  /** Follows a rotated file to its end, known by the path it had when it was written. */
  #addRotated(relative: Relative, input: string, path: string): void {
    if (this.isLive(relative.stat)) return
    const follower = this.#add({ input, path, stat: relative.stat })
    if (follower === null) return
    follower.adopted = true
    follower.tail.drain(relative.stat, relative.path)
  }

  #add(sighting: Sighting): Follower | null {
    const { stat, path } = sighting
    const { runtime, agentId, inputs, parsings, checkpoints, uplink, host, zstd } = this.#deps
    const input = inputs.get(sighting.input)
    if (input === undefined) return null
    const { limits } = this.#deps
    const locator: Locator = { dev: stat.dev, ino: stat.ino, birthtimeNs: stat.birthtimeNs }
    const checkpoint = checkpoints.find(locator) ?? this.#findMoved(locator)
    const source = checkpoint?.source ?? sourceOf(agentId, locator)
    const start: TailMark = checkpoint ?? this.#startOf(sighting, input)
    const logger = this.#loggerOf(input.name)
    const kept = { epoch: start.epoch, to: checkpoint?.kept ?? 0 }
    const parsing = parsings.get(input.name) ?? null
    const { origin } = input
    const facts = origin === undefined ? null : () => origin.factsOf(path, runtime.files)
    const shipper = new Shipper({ topic: input.topic, source, host, kept, zstd, parsing, facts }, uplink)
    const tail = new Tail(
      {
        source,
        locator,
        path,
        limits: tailLimits(limits, input),
        framing: input.framing ?? plainFraming,
        compressed: input.compressed ?? 'auto',
        start,
        mtimeMs: checkpoint?.mtimeMs ?? null,
      },
      {
        files: runtime.files,
        slabs: this.#deps.slabs,
        handles: this.#deps.handles,
        clock: runtime.clock,
        logger,
        losses: this.#deps.losses,
        stored: (epoch) => storedTo({ uplink, clock: runtime.clock }, source, input.topic, epoch),
        keepEpoch: (mark) => this.#keepEpoch(follower, mark),
        claim: async (file) => {
          const claim = await this.#kinship.claim(follower.tail, input.name, file)
          if (claim === 'moved') this.#leave(follower)
          return claim
        },
        hasHeir: () => this.#kinship.hasHeir(source),
        stirred: () => this.#restless.add(follower),
        ended: () => {
          // With the modification time at the end: who finds the file again knows that it was read.
          if (follower.tail.lagBytes === 0) this.#keep(follower)
          follower.end()
        },
      },
    )
    const ask = checkpoint === null && this.#scans === 0 && !this.#deps.isNew
    const follower: Follower = new Follower(
      {
        input: input.name,
        topic: input.topic,
        retryMsMin: limits.retryMsMin,
        retryMsMax: limits.retryMsMax,
        ask,
      },
      tail,
      shipper,
      {
        runtime,
        logger,
        uplink,
        quarantine: this.#deps.quarantine,
        acknowledged: (done) => this.#keep(done),
      },
    )
    const key = locatorKey(locator)
    this.#followers.set(key, follower)
    tail.observe(stat, path)
    // Kept from the first sight on, and safe with the end of the scan: where it is begun is decided once, and a file
    // that is rotated while no agent runs is only looked for when it is known.
    if (checkpoint === null && !ask) this.#keepNew(follower)
    this.#deps.start(follower, () => {
      this.#followers.delete(key)
      this.#restless.delete(follower)
      if (follower.leftAt !== null) this.#left.add(follower.tail.path)
    })
    return follower
  }

  #loggerOf(input: string): Logger {
    const logger = this.#loggers.get(input) ?? this.#deps.runtime.logger.child({ input })
    this.#loggers.set(input, logger)
    return logger
  }

  /** The checkpoint of a file whose device number changed; it is kept under the new one from now on. */
  #findMoved(locator: Locator): Checkpoint | null {
    const known = this.#earlier.get(inodeKey(locator))
    if (known === undefined || compareLocators(known.locator, locator) !== 'moved') return null
    const { checkpoints } = this.#deps
    checkpoints.remove(known.locator)
    checkpoints.put({ ...known, locator })
    return known
  }

  /**
   * `start: end` is for what was there before the agent's very first scan; any later file is read whole, but for one that
   * is too old.
   */
  #startOf(sighting: Sighting, input: FileInput): TailMark {
    const wasThere = input.start === 'end' && this.#scans === 0 && this.#deps.isNew
    const ageMs = this.#deps.runtime.clock.now() - sighting.stat.mtimeMs
    const isLeftOut = wasThere || ageMs > (input.ignoreOlderMs ?? Number.POSITIVE_INFINITY)
    return { epoch: 0, position: isLeftOut ? sighting.stat.size : 0, head: emptyPrint, guard: emptyPrint }
  }

  #keepNew(follower: Follower): void {
    this.#keep(follower)
    this.#isNewKept = true
  }

  #keep(follower: Follower, mark: TailMark = follower.tail.committed): void {
    const { tail, shipper, options } = follower
    const { epoch, position, head, guard } = mark
    const kept = shipper.kept.epoch === epoch ? shipper.kept.to : 0
    const updatedAt = Math.round(this.#deps.runtime.clock.now())
    const { source, locator, path, mtimeMs } = tail
    const { input } = options
    this.#deps.checkpoints.put({
      source,
      locator,
      path,
      input,
      epoch,
      position,
      head,
      guard,
      kept,
      mtimeMs,
      updatedAt,
    })
  }

  /** Safe before the first batch of the epoch leaves: a crash must not number two contents alike. */
  async #keepEpoch(follower: Follower, mark: TailMark): Promise<void> {
    this.#keep(follower, mark)
    await this.#deps.checkpoints.save()
  }

  async #tick(follower: Follower): Promise<void> {
    const { tail, lag } = follower
    lag.note(tail.size, tail.committed.position, this.#deps.runtime.clock.monotonic())
    try {
      await tail.tick()
    } catch (error) {
      // Trouble with a file of somebody else: the next scan tries again.
      if (!(error instanceof LogdriveError) || error.code === 'DISK_FAILED') throw error
      this.#deps.runtime.logger.debug(
        { err: error, path: follower.tail.path },
        'file cannot be looked at now',
      )
    }
  }
}

function tailLimits(limits: AgentLimits, { lineBytesMax, parse, framing }: FileInput): TailLimits {
  const batchBytesMax =
    parse === undefined && framing === undefined ? Number.POSITIVE_INFINITY : parsedBatchBytesMax
  return { ...limits, lineBytesMax, batchBytesMax: Math.min(limits.batchBytesMax, batchBytesMax) }
}

function inodeKey({ ino, birthtimeNs }: Locator): string {
  return `${ino}:${birthtimeNs}`
}
