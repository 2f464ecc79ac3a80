// The folder where installed Kafka clients are kept, and steps that are done once: a step that was cut off is done anew.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const root = join(import.meta.dirname, '../..')

/** Where everything is installed: `LOGDRIVE_INTEROP_CACHE`, else a folder below node_modules (which `npm ci` empties). */
export const cache = resolve(
  process.env.LOGDRIVE_INTEROP_CACHE ?? join(root, 'node_modules/.cache/logdrive-interop'),
)

/** Tells what is being done, with the seconds since the program began. */
export function progress(text: string): void {
  console.log(`${(performance.now() / 1000).toFixed(0).padStart(5)} s  ${text}`)
}

/**
 * A folder of the cache, made by `make` when it is not there in this `version`. `make` works in a folder aside that is
 * renamed when it has finished, so that a folder under its name is always whole.
 */
export async function cachedFolder(
  name: string,
  version: string,
  make: (folder: string) => Promise<void>,
): Promise<string> {
  const folder = join(cache, name)
  const stamp = join(folder, '.version')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === version) return folder
  progress(`${name}: installing`)
  const aside = `${folder}.${process.pid}.part`
  rmSync(aside, { recursive: true, force: true })
  mkdirSync(aside, { recursive: true })
  await make(aside)
  writeFileSync(join(aside, '.version'), version)
  rmSync(folder, { recursive: true, force: true })
  renameSync(aside, folder)
  progress(`${name}: installed`)
  return folder
}
