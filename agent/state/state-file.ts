// StateFile: the checkpoint file on the disk. Read once, then appended to, and now and then replaced by a snapshot.
import { isCode, LogdriveError } from '../../core/errors.ts'
import type { Runtime } from '../../core/runtime.ts'
import {
  decodeState,
  encodeHeader,
  encodeRecord,
  type StateRead,
  type StateRecord,
  stateVersion,
} from './checkpoint-file.ts'

const fileName = 'checkpoints'
/** A larger file is not ours. */
const fileBytesMax = 1024 * 1024 * 1024
/** Appends make the file grow by this at least before a snapshot takes its place. */
const appendedBytesMin = 256 * 1024
/** Records of a snapshot encoded at a time: others get their turn between. */
const chunkRecords = 500

type Deps = Pick<Runtime, 'storage' | 'logger'>

export class StateFile {
  readonly #folder: string
  readonly #path: string
  readonly #deps: Deps
  /** Where the next append goes; null when only a snapshot makes the file whole again. */
  #end: number | null = null
  #snapshotBytes = 0
  /**
   * The last append as another process left it: if its sync failed, only the page cache has it. It is written again with the
   * next one, or it would be a hole before that.
   */
  #doubtful: Uint8Array = new Uint8Array(0)

  constructor(folder: string, deps: Deps) {
    this.#folder = folder
    this.#path = `${folder}/${fileName}`
    this.#deps = deps
  }

  /** A snapshot is due: there is none, the file is damaged, or what was appended outweighs it. */
  get wantsSnapshot(): boolean {
    if (this.#end === null) return true
    return this.#end - this.#snapshotBytes > Math.max(appendedBytesMin, this.#snapshotBytes)
  }

  /**
   * The records that can be read. What is wrong is said loudly, the damaged file is kept aside, and the next write is a
   * snapshot; it never stops an agent.
   */
  async read(): Promise<readonly StateRecord[]> {
    const path = this.#path
    const bytes = await this.#readWhole()
    if (bytes === null) return []
    const read = decodeState(bytes)
    const { records, damaged, torn, version } = read
    if (version !== null && version > stateVersion) {
      this.#deps.logger.error(
        { path, version, keptAs: await this.#keepAside(bytes) },
        'the checkpoints are of a newer version of Logdrive; asking the collector where the files stand',
      )
    } else if (damaged > 0) {
      this.#deps.logger.error(
        { path, good: records.length, damaged, keptAs: await this.#keepAside(bytes) },
        'checkpoints are damaged; asking the collector where those files stand',
      )
    } else if (torn > 0) {
      this.#deps.logger.warn({ path, torn }, 'the last append to the checkpoints was cut short by a crash')
    }
    if (isWhole(read, bytes)) {
      this.#end = bytes.length
      this.#snapshotBytes = snapshotBytesOf(bytes)
      this.#doubtful = Buffer.from(bytes.subarray(lastAppendOf(bytes)))
    }
    return records
  }

  /**
   * Appends records; they are safe when it resolves to true. False: the file is not the one that was written, so only a
   * snapshot will do. Throws DISK_FULL, FORBIDDEN, DISK_FAILED.
   */
  async append(records: readonly StateRecord[]): Promise<boolean> {
    const at = this.#end
    if (at === null) return false
    const bytes = Buffer.concat([Buffer.from('\n'), ...records.map(encodeRecord)])
    await using file = await this.#deps.storage.open(this.#path, 'write')
    this.#end = null
    if (file.size !== at) {
      this.#deps.logger.warn(
        { path: this.#path },
        'the checkpoints were changed from outside; writing them anew',
      )
      return false
    }
    try {
      await file.write(at - this.#doubtful.length, [this.#doubtful, bytes])
    } catch (error) {
      // The part that was taken must not stand behind a shorter append: older positions would come after newer ones.
      if (isCode(error, 'DISK_FULL')) {
        await file.truncate(at)
        this.#end = at
      }
      throw error
    }
    await file.sync()
    this.#doubtful = new Uint8Array(0)
    this.#end = at + bytes.length
    return true
  }

  /** Replaces the file by a snapshot, which is safe when it resolves. Throws DISK_FULL, FORBIDDEN, DISK_FAILED. */
  async replace(records: readonly StateRecord[]): Promise<void> {
    const { storage } = this.#deps
    const aside = `${this.#path}.new`
    let end = 0
    {
      await using file = await storage.open(aside, 'write')
      await file.truncate(0)
      const put = async (pieces: readonly Uint8Array[]) => {
        const bytes = Buffer.concat(pieces)
        await file.write(end, [bytes])
        end += bytes.length
      }
      await put([encodeHeader(records.length)])
      for (let at = 0; at < records.length; at += chunkRecords)
        await put(records.slice(at, at + chunkRecords).map(encodeRecord))
      await file.sync()
    }
    this.#end = null
    this.#doubtful = new Uint8Array(0)
    await storage.rename(aside, this.#path)
    await storage.syncDirectory(this.#folder)
    this.#end = end
    this.#snapshotBytes = end
  }

  /** Null when there is none, or nothing of it can be read. */
  async #readWhole(): Promise<Uint8Array | null> {
    const path = this.#path
    try {
      await using file = await this.#deps.storage.open(path, 'read')
      if (file.size > fileBytesMax)
        throw new LogdriveError('STATE_CORRUPT', `${path} has ${file.size} bytes: it is not ours`)
      const bytes = new Uint8Array(file.size)
      return bytes.subarray(0, await file.read(0, bytes))
    } catch (error) {
      if (isCode(error, 'NOT_FOUND')) return null
      if (!(error instanceof LogdriveError)) throw error
      this.#deps.logger.error(
        { path, err: error, keptAs: await this.#moveAside() },
        'checkpoints cannot be read; asking the collector where the files stand',
      )
      return null
    }
  }

  /** A copy: until the next snapshot the file itself stays where it is. Null when there is no room or right for it. */
  async #keepAside(bytes: Uint8Array): Promise<string | null> {
    const aside = `${this.#path}.damaged`
    return await this.#orNull(aside, async (storage) => {
      await using file = await storage.open(aside, 'write')
      await file.truncate(0)
      await file.write(0, [bytes])
      await file.sync()
    })
  }

  async #moveAside(): Promise<string | null> {
    const aside = `${this.#path}.damaged`
    return await this.#orNull(aside, (storage) => storage.rename(this.#path, aside))
  }

  async #orNull(aside: string, keep: (storage: Runtime['storage']) => Promise<void>): Promise<string | null> {
    try {
      await keep(this.#deps.storage)
      return aside
    } catch (error) {
      if (!(error instanceof LogdriveError)) throw error
      this.#deps.logger.warn({ aside, err: error }, 'the damaged checkpoints cannot be kept aside')
      return null
    }
  }
}

/** Of our version, nothing amiss, and with its last line end: an append may follow. */
function isWhole({ damaged, torn, version }: StateRead, bytes: Uint8Array): boolean {
  return version === stateVersion && damaged === 0 && torn === 0 && bytes.at(-1) === 10
}

/** Where the first append begins: behind the first empty line there is no snapshot any more. */
function snapshotBytesOf(bytes: Uint8Array): number {
  return behindLine(bytes, bufferOf(bytes).indexOf('\n\n'))
}

/** Where the last append begins; the end where there is none. */
function lastAppendOf(bytes: Uint8Array): number {
  return behindLine(bytes, bufferOf(bytes).lastIndexOf('\n\n'))
}

function behindLine(bytes: Uint8Array, at: number): number {
  return at === -1 ? bytes.length : at + 1
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
