// Swapping: a rewritten segment takes the place of the ones it was made from; a crash may come between any two steps.
//
//  1. `<base>.cleaned.tmp` is written and synced
//  2. it is renamed to `<base>-<end>.swap`, the directory synced: from here on it counts
//  3. the checkpoint knows the new segment
//  4. the old segments' files are removed but for the first `.log`, the directory synced
//  5. the swap is renamed to `<base>.log`, the directory synced
//
// A start that finds a swap goes on at step 4 and reads the new segment from end to end; it removes what is left of 1.
import { strict as assert } from 'node:assert'
import type { Storage } from '../../core/runtime.ts'
import { segmentBaseOf, segmentName } from './segment.ts'
import { segmentEndings } from './segment-indexes.ts'

const asideEnding = '.cleaned.tmp'

/** The file that is written in step 1. */
export function asidePath(directory: string, baseOffset: number): string {
  return `${directory}/${segmentName(baseOffset)}${asideEnding}`
}

/** A swap and the offsets that it holds: [baseOffset, endOffset). */
export interface Swap {
  readonly baseOffset: number
  readonly endOffset: number
}

/** Step 2. */
export async function beginSwap(storage: Storage, directory: string, swap: Swap): Promise<void> {
  await storage.rename(asidePath(directory, swap.baseOffset), swapPath(directory, swap))
  await storage.syncDirectory(directory)
}

/** Takes step 2 back: the old segments stay. */
export async function abandonSwap(storage: Storage, directory: string, swap: Swap): Promise<void> {
  await storage.remove(swapPath(directory, swap))
  await storage.syncDirectory(directory)
}

/** Steps 4 and 5. `bases` are the segments that are there. */
export async function finishSwap(
  storage: Storage,
  directory: string,
  swap: Swap,
  bases: readonly number[],
): Promise<void> {
  assert(swap.endOffset > swap.baseOffset, 'a swap holds offsets')
  for (const base of bases) {
    if (base < swap.baseOffset || base >= swap.endOffset) continue
    for (const ending of segmentEndings) {
      // The first `.log` is replaced by the rename: one of the two is there at any time.
      if (ending === 'log' && base === swap.baseOffset) continue
      await storage.remove(`${directory}/${segmentName(base)}.${ending}`)
    }
  }
  await storage.syncDirectory(directory)
  await storage.rename(swapPath(directory, swap), `${directory}/${segmentName(swap.baseOffset)}.log`)
  await storage.syncDirectory(directory)
}

/** Finishes what a crash interrupted, `names` being all that is there; gives back the bases of the segments that are new. */
export async function recoverSwaps(
  storage: Storage,
  directory: string,
  names: readonly string[],
): Promise<ReadonlySet<number>> {
  for (const name of names) if (name.endsWith(asideEnding)) await storage.remove(`${directory}/${name}`)
  const bases = names.map(segmentBaseOf).filter((base) => base !== null)
  const swapped = new Set<number>()
  for (const name of names) {
    const swap = swapOf(name)
    if (swap === null) continue
    await finishSwap(storage, directory, swap, bases)
    swapped.add(swap.baseOffset)
  }
  return swapped
}

function swapPath(directory: string, { baseOffset, endOffset }: Swap): string {
  return `${directory}/${segmentName(baseOffset)}-${segmentName(endOffset)}.swap`
}

function swapOf(name: string): Swap | null {
  const match = /^([0-9]{20})-([0-9]{20})\.swap$/.exec(name)
  if (match === null) return null
  const [baseOffset, endOffset] = [Number(match[1]), Number(match[2])]
  return Number.isSafeInteger(endOffset) && endOffset > baseOffset ? { baseOffset, endOffset } : null
}
