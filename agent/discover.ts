// Discover: which files are there now. Walks the directories of the globs and says what it saw and what it could not see.
import path from 'node:path'
import { LogdriveError } from '../core/errors.ts'
import type { DirectoryEntry, FileStat, Files } from '../core/runtime.ts'
import { compileExclude, compileGlob, type GlobRoot } from './globs.ts'
import { locatorKey } from './identity.ts'

export interface DiscoverInput {
  readonly name: string
  readonly paths: readonly string[]
  readonly exclude: readonly string[]
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
}

interface CompiledInput {
  readonly name: string
  readonly roots: readonly GlobRoot[]
  readonly isExcluded: (file: string) => boolean
}

/** Deeper trees are not walked: a guard against loops that no inode gives away. */
const depthMax = 32
/** Stats in flight. */
const statsMax = 64

/** Compiles inputs to a scan that can be repeated. A file that two inputs mean belongs to the first. */
export function discoverer(
  inputs: readonly DiscoverInput[],
  files: Files,
): (signal: AbortSignal) => Promise<Scan> {
  const compiled = inputs.map((input) => ({
    name: input.name,
    roots: input.paths.map(compileGlob),
    isExcluded: compileExclude(input.exclude),
  }))
  return async (signal) => {
    const walk = new Walk(files)
    for (const input of compiled) for (const root of input.roots) await walk.root(input, root, signal)
    return walk.done()
  }
}

/** One scan: every directory is listed once, every path looked at once. */
class Walk {
  readonly #files: Files
  readonly #listings = new Map<string, readonly DirectoryEntry[]>()
  readonly #candidates = new Map<string, string>()
  readonly #unobservable = new Map<string, LogdriveError>()

  constructor(files: Files) {
    this.#files = files
  }

  async root(input: CompiledInput, root: GlobRoot, signal: AbortSignal): Promise<void> {
    await this.#directory(input, root, root.directory, [], signal)
  }

  async done(): Promise<Scan> {
    const found = new Map<string, Sighting>()
    const paths = [...this.#candidates]
    for (let at = 0; at < paths.length; at += statsMax) {
      const some = paths.slice(at, at + statsMax)
      const stats = await Promise.all(some.map(([file]) => this.#stat(file)))
      for (const [index, [file, input]] of some.entries()) {
        const stat = stats[index]
        // A FIFO or device is never opened: who opens one may wait for ever.
        if (stat === null || stat === undefined || stat.kind !== 'file') continue
        const key = locatorKey(stat)
        if (!found.has(key)) found.set(key, { input, path: file, stat })
      }
    }
    return { files: found, unobservable: this.#unobservable, directories: [...this.#listings.keys()] }
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
        this.#candidates.set(found, input.name)
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
    const known = this.#listings.get(directory)
    if (known !== undefined) return known
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
    try {
      return await this.#files.stat(file)
    } catch (error) {
      if (!(error instanceof LogdriveError)) throw error
      if (error.code !== 'NOT_FOUND') this.#unobservable.set(file, error)
      return null
    }
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

function byKindAndName(a: DirectoryEntry, b: DirectoryEntry): number {
  const links = Number(a.kind === 'link') - Number(b.kind === 'link')
  return links !== 0 ? links : a.name < b.name ? -1 : 1
}

function join(directory: string, name: string): string {
  return directory === '.' ? name : directory === '/' ? `/${name}` : `${directory}/${name}`
}
