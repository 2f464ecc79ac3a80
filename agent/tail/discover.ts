// Discover: which files are there now. Remembers what it saw, so that a look where nothing came or went makes nothing anew.
import path from 'node:path'
import { LogdriveError } from '../../core/errors.ts'
import type { FileStat, Files } from '../../core/runtime.ts'
import type { Origin } from '../containers/origin.ts'
import { compileExclude, compileGlob } from './globs.ts'
import { locatorKey } from './identity.ts'
import { isSameListing, type Listing, readListing } from './listing.ts'
import { isChanged, joinPlace, type Sighting } from './sighting.ts'
import {
  type CompiledInput,
  emptyMemory,
  emptyRecall,
  type Memory,
  type Recall,
  statOrError,
  statsMax,
  Walk,
} from './walk.ts'
import type { Changes } from './watching.ts'

export interface DiscoverInput {
  readonly name: string
  readonly paths: readonly string[]
  readonly exclude: readonly string[]
  /** Chooses among the paths that match. */
  readonly origin?: Origin
}

export interface Scan {
  /** One sighting a file, by locator, however many paths and globs lead to it. Changes with the next look. */
  readonly files: ReadonlyMap<string, Sighting>
  /** Paths of directories and files that are there or may be there but could not be looked at, and why. */
  readonly unobservable: ReadonlyMap<string, LogdriveError>
  /** Directories that were looked into. */
  readonly directories: readonly string[]
  /** Paths of files that were there before and are of another size or time now. */
  readonly changed: readonly string[]
  /** No file came, went or moved since the look before. */
  readonly isSame: boolean
}

/** Files that changed, and nothing else did: none came, went or moved. */
export interface Glance {
  readonly files: readonly Sighting[]
  /** These and all the others. */
  readonly all: Scan
}

/** A path and what was seen there. */
type Known = readonly [file: string, before: Sighting | undefined]

/** What was found at paths that were known. */
interface Found {
  /** Files of another size or time, by their keys. */
  readonly files: Map<string, Sighting>
  /** Their paths. */
  readonly changed: string[]
  /** Paths where there is not what was there: another file, none, a first one. */
  readonly strange: Set<string>
}

/** Directories as they were listed now; `null` where that failed. */
interface Relisted {
  readonly listings: ReadonlyMap<string, Listing | null>
  /** Nothing came, went or changed its kind in them. */
  readonly areSame: boolean
}

/** Looks for the files of inputs, and remembers what it saw. A file that two inputs mean belongs to the first. */
export class Discovery {
  readonly #inputs: readonly CompiledInput[]
  readonly #files: Files
  #memory: Memory = emptyMemory()

