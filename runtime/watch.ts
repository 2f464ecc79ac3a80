// Hints that something changed in a directory: the only file that knows chokidar.
import path from 'node:path'
import type { Logger } from '../core/runtime.ts'

/**
 * Watches the directories themselves, not what is below. One hint a directory and burst; the callback runs on a
 * later tick. Where the kernel refuses watches there are no hints, one warning, and the caller's scan finds things.
 */
export async function watchDirectories(
  directories: readonly string[],
  hint: (directory: string) => void,
  logger: Logger,
): Promise<AsyncDisposable> {
  if (directories.length === 0) return { async [Symbol.asyncDispose]() {} }
  const { watch } = await import('chokidar')
  const asked = new Map(directories.map((directory) => [path.resolve(directory), directory]))
  const pending = new Set<string>()
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
  const tell = (changed: string) => {
    const directory = asked.get(path.resolve(changed))
    if (directory === undefined || done || pending.has(directory)) return
    pending.add(directory)
    setImmediate(() => {
      pending.delete(directory)
      if (!done) hint(directory)
    })
  }
  watcher.on('raw', (_event, _name, details) => {
    if (typeof details !== 'object' || details === null || !('watchedPath' in details)) return
    tell(String(details.watchedPath))
  })
  // The directory itself came or went.
  watcher.on('all', (_event, changed) => tell(changed))
  watcher.on('error', (error) => {
    if (warned || done) return
    warned = true
    logger.warn({ err: error }, 'no change hints for some directories; files are found by scanning')
  })
  await new Promise<void>((resolve) => {
    watcher.on('ready', resolve)
    watcher.on('error', () => resolve())
  })
  return {
    async [Symbol.asyncDispose]() {
      done = true
      await watcher.close()
    },
  }
}
