// Checkpoints: how far each file is acknowledged, kept over restarts. A cache: the collector has the last word.
import { isCode } from '../../core/errors.ts'
import type { Runtime } from '../../core/runtime.ts'
import { type Locator, locatorKey } from '../tail/identity.ts'
import type { Checkpoint } from './checkpoint.ts'
import { type StateRecord, subjectOf } from './checkpoint-file.ts'
import type { Loss } from './losses.ts'
import { StateFile } from './state-file.ts'

/** Where there is no room or right to write, this is the shortest time between two tries, in ms. */
const hopelessMs = 1000

export interface CheckpointOptions {
  readonly folder: string
  /** Shortest time between two writes. */
  readonly everyMs: number
  /** A file that was not seen for so long is forgotten. */
  readonly retentionMs: number
}

type Deps = Pick<Runtime, 'storage' | 'clock' | 'logger'>

/**
 * What an agent knows over its restarts, in memory and on disk: a checkpoint for each file, the losses, its own id. A
 * write costs what changed since the one before, however many files there are.
 */
export class Checkpoints {
  readonly #options: CheckpointOptions
  readonly #deps: Deps
  readonly #file: StateFile
  readonly #entries = new Map<string, Checkpoint>()
  #losses: ReadonlyMap<string, Loss> = new Map()
  #agentId: string | null = null
  /** By subject, what the disk does not have yet. */
  #changes = new Map<string, StateRecord>()
  #writing: Promise<boolean> | null = null
  /** Why the last write failed, as it was told. */
  #trouble: string | null = null

  private constructor(options: CheckpointOptions, deps: Deps) {
    this.#options = options
    this.#deps = deps
    this.#file = new StateFile(options.folder, deps)
  }

  /** Reads the folder's checkpoints. Damage is said loudly and costs only the files it touches; it never stops. */
  static async open(options: CheckpointOptions, deps: Deps): Promise<Checkpoints> {
    const checkpoints = new Checkpoints(options, deps)
    for (const record of await checkpoints.#file.read()) checkpoints.#apply(record)
    return checkpoints
  }

  get all(): readonly Checkpoint[] {
    return [...this.#entries.values()]
  }

  /** All that was ever lost, by reason, as the disk had it at the start. */
  get losses(): ReadonlyMap<string, Loss> {
    return this.#losses
  }

  /** The agent's id as it was kept here too; null where it was not. */
  get agentId(): string | null {
    return this.#agentId
  }

  /** What keeps positions off the disk now; null when nothing does. */
  get trouble(): string | null {
    return this.#trouble
  }

  find(locator: Locator): Checkpoint | null {
    return this.#entries.get(locatorKey(locator)) ?? null
  }

  /** The last known file of each path, of those that are wanted. */
  latest(isWanted: (checkpoint: Checkpoint) => boolean): ReadonlyMap<string, Checkpoint> {
    const latest = new Map<string, Checkpoint>()
    for (const checkpoint of this.#entries.values()) {
      if (!isWanted(checkpoint)) continue
      const { path } = checkpoint
      const other = latest.get(path)
      if (other === undefined || other.updatedAt < checkpoint.updatedAt) latest.set(path, checkpoint)
    }
    return latest
  }

  /** Takes a checkpoint over; it reaches the disk with the next write. */
  put(checkpoint: Checkpoint): void {
    this.#change({ kind: 'checkpoint', checkpoint })
  }

  remove(locator: Locator): void {
    const key = locatorKey(locator)
    if (this.#entries.has(key)) this.#change({ kind: 'gone', key })
  }

  /** Takes over all that was ever lost; the map may go on changing. */
  putLosses(totals: ReadonlyMap<string, Loss>): void {
    this.#change({ kind: 'losses', totals })
  }

  putAgentId(id: string): void {
    if (id !== this.#agentId) this.#change({ kind: 'agent', id })
  }

  /** Forgets files that were not seen for the retention time, and gives them. `isLive` says which are seen now, by the keys of their locators. */
  collect(isLive: (key: string) => boolean): readonly Checkpoint[] {
    const oldest = this.#deps.clock.now() - this.#options.retentionMs
    const forgotten = this.all.filter(({ updatedAt, key }) => updatedAt < oldest && !isLive(key))
    for (const { locator } of forgotten) this.remove(locator)
    return forgotten
  }

  /**
   * Writes every change made so far; resolves to true once it is safe. False where there is no room or right to write: that
   * is told, and shipping goes on, since the collector drops repeats. Throws DISK_FAILED.
   */
  async save(): Promise<boolean> {
    // A write in progress may have begun before the caller's change: that needs one more.
    while (this.#writing !== null) await this.#writing
    if (this.#changes.size === 0) return true
    this.#writing = this.#write().finally(() => {
      this.#writing = null
    })
    return await this.#writing
  }

  /** Saves changes every now and then until the signal aborts, and once more then. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps
    while (!signal.aborted) {
      const started = clock.monotonic()
      const saved = await this.save()
      // A slow disk is written to less often: at most a tenth of the time goes into it.
      const tookMs = clock.monotonic() - started
      await clock.sleep(Math.max(this.#options.everyMs, tookMs * 10, saved ? 0 : hopelessMs), signal)
    }
    await this.save()
  }

  async #write(): Promise<boolean> {
    const changes = this.#changes
    this.#changes = new Map()
    try {
      await this.#put([...changes.values()])
    } catch (error) {
      for (const [subject, record] of changes)
        if (!this.#changes.has(subject)) this.#changes.set(subject, record)
      return this.#failed(error)
    }
    if (this.#trouble !== null) this.#deps.logger.info({}, 'checkpoints can be written again')
    this.#trouble = null
    return true
  }

  async #put(records: readonly StateRecord[]): Promise<void> {
    const appended = !this.#file.wantsSnapshot && (await this.#file.append(records))
    if (!appended) await this.#file.replace(this.#snapshot())
  }

  #failed(error: unknown): false {
    if (!isCode(error, 'DISK_FULL') && !isCode(error, 'FORBIDDEN')) throw error
    if (this.#trouble !== error.message)
      this.#deps.logger.error(
        { err: error, hint: error.hint },
        'checkpoints cannot be written; shipping goes on, the collector drops repeats',
      )
    this.#trouble = error.message
    return false
  }

  #snapshot(): readonly StateRecord[] {
    const records: StateRecord[] = []
    if (this.#agentId !== null) records.push({ kind: 'agent', id: this.#agentId })
    if (this.#losses.size > 0) records.push({ kind: 'losses', totals: this.#losses })
    for (const checkpoint of this.#entries.values()) records.push({ kind: 'checkpoint', checkpoint })
    return records
  }

  #change(record: StateRecord): void {
    this.#apply(record)
    this.#changes.set(subjectOf(record), record)
  }

  #apply(record: StateRecord): void {
    if (record.kind === 'checkpoint') this.#entries.set(subjectOf(record), record.checkpoint)
    else if (record.kind === 'gone') this.#entries.delete(record.key)
    else if (record.kind === 'losses') this.#losses = record.totals
    else this.#agentId = record.id
  }
}
