// SharedFile: one descriptor for everybody who is in a segment; opened when needed, given back when nobody is.
import { strict as assert } from 'node:assert'
import type { Storage, StorageFile } from '../../core/runtime.ts'

/** The segment was removed or replaced before a reader got hold of it: look for the one that is there now. */
export class SegmentGone extends Error {}

export class SharedFile {
  readonly #storage: Storage
  readonly #path: string
  readonly #onClose: () => void
  #file: StorageFile | null
  #opening: Promise<StorageFile> | null = null
  #users = 0
  #isRetired = false
  #isReleasing = false

  /** `onClose` is told when the descriptor went: what is known of the bytes need not be kept any longer. */
  constructor(storage: Storage, path: string, opened: StorageFile | null, onClose: () => void) {
    this.#storage = storage
    this.#path = path
    this.#file = opened
    this.#onClose = onClose
  }

  /** The open file, for those who know that it is: the segment that is written. */
  get opened(): StorageFile {
    assert(this.#file !== null, 'only the open active segment is written')
    return this.#file
  }

  /** Opens the file for writing too; nobody is in it. */
  async openToWrite(): Promise<StorageFile> {
    await this.release()
    this.#file = await this.#storage.open(this.#path, 'write')
    return this.#file
  }

  /** Lets somebody in until `leave`. Throws SegmentGone, and is left already then. */
  async enter(): Promise<StorageFile> {
    this.#users += 1
    try {
      return await this.#get()
    } catch (error) {
      await this.leave()
      throw error
    }
  }

  async leave(): Promise<void> {
    this.#users -= 1
    if (this.#isRetired || this.#isReleasing) await this.release()
  }

  async use<R>(work: (file: StorageFile) => Promise<R>): Promise<R> {
    const file = await this.enter()
    try {
      return await work(file)
    } finally {
      await this.leave()
    }
  }

  /** Gives the descriptor back once nobody is in it; it comes again when needed. */
  async release(): Promise<void> {
    this.#isReleasing = this.#users > 0
    if (this.#isReleasing) return
    const file = this.#file
    this.#file = null
    this.#onClose()
    await file?.[Symbol.asyncDispose]()
  }

  /** From now on nobody new gets in, unless the file is open; those who are in go on, whatever becomes of its name. */
  async retire(): Promise<void> {
    this.#isRetired = true
    await this.release()
  }

  async #get(): Promise<StorageFile> {
    if (this.#file !== null) return this.#file
    if (this.#isRetired) throw new SegmentGone()
    this.#opening ??= this.#open().finally(() => {
      this.#opening = null
    })
    return await this.#opening
  }

  async #open(): Promise<StorageFile> {
    const file = await this.#storage.open(this.#path, 'read').catch((error: unknown) => {
      throw this.#isRetired ? new SegmentGone() : error
    })
    if (this.#isRetired) {
      // The name may be that of another file by now.
      await file[Symbol.asyncDispose]()
      throw new SegmentGone()
    }
    this.#file = file
    return file
  }
}