  constructor(inputs: readonly DiscoverInput[], files: Files) {
    this.#files = files
    this.#inputs = inputs.map((input) => ({
      name: input.name,
      roots: input.paths.map(compileGlob),
      isExcluded: compileExclude(input.exclude),
      origin: input.origin ?? null,
    }))
  }

  /** Lists every directory and looks at every file. */
  async scan(signal: AbortSignal): Promise<Scan> {
    const { listings, absent, isFinal } = this.#memory
    if (!isFinal) return await this.#walk(emptyRecall, [], signal)
    const relisted = await this.#relist([...listings.keys(), ...absent], signal)
    const found = await this.#glance(this.#paths(), signal)
    if (relisted.areSame && found.strange.size === 0) return this.#scanOf(found.changed, true)
    return await this.#walkAgain(relisted.listings, found, signal)
  }

  /**
   * Looks at the files that changes name, at those known by a link, and at all in the directories of `blind`. When more
   * than their content changed it gives a scan that holds what was seen before for all the rest.
   */
  async look(changes: Changes, blind: readonly string[], signal: AbortSignal): Promise<Scan | Glance> {
    const { vacant, linked, seen } = this.#memory
    const fresh = new Map<string, Sighting | undefined>()
    for (const link of linked) fresh.set(link, seen.get(link))
    const relist = new Set(blind)
    for (const [directory, names] of changes.byDirectory) {
      for (const name of names) {
        const file = name === null ? null : joinPlace(directory, name)
        if (file === null) relist.add(directory)
        else if (seen.has(file) || vacant.has(file)) fresh.set(file, seen.get(file))
        else if (this.#isMeant(file)) relist.add(directory)
      }
    }
    for (const directory of blind)
      for (const [name, before] of seen.in(directory)) fresh.set(joinPlace(directory, name), before)
    const found = await this.#glance(fresh, signal)
    if (found.strange.size > 0) for (const directory of changes.byDirectory.keys()) relist.add(directory)
    for (const file of found.strange) relist.add(path.dirname(file))
    const relisted = await this.#relist(relist, signal)
    if (relisted.areSame && found.strange.size === 0)
      return { files: [...found.files.values()], all: this.#scanOf(found.changed, true) }
    return await this.#walkAgain(relisted.listings, found, signal)
  }

  /** Every path that a scan looks at, and what was seen there. */
  *#paths(): Generator<Known> {
    const { seen, vacant, loose } = this.#memory
    for (const [directory, name, before] of seen.entries()) yield [joinPlace(directory, name), before]
    for (const file of vacant) yield [file, undefined]
    for (const link of loose) if (!seen.has(link) && !vacant.has(link)) yield [link, undefined]
  }

  /** What is at the paths now; takes over what is only of another size or time. */
  async #glance(paths: Iterable<Known>, signal: AbortSignal): Promise<Found> {
    const found: Found = { files: new Map(), changed: [], strange: new Set() }
    for (const some of chunks(paths, statsMax)) {
      signal.throwIfAborted()
      const stats = await Promise.all(some.map(([file]) => statOrError(this.#files, file)))
      for (const [index, known] of some.entries()) this.#compare(known, stats[index] ?? null, found)
    }
    return found
  }

  #compare([file, before]: Known, stat: FileStat | LogdriveError | null, found: Found): void {
    const { seen, files, loose, unobservable } = this.#memory
    const isRefused = stat instanceof LogdriveError
    // Not to be looked at, as before.
    if (isRefused && unobservable.has(file)) return
    if (before === undefined) {
      const leadsOn = !isRefused && stat?.kind === 'directory' && loose.has(file)
      const isNew = isRefused || stat?.kind === 'file' || unobservable.has(file)
      if (isNew || leadsOn) found.strange.add(file)
    } else if (isRefused || stat?.kind !== 'file' || locatorKey(stat) !== before.key) {
      found.strange.add(file)
    } else if (isChanged(before, stat)) {
      const now = before.changed(stat)
      const known = files.get(before.key) ?? before
      const first = known.path === file ? now : known.changed(stat)
      seen.replace(file, now)
      files.set(before.key, first)
      found.files.set(before.key, first)
      found.changed.push(file)
    }
  }

  async #relist(directories: Iterable<string>, signal: AbortSignal): Promise<Relisted> {
    const { listings, unobservable } = this.#memory
    const now = new Map<string, Listing | null>()
    let areSame = true
    for (const directory of directories) {
      signal.throwIfAborted()
      const before = listings.get(directory)
      const listing = await readListing(this.#files, directory)
      if (listing instanceof LogdriveError) {
        now.set(directory, null)
        const isAbsent = listing.code === 'NOT_FOUND'
        const isAsBefore = isAbsent
          ? before === undefined
          : unobservable.get(directory)?.code === listing.code
        if (!isAsBefore) areSame = false
      } else if (before !== undefined && !unobservable.has(directory) && isSameListing(before, listing)) {
        now.set(directory, before)
      } else {
        now.set(directory, listing)
        areSame = false
      }
    }
    return { listings: now, areSame }
  }

  /** After a look that found more than other sizes and times: what it saw is not looked at once more. */
  #walkAgain(
    relisted: Relisted['listings'],
    { changed, strange }: Found,
    signal: AbortSignal,
  ): Promise<Scan> {
    const { listings, seen } = this.#memory
    const listing = (directory: string) => {
      const now = relisted.get(directory)
      return now === undefined ? listings.get(directory) : (now ?? undefined)
    }
    const recall = { listing, seen: (file: string) => (strange.has(file) ? undefined : seen.get(file)) }
    return this.#walk(recall, changed, signal)
  }

  /** `changed`: paths of those that are known to be of another size or time already. */
  async #walk(recall: Recall, changed: readonly string[], signal: AbortSignal): Promise<Scan> {
    const before = this.#memory.seen
    const walk = new Walk(this.#files, recall, before)
    for (const input of this.#inputs) for (const root of input.roots) await walk.root(input, root, signal)
    this.#memory = await walk.look()
    const others: string[] = []
    for (const [directory, name, one] of this.#memory.seen.entries()) {
      const known = before.in(directory).get(name)
      if (known !== undefined && known !== one && isChanged(known, one)) others.push(one.path)
    }
    return this.#scanOf([...changed, ...others], false)
  }

  #scanOf(changed: readonly string[], isSame: boolean): Scan {
    const { files, unobservable, listings } = this.#memory
    return { files, unobservable, directories: [...listings.keys()], changed, isSame }
  }

  /** An input means the path, or what may be below it. */
  #isMeant(file: string): boolean {
    return this.#inputs.some(
      ({ roots, isExcluded }) =>
        !isExcluded(file) && roots.some((root) => root.matches(file) || root.leadsOn(file)),
    )
  }
}

/** True when the path, or a directory above it, could not be looked at: it is not known to be gone. */
export function isUnobservable(scan: Scan, file: string): boolean {
  if (scan.unobservable.size === 0) return false
  for (let at = file; ; at = path.dirname(at)) {
    if (scan.unobservable.has(at)) return true
    if (at === path.dirname(at)) return false
  }
}

function* chunks<Item>(items: Iterable<Item>, size: number): Generator<readonly Item[]> {
  let some: Item[] = []
  for (const item of items) {
    some.push(item)
    if (some.length < size) continue
    yield some
    some = []
  }
  if (some.length > 0) yield some
}
