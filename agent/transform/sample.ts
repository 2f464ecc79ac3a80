// Sampling: which records are kept is decided by a hash, so that the same record is always decided alike.
import { murmur2 } from '../../protocol/murmur2.ts'

const hashes = 2 ** 32

/** A number that stands for a source and its epoch, for `positionHash`. */
export function sourceSeed(source: string, epoch: number): number {
  return murmur2(Buffer.from(`${source} ${epoch}`))
}

/** The hash of a position in a source: 0 .. 2^32 - 1. */
export function positionHash(seed: number, position: number): number {
  return mixed(mixed(seed ^ (position % hashes)) + Math.floor(position / hashes))
}

/** The hash of a value: the same in every source and on every machine. */
export function valueHash(value: string): number {
  return mixed(murmur2(Buffer.from(value)))
}

/** Whether a hash is among the `rate` of all that are kept. */
export function isSampled(hash: number, rate: number): boolean {
  return hash < rate * hashes
}

/** Every bit of the result depends on every bit of the number: the finalizer of MurmurHash3. */
function mixed(number: number): number {
  let hash = number | 0
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
