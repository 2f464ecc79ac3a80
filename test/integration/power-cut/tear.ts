// Torn tails: what a disk may leave behind the last synced byte of a segment when the power goes in the middle of a write.
import { appendFileSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { SeededRandom } from '../../sim/random.ts'

/** Puts garbage behind the last segment of every partition below the folder; gives how many were torn. */
export function tearTails(folder: string, random: SeededRandom): number {
  const last = new Map<string, string>()
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  for (const name of names.filter((one) => /(^|\/)\d{20}\.log$/.test(one)).sort()) {
    last.set(dirname(name), join(folder, name))
  }
  let torn = 0
  for (const path of last.values()) {
    if (random.chance(0.3)) continue
    appendFileSync(path, garbage(readFileSync(path), random))
    torn += 1
  }
  return torn
}

/** Zeroes, noise, or the first part of a batch as it was never finished. */
function garbage(segment: Buffer, random: SeededRandom): Uint8Array {
  const kind = random.pick(['zeroes', 'noise', 'batch'] as const)
  const length = 1 + random.below(5000)
  if (kind === 'batch' && segment.length > 61) {
    const batchLength = segment.readInt32BE(8) + 12
    return segment.subarray(0, 1 + random.below(Math.min(batchLength, segment.length) - 1))
  }
  if (kind === 'noise') return Uint8Array.from({ length }, () => random.below(256))
  return new Uint8Array(length)
}
