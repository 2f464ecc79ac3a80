// Discover: which files are there now. Walks the directories of the globs and says what it saw and what it could not see.
import path from 'node:path'
import { LogdriveError } from '../../core/errors.ts'
import type { DirectoryEntry, FileStat, Files } from '../../core/runtime.ts'
import type { Origin } from '../containers/origin.ts'
import { compileExclude, compileGlob, type GlobRoot } from './globs.ts'
import { locatorKey } from './identity.ts'
import type { Changes } from './watching.ts'

export interface DiscoverInput {
  readonly name: string
  readonly paths: readonly string[]
  readonly exclude: readonly string[]
  /** Chooses among the paths that match. */
  readonly origin?: Origin
}

/** A file of an input, seen under one path. */
export interface Sighting {
  readonly input: string
  readonly path: string
  readonly stat: FileStat
}

export interface Scan {
  /** One sighting a file, by locator, however many paths and globs lead to it. */
  readonly files: ReadonlyMap<string, Sighting>
  /** Paths of directories and files that are there or may be there but could not be looked at, and why. */
  readonly unobservable: ReadonlyMap<string, LogdriveError>
  /** Directories that were looked into. */
  readonly directories: readonly string[]
  /** Paths of files that were there before and are of another size or time now. */
  readonly changed: readonly string[]
}

/** Files that changed, and nothing else did: none came, went or moved. */
export interface Glance {
  readonly files: readonly Sighting[]
}

interface CompiledInput {
  readonly name: string
  readonly roots: readonly GlobRoot[]
  readonly isExcluded: (file: string) => boolean
  readonly origin: Origin | null
}

/** A sighting with its locator as a map key. */
interface Seen {
  readonly sighting: Sighting
  readonly key: string
}

/** Deeper trees are not walked: a guard against loops that no inode gives away. */
const depthMax = 32
/** Stats in flight. */
const statsMax = 64

/** Looks for the files of inputs, and remembers what it saw. A file that two inputs mean belongs to the first. */
export class Discovery {
  readonly #inputs: readonly CompiledInput[]
  readonly #files: Files
  #memory: Memory = emptyMemory

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
  scan(signal: AbortSignal): Promise<Scan> {
    return this.#walk(emptyRecall, signal)
  }

  /**
   * Looks at the files that changes name, at those known by a link, and at all in the directories of `blind`. When more
   * than their content changed it gives a scan that holds what was seen before for all the rest.
   */
  async look(changes: Changes, blind: readonly string[], signal: AbortSignal): Promise<Scan | Glance> {
    const { vacant, linked, seen } = this.#memory
    const fresh = new Set(linked)
    const relist = new Set(blind)
    for (const [directory, names] of changes.byDirectory) {
      for (const name of names) {
        const file = name === null ? null : join(directory, name)
        if (file === null) relist.add(directory)
        else if (seen.has(file) || vacant.has(file)) fresh.add(file)
        else if (this.#isMeant(file)) relist.add(directory)
      }
    }
    if (relist.size === 0) {
      const files = await this.#glance(fresh, signal)
      if (files !== null) return { files }
      for (const directory of changes.byDirectory.keys()) relist.add(directory)
    }
    const stale = new Set(blind)
    return this.#walk(
      {
        listing: (directory) => (relist.has(directory) ? undefined : this.#memory.listings.get(directory)),
        seen: (file) => (fresh.has(file) || stale.has(path.dirname(file)) ? undefined : seen.get(file)),
      },
      signal,
    )
  }

  /** What is at the paths now; null when one of them is not the file that it was. */
  async #glance(paths: ReadonlySet<string>, signal: AbortSignal): Promise<readonly Sighting[] | null> {
    const { seen, files } = this.#memory
    const found = new Map<string, Sighting>()
    for (const file of paths) {
      signal.throwIfAborted()
      const before = seen.get(file)
      const stat = await statOrError(this.#files, file)
      if (stat instanceof LogdriveError || (stat === null && before === undefined)) continue
      if (stat?.kind !== 'file' && before === undefined) continue
      if (stat === null || before === undefined || locatorKey(stat) !== before.key) return null
      if (!isChanged(before.sighting.stat, stat)) continue
      const known = files.get(before.key) ?? before.sighting
      const sighting = { ...before.sighting, stat }
      seen.set(file, { key: before.key, sighting })
      found.set(before.key, known.path === file ? sighting : { ...known, stat })
    }
    return [...found.values()]
  }

  async #walk(recall: Recall, signal: AbortSignal): Promise<Scan> {
    const before = this.#memory
    const walk = new Walk(this.#files, recall, before.seen)
    for (const input of this.#inputs) for (const root of input.roots) await walk.root(input, root, signal)
    this.#memory = await walk.look()
    const { files, unobservable, seen, listings } = this.#memory
    const changed: string[] = []
    for (const [file, one] of seen) {
      const known = before.seen.get(file) ?? one
      if (known !== one && isChanged(known.sighting.stat, one.sighting.stat)) changed.push(file)
    }
    return { files, unobservable, directories: [...listings.keys()], changed }
  }

  /** An input means the path, or what may be below it. */
  #isMeant(file: string): boolean {
    return this.#inputs.some(
      ({ roots, isExcluded }) =>
        !isExcluded(file) && roots.some((root) => root.matches(file) || root.leadsOn(file)),
    )
  }
}

