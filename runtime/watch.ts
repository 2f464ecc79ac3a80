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

  // atomic would merge unlink + add into one change and so hide rotations.
  const watcher = watch([...asked.keys()], {
    atomic: false,
    awaitWriteFinish: false,
    depth: 0,
    ignoreInitial: true,
    ignorePermissionErrors: true,
  })
  const tell = (changed: string) => {
    const directory = asked.get(path.dirname(changed)) ?? asked.get(changed)
    if (directory === undefined || done || pending.has(directory)) return
    pending.add(directory)
    setImmediate(() => {
      pending.delete(directory)
      if (!done) hint(directory)
    })
  }
  watcher.on('all', (_event, changed) => tell(path.resolve(changed)))
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
