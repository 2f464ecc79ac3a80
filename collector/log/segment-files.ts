// The small reads and writes of a segment: chunks of batches, and its index files.
import { isCode } from '../../core/errors.ts'
import type { Storage, StorageFile } from '../../core/runtime.ts'
import { nextOffsetOf } from '../../protocol/batch-header.ts'
import { headerAt } from './scan.ts'
import { readWhole } from './state-file.ts'

const indexBytesMax = 64 * 1024 * 1024
const copiedBytes = 1024 * 1024

/** The whole batches at the start of the chunk that continue at `expected`, and the bytes the first one wants. */
export function takeWhole(chunk: Uint8Array, expected: number, endOffset: number, room: number) {
  let end = 0
  let nextOffset = expected
  let wanted = 0
  while (nextOffset < endOffset) {
    const header = headerAt(chunk, end, nextOffset, room - end)
    if (header === null) break
    wanted = header.length
    if (end + header.length > chunk.length) break
    end += header.length
    nextOffset = nextOffsetOf(header)
  }
  return { end, nextOffset, wanted }
}

/** Where the bytes of a read go: a buffer of exactly this length, its content arbitrary. */
export type Allocate = (length: number) => Uint8Array

/** A buffer of its own, not zeroed: it is filled at once, and what is not filled is cut off. */
export const allocateFresh: Allocate = (length) => Buffer.allocUnsafeSlow(length)

/** Up to `length` bytes at the position, fewer only at the end of the file. */
export async function readChunk(
  file: StorageFile,
  position: number,
  length: number,
  allocate: Allocate = allocateFresh,
): Promise<Uint8Array> {
  const bytes = allocate(Math.max(0, length))
  const count = await file.read(position, bytes)
  return bytes.subarray(0, count)
}

/** Copies the bytes of a range to the same positions of another file, or of the same one: they are written anew then. Not synced. */
export async function copyRange(
  source: StorageFile,
  target: StorageFile,
  from: number,
  to: number,
): Promise<void> {
  for (let position = from; position < to; position += copiedBytes) {
    await target.write(position, [await readChunk(source, position, Math.min(copiedBytes, to - position))])
  }
}

/** The bytes of a file that is only a hint: null when it is missing or absurdly large. */
export async function readHint(storage: Storage, path: string): Promise<Uint8Array | null> {
  try {
    return await readWhole(storage, path, indexBytesMax)
  } catch (error) {
    if (isCode(error, 'STATE_CORRUPT')) return null
    throw error
  }
}

/** Overwrites a file that is only a hint: nothing is synced. */
export async function replaceFile(storage: Storage, path: string, bytes: Uint8Array): Promise<void> {
  await using file = await storage.open(path, 'write')
  await file.truncate(0)
  if (bytes.length > 0) await file.write(0, [bytes])
}
