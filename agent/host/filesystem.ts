// Room and inodes of mounted file systems: /proc/self/mounts, and the file systems themselves.
import type { FileSystemSpace } from '../../core/runtime.ts'
import type { Chosen } from './chosen.ts'
import { type Attributes, gauge, type Point, ratio } from './point.ts'
import { fieldsOf } from './texts.ts'

/** A mounted file system. */
export interface Mount {
  readonly device: string
  readonly mountpoint: string
  readonly type: string
  readonly mode: 'ro' | 'rw'
}

/**
 * The mounts of lines `device mountpoint type options 0 0`. A device that is mounted several times (bind mounts, one for
 * each container) counts once, under the first of its mount points that is chosen.
 */
export function parseMounts(text: string, isPathChosen: Chosen, isTypeChosen: Chosen): readonly Mount[] {
  const mounts = new Map<string, Mount>()
  for (const [device = '', path = '', type = '', options = ''] of fieldsOf(text)) {
    const mountpoint = unescaped(path)
    // Only a path names a device; `tmpfs` and the like are names of many.
    const key = device.startsWith('/') ? device : `${device} ${path}`
    if (mounts.has(key) || !isTypeChosen(type) || !isPathChosen(mountpoint)) continue
    const mode = options.split(',').includes('ro') ? 'ro' : 'rw'
    mounts.set(key, { device: unescaped(device), mountpoint, type, mode })
  }
  return [...mounts.values()]
}

/** The states add up to the limit: `reserved` is what only root may still use. */
export function filesystemPoints(mount: Mount, space: FileSystemSpace): readonly Point[] {
  const { sizeBytes, freeBytes, availableBytes, inodes, inodesFree } = space
  // Pseudo file systems have no size; there is nothing to tell.
  if (sizeBytes <= 0) return []
  const where = {
    'system.device': mount.device,
    'system.filesystem.mountpoint': mount.mountpoint,
    'system.filesystem.type': mount.type,
    'system.filesystem.mode': mount.mode,
  }
  const used = Math.max(0, sizeBytes - freeBytes)
  const bytes = { used, free: availableBytes, reserved: Math.max(0, freeBytes - availableBytes) }
  return [
    gauge('system.filesystem.limit', 'By', sizeBytes, where),
    ...states('system.filesystem.usage', 'By', bytes, where),
    // As df tells it: of what a user may fill.
    gauge('system.filesystem.utilization', '1', ratio(used, used + availableBytes), where),
    ...states(
      'system.filesystem.inodes.usage',
      '{inode}',
      inodes > 0 ? { used: Math.max(0, inodes - inodesFree), free: inodesFree } : {},
      where,
    ),
  ]
}

function states(
  metric: string,
  unit: string,
  values: Readonly<Record<string, number>>,
  where: Attributes,
): readonly Point[] {
  return Object.entries(values).map(([state, value]) =>
    gauge(metric, unit, value, { ...where, 'system.filesystem.state': state }),
  )
}

/** Blanks, tabs, newlines and backslashes stand there as octal numbers: `\040`. */
function unescaped(path: string): string {
  return path.replace(/\\([0-3][0-7]{2})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  )
}
