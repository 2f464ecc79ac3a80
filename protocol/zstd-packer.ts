// ZstdPacker: one zstd context for many small packs. A context of its own for each costs more than the packing itself.
//
// Node makes a stream object and a native context for every zstdCompressSync, five times the work of packing 12 KiB, and
// its memory counts towards full garbage collections (measured: one a second at 900 packs a second). A context is ready
// for the next frame as soon as one has ended (zstd manual, ZSTD_compressStream2), so ours stays. Its handle is no public
// part of node: should a later node hide it, `pack` says so by null, and the caller takes the slow way.
import { constants, createZstdCompress } from 'node:zlib'
import { roomFor } from './room.ts'

interface Handle {
  writeSync(
    flush: number,
    from: Uint8Array,
    fromAt: number,
    fromLength: number,
    to: Uint8Array,
    toAt: number,
    toLength: number,
  ): void
}

/** What is left after a write: room in the output, bytes of the input. */
type WriteState = Uint32Array

export class ZstdPacker {
  readonly #bytesMax: number
  readonly #params: Readonly<Record<number, number>>
  #opened: { readonly handle: Handle; readonly state: WriteState } | null = null
  #failed = false
  #target: Buffer = Buffer.alloc(0)

  /** For inputs of up to `bytesMax`, which bounds what is kept in memory. */
  constructor(bytesMax: number, params: Readonly<Record<number, number>>) {
    this.#bytesMax = bytesMax
    this.#params = params
  }

  /** The bytes as one frame, the caller's own; null when they have to be packed in another way. */
  pack(bytes: Uint8Array): Uint8Array | null {
    if (bytes.length > this.#bytesMax || this.#failed) return null
    this.#opened ??= openHandle(this.#params)
    const size = this.#opened === null ? null : this.#write(this.#opened, bytes)
    if (size !== null) return Buffer.from(this.#target.subarray(0, size))
    this.#failed = true
    this.#opened = null
    return null
  }

  #write({ handle, state }: { handle: Handle; state: WriteState }, bytes: Uint8Array): number | null {
    const target = roomFor(frameBytesMax(bytes.length), this.#target)
    this.#target = target
    // After an error they stay as they are here.
    state.fill(0xffffffff)
    handle.writeSync(constants.ZSTD_e_end, bytes, 0, bytes.length, target, 0, target.length)
    const [roomLeft = 0, bytesLeft] = state
    return bytesLeft === 0 && roomLeft > 0 && roomLeft < target.length ? target.length - roomLeft : null
  }
}

/** More than ZSTD_compressBound, so that a frame always ends within one write. */
function frameBytesMax(size: number): number {
  return size + (size >> 8) + 1024
}

function openHandle(
  params: Readonly<Record<number, number>>,
): { readonly handle: Handle; readonly state: WriteState } | null {
  const stream: object = createZstdCompress({ params })
  if (!('_handle' in stream) || !('_writeState' in stream)) return null
  const { _handle: handle, _writeState: state } = stream
  if (typeof handle !== 'object' || handle === null || !('writeSync' in handle)) return null
  if (!(state instanceof Uint32Array) || state.length !== 2) return null
  // The stream owns the native context: it goes when nobody has its handle any more.
  return { handle: handle as Handle, state }
}
