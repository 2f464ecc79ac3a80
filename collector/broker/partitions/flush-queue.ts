// FlushQueue: the groups of one partition on their way to the disk, one behind the other; while one writes, the next gathers.
import { strict as assert } from 'node:assert'
import { BatchBuilder } from '../../../protocol/batch-encode.ts'
import type { Log } from '../../log/log.ts'
import type { FlushMode } from '../config.ts'
import type { DiskShare } from '../disk-share.ts'
import { FlushGroup } from './flush-group.ts'

export interface FlushQueueParts {
  readonly log: Log
  readonly share: DiskShare
  readonly flush: FlushMode
  /** The group is durable: called before its waiters hear of it. */
  readonly onDurable: (group: FlushGroup) => void
  /** Called when everything that was on its way has failed, before the waiters hear of it. */
  readonly onFailed: () => void
  /** Called behind each durable group, with whether the log went on to a new segment. */
  readonly afterFlush: (rolled: boolean) => Promise<void>
}

const buildersMax = 2

export class FlushQueue {
  readonly #parts: FlushQueueParts
  readonly #builders: BatchBuilder[] = []
  #waiting: FlushGroup[] = []
  #flushing: FlushGroup | null = null
  #running: Promise<void> | null = null
  #pendingBytes = 0

  constructor(parts: FlushQueueParts) {
    this.#parts = parts
  }

  /** Bytes that wait or are being written. */
  get pendingBytes(): number {
    return this.#pendingBytes
  }

  /** What the newest group that is not durable yet has to say, or undefined. */
  newest<T>(find: (group: FlushGroup) => T | undefined): T | undefined {
    for (let i = this.#waiting.length - 1; i >= 0; i -= 1) {
      const found = find(this.#waiting[i] as FlushGroup)
      if (found !== undefined) return found
    }
    return this.#flushing === null ? undefined : find(this.#flushing)
  }

  /** The last group that waits, or a new one when its published records have reached so many bytes. */
  openGroup(publishedBytesMax = Number.POSITIVE_INFINITY): FlushGroup {
    const last = this.#waiting.at(-1)
    if (last !== undefined && last.publishedBytes < publishedBytesMax) return last
    const group = new FlushGroup()
    this.#waiting.push(group)
    return group
  }

  /** A builder for the records of a group. */
  readonly takeBuilder = (): BatchBuilder => this.#builders.pop() ?? new BatchBuilder()

  /** So many bytes came into a group: it is written as soon as those before it are. */
  took(bytes: number): void {
    this.#pendingBytes += bytes
    this.#parts.share.take(bytes)
    this.#running ??= this.#run()
  }

  /** Resolves when everything taken so far is durable; rejects when it failed. */
  async durable(): Promise<void> {
    await (this.#waiting.at(-1) ?? this.#flushing)?.done
  }

  /** Resolves when nothing is on its way. */
  async drain(): Promise<void> {
    while (this.#running !== null) await this.#running
    assert(this.#waiting.length === 0, 'nothing waits in a drained queue')
  }

  /** One flusher at a time. No waiting when idle. */
  async #run(): Promise<void> {
    // Everything that is taken in this very turn goes along.
    await Promise.resolve()
    while (this.#waiting.length > 0) await this.#flush()
    this.#running = null
  }

  async #flush(): Promise<void> {
    const { log, onDurable, afterFlush } = this.#parts
    const group = this.#waiting.shift() as FlushGroup
    const base = log.activeBaseOffset
    this.#flushing = group
    try {
      await this.#write(group)
    } catch (error) {
      this.#flushing = null
      this.#rejectAll(group, error)
      return
    }
    this.#flushing = null
    onDurable(group)
    this.#release(group)
    group.resolve()
    await afterFlush(log.activeBaseOffset !== base)
  }

  async #write(group: FlushGroup): Promise<void> {
    const { log, share, flush } = this.#parts
    if (share.failure !== null) throw share.failure
    await log.append(group.seal(log.endOffset, this.#giveBuilder))
    if (flush === 'commit') await share.sync(() => log.sync())
    if (share.failure !== null) throw share.failure
  }

  /** Offsets, positions and sequences of later groups build on the failed one: all are refused, none is stored. */
  #rejectAll(first: FlushGroup, error: unknown): void {
    const failed = [first, ...this.#waiting]
    this.#waiting = []
    this.#parts.share.refused(error)
    this.#parts.onFailed()
    for (const group of failed) {
      group.drop(this.#giveBuilder)
      this.#release(group)
      group.reject(error)
    }
  }

  #release(group: FlushGroup): void {
    this.#pendingBytes -= group.bytes
    this.#parts.share.give(group.bytes)
  }

  readonly #giveBuilder = (builder: BatchBuilder): void => {
    if (this.#builders.length < buildersMax) this.#builders.push(builder)
  }
}
