// Quarantine: a copy of a damaged segment for somebody to look at; the original stays where it is.
import type { Storage } from '../../core/runtime.ts'
import type { Gap } from './recovery.ts'
import { copyRange } from './segment-files.ts'

/** Copies the segment's `.log` into `quarantine/`, once per gap; false when that copy exists already. */
export async function quarantineSegment(
  storage: Storage,
  directory: string,
  segmentPath: string,
  gap: Gap,
): Promise<boolean> {
  const folder = `${directory}/quarantine`
  const name = `${segmentPath.slice(segmentPath.lastIndexOf('/') + 1)}.gap-${gap.fromOffset}.log`
  if ((await storage.list(folder)).includes(name)) {
    // A kill right behind its rename left the name in the cache alone.
    await storage.syncDirectory(folder)
    return false
  }
  await storage.makeDirectory(folder)
  await copy(storage, `${segmentPath}.log`, `${folder}/${name}.tmp`)
  await storage.rename(`${folder}/${name}.tmp`, `${folder}/${name}`)
  await storage.syncDirectory(folder)
  return true
}

async function copy(storage: Storage, from: string, to: string): Promise<void> {
  await using source = await storage.open(from, 'read')
  await using target = await storage.open(to, 'write')
  await target.truncate(0)
  await copyRange(source, target, 0, source.size)
  await target.sync()
}