/** What one walk saw. */
interface Memory {
  readonly listings: ReadonlyMap<string, readonly DirectoryEntry[]>
  /** Paths that are meant and lead to no regular file. */
  readonly vacant: ReadonlySet<string>
  /** Paths that are links: changes of what they lead to are not hinted where they stand. */
  readonly linked: ReadonlySet<string>
  /** Regular files, by path. */
  readonly seen: Map<string, Seen>
  readonly files: ReadonlyMap<string, Sighting>
  readonly unobservable: ReadonlyMap<string, LogdriveError>
}

/** What a walk need not look at again. */
interface Recall {
  listing(directory: string): readonly DirectoryEntry[] | undefined
  seen(file: string): Seen | undefined
}

const emptyRecall: Recall = { listing: () => undefined, seen: () => undefined }
const emptyMemory: Memory = {
  listings: new Map(),
  vacant: new Set(),
  linked: new Set(),
  seen: new Map(),
  files: new Map(),
  unobservable: new Map(),
}

/** One scan: every directory is listed once, every path looked at once. */
class Walk {
  readonly #files: Files
  readonly #recall: Recall
  /** What the walk before saw: what is as it was stays the same object, so that a scan of files at rest leaves nothing behind. */
  readonly #before: ReadonlyMap<string, Seen>
  readonly #listings = new Map<string, readonly DirectoryEntry[]>()
  /** The input of each path that is meant. */
  readonly #candidates = new Map<string, string>()
  readonly #linked = new Set<string>()
  readonly #unobservable = new Map<string, LogdriveError>()

  constructor(files: Files, recall: Recall, before: ReadonlyMap<string, Seen>) {
    this.#files = files
    this.#recall = recall
    this.#before = before
  }

  async root(input: CompiledInput, root: GlobRoot, signal: AbortSignal): Promise<void> {
    await this.#directory(input, root, root.directory, [], signal)
  }

