// CRC-32C (Castagnoli), the checksum of a RecordBatch: native where it loads, plain JavaScript elsewhere.

import { createRequire } from 'node:module'

type Checksum = (bytes: Uint8Array, seed: number) => number

const require = createRequire(import.meta.url)

/**
 * The CRC-32C of the bytes as an unsigned 32-bit number (`123456789` gives 0xe3069283). `seed` is the CRC of the bytes
 * before these, so a long stream can be summed in parts. Call it once a batch, never once a record.
 */
export function crc32c(bytes: Uint8Array, seed = 0): number {
  return checksum(bytes, seed)
}

/** The fallback for platforms without the native module: the same answers at about a fifth of the speed. */
export function crc32cPortable(bytes: Uint8Array, seed = 0): number {
  portable ??= loadPortable()
  return portable(bytes, seed)
}

/** Which of the two `crc32c` uses in this process; `logdrive doctor` says so. */
export type Crc32cSource = 'native' | 'portable'

let portable: Checksum | null = null
const native = loadNative()
const checksum: Checksum = native ?? crc32cPortable

/** What `crc32c` runs on here. */
export const crc32cSource: Crc32cSource = native === null ? 'portable' : 'native'

function loadNative(): Checksum | null {
  try {
    const module: { crc32c: (bytes: Uint8Array, seed?: number) => number } = require('@node-rs/crc32')
    // A binary for the wrong CPU can load and still be wrong: believe it only after it passed the check value.
    if (module.crc32c(new TextEncoder().encode('123456789'), 0) !== 0xe3069283) return null
    return module.crc32c
  } catch {
    // No binary for this platform (or none installed): the portable one does the same work.
    return null
  }
}

function loadPortable(): Checksum {
  const module: { buf: (bytes: Uint8Array, seed?: number) => number } = require('crc-32/crc32c.js')
  return (bytes, seed) => module.buf(bytes, seed) >>> 0
}
