// Roster: the followed files, awake and at rest. Takes each scan over: who is new, who moved, who is gone.
import { LogdriveError } from '../../core/errors.ts'
import { Checkpoint } from '../state/checkpoint.ts'
import { BlindSpots } from './blind-spots.ts'
import { Deletions } from './deletions.ts'
import { isUnobservable, type Scan } from './discover.ts'
import type { Follower } from './follower.ts'
import { locatorKey } from './identity.ts'
import { Joining, type JoiningDeps } from './joining.ts'
import { factsOf } from './keeping.ts'
import { Kinship } from './kin.ts'
import { MissingFiles } from './missing-files.ts'
import { isAt, plainHead } from './open-file.ts'
import { Neighbourhood, type Relative } from './relatives.ts'
import { Resting } from './resting.ts'
import { Sighting } from './sighting.ts'
import { askKept } from './stored.ts'
import { Strays } from './strays.ts'
import { missedMax, type TailMark } from './tail-options.ts'

/** Files woken at a time: so many of them ship their first batches, or ask for their turn to. */
const wakingMax = 128

export interface RosterDeps extends JoiningDeps {
  /** Runs a follower to its end. */
  start(follower: Follower, ended: () => void): void
}

export class Roster {
  readonly #deps: RosterDeps
  /** Those that are awake, by the keys of their locators. */
  readonly #followers = new Map<string, Follower>()
  readonly #resting = new Resting()
  /** Those that were woken and did not ship what there was yet. */
  readonly #waking = new Set<Follower>()
  /** Those where time alone may change something. */
  readonly #restless = new Set<Follower>()
  /** Paths of files that were left: they may be followed anew. */
  readonly #left = new Set<string>()
  readonly #joining: Joining
  readonly #kinship: Kinship
  readonly deletions: Deletions
  readonly missingFiles: MissingFiles
  readonly #strays: Strays
  readonly #blindSpots: BlindSpots
  /** Inputs whose rotated files were not looked for yet. */
  readonly #unsearched: Set<string>
  /** Inputs have changed since the last scan: a file may belong to another one now. */
  #areInputsNew = false
  #scans = 0
  #isNewKept = false
  #stopped = false

