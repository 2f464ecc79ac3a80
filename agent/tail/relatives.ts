// Relatives: rotated files that no glob names any more, found again beside the path they had.
import path from 'node:path'
import { LogdriveError } from '../../core/errors.ts'
import type { FileStat, Files } from '../../core/runtime.ts'
import { compareLocators, type Locator } from './identity.ts'

/** A file found beside a path. */
export interface Relative {
  readonly path: string
  readonly stat: FileStat
}

/** What logrotate and its like add to a name: .1, -20261121, .2026-11-21.3; never .gz. */
const rotatedSuffix = /^[.-]\d[\d.T_-]*$/
/** Files looked at in one directory. */
const lookedAtMax = 10_000

/** The file itself under its new name, and files that had its path after it and were rotated away before any scan saw them. */
interface Relatives {
  readonly self: Relative | null
  /** Named as rotated files are, and born after it. */
  readonly later: readonly Relative[]
}

/**
 * Looks beside many paths, once: at each directory for `all`, at the names of rotated files of each path for `later`. So
 * 100,000 dead files of one folder cost one look, and so do 500 rotated files that wait for the collector.
 */
export class Neighbourhood {
  readonly #files: Files
  readonly #folders = new Map<string, Promise<Folder>>()

  constructor(files: Files) {
    this.#files = files
  }

  async find(known: string, locator: Locator, wanted: 'all' | 'later' = 'all'): Promise<Relatives> {
    const directory = path.dirname(known)
    const base = path.basename(known)
    const isWanted = (name: string) => wanted === 'all' || basesOf(name).includes(base)
    // No path of a file is one of a directory too.
    const key = wanted === 'all' ? directory : known
    const looked = this.#folders.get(key) ?? lookAt(this.#files, directory, isWanted)
    this.#folders.set(key, looked)
    return relativesIn(await looked, base, locator)
  }
}

/** The files of a directory as they were found. */
interface Folder {
  readonly byInode: ReadonlyMap<bigint, readonly Relative[]>
  /** Those named as rotated files are, by the name that they may have had. */
  readonly byBase: ReadonlyMap<string, readonly Relative[]>
}

async function lookAt(files: Files, directory: string, isWanted: (name: string) => boolean): Promise<Folder> {
  const byInode = new Map<bigint, Relative[]>()
  const byBase = new Map<string, Relative[]>()
  for (const name of await namesIn(files, directory)) {
    if (!isWanted(name)) continue
    const found = path.join(directory, name)
    const stat = await statOrNull(files, found)
    if (stat === null || stat.kind !== 'file') continue
    const relative = { path: found, stat }
    push(byInode, stat.ino, relative)
    for (const base of basesOf(name)) push(byBase, base, relative)
  }
  return { byInode, byBase }
}

function relativesIn({ byInode, byBase }: Folder, base: string, locator: Locator): Relatives {
  // Its device may have got another number since it was known.
  const isSelf = ({ stat }: Relative) => ['same', 'moved'].includes(compareLocators(locator, stat))
  const self = byInode.get(locator.ino)?.findLast(isSelf)
  const later = (byBase.get(base) ?? []).filter((each) => {
    const isLater = locator.birthtimeNs !== 0n && each.stat.birthtimeNs > locator.birthtimeNs
    return isLater && !isSelf(each)
  })
  return { self: self ?? null, later }
}

/** The names that a rotated file may have had: `app-2.1` was `app-2` or `app`. */
function basesOf(name: string): readonly string[] {
  const bases: string[] = []
  for (const { index } of name.matchAll(/[.-]\d/g))
    if (index > 0 && rotatedSuffix.test(name.slice(index))) bases.push(name.slice(0, index))
  return bases
}

/** The path that a file had when it was written, by how rotated and compressed ones are named. */
export function logPath(path: string): string {
  return path.replace(/\.(?:gz|zst)$/, '').replace(/[.-]\d[\d.T_-]*$/, '')
}

function push<Key>(map: Map<Key, Relative[]>, key: Key, relative: Relative): void {
  const list = map.get(key)
  if (list === undefined) map.set(key, [relative])
  else list.push(relative)
}

async function namesIn(files: Files, directory: string): Promise<readonly string[]> {
  try {
    const entries = await files.list(directory)
    return entries
      .filter((entry) => entry.kind === 'file')
      .slice(0, lookedAtMax)
      .map((entry) => entry.name)
  } catch (error) {
    if (error instanceof LogdriveError) return []
    throw error
  }
}

async function statOrNull(files: Files, file: string): Promise<FileStat | null> {
  try {
    return await files.stat(file)
  } catch (error) {
    if (error instanceof LogdriveError) return null
    throw error
  }
}
