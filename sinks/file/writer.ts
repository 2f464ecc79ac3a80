// One file in the making: written under a hidden name, synced, renamed, its directory synced.
import type { Storage, StorageFile } from '../../core/runtime.ts'
import { compress } from '../../protocol/compression.ts'

export type FileCompression = 'none' | 'gzip' | 'zstd'

/** Rows are packed and written in pieces of about this many bytes; each piece is a gzip member or zstd frame. */
const pieceBytes = 1024 * 1024

/** Rows on their way into one file. Whoever opened it calls `finish`; an unfinished one is overwritten next time. */
export class RowFile {
  readonly #storage: Storage
  readonly #folder: string
  readonly #name: string
  readonly #compression: FileCompression
  readonly #file: StorageFile
  #position = 0
  #rows: string[] = []
  #rowBytes = 0

  private constructor(
    storage: Storage,
    folder: string,
    name: string,
    compression: FileCompression,
    file: StorageFile,
  ) {
    this.#storage = storage
    this.#folder = folder
    this.#name = name
    this.#compression = compression
    this.#file = file
  }

  /** Starts a file anew, also over what a crash left of it. */
  static async start(
    storage: Storage,
    folder: string,
    name: string,
    compression: FileCompression,
  ): Promise<RowFile> {
    const file = await storage.open(hidden(folder, name), 'write')
    if (file.size > 0) await file.truncate(0)
    return new RowFile(storage, folder, name, compression, file)
  }

  async append(row: string): Promise<void> {
    this.#rows.push(row)
    this.#rowBytes += row.length + 1
    if (this.#rowBytes >= pieceBytes) await this.#writePiece()
  }

  /** Makes the file whole, durable and visible under its name, in this order. */
  async finish(): Promise<void> {
    await this.#writePiece()
    await this.#file.sync()
    await this.#file[Symbol.asyncDispose]()
    await this.#storage.rename(hidden(this.#folder, this.#name), `${this.#folder}/${this.#name}`)
    await this.#storage.syncDirectory(this.#folder)
  }

  async #writePiece(): Promise<void> {
    if (this.#rows.length === 0) return
    const plain = Buffer.from(`${this.#rows.join('\n')}\n`)
    this.#rows = []
    this.#rowBytes = 0
    const piece = this.#compression === 'none' ? plain : compress(this.#compression, plain)
    await this.#file.write(this.#position, [piece])
    this.#position += piece.length
  }

  /** Lets go of the file without making it visible. */
  async abandon(): Promise<void> {
    await this.#file[Symbol.asyncDispose]()
  }
}

function hidden(folder: string, name: string): string {
  return `${folder}/.${name}.part`
}
