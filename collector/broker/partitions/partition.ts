// Partition: a log with an end that everybody agrees on. Decides in order, writes in groups, answers when durable.
import { isCode, LogdriveError } from '../../../core/errors.ts'
import type { Appended } from '../../../core/event-log.ts'
import type { NewRecord } from '../../../core/records.ts'
import type { Clock, Logger, Storage } from '../../../core/runtime.ts'
import type { Marker } from '../../../protocol/control-batch.ts'
import { type Log, openLog } from '../../log/log.ts'
import type { RecentSegments } from '../../log/recent-segments.ts'
import type { BrokerConfig } from '../config.ts'
import { type DiskShare, overloaded } from '../disk-share.ts'
import type { TopicSettings } from '../topics/topic-settings.ts'
import { readFilled } from './filled-batches.ts'
import type { FlushGroup } from './flush-group.ts'
import { FlushQueue } from './flush-queue.ts'
import type {
  KafkaAppended,
  KafkaAppendOptions,
  KafkaRead,
  KafkaReadOptions,
  MarkerListener,
  TransactionGuard,
} from './kafka-append.ts'
import { kafkaAppended, PartitionProducers, type Placing } from './partition-producers.ts'
import { PartitionSources, type Ticket } from './partition-sources.ts'
import { loadPartitionState, type PartitionState, savePartitionState } from './partition-state.ts'
import type { GuardedRange } from './sources.ts'

export interface PartitionPlace {
  readonly topic: string
  readonly index: number
  readonly directory: string
  readonly settings: TopicSettings
}

export interface PartitionParts {
  readonly storage: Storage
  readonly clock: Clock
  readonly logger: Logger
  readonly share: DiskShare
  /** Open descriptors, shared by all partitions. */
  readonly recent?: RecentSegments
  readonly config: BrokerConfig
  /** The last shutdown was clean. */
  readonly clean: boolean
  /** Asked before a transactional append. */
  readonly guard: TransactionGuard
}

/** Single node: one leader for ever. */
const currentLeaderEpoch = 0
const snapshotBytes = 32 * 1024 * 1024

/** Opens the partition's log and rebuilds where its sources and producers stand. */
export async function openPartition(place: PartitionPlace, parts: PartitionParts): Promise<Partition> {
  const { clean, share } = parts
  const options = place.settings
  const onFailure = (error: LogdriveError) => share.fail(error)
  const isSyncedLate = parts.config.flush !== 'commit'
  const log = await openLog({ directory: place.directory, options, clean, isSyncedLate, onFailure }, parts)
  const { state, offset } = await loadPartitionState(place.directory, log, parts)
  return new Partition(place, log, { state, snapshotOffset: offset }, parts)
}

export class Partition implements AsyncDisposable {
  readonly topic: string
  readonly index: number
  readonly log: Log
  /** Senders with positions: agents, browsers. */
  readonly sources: PartitionSources
  /** Senders with sequences and transactions: Kafka clients. */
  readonly producers: PartitionProducers
  readonly #directory: string
  readonly #parts: PartitionParts
  readonly #state: PartitionState
  readonly #queue: FlushQueue
  readonly #listeners = new Set<() => void>()
  #highWatermark: number
  #snapshotOffset: number
  #bytesSinceSnapshot = 0
  #disposed = false
  #snapshotting = false
  #storedBytes = 0
  #settings: TopicSettings

  constructor(
    place: PartitionPlace,
    log: Log,
    loaded: { readonly state: PartitionState; readonly snapshotOffset: number },
    parts: PartitionParts,
  ) {
    const { topic, index } = place
    const { clock, guard, share } = parts
    const { flush, publishBatchBytes } = parts.config
    this.topic = topic
    this.index = index
    this.log = log
    this.#directory = place.directory
    this.#settings = place.settings
    this.#parts = parts
    this.#state = loaded.state
    this.#highWatermark = log.endOffset
    this.#snapshotOffset = loaded.snapshotOffset
    const { sources, producers } = loaded.state
    const queue = new FlushQueue({
      log,
      share,
      flush,
      onDurable: (group) => this.#durable(group),
      onFailed: () => producers.producers.dropPending(),
      afterFlush: (rolled) => this.#afterFlush(rolled),
    })
    this.#queue = queue
    this.sources = new PartitionSources({ partition: index, state: sources, queue, publishBatchBytes })
    this.producers = new PartitionProducers({
      topic,
      partition: index,
      state: producers,
      queue,
      guard,
      clock,
    })
  }

