// Unpacking: a gzip or zstd stream piece by piece, as a file is read that is not whole yet; its memory is bounded.
import { constants, createGunzip, createZstdDecompress } from 'node:zlib'
import { LogdriveError } from '../core/errors.ts'

export type PackedKind = 'gzip' | 'zstd'

/** Of so many bytes at the beginning of a file the kind is known for sure. */
export const kindBytes = 4

const pieceBytes = 64 * 1024
/** What a zstd stream may ask for to look back: 8 MiB, as level 19 does. More is refused as damage. */
const windowLogMax = 23

/** How bytes are packed, by how they begin (RFC 1952, RFC 8878); null for plain ones, and for too few. */
export function packedKind(bytes: Uint8Array): PackedKind | null {
  const [a, b, c, d] = bytes
  if (a === 0x1f && b === 0x8b && c === 8) return 'gzip'
  return a === 0x28 && b === 0xb5 && c === 0x2f && d === 0xfd ? 'zstd' : null
}

/** Unpacks one stream; members and frames behind one another are one stream. */
export class Unpacker {
  readonly #stream: ReturnType<typeof createGunzip> | ReturnType<typeof createZstdDecompress>
  #working = false
  #wake: (() => void) | null = null
  #failure: Error | null = null

  constructor(kind: PackedKind) {
    this.#stream =
      kind === 'gzip'
        ? createGunzip({ chunkSize: pieceBytes })
        : createZstdDecompress({
            chunkSize: pieceBytes,
            params: { [constants.ZSTD_d_windowLogMax]: windowLogMax },
          })
    const wake = () => this.#wake?.()
    this.#stream.on('readable', wake)
    this.#stream.on('end', () => {
      // Behind the last member is something else, such as padding: not ours.
      this.#failure ??= new LogdriveError('BATCH_CORRUPT', 'the stream has ended')
      wake()
    })
    this.#stream.on('error', (error) => {
      this.#failure ??= new LogdriveError('BATCH_CORRUPT', 'the packed bytes are damaged', { cause: error })
      wake()
    })
  }

  /** Takes packed bytes, which stay as they are until `next` gave null. */
  give(bytes: Uint8Array): void {
    this.#working = true
    this.#stream.write(bytes, () => {
      this.#working = false
      this.#wake?.()
    })
  }

  /** The next unpacked bytes; null when more packed ones are needed. Throws BATCH_CORRUPT at damage, and behind the end. */
  async next(): Promise<Uint8Array | null> {
    for (;;) {
      const piece: Uint8Array | null = this.#stream.read()
      if (piece !== null) return piece
      if (this.#failure !== null) throw this.#failure
      if (!this.#working) return null
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      this.#wake = null
    }
  }

  /** No more bytes will come: whether the last member is whole. Call when `next` gave null; nothing may be asked after. */
  async finish(): Promise<boolean> {
    if (this.#failure !== null) return false
    this.#stream.end()
    for (;;) {
      // Asking is what lets a stream come to its end.
      if (this.#stream.read() !== null) return false
      if (this.#failure !== null) return this.#stream.readableEnded
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      this.#wake = null
    }
  }

  [Symbol.dispose](): void {
    this.#stream.destroy()
  }
}
