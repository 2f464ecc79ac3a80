// Checkpoints: how far each file is acknowledged, kept over restarts. A cache: the collector has the last word.
import { isCode, LogdriveError } from '../core/errors.ts'
import type { Runtime } from '../core/runtime.ts'
import { type Checkpoint, decodeCheckpoints, encodeCheckpoint, encodeHeader } from './checkpoint-file.ts'
import { type Locator, locatorKey } from './identity.ts'

const fileName = 'checkpoints'
/** A larger checkpoint file is not ours. */
const fileBytesMax = 1024 * 1024 * 1024

export interface CheckpointOptions {
  readonly folder: string
  /** Shortest time between two writes. */
  readonly everyMs: number
  /** A file that was not seen for so long is forgotten. */
  readonly retentionMs: number
}

interface Entry {
  readonly checkpoint: Checkpoint
  /** Its line in the file; null until it is needed. */
  line: Uint8Array | null
}

type Deps = Pick<Runtime, 'storage' | 'clock' | 'logger'>

/** The checkpoints of one state folder, in memory and on disk. */
export class Checkpoints {
  readonly #options: CheckpointOptions
  readonly #deps: Deps
  readonly #entries = new Map<string, Entry>()
  #changed = false
  #writing: Promise<void> | null = null

  private constructor(options: CheckpointOptions, deps: Deps) {
    this.#options = options
    this.#deps = deps
  }

  /** Reads the folder's checkpoints. Damage is said loudly and costs only the files it touches; it never stops. */
  static async open(options: CheckpointOptions, deps: Deps): Promise<Checkpoints> {
    await deps.storage.makeDirectory(options.folder)
    const checkpoints = new Checkpoints(options, deps)
    const path = `${options.folder}/${fileName}`
    const bytes = await readWhole(path, deps)
    if (bytes === null) return checkpoints
    const read = decodeCheckpoints(bytes)
    if (!read.whole || read.damaged > 0) {
      // Kept aside for whoever wants to look; the next write replaces it.
      await deps.storage.rename(path, `${path}.damaged`)
      deps.logger.error(
        { path, good: read.checkpoints.length, damaged: read.damaged },
        'checkpoints are damaged; asking the collector where those files stand',
      )
    }
    for (const checkpoint of read.checkpoints) {
      checkpoints.#entries.set(locatorKey(checkpoint.locator), { checkpoint, line: null })
    }
    return checkpoints
  }

  get all(): readonly Checkpoint[] {
    return [...this.#entries.values()].map((entry) => entry.checkpoint)
  }

  find(locator: Locator): Checkpoint | null {
    return this.#entries.get(locatorKey(locator))?.checkpoint ?? null
  }

  /** Takes a checkpoint over; it reaches the disk with the next write. */
  put(checkpoint: Checkpoint): void {
    this.#entries.set(locatorKey(checkpoint.locator), { checkpoint, line: null })
    this.#changed = true
  }

  remove(locator: Locator): void {
    if (this.#entries.delete(locatorKey(locator))) this.#changed = true
  }

  /** Forgets files that were not seen for the retention time. `isLive` says which are seen now. */
  collect(isLive: (locator: Locator) => boolean): void {
    const oldest = this.#deps.clock.now() - this.#options.retentionMs
    for (const { checkpoint } of this.#entries.values()) {
      if (checkpoint.updatedAt < oldest && !isLive(checkpoint.locator)) this.remove(checkpoint.locator)
    }
  }

  /** Writes every change made so far; resolves once it is safe. Throws DISK_FULL, DISK_FAILED. */
  async save(): Promise<void> {
    // A write in progress may have begun before the caller's change: that needs one more.
    while (this.#writing !== null) await this.#writing
    if (!this.#changed) return
    this.#writing = this.#write().finally(() => {
      this.#writing = null
    })
    await this.#writing
  }

  /** Saves changes every now and then until the signal aborts, and once more then. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#deps
    while (!signal.aborted) {
      const started = clock.monotonic()
      try {
        await this.save()
      } catch (error) {
        if (!isCode(error, 'DISK_FULL')) throw error
        logger.error(
          { err: error },
          'checkpoints cannot be written; shipping goes on, the collector drops repeats',
        )
      }
      // A large file is written less often: at most a tenth of the time goes into it.
      const tookMs = clock.monotonic() - started
      await clock.sleep(Math.max(this.#options.everyMs, tookMs * 10), signal)
    }
    await this.save()
  }

  async #write(): Promise<void> {
    const { storage } = this.#deps
    const { folder } = this.#options
    this.#changed = false
    try {
      const pieces: Uint8Array[] = [encodeHeader(this.#entries.size)]
      for (const entry of this.#entries.values()) {
        entry.line ??= encodeCheckpoint(entry.checkpoint)
        pieces.push(entry.line)
      }
      const aside = `${folder}/${fileName}.new`
      {
        await using file = await storage.open(aside, 'write')
        await file.truncate(0)
        await file.write(0, [Buffer.concat(pieces)])
        await file.sync()
      }
      await storage.rename(aside, `${folder}/${fileName}`)
      await storage.syncDirectory(folder)
    } catch (error) {
      this.#changed = true
      throw error
    }
  }
}

/** The agent's own id: made once, kept in the file `agent-id` beside the checkpoints, so that losing those loses no identity. */
export async function openAgentId(
  folder: string,
  runtime: Pick<Runtime, 'storage' | 'random' | 'clock' | 'logger'>,
): Promise<{ readonly id: string; readonly isNew: boolean }> {
  const { storage, random, logger } = runtime
  await storage.makeDirectory(folder)
  const path = `${folder}/agent-id`
  const bytes = await readWhole(path, runtime)
  const text = bytes === null ? '' : Buffer.from(bytes).toString('latin1').trim()
  if (/^[0-9a-f-]{36}$/.test(text)) return { id: text, isNew: false }
  if (bytes !== null) {
    logger.error(
      { path },
      'the agent id is unreadable; a new one is made, files are shipped from their start again',
    )
  }
  const id = random.uuid()
  {
    await using file = await storage.open(`${path}.new`, 'write')
    await file.truncate(0)
    await file.write(0, [Buffer.from(`${id}\n`)])
    await file.sync()
  }
  await storage.rename(`${path}.new`, path)
  await storage.syncDirectory(folder)
  return { id, isNew: true }
}

async function readWhole(path: string, deps: Pick<Runtime, 'storage'>): Promise<Uint8Array | null> {
  try {
    await using file = await deps.storage.open(path, 'read')
    if (file.size > fileBytesMax) throw new LogdriveError('STATE_CORRUPT', `${path} has ${file.size} bytes`)
    const bytes = new Uint8Array(file.size)
    return bytes.subarray(0, await file.read(0, bytes))
  } catch (error) {
    if (isCode(error, 'NOT_FOUND')) return null
    throw error
  }
}
