// Relatives: rotated files that no glob names any more, found again beside the path they had.
import path from 'node:path'
import { LogdriveError } from '../core/errors.ts'
import type { FileStat, Files } from '../core/runtime.ts'
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

/**
 * The file itself under its new name (`self`), and files that had its path after it and were rotated away before any
 * scan saw them (`later`: named as rotated files are, and born after it). Only for `all` are other names looked at.
 */
export async function findRelatives(
  files: Files,
  known: string,
  locator: Locator,
  wanted: 'all' | 'later',
): Promise<{ readonly self: Relative | null; readonly later: readonly Relative[] }> {
  const directory = path.dirname(known)
  const base = path.basename(known)
  let self: Relative | null = null
  const later: Relative[] = []
  for (const name of await namesIn(files, directory)) {
    if (wanted === 'later' && !(name.startsWith(base) && rotatedSuffix.test(name.slice(base.length))))
      continue
    const found = path.join(directory, name)
    const stat = await statOrNull(files, found)
    if (stat === null || stat.kind !== 'file') continue
    const relation = compareLocators(locator, stat)
    if (relation === 'same') self = { path: found, stat }
    else if (relation !== 'moved' && name !== base && name.startsWith(base)) {
      const isLater = locator.birthtimeNs !== 0n && stat.birthtimeNs > locator.birthtimeNs
      if (isLater && rotatedSuffix.test(name.slice(base.length))) later.push({ path: found, stat })
    }
  }
  return { self, later }
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