  /** What the configs of the topic say now. */
  get settings(): TopicSettings {
    return this.#settings
  }

  /** Takes new configs, from the next append and the next upkeep on. */
  configure(settings: TopicSettings): void {
    this.#settings = settings
    this.log.configure(settings)
  }

  /** Readers see what is below. */
  get highWatermark(): number {
    return this.#highWatermark
  }

  /** Readers of committed records see what is below: the first offset of the oldest open transaction. */
  get lastStableOffset(): number {
    return this.producers.lastStableOffset(this.startOffset, this.#highWatermark)
  }

  get startOffset(): number {
    return this.log.startOffset
  }

  /** One node: the same leader for ever. */
  get leaderEpoch(): number {
    return currentLeaderEpoch
  }

  /** Bytes that became visible since the start, as they were sent: a hint for how much waits. */
  get storedBytes(): number {
    return this.#storedBytes
  }

  get pendingBytes(): number {
    return this.#queue.pendingBytes
  }

  /** The reason why nothing can be taken now, or null. */
  refusal(): LogdriveError | null {
    const { share, config } = this.#parts
    if (share.failure !== null) return share.failure
    if (this.#disposed) return new LogdriveError('UNAVAILABLE', 'the broker is shutting down')
    const isFull = this.pendingBytes >= config.pendingBytesMax || share.isFull
    return isFull ? overloaded(`topic ${this.topic}, partition ${this.index}`) : null
  }

  /** Appends one whole, verified batch of a source: decided now, answered once durable. The bytes are stamped in place. */
  async append(bytes: Uint8Array, range: GuardedRange): Promise<Appended> {
    const refusal = this.refusal()
    if (refusal !== null) throw refusal
    return await this.sources.append(bytes, range)
  }

  /**
   * Appends one whole batch of a Kafka client, verified by the caller and stamped in place: decided now, in the order of
   * calls, answered once durable. Rejects with KafkaError or LogdriveError.
   */
  appendKafka(batch: Uint8Array, options: KafkaAppendOptions): Promise<KafkaAppended> {
    // One promise beside the group's: there is one for each batch of a client.
    try {
      const settings = this.#settings
      const { done, placed } = this.#takeKafka(batch, options, settings)
      return done.then(() => kafkaAppended(placed, settings, this.startOffset))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Ends a producer's transaction here; resolves once that is durable. Throws INVALID_PRODUCER_EPOCH. */
  async appendMarker(marker: Marker): Promise<void> {
    this.#refuseUnlessFull()
    await this.producers.appendMarker(marker)
  }

  /** Whole batches from the one that holds the offset on. Throws OFFSET_OUT_OF_RANGE. */
  async readKafka(fromOffset: number, options: KafkaReadOptions): Promise<KafkaRead> {
    const { highWatermark, lastStableOffset, startOffset } = this
    const isCommitted = options.isolation === 'read_committed'
    const endOffset = isCommitted ? lastStableOffset : highWatermark
    const read = await readFilled(this.log, fromOffset, endOffset, {
      bytesMax: options.bytesMax,
      leaderEpoch: currentLeaderEpoch,
      allocate: options.allocate,
    })
    const fits = options.atLeastOne || read.bytes.length <= options.bytesMax
    const bytes = fits ? read.bytes : new Uint8Array(0)
    const isFiltered = isCommitted && bytes.length > 0
    const aborted = isFiltered ? this.producers.aborted(fromOffset, read.nextOffset) : []
    return { bytes, highWatermark, lastStableOffset, startOffset, aborted }
  }

  /** Calls back when the end of a transaction became durable here; returns how to stop that. */
  onMarker(listener: MarkerListener): () => void {
    return this.producers.onMarker(listener)
  }

  /** Takes one record; the caller asked `refusal` before. See `PartitionSources.publish`. */
  publish(record: NewRecord): Ticket {
    return this.sources.publish(record)
  }

  /** Publishes all the records and waits; resolves to their offsets. For the broker's own topics. */
  async publishAll(records: readonly NewRecord[]): Promise<readonly number[]> {
    this.#refuseUnlessFull()
    const tickets = records.map((record) => this.publish(record))
    for (const ticket of tickets) await ticket.group?.done
    return tickets.map(({ group, index }) => (group?.publishedFrom ?? 0) + index)
  }

  /** Calls back whenever the high watermark or the last stable offset moved; returns how to stop that. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Resolves when there are committed records at or behind the offset, or when the signal aborts. */
  waitFor(offset: number, signal: AbortSignal): Promise<void> {
    return this.waitUntil(() => this.lastStableOffset > offset, signal)
  }

  /** Resolves when the condition holds after the high watermark moved (or holds already), or when the signal aborts. */
  waitUntil(condition: () => boolean, signal: AbortSignal): Promise<void> {
    if (signal.aborted || condition()) return Promise.resolve()
    return new Promise((resolve) => {
      const finish = () => {
        unlisten()
        signal.removeEventListener('abort', finish)
        resolve()
      }
      const unlisten = this.listen(() => {
        if (condition()) finish()
      })
      signal.addEventListener('abort', finish, { once: true })
    })
  }

  /** Syncs what was acknowledged without: for the flush modes that sync late. */
  async sync(): Promise<void> {
    await this.#parts.share.sync(() => this.log.sync())
  }

  /**
   * Retention, expiry of sources and producers, checkpoint: what is due now and then, at the time (wall-clock ms) by which
   * things grow old. Resolves to the segments removed. Without `notesRecovered` a log to which nothing came since it was
   * recovered gets no checkpoint.
   */
  async upkeep(now: number, notesRecovered: boolean): Promise<number> {
    await this.log.rollIfOld()
    const removed = await this.log.expire(this.#settings.retention, now)
    this.sources.expire(now)
    this.producers.expire(now, this.startOffset)
    if (this.#bytesSinceSnapshot > snapshotBytes) await this.#snapshot()
    if (notesRecovered || !this.log.isAsRecovered) await this.log.checkpoint()
    return removed
  }

  /** Sees to it that what records below the offset say of sources and producers is saved; false when it cannot be now. */
  async saveState(toOffset: number): Promise<boolean> {
    if (this.#snapshotOffset < toOffset) await this.#snapshot()
    return this.#snapshotOffset >= toOffset
  }

  /** Lets everything that waits reach the disk, saves the positions, closes the log. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true
    await this.#queue.drain()
    const isBehind = this.#snapshotOffset < this.#highWatermark
    if (this.#parts.share.failure === null && isBehind) await this.#snapshot()
    await this.log[Symbol.asyncDispose]()
  }

  /** Throws when nothing can be taken; what the broker itself writes goes on where others have to wait. */
  #refuseUnlessFull(): void {
    const refusal = this.refusal()
    if (refusal !== null && !isCode(refusal, 'OVERLOADED')) throw refusal
  }

  #takeKafka(batch: Uint8Array, options: KafkaAppendOptions, settings: TopicSettings): Placing {
    if (options.origin === 'coordinator') this.#refuseUnlessFull()
    else {
      const refusal = this.refusal()
      if (refusal !== null) this.producers.noteRefused(options.header)
      if (refusal !== null) throw refusal
    }
    return this.producers.append(batch, options, settings)
  }

  /** The group is on the disk: positions and sequences move, readers see it. */
  #durable(group: FlushGroup): void {
    const now = this.#parts.clock.now()
    this.sources.durable(group, now)
    this.producers.durable(group, now)
    this.#highWatermark = this.log.endOffset
    this.#bytesSinceSnapshot += group.bytes
    this.#storedBytes += group.bytes
    this.producers.tellOf(group)
    for (const listener of this.#listeners) listener()
  }

  async #afterFlush(rolled: boolean): Promise<void> {
    if (rolled && this.#bytesSinceSnapshot > snapshotBytes) await this.#snapshot()
  }

  /** The snapshot only shortens the next start: trouble with it is logged, unless the disk failed. */
  async #snapshot(): Promise<void> {
    if (this.#snapshotting) return
    this.#snapshotting = true
    const offset = this.#highWatermark
    const write = savePartitionState(this.#directory, this.#state, offset, this.#parts.storage)
    this.#bytesSinceSnapshot = 0
    try {
      // With a late flush mode the records may not be safe yet: never let the state overtake them.
      await this.sync()
      await write()
      this.#snapshotOffset = offset
    } catch (error) {
      const fields = { err: error, topic: this.topic, partition: this.index }
      this.#parts.logger.warn(fields, 'a snapshot of sources and producers could not be written')
    } finally {
      this.#snapshotting = false
    }
  }
}