  constructor(deps: RosterDeps) {
    this.#deps = deps
    const { runtime, checkpoints, limits } = deps
    const isLive = (key: string) => this.isLive(key)
    this.#blindSpots = new BlindSpots(runtime.logger)
    const headOf = this.#headOf.bind(this)
    const asked = { uplink: deps.uplink, clock: runtime.clock }
    const keptOf = async (source: string, input: string) => {
      const topic = deps.inputs.get(input)?.topic
      return topic === undefined ? 'unknown' : await askKept(asked, source, topic)
    }
    this.#kinship = new Kinship({ runtime, checkpoints, graceMs: limits.graceMs, isLive, headOf, keptOf })
    this.deletions = new Deletions(deps, (key) => this.#awake(key), this.#restless)
    const adopt = this.#adopt.bind(this)
    this.missingFiles = new MissingFiles({ runtime, checkpoints, losses: deps.losses, keptOf })
    const gone = (checkpoint: Checkpoint) => this.missingFiles.add(checkpoint)
    this.#strays = new Strays({ runtime, checkpoints, isLive, adopt, gone })
    this.#joining = new Joining(deps, {
      claim: async (follower, file) => {
        const claim = await this.#kinship.claim(follower.tail, follower.options.input, file)
        if (claim === 'moved') this.#leave(follower)
        return claim
      },
      keepEpoch: (follower, mark) => this.#keepEpoch(follower, mark),
      moved: (follower) => this.#keep(follower),
      shipped: (follower) => this.#shipped(follower),
      stirred: (follower) => void this.#restless.add(follower),
      ended: (follower) => {
        // With the modification time at the end: who finds the file again knows that it was read.
        this.missingFiles.add(new Checkpoint(factsOf(follower, runtime.clock.now())))
        follower.end()
      },
    })
    this.#unsearched = new Set(deps.inputs.keys())
  }

  /** The files that are awake. */
  get followers(): Iterable<Follower> {
    return this.#followers.values()
  }

  /** The files at rest. */
  get resting(): Resting {
    return this.#resting
  }

  /** Somebody reads the file, or it is at rest; by the key of its locator. */
  isLive(key: string): boolean {
    return this.#followers.has(key) || this.#resting.has(key)
  }

  /** Nobody is woken any more; who waits for work has none. */
  stop(): void {
    this.#stopped = true
    for (const follower of this.#followers.values()) follower.tail.poke()
  }

  /**
   * The inputs have changed but for these. Followers of the others end where they are; the next scans follow their files anew,
   * from the positions that were kept, where there is still an input that means them.
   */
  keepOnly(unchanged: ReadonlySet<string>): void {
    this.#areInputsNew = true
    for (const follower of this.#followers.values())
      if (!unchanged.has(follower.options.input)) this.#leave(follower)
    for (const [key, { sighting }] of this.#resting.files)
      if (!unchanged.has(sighting.input)) this.#resting.take(key)
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
    if (this.#scans > 0 && added.length > 0) await this.#strays.findBetween(added)
    this.#scans += 1
    this.#wakeGone(scan)
    const neighbourhood = new Neighbourhood(this.#deps.runtime.files)
    for (const [key, follower] of this.#followers) {
      if (this.#isLeaving(follower)) continue
      if (!scan.files.has(key) && !isUnobservable(scan, follower.tail.path))
        await this.#miss(follower, neighbourhood)
    }
    if (this.#isNewKept) await this.#deps.checkpoints.save()
    this.#isNewKept = false
    await this.deletions.take(scan.files)
    this.#wakeSome()
  }

  /** Files at rest that are gone. Where none went since the scan before these were woken then: what is missed never comes to rest. */
  #wakeGone(scan: Scan): void {
    if (scan.isSame) return
    for (const [key, { sighting }] of this.#resting.files)
      if (!scan.files.has(key) && !isUnobservable(scan, sighting.path)) this.#wake(key)
  }

  /** Takes over files that only changed. */
  observe(files: readonly Sighting[]): void {
    const now = this.#deps.runtime.clock.monotonic()
    for (const sighting of files) {
      const { key } = sighting
      this.#followers.get(key)?.observe(sighting)
      this.#resting.observe(key, sighting, now)
    }
    this.#wakeSome()
  }

  /** Does what waits for time to pass, of the files where something may; who has nothing left to do comes to rest. */
  async tick(): Promise<void> {
    for (const follower of this.#restless) {
      if (follower.leftAt !== null) continue
      await this.#tick(follower)
      if (follower.isAsleep) this.#rest(follower)
    }
  }

  /** Takes over the files that are there; gives those that are new. */
  #follow(scan: Scan, areInputsNew: boolean): readonly Sighting[] {
    const now = this.#deps.runtime.clock.monotonic()
    const added: Sighting[] = []
    for (const [key, sighting] of scan.files) {
      const resting = this.#resting.files.get(key)
      const follower = this.#followers.get(key)
      const input = follower?.options.input ?? resting?.sighting.input
      if (areInputsNew && resting !== undefined && input !== sighting.input) this.#resting.take(key)
      if (follower === undefined && !this.#resting.has(key)) added.push(sighting)
      else if (follower === undefined) this.#resting.observe(key, sighting, now)
      else if (follower.leftAt !== null) continue
      else if (areInputsNew && input !== sighting.input) this.#leave(follower)
      else {
        follower.missed = 0
        follower.adopted = false
        follower.observe(sighting)
      }
    }
    // Oldest first: that is the order in which they are woken.
    added.sort((a, b) => a.mtimeMs - b.mtimeMs)
    for (const sighting of added) this.#resting.add(sighting.key, sighting, this.#checkpointOf(sighting), now)
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
    for (const relative of relatives.later) this.#strays.adoptLater(relative, options.input, tail.path)
    const self = relatives.self !== null && isAt(tail.locator, relatives.self.stat) ? relatives.self : null
    tail.found(self)
    if (follower.adopted || tail.state === 'rotated') return
    // Held from the first miss on: what was written right before it left is only to be read through the handle.
    const isHeld = (tail.isOpen || self !== null) && (await tail.hold())
    // It is there, only not to be opened just now: not gone yet.
    if (!isHeld && self !== null) follower.missed = 1
    if (follower.missed >= missedMax) tail.rotate()
  }

  async #findLost(scan: Scan): Promise<void> {
    // One that is still leaving a file would hide that the file is to be followed again.
    if (this.#unsearched.size === 0 || [...this.#followers.values()].some((one) => one.leftAt !== null))
      return
    const inputs = new Set(this.#unsearched)
    this.#unsearched.clear()
    await this.#strays.findLost(scan, inputs)
  }

  /** Follows a rotated file to its end, known by the path it had when it was written. */
  #adopt(relative: Relative, input: string, path: string): void {
    const { stat } = relative
    if (this.isLive(locatorKey(stat))) return
    const sighting = Sighting.at(input, path, stat)
    const now = this.#deps.runtime.clock.monotonic()
    this.#resting.add(sighting.key, sighting, this.#checkpointOf(sighting), now)
    const follower = this.#wake(sighting.key)
    if (follower === null) return
    follower.adopted = true
    follower.tail.drain(stat, relative.path)
  }

  /** The checkpoint of a file that is seen for the first time, begun where there is none; null: the collector is to be asked. */
  #checkpointOf(sighting: Sighting): ReturnType<Joining['known']> {
    const known = this.#joining.known(sighting.stat)
    const isFirstScan = this.#scans === 0
    if (known !== null || (isFirstScan && !this.#deps.isNew)) return known
    this.#isNewKept = true
    return this.#joining.begin(sighting, isFirstScan)
  }

  /** Wakes those in line, as far as there is room. */
  #wakeSome(): void {
    while (this.#waking.size < wakingMax && !this.#stopped) {
      const key = this.#resting.next()
      if (key === null) return
      const follower = this.#wake(key)
      if (follower !== null) this.#waking.add(follower)
    }
  }

  /** The follower of a file, woken where it rests; null while it waits to be read. */
  #awake(key: string): Follower | null {
    const follower = this.#followers.get(key)
    if (follower !== undefined) return follower
    return this.#resting.waitsSince(key) === null ? this.#wake(key) : null
  }

  /** As `KinshipDeps.headOf`. */
  async #headOf(key: string): Promise<Uint8Array | null> {
    const follower = this.#followers.get(key)
    if (follower !== undefined) return await follower.tail.head()
    const file = this.#resting.waitsSince(key) === null ? undefined : this.#resting.files.get(key)
    return file === undefined ? null : await plainHead(this.#deps.runtime.files, file.sighting)
  }

  /** A file at rest has something to do. Null where no input means it any more. */
  #wake(key: string): Follower | null {
    const since = this.#resting.waitsSince(key)
    const file = this.#resting.take(key)
    const input = this.#deps.inputs.get(file?.sighting.input ?? '')
    if (file === null || input === undefined) return null
    const { clock } = this.#deps.runtime
    const follower = this.#joining.follower(file, input)
    const { tail, lag } = follower
    lag.note(tail.size, tail.committed.position, since ?? clock.monotonic())
    this.#followers.set(key, follower)
    this.#restless.add(follower)
    this.#deps.start(follower, () => {
      this.#restless.delete(follower)
      // Another one may have been woken for its file meanwhile.
      if (this.#followers.get(key) === follower) this.#followers.delete(key)
      if (follower.leftAt !== null) this.#left.add(tail.path)
      this.#shipped(follower)
    })
    return follower
  }

  /** All of it is acknowledged and nothing is open: what remains is its sighting and its checkpoint. */
  #rest(follower: Follower): void {
    const { checkpoints } = this.#deps
    const { tail, sighting } = follower
    const known = checkpoints.find(tail.locator)
    const { mtimeMs, size } = tail
    if (known === null) this.#keep(follower)
    // Seen after the acknowledgement: the next run need not look whether something else was written, and misses nothing of it.
    else if (known.mtimeMs !== mtimeMs || known.size !== size) checkpoints.put(known.with({ mtimeMs, size }))
    const key = locatorKey(tail.locator)
    this.#followers.delete(key)
    this.#restless.delete(follower)
    const rested = { size: tail.size, seen: sighting }
    this.#resting.rest(key, { sighting, rested, past: follower.past })
    follower.end()
  }

  /** A follower has done what there was to do, for now: another one may be woken. */
  #shipped(follower: Follower): void {
    if (this.#waking.delete(follower)) this.#wakeSome()
  }

  #keep(follower: Follower, mark = follower.tail.committed): void {
    const { runtime, checkpoints } = this.#deps
    const known = checkpoints.find(follower.tail.locator)
    // An epoch that begins is written down while the one before still counts here: it is not taken back.
    if (known !== null && known.source === follower.tail.source && known.epoch > mark.epoch) return
    const facts = factsOf(follower, runtime.clock.now(), mark)
    checkpoints.put(known?.with(facts) ?? new Checkpoint(facts))
  }

  /** Safe before the first batch of the epoch leaves: a crash must not number two contents alike. */
  async #keepEpoch(follower: Follower, mark: TailMark): Promise<void> {
    this.#keep(follower, mark)
    await this.#deps.checkpoints.save()
  }

  async #tick(follower: Follower): Promise<void> {
    const { tail, lag } = follower
    lag.note(tail.size, tail.committed.position, this.#deps.runtime.clock.monotonic())
    // Should it go while no agent runs, this is how much of it is missing.
    const known = tail.lagBytes > 0 ? this.#deps.checkpoints.find(tail.locator) : null
    if (known !== null && known.size < tail.contentSize) this.#keep(follower)
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
