// Makes a folder and those above it that are missing. Node's own way never ends where a parent is there that takes no folder.
import fs from 'node:fs'
import path from 'node:path'
import { systemCode } from '../core/errors.ts'

/** Returns the folders that were not there, the outermost first. Throws node's errors, as for one folder alone. */
export async function makeFolders(folder: string): Promise<readonly string[]> {
  const missing: string[] = []
  for (let at = path.resolve(folder); !(await isThere(at)); at = path.dirname(at)) missing.unshift(at)
  for (const one of missing) {
    await fs.promises.mkdir(one, { mode: 0o750 }).catch(async (error: unknown) => {
      // Somebody else was faster.
      if (systemCode(error) !== 'EEXIST' || !(await isThere(one))) throw error
    })
  }
  return missing
}

/** True for a folder, false for nothing; anything else is in the way. */
async function isThere(at: string): Promise<boolean> {
  try {
    // With a separator at its end a path means a folder, or what leads to one.
    await fs.promises.stat(`${at}${path.sep}`)
    return true
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false
    throw error
  }
}
