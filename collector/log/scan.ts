// Scanning a segment's bytes for batches: through a window that moves over the file, trusting nothing it reads.
import { isCode } from '../../core/errors.ts'
import type { StorageFile } from '../../core/runtime.ts'
import {
  BATCH_OVERHEAD,
  type BatchHeader,
  type BatchLimits,
  countFits,
  readHeader,
  verifyBatch,
} from '../../protocol/batch-header.ts'

/** What our own disk may hold: wider than anything that is let in. */
export const storedLimits: BatchLimits = {
  batchBytesMax: 256 * 1024 * 1024,
  unpackedBytesMax: 512 * 1024 * 1024,
  recordsMax: 0x7fffffff,
  isCompacted: true,
}

/** A window over the first `end` bytes of a file: one large read serves many small ones. */
export class ReadWindow {
  readonly end: number
  readonly #file: StorageFile
  readonly #bytesMin: number
  #bytes: Uint8Array = new Uint8Array(0)
  #position = 0

  constructor(file: StorageFile, end: number, bytesMin: number) {
    this.#file = file
    this.end = end
    this.#bytesMin = bytesMin
  }

  /** Up to `length` bytes at `position`, fewer only at the end; a view that is good until the next call. */
  async view(position: number, length: number): Promise<Uint8Array> {
    const wanted = Math.max(0, Math.min(length, this.end - position))
    const from = position - this.#position
    if (from < 0 || from + wanted > this.#bytes.length) await this.#fill(position, wanted)
    const at = position - this.#position
    return this.#bytes.subarray(at, at + wanted)
  }

  async #fill(position: number, wanted: number): Promise<void> {
    const size = Math.min(this.end - position, Math.max(wanted, this.#bytesMin))
    const bytes = new Uint8Array(Math.max(0, size))
    const count = await this.#file.read(position, bytes)
    this.#bytes = bytes.subarray(0, count)
    this.#position = position
  }
}

/** The header at `at` when it can be the batch that continues the log at `expected`; null when it is not. */
export function headerAt(bytes: Uint8Array, at: number, expected: number, room: number): BatchHeader | null {
  const header = plausibleHeader(bytes, at, room)
  return header === null || header.baseOffset !== expected ? null : header
}

/** A whole batch at the position that passes all checks (CRC included), or null. */
export async function verifiedAt(window: ReadWindow, position: number): Promise<BatchHeader | null> {
  const head = await window.view(position, BATCH_OVERHEAD)
  const header = plausibleHeader(head, 0, window.end - position)
  if (header === null) return null
  const whole = await window.view(position, header.length)
  try {
    return verifyBatch(whole, 0, storedLimits)
  } catch (error) {
    if (isCode(error, 'BATCH_CORRUPT') || isCode(error, 'BATCH_TOO_LARGE')) return null
    throw error
  }
}

export interface FoundBatch {
  readonly position: number
  readonly header: BatchHeader
}

/** The first whole, verified batch at or after `from` whose offset is at least `offsetMin`; null when there is none. */
export async function findBatch(
  window: ReadWindow,
  from: number,
  offsetMin: number,
): Promise<FoundBatch | null> {
  const stride = 64 * 1024
  for (let start = from; start + BATCH_OVERHEAD <= window.end; start += stride) {
    const candidates = candidatesIn(await window.view(start, stride + BATCH_OVERHEAD), stride)
    for (const at of candidates) {
      const header = await verifiedAt(window, start + at)
      if (header !== null && header.baseOffset >= offsetMin) return { position: start + at, header }
    }
  }
  return null
}

/** Where in the first `count` bytes a header could begin: magic 2 and an offset below 2^53. */
function candidatesIn(bytes: Uint8Array, count: number): readonly number[] {
  const found: number[] = []
  const last = Math.min(count, bytes.length - BATCH_OVERHEAD + 1)
  for (let at = 0; at < last; at += 1) {
    if (bytes[at + 16] === 2 && bytes[at] === 0 && (bytes[at + 1] as number) < 0x20) found.push(at)
  }
  return found
}

function plausibleHeader(bytes: Uint8Array, at: number, room: number): BatchHeader | null {
  try {
    const header = readHeader(bytes, at)
    const fits = header.length <= room && header.length <= storedLimits.batchBytesMax
    return fits && countFits(header, true) ? header : null
  } catch (error) {
    if (isCode(error, 'BATCH_CORRUPT')) return null
    throw error
  }
}
