// Checkpoint: what is kept of one file between two runs. There is one for each file that was ever seen: as small as it can be.
import { type Locator, locatorKey, locatorOf } from '../tail/identity.ts'
import { joinPlace, type Place } from '../tail/sighting.ts'
import type { TailMark } from '../tail/tail-options.ts'

/** What a checkpoint says. */
export interface CheckpointFacts extends TailMark {
  readonly source: string
  readonly locator: Locator
  /** The path it was last seen under. */
  readonly path: string
  readonly input: string
  /** What the collector has, when it is less than `position`: the lines between were set aside. */
  readonly kept: number
  /** How long the file was when it was seen last, in bytes; `position` in files of older agents. */
  readonly size: number
  /** The file is gone: so many bytes of it nobody has read and the collector does not have. 0 while it is there. */
  readonly missing: number
  /** The file's modification time as it was seen last; null in files of older agents. */
  readonly mtimeMs: number | null
  /** Wall-clock ms of the last change. */
  readonly updatedAt: number
}

/** Locator, path and prints are made when they are asked for: texts and big integers of 20,000 files would be megabytes. */
export class Checkpoint {
  /** The key of its locator. */
  readonly key: string
  readonly source: string
  readonly input: string
  readonly epoch: number
  readonly position: number
  readonly kept: number
  readonly size: number
  readonly missing: number
  readonly mtimeMs: number | null
  readonly updatedAt: number
  readonly #directory: string
  readonly #name: string
  readonly #headLength: number
  readonly #headHash: string
  readonly #guardLength: number
  readonly #guardHash: string

  /** `key` and `place`: those of the facts, where somebody keeps their texts already. */
  constructor(facts: CheckpointFacts, key = locatorKey(facts.locator), place = placeOf(facts.path)) {
    this.key = key
    this.source = facts.source
    this.input = facts.input
    this.epoch = facts.epoch
    this.position = facts.position
    this.kept = facts.kept
    this.size = facts.size
    this.missing = facts.missing
    this.mtimeMs = facts.mtimeMs
    this.updatedAt = facts.updatedAt
    this.#directory = place.directory
    this.#name = place.name
    this.#headLength = facts.head.length
    this.#headHash = facts.head.hash
    this.#guardLength = facts.guard.length
    this.#guardHash = facts.guard.hash
  }

  get locator(): Locator {
    return locatorOf(this.key)
  }

  get path(): string {
    return joinPlace(this.#directory, this.#name)
  }

  /** Where the tail stood. A checkpoint itself is none: it has its prints in parts, and a copy by spreading would lack them. */
  get mark(): TailMark {
    const head = { length: this.#headLength, hash: this.#headHash }
    const guard = { length: this.#guardLength, hash: this.#guardHash }
    return { epoch: this.epoch, position: this.position, head, guard }
  }

  get facts(): CheckpointFacts {
    const { source, path, input, mark, kept, size, missing, mtimeMs, updatedAt, locator } = this
    return { source, path, input, ...mark, kept, size, missing, mtimeMs, updatedAt, locator }
  }

  /** Another one with these facts changed. */
  with(changes: Partial<CheckpointFacts>): Checkpoint {
    const key = changes.locator === undefined ? this.key : locatorKey(changes.locator)
    const isThere = changes.path === undefined || changes.path === this.path
    const place = { directory: this.#directory, name: this.#name }
    const facts = { ...this.facts, ...changes }
    // The text that is there already, not its twin.
    return new Checkpoint(facts, key === this.key ? this.key : key, isThere ? place : placeOf(facts.path))
  }
}

/** A path cut before its last name; whole where it would not be put together as it was. */
function placeOf(path: string): Place {
  const slash = path.lastIndexOf('/')
  const place = { directory: path.slice(0, slash) || '/', name: path.slice(slash + 1) }
  return joinPlace(place.directory, place.name) === path ? place : { directory: '.', name: path }
}
