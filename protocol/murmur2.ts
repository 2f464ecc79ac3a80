// Kafka's default partitioner: murmur2 of the key, so that a key lands where every other Kafka client puts it.

import { assert } from './assert.ts'

/** Murmur2 with Kafka's seed, as a signed 32-bit number (`org.apache.kafka.common.utils.Utils.murmur2`). */
export function murmur2(bytes: Uint8Array): number {
  const length = bytes.length
  let hash = SEED ^ length
  const blocksEnd = length & ~3
  for (let at = 0; at < blocksEnd; at += 4) {
    let block =
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)
    block = Math.imul(block, MULTIPLIER)
    block ^= block >>> SHIFT
    hash = Math.imul(hash, MULTIPLIER) ^ Math.imul(block, MULTIPLIER)
  }
  const rest = length - blocksEnd
  if (rest === 3) hash ^= (bytes[blocksEnd + 2] as number) << 16
  if (rest >= 2) hash ^= (bytes[blocksEnd + 1] as number) << 8
  if (rest >= 1) hash = Math.imul(hash ^ (bytes[blocksEnd] as number), MULTIPLIER)
  hash ^= hash >>> 13
  hash = Math.imul(hash, MULTIPLIER)
  return hash ^ (hash >>> 15)
}

/** The partition of a key, the same that Java's default partitioner chooses. */
export function partitionOf(key: Uint8Array, partitions: number): number {
  assert(Number.isInteger(partitions) && partitions >= 1, 'a topic has at least one partition')
  return (murmur2(key) & 0x7fffffff) % partitions
}

const SEED = 0x9747b28c
const MULTIPLIER = 0x5bd1e995
const SHIFT = 24
