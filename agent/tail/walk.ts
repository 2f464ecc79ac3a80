// Walk: finds the files that globs mean, from directory to directory. What is known already is not looked at again.
import { LogdriveError } from '../../core/errors.ts'
import type { FileStat, Files } from '../../core/runtime.ts'
import type { Origin } from '../containers/origin.ts'
import { ByPath } from './by-path.ts'
import type { GlobRoot } from './globs.ts'
import { locatorKey } from './identity.ts'
import { emptyListing, entriesOf, type Listing, readListing } from './listing.ts'
import { isChanged, joinPlace, type Place, Sighting } from './sighting.ts'

export interface CompiledInput {
  readonly name: string
  readonly roots: readonly GlobRoot[]
  readonly isExcluded: (file: string) => boolean
  readonly origin: Origin | null
}

/** What one walk saw. Of files that change in place later looks replace the sighting. */
export interface Memory {
  readonly listings: ReadonlyMap<string, Listing>
  /** Directories that were to be looked into and are not there. */
  readonly absent: ReadonlySet<string>
  /** Paths that are meant and lead to no regular file. */
  readonly vacant: ReadonlySet<string>
  /** Paths that are links: changes of what they lead to are not hinted where they stand. */
  readonly linked: ReadonlySet<string>
  /** Links that would be followed if they led to a directory. */
  readonly loose: ReadonlySet<string>
  /** Regular files, by path. */
  readonly seen: ByPath<Sighting>
  /** By locator. */
  readonly files: Map<string, Sighting>
  readonly unobservable: ReadonlyMap<string, LogdriveError>
  /** Where the directories and paths are as they were there is nothing new to find. */
  readonly isFinal: boolean
}

/** What a walk need not look at again. */
export interface Recall {
  listing(directory: string): Listing | undefined
  seen(file: string): Sighting | undefined
}

/** Stats in flight. */
export const statsMax = 64

export const emptyRecall: Recall = { listing: () => undefined, seen: () => undefined }

/** Before the first walk. */
export function emptyMemory(): Memory {
  return {
    listings: new Map(),
    absent: new Set(),
    vacant: new Set(),
    linked: new Set(),
    loose: new Set(),
    seen: new ByPath(),
    files: new Map(),
    unobservable: new Map(),
    isFinal: false,
  }
}

/** Deeper trees are not walked: a guard against loops that no inode gives away. */
const depthMax = 32

/** One walk: every directory is listed once, every path looked at once. */
export class Walk {
  readonly #files: Files
  readonly #recall: Recall
  /** What the walk before saw: what is as it was stays the same object. */
  readonly #before: ByPath<Sighting>
  readonly #listings = new Map<string, Listing>()
  readonly #absent = new Set<string>()
  /** The input of each path that is meant. */
  readonly #candidates = new ByPath<string>()
  readonly #linked = new Set<string>()
  readonly #loose = new Set<string>()
  readonly #unobservable = new Map<string, LogdriveError>()
  #isFinal = true

  constructor(files: Files, recall: Recall, before: ByPath<Sighting>) {
    this.#files = files
    this.#recall = recall
    this.#before = before
  }

  async root(input: CompiledInput, root: GlobRoot, signal: AbortSignal): Promise<void> {
    await this.#directory(input, root, root.directory, [], signal)
  }

  async look(): Promise<Memory> {
    const seen = new ByPath<Sighting>()
    const files = new Map<string, Sighting>()
    const vacant = new Set<string>()
    const paths = [...this.#candidates.entries()]
    for (let at = 0; at < paths.length; at += statsMax) {
      const some = paths.slice(at, at + statsMax)
      const sightings = await Promise.all(some.map((candidate) => this.#look(...candidate)))
      for (const [index, [directory, name]] of some.entries()) {
        const one = sightings[index] ?? null
        if (one === null) {
          vacant.add(joinPlace(directory, name))
          continue
        }
        seen.set(directory, name, one)
        if (!files.has(one.key)) files.set(one.key, one)
      }
    }
    return {
      listings: this.#listings,
      absent: this.#absent,
      vacant,
      linked: this.#linked,
      loose: this.#loose,
      seen,
      files,
      unobservable: this.#unobservable,
      isFinal: this.#isFinal,
    }
  }

  async #look(directory: string, name: string, input: string): Promise<Sighting | null> {
    const file = joinPlace(directory, name)
    const known = this.#recall.seen(file)
    if (known?.input === input) return known
    const stat = await this.#stat(file)
    // A FIFO or device is never opened: who opens one may wait for ever.
    if (stat === null || stat.kind !== 'file') return null
    return sightingOf(this.#before.get(file), { directory, name }, input, stat)
  }

  async #directory(
    input: CompiledInput,
    root: GlobRoot,
    directory: string,
    above: readonly string[],
    signal: AbortSignal,
  ): Promise<void> {
    signal.throwIfAborted()
    if (above.length > depthMax) return
    for (const { name, kind } of entriesOf(await this.#list(directory))) {
      const found = joinPlace(directory, name)
      if (kind === 'other' || input.isExcluded(found)) continue
      if (kind !== 'directory' && root.matches(found) && !this.#candidates.has(found)) {
        const isMeant = input.origin === null || (await input.origin.means(found, this.#files))
        if (isMeant) this.#candidates.set(directory, name, input.name)
        // It may be meant as soon as more is known of it.
        else this.#isFinal = false
        if (isMeant && kind === 'link') this.#linked.add(found)
      }
      if (kind === 'file' || !root.leadsOn(found)) continue
      if (kind === 'link') {
        const loop = await this.#followed(found, above)
        if (loop !== null) await this.#directory(input, root, found, [...above, loop], signal)
      } else {
        await this.#directory(input, root, found, [...above, ''], signal)
      }
    }
  }

  /** The identity of the directory a link leads to; null for anything else, and for one already on the way here. */
  async #followed(link: string, above: readonly string[]): Promise<string | null> {
    const stat = await this.#stat(link)
    if (stat === null || stat.kind !== 'directory') {
      this.#loose.add(link)
      return null
    }
    const key = locatorKey(stat)
    return above.includes(key) ? null : key
  }

  async #list(directory: string): Promise<Listing> {
    const known = this.#listings.get(directory) ?? this.#recall.listing(directory)
    const listing = known ?? (await readListing(this.#files, directory))
    if (listing instanceof LogdriveError) {
      if (listing.code === 'NOT_FOUND') {
        this.#absent.add(directory)
        return emptyListing
      }
      this.#unobservable.set(directory, listing)
    }
    const seen = listing instanceof LogdriveError ? emptyListing : listing
    this.#listings.set(directory, seen)
    return seen
  }

  /** Null when nothing is there. Listed but gone is a rename or deletion under way: the next scan knows more. */
  async #stat(file: string): Promise<FileStat | null> {
    const stat = await statOrError(this.#files, file)
    if (!(stat instanceof LogdriveError)) return stat
    if (stat.code !== 'NOT_FOUND') this.#unobservable.set(file, stat)
    return null
  }
}

/** The facts of what is at a path, null where nothing is, or why they are not to be had. */
export async function statOrError(files: Files, file: string): Promise<FileStat | LogdriveError | null> {
  try {
    return await files.stat(file)
  } catch (error) {
    if (error instanceof LogdriveError) return error
    throw error
  }
}

/** A file as it is seen now: the same object as before where nothing is new. */
function sightingOf(before: Sighting | undefined, place: Place, input: string, stat: FileStat): Sighting {
  const now = new Sighting(input, place, locatorKey(stat), stat)
  return before?.key === now.key && before.input === input && !isChanged(before, now) ? before : now
}
