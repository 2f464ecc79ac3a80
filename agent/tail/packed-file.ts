// PackedFile: a compressed file read as if it were the plain one. Positions are those of the unpacked bytes.
import { LogdriveError } from '../../core/errors.ts'
import type { FileStat, ReadableFile } from '../../core/runtime.ts'
import { kindBytes, type PackedKind, packedKind, Unpacker } from '../../protocol/unpacking.ts'
import { headBytesMax } from './identity.ts'

/** Packed bytes read at a time. */
const packedBytes = 64 * 1024
/** Compressed files that are unpacked at a time: each needs half a MiB, and up to 8 MiB where zstd asks for it. */
export const packedOpenMax = 8
/** A batch of a compressed file: it is kept, because the next one begins inside. */
export const packedBatchBytesMax = 256 * 1024

/** How an open file is packed; null for a plain one. */
export async function packedKindOf(file: ReadableFile): Promise<PackedKind | null> {
  const bytes = new Uint8Array(kindBytes)
  return packedKind(bytes.subarray(0, await file.read(0, bytes)))
}

/**
 * Reads forward, and back within the last read and the head; any other way back begins at the start again. At the end of
 * what is there now it goes on when the file has grown. Owns the file.
 */
export class PackedFile implements ReadableFile {
  readonly #file: ReadableFile
  readonly #kind: PackedKind
  readonly #damaged: (error: Error) => void
  #unpacker: Unpacker
  /** Packed bytes given to the unpacker. */
  #taken = 0
  /** Unpacked bytes that were not asked for yet, and their position. */
  #piece: Uint8Array = new Uint8Array(0)
  #at = 0
  readonly #head = new Uint8Array(headBytesMax)
  #headLength = 0
  /** What was read last. */
  #window: Uint8Array = new Uint8Array(0)
  #windowAt = 0
  #isDamaged = false
  #reading: Promise<unknown> = Promise.resolve()

  /** `damaged` is told once what keeps the rest from being read. */
  constructor(file: ReadableFile, kind: PackedKind, damaged: (error: Error) => void) {
    this.#file = file
    this.#kind = kind
    this.#damaged = damaged
    this.#unpacker = new Unpacker(kind)
  }

  /** Of the packed file. */
  stat(): Promise<FileStat> {
    return this.#file.stat()
  }

  read(position: number, target: Uint8Array): Promise<number> {
    return this.#alone(() => this.#read(position, target))
  }

  /** Its unpacked content ends at `position`, and none of it is missing or damaged. Reads it all; the next read begins anew. */
  isWhole(position: number): Promise<boolean> {
    return this.#alone(async () => {
      if ((await this.#read(position, new Uint8Array(1))) > 0) return false
      const { size } = await this.#file.stat()
      if (this.#isDamaged || this.#at !== position || this.#taken !== size) return false
      const isWhole = await this.#unpacker.finish()
      this.#restart()
      return isWhole
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reading
    this.#unpacker[Symbol.dispose]()
    await this.#file[Symbol.asyncDispose]()
  }

  /** There is one unpacker: one after the other. */
  #alone<R>(work: () => Promise<R>): Promise<R> {
    const done = this.#reading.then(work)
    this.#reading = done.catch(() => undefined)
    return done
  }

  async #read(position: number, target: Uint8Array): Promise<number> {
    if (position + target.length <= this.#headLength) {
      target.set(this.#head.subarray(position, position + target.length))
      return target.length
    }
    let filled = this.#copyWindow(position, target)
    if (position + filled < this.#at) {
      this.#restart()
      filled = 0
    }
    while (filled < target.length) {
      if (this.#piece.length === 0 && !(await this.#more())) break
      const skip = Math.min(this.#piece.length, Math.max(0, position + filled - this.#at))
      const count = Math.min(this.#piece.length - skip, target.length - filled)
      if (this.#at + skip === position + filled) {
        target.set(this.#piece.subarray(skip, skip + count), filled)
        filled += count
        this.#forward(skip + count)
      } else this.#forward(skip)
    }
    // A Buffer's own slice would be a view of the caller's slab, which others write into next.
    this.#window = new Uint8Array(target.subarray(0, filled))
    this.#windowAt = position
    return filled
  }

  /** Copies what the last read holds of the range, from its beginning on. */
  #copyWindow(position: number, target: Uint8Array): number {
    const from = position - this.#windowAt
    if (from < 0 || from >= this.#window.length) return 0
    const known = this.#window.subarray(from, from + target.length)
    target.set(known)
    return known.length
  }

  #forward(count: number): void {
    if (this.#at === this.#headLength && this.#headLength < headBytesMax) {
      const part = this.#piece.subarray(0, Math.min(count, headBytesMax - this.#headLength))
      this.#head.set(part, this.#headLength)
      this.#headLength += part.length
    }
    this.#at += count
    this.#piece = this.#piece.subarray(count)
  }

  /** Unpacks some more; false at the end of what is there. */
  async #more(): Promise<boolean> {
    if (this.#isDamaged) return false
    try {
      for (;;) {
        const piece = await this.#unpacker.next()
        if (piece !== null) {
          this.#piece = piece
          return true
        }
        // The unpacker keeps it until it asks for more.
        const packed = new Uint8Array(packedBytes)
        const count = await this.#file.read(this.#taken, packed)
        if (count === 0) return false
        this.#taken += count
        this.#unpacker.give(packed.subarray(0, count))
      }
    } catch (error) {
      if (!(error instanceof LogdriveError) || error.code !== 'BATCH_CORRUPT') throw error
      this.#isDamaged = true
      this.#damaged(error)
      return false
    }
  }

  #restart(): void {
    this.#unpacker[Symbol.dispose]()
    this.#unpacker = new Unpacker(this.#kind)
    this.#taken = 0
    this.#piece = new Uint8Array(0)
    this.#at = 0
    this.#isDamaged = false
  }
}
