// Hints that something changed in a directory: the only file that knows chokidar.
import path from 'node:path'
import type { Hint, Logger, Watch } from '../core/runtime.ts'

/**
 * Watches the directories themselves, not what is below. One hint a name and burst; the callback runs on a later tick.
 * Where the kernel refuses watches there are no hints, one warning, and the caller's scan finds things. A queue of the
 * kernel that runs over is silent.
 */
export async function watchDirectories(
  directories: readonly string[],
  hint: Hint,
  logger: Logger,
): Promise<Watch> {
  const blind = new Set<string>()
  if (directories.length === 0) return { blind, async [Symbol.asyncDispose]() {} }
  const { watch } = await import('chokidar')
  const asked = new Map(directories.map((directory) => [path.resolve(directory), directory]))
  /** Names that changed, by directory. */
  const pending = new Map<string, Set<string | null>>()
  let warned = false
  let done = false

  // atomic would merge unlink + add into one change and so hide rotations. What is inside is ignored: chokidar would
  // look at every file and hold back changes that follow each other closely; `raw` tells of them all the same.
  const watcher = watch([...asked.keys()], {
    atomic: false,
    awaitWriteFinish: false,
    depth: 0,
    ignored: (each) => !asked.has(path.resolve(each)),
    ignoreInitial: true,
    ignorePermissionErrors: true,
  })
  const tell = (changed: string, name: string | null) => {
    const directory = asked.get(path.resolve(changed))
    if (directory === undefined || done) return
    const names = pending.get(directory)
    if (names !== undefined) return void names.add(name)
    pending.set(directory, new Set([name]))
    setImmediate(() => {
      const burst = pending.get(directory) ?? []
      pending.delete(directory)
      for (const each of burst) if (!done) hint(directory, each)
    })
  }
  watcher.on('raw', (_event, name, details) => {
    if (typeof details !== 'object' || details === null || !('watchedPath' in details)) return
    tell(String(details.watchedPath), typeof name === 'string' && name !== '' ? name : null)
  })
  // The directory itself came or went.
  watcher.on('all', (_event, changed) => tell(changed, null))
  watcher.on('error', (error) => {
    const refused = asked.get(path.resolve(pathOf(error)))
    for (const each of refused === undefined ? directories : [refused]) blind.add(each)
    if (warned || done) return
    warned = true
    logger.warn({ err: error }, 'no change hints for some directories; files are found by scanning')
  })
  await new Promise<void>((resolve) => {
    watcher.on('ready', resolve)
    watcher.on('error', () => resolve())
  })
  return {
    blind,
    async [Symbol.asyncDispose]() {
      done = true
      await watcher.close()
    },
  }
}

/** The path that an error of the file system is about; empty where it does not say. */
function pathOf(error: unknown): string {
  if (!(error instanceof Error)) return ''
  const { path: named, filename } = error as { path?: unknown; filename?: unknown }
  return typeof named === 'string' ? named : typeof filename === 'string' ? filename : ''
}
