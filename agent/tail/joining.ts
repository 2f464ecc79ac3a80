// Joining: makes the follower of a file that was seen: where it begins, what bounds it, and whom it tells what.
import type { FileStat, Logger, Runtime } from '../../core/runtime.ts'
import { plainFraming } from '../lines/framing.ts'
import type { AgentLimits, FileInput } from '../options.ts'
import { type Parsing, parsedBatchBytesMax } from '../parsing.ts'
import type { Quarantine } from '../ship/quarantine.ts'
import { Shipper, type Zstd } from '../ship/shipper.ts'
import type { Uplink } from '../ship/uplink.ts'
import { Checkpoint } from '../state/checkpoint.ts'
import type { Checkpoints } from '../state/checkpoints.ts'
import type { Losses } from '../state/losses.ts'
import { Follower } from './follower.ts'
import { compareLocators, emptyPrint, type Locator, sourceOf } from './identity.ts'
import type { Handles } from './open-file.ts'
import type { PackedFile } from './packed-file.ts'
import type { RestingFile } from './resting.ts'
import type { Sighting } from './sighting.ts'
import { storedTo } from './stored.ts'
import { Tail } from './tail.ts'
import type { Claim, TailLimits, TailMark } from './tail-options.ts'
import type { Slabs } from './turns.ts'

/** What all followers of an agent share. */
export interface JoiningDeps {
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
}

/** What followers tell and ask. */
export interface FollowerEvents {
  /** As `TailDeps.claim`. */
  claim(follower: Follower, file: PackedFile): Promise<Claim>
  /** As `TailDeps.keepEpoch`. */
  keepEpoch(follower: Follower, mark: TailMark): Promise<void>
  /** An acknowledgement moved the position, or the end of the file was cut off. */
  moved(follower: Follower): void
  /** As `FollowerDeps.shipped`. */
  shipped(follower: Follower): void
  /** Something began that needs ticks until it is asleep again. */
  stirred(follower: Follower): void
  /** The file was read to its end, or no way leads to the rest of it. */
  ended(follower: Follower): void
}

export class Joining {
  readonly #deps: JoiningDeps
  readonly #events: FollowerEvents
  readonly #loggers = new Map<string, Logger>()
  /** Files of an earlier run that were not seen yet: their locators by what survives a change of device numbers. */
  readonly #earlier: Map<string, Locator>

  constructor(deps: JoiningDeps, events: FollowerEvents) {
    this.#deps = deps
    this.#events = events
    this.#earlier = new Map(deps.checkpoints.all.map(({ locator }) => [inodeKey(locator), locator]))
  }

  /** The checkpoint of a file, found again under another device number too; null for one that nothing is known of. */
  known(locator: Locator): Checkpoint | null {
    const { checkpoints } = this.#deps
    const key = inodeKey(locator)
    const earlier = this.#earlier.get(key)
    const checkpoint = checkpoints.find(locator) ?? this.#moved(earlier, locator)
    if (checkpoint !== null) this.#earlier.delete(key)
    if (checkpoint === null || checkpoint.missing === 0) return checkpoint
    // It was gone and is back: moved here again, or on a disk that is mounted again.
    const back = checkpoint.with({ missing: 0 })
    checkpoints.put(back)
    return back
  }

  /**
   * Decides where a new file is begun, and keeps that: it is decided once, and a file that is rotated while no agent runs is
   * only looked for when it is known.
   */
  begin({ input: name, path, stat, key, place }: Sighting, isFirstScan: boolean): Checkpoint {
    const { agentId, checkpoints, inputs, runtime } = this.#deps
    const locator: Locator = { dev: stat.dev, ino: stat.ino, birthtimeNs: stat.birthtimeNs }
    const start = this.#startOf(stat, inputs.get(name), isFirstScan)
    const facts = { source: sourceOf(agentId, locator), locator, path, input: name }
    const updatedAt = Math.round(runtime.clock.now())
    const { size, mtimeMs } = stat
    const said = { ...facts, ...start, kept: 0, size, missing: 0, mtimeMs, updatedAt }
    const checkpoint = new Checkpoint(said, key, place)
    checkpoints.put(checkpoint)
    return checkpoint
  }

  /** The follower of a file, not yet running. Without a checkpoint it asks the collector where to begin. */
  follower({ sighting, rested, past }: RestingFile, input: FileInput): Follower {
    const { checkpoints, runtime, agentId, parsings, uplink, host, zstd, limits, quarantine } = this.#deps
    const { path, stat } = sighting
    const { topic, origin } = input
    const locator = { dev: stat.dev, ino: stat.ino, birthtimeNs: stat.birthtimeNs }
    const checkpoint = checkpoints.find(locator)
    const source = checkpoint?.source ?? sourceOf(agentId, locator)
    const start = checkpoint?.mark ?? this.#startOf(stat, input, true)
    const kept = { epoch: start.epoch, to: checkpoint?.kept ?? 0 }
    const parsing = parsings.get(input.name) ?? null
    const facts = origin === undefined ? null : () => origin.factsOf(path, runtime.files)
    const logger = this.#loggerOf(input.name)
    const events = this.#events
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
        rested,
      },
      {
        files: runtime.files,
        slabs: this.#deps.slabs,
        handles: this.#deps.handles,
        clock: runtime.clock,
        logger,
        losses: this.#deps.losses,
        stored: (epoch) => storedTo({ uplink, clock: runtime.clock }, source, topic, epoch),
        cut: () => events.moved(follower),
        keepEpoch: (mark) => events.keepEpoch(follower, mark),
        claim: (file) => events.claim(follower, file),
        stirred: () => events.stirred(follower),
        ended: () => events.ended(follower),
      },
    )
    const { retryMsMin, retryMsMax } = limits
    const follower: Follower = new Follower(
      { input: input.name, topic, retryMsMin, retryMsMax, ask: checkpoint === null, past, sighting },
      tail,
      new Shipper({ topic, source, host, kept, zstd, parsing, facts }, uplink),
      {
        runtime,
        logger,
        uplink,
        quarantine,
        acknowledged: (done) => events.moved(done),
        asked: (done) => events.keepEpoch(done, done.tail.committed),
        shipped: (done) => events.shipped(done),
      },
    )
    tail.observe(stat, path)
    return follower
  }

  /** The checkpoint of a file whose device number changed; it is kept under the new one from now on. */
  #moved(earlier: Locator | undefined, locator: Locator): Checkpoint | null {
    if (earlier === undefined || compareLocators(earlier, locator) !== 'moved') return null
    const { checkpoints } = this.#deps
    const known = checkpoints.find(earlier)
    if (known === null) return null
    checkpoints.remove(earlier)
    const checkpoint = known.with({ locator })
    checkpoints.put(checkpoint)
    return checkpoint
  }

  /**
   * `start: end` is for what was there before the agent's very first scan; any later file is read whole, but for one that
   * is too old.
   */
  #startOf({ size, mtimeMs }: FileStat, input: FileInput | undefined, isFirstScan: boolean): TailMark {
    const wasThere = input?.start === 'end' && isFirstScan && this.#deps.isNew
    const ageMs = this.#deps.runtime.clock.now() - mtimeMs
    const isLeftOut = wasThere || ageMs > (input?.ignoreOlderMs ?? Number.POSITIVE_INFINITY)
    return { epoch: 0, position: isLeftOut ? size : 0, head: emptyPrint, guard: emptyPrint }
  }

  #loggerOf(input: string): Logger {
    const logger = this.#loggers.get(input) ?? this.#deps.runtime.logger.child({ input })
    this.#loggers.set(input, logger)
    return logger
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