  async look(): Promise<Memory> {
    const seen = new Map<string, Seen>()
    const files = new Map<string, Sighting>()
    const vacant = new Set<string>()
    const paths = [...this.#candidates]
    for (let at = 0; at < paths.length; at += statsMax) {
      const some = paths.slice(at, at + statsMax)
      const known = some.map(([file]) => this.#recall.seen(file))
      const stats = await Promise.all(
        some.map(([file], index) => known[index]?.sighting.stat ?? this.#stat(file)),
      )
      for (const [index, [file, input]] of some.entries()) {
        const stat = stats[index]
        // A FIFO or device is never opened: who opens one may wait for ever.
        if (stat === null || stat === undefined || stat.kind !== 'file') {
          vacant.add(file)
          continue
        }
        const one = known[index] ?? seenOf(this.#before.get(file), { input, path: file, stat })
        seen.set(one.sighting.path, one)
        if (!files.has(one.key)) files.set(one.key, one.sighting)
      }
    }
    return {
      listings: this.#listings,
      vacant,
      linked: this.#linked,
      seen,
      files,
      unobservable: this.#unobservable,
    }
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
    for (const entry of await this.#list(directory)) {
      const found = join(directory, entry.name)
      if (entry.kind === 'other' || input.isExcluded(found)) continue
      if (entry.kind !== 'directory' && root.matches(found) && !this.#candidates.has(found)) {
        const isMeant = input.origin === null || (await input.origin.means(found, this.#files))
        if (isMeant) this.#candidates.set(found, input.name)
        if (isMeant && entry.kind === 'link') this.#linked.add(found)
      }
      if (entry.kind === 'file' || !root.leadsOn(found)) continue
      if (entry.kind === 'link') {
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
    if (stat === null || stat.kind !== 'directory') return null
    const key = locatorKey(stat)
    return above.includes(key) ? null : key
  }

  async #list(directory: string): Promise<readonly DirectoryEntry[]> {
    const known = this.#listings.get(directory) ?? this.#recall.listing(directory)
    if (known !== undefined) {
      this.#listings.set(directory, known)
      return known
    }
    let entries: readonly DirectoryEntry[] = []
    try {
      // Sorted, and links last: a file is known by its real name rather than by a link to it.
      entries = [...(await this.#files.list(directory))].sort(byKindAndName)
    } catch (error) {
      if (!(error instanceof LogdriveError)) throw error
      if (error.code !== 'NOT_FOUND') this.#unobservable.set(directory, error)
      else return entries
    }
    this.#listings.set(directory, entries)
    return entries
  }

  /** Null when nothing is there. Listed but gone is a rename or deletion under way: the next scan knows more. */
  async #stat(file: string): Promise<FileStat | null> {
    const stat = await statOrError(this.#files, file)
    if (!(stat instanceof LogdriveError)) return stat
    if (stat.code !== 'NOT_FOUND') this.#unobservable.set(file, stat)
    return null
  }
}

async function statOrError(files: Files, file: string): Promise<FileStat | LogdriveError | null> {
  try {
    return await files.stat(file)
  } catch (error) {
    if (error instanceof LogdriveError) return error
    throw error
  }
}

/** A file as it is seen now: the same object as before where nothing is new. */
function seenOf(before: Seen | undefined, sighting: Sighting): Seen {
  const { input, stat } = sighting
  const known = before?.sighting
  if (before === undefined || known === undefined || !isSame(known.stat, stat))
    return { key: locatorKey(stat), sighting }
  if (known.input === input && !isChanged(known.stat, stat)) return before
  return { key: before.key, sighting: { input, path: known.path, stat } }
}

function isSame(a: FileStat, b: FileStat): boolean {
  return a.ino === b.ino && a.birthtimeNs === b.birthtimeNs && a.dev === b.dev
}

/** Its content is another now, as far as a stat tells. */
export function isChanged(before: FileStat, now: FileStat): boolean {
  return before.size !== now.size || before.mtimeMs !== now.mtimeMs
}

/** True when the path, or a directory above it, could not be looked at: it is not known to be gone. */
export function isUnobservable(scan: Scan, file: string): boolean {
  if (scan.unobservable.size === 0) return false
  for (let at = file; ; at = path.dirname(at)) {
    if (scan.unobservable.has(at)) return true
    if (at === path.dirname(at)) return false
  }
}

function byKindAndName(a: DirectoryEntry, b: DirectoryEntry): number {
  const links = Number(a.kind === 'link') - Number(b.kind === 'link')
  return links !== 0 ? links : a.name < b.name ? -1 : 1
}

function join(directory: string, name: string): string {
  return directory === '.' ? name : directory === '/' ? `/${name}` : `${directory}/${name}`
}
