// Partition: a log with an end that everybody agrees on. Decides in order, writes in groups, answers when durable.
import { strict as assert } from 'node:assert'
import { isCode, LogdriveError } from '../../core/errors.ts'
import type { Appended } from '../../core/event-log.ts'
import type { NewRecord, RecordPosition } from '../../core/records.ts'
import type { Clock, Logger, Storage } from '../../core/runtime.ts'
import { BatchBuilder } from '../../protocol/batch-encode.ts'
import { type Log, openLog } from '../log/log.ts'
import type { BrokerConfig } from './config.ts'
import { type DiskShare, overloaded } from './disk-share.ts'
import { FlushGroup } from './flush-group.ts'
import type {
  KafkaAppended,
  KafkaAppendOptions,
  KafkaRead,
  KafkaReadOptions,
  MarkerListener,
} from './kafka-append.ts'
import { loadSourceState, type SourceState, savedSources, writeSourceSnapshot } from './source-state.ts'
import { type GuardedRange, judgeRange, judgeRecord, type Kept } from './sources.ts'
import type { TopicSettings } from './topic-settings.ts'

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
  readonly config: BrokerConfig
  /** The last shutdown was clean. */
  readonly clean: boolean
}

/** Where a published record will be: its group says when. */
export interface Ticket {
  readonly group: FlushGroup | null
  /** Index among the group's published records; -1 for a duplicate. */
  readonly index: number
}

/** Single node: one leader for ever. */
const leaderEpoch = 0
const snapshotBytes = 32 * 1024 * 1024
const buildersMax = 2

/** Opens the partition's log and rebuilds where its sources stand. */
export async function openPartition(place: PartitionPlace, parts: PartitionParts): Promise<Partition> {
  const { config, clean, share } = parts
  const options = place.settings
  const onFailure = (error: LogdriveError) => share.fail(error)
  const log = await openLog({ directory: place.directory, options, clean, onFailure }, parts)
  const limits = { sourcesMax: config.sourcesMax, expiryMs: config.sourceExpiryMs }
  const { state, offset } = await loadSourceState(place.directory, log, limits, parts)
  return new Partition(place, log, state, offset, parts)
}

export class Partition implements AsyncDisposable {
  readonly topic: string
  readonly index: number
  readonly log: Log
  readonly #directory: string
  readonly #parts: PartitionParts
  readonly #state: SourceState
  readonly #listeners = new Set<() => void>()
  readonly #markerListeners = new Set<MarkerListener>()
  readonly #builders: BatchBuilder[] = []
  #groups: FlushGroup[] = []
  #flushing: FlushGroup | null = null
  #running: Promise<void> | null = null
  #pendingBytes = 0
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
    state: SourceState,
    snapshotOffset: number,
    parts: PartitionParts,
  ) {
    this.topic = place.topic
    this.index = place.index
    this.log = log
    this.#directory = place.directory
    this.#settings = place.settings
    this.#parts = parts
    this.#state = state
    this.#highWatermark = log.endOffset
    this.#snapshotOffset = snapshotOffset
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
    return this.#highWatermark
  }

  get startOffset(): number {
    return this.log.startOffset
  }

  /** One node: the same leader for ever. */
  get leaderEpoch(): number {
    return leaderEpoch
  }

  /** Bytes that became visible since the start, as they were sent: a hint for how much waits. */
  get storedBytes(): number {
    return this.#storedBytes
  }

  get pendingBytes(): number {
    return this.#pendingBytes
  }

  /** Kept positions dropped for lack of room. */
  get evictedSources(): number {
    return this.#state.ranges.evicted + this.#state.records.evicted
  }

  /** Where the partition stands with a source that appends ranges, what is on its way to the disk included. */
  rangePosition(source: string): Kept | null {
    for (let i = this.#groups.length - 1; i >= 0; i -= 1) {
      const pending = this.#groups[i]?.ranges.get(source)
      if (pending !== undefined) return pending
    }
    return this.#flushing?.ranges.get(source) ?? this.#state.ranges.find(source)
  }

  /** Where the durable records of a source end, whichever way they came. */
  keptPosition(source: string): Kept | null {
    return this.#state.ranges.find(source) ?? this.#state.records.find(source)
  }

  /** The reason why nothing can be taken now, or null. */
  refusal(): LogdriveError | null {
    const { share, config } = this.#parts
    if (share.failure !== null) return share.failure
    if (this.#disposed) return new LogdriveError('UNAVAILABLE', 'the broker is shutting down')
    const isFull = this.#pendingBytes >= config.pendingBytesMax || share.isFull
    return isFull ? overloaded(`topic ${this.topic}, partition ${this.index}`) : null
  }

  /** Appends one whole, verified batch of a source: decided now, answered once durable. The bytes are stamped in place. */
  async append(bytes: Uint8Array, range: GuardedRange): Promise<Appended> {
    const refusal = this.refusal()
    if (refusal !== null) throw refusal
    const kept = this.rangePosition(range.source)
    const verdict = judgeRange(kept, range)
    if (verdict === 'conflict' || (verdict === 'gap' && !range.gap)) {
      return this.#appended('conflict', kept ?? { epoch: range.epoch, to: 0 })
    }
    if (verdict === 'duplicate') {
      await this.#durable()
      return this.#appended('duplicate', kept as Kept)
    }
    const group = this.#groupWithout(range.source)
    group.append(bytes, range)
    this.#took(bytes.length)
    await group.done
    return this.#appended('appended', range)
  }

  /**
   * Appends one whole batch of a Kafka client, verified by the caller and stamped in place: decided now, in the order of
   * calls, answered once durable. Rejects with KafkaError or LogdriveError.
   */
  async appendKafka(batch: Uint8Array, options: KafkaAppendOptions): Promise<KafkaAppended> {
    const refusal = this.refusal()
    if (refusal !== null) throw refusal
    const group = this.#groups.at(-1) ?? this.#newGroup()
    const waiting = group.appendKafka(batch, options.header)
    this.#took(batch.length)
    await group.done
    return { baseOffset: waiting.baseOffset, logAppendTimeMs: -1, logStartOffset: this.startOffset }
  }

  /** Whole batches from the one that holds the offset on. Throws OFFSET_OUT_OF_RANGE. */
  async readKafka(fromOffset: number, options: KafkaReadOptions): Promise<KafkaRead> {
    const { highWatermark, lastStableOffset, startOffset } = this
    const endOffset = options.isolation === 'read_committed' ? lastStableOffset : highWatermark
    const { bytes } = await this.log.read(fromOffset, endOffset, options.bytesMax)
    const fits = options.atLeastOne || bytes.length <= options.bytesMax
    const read = fits ? bytes : new Uint8Array(0)
    return { bytes: read, highWatermark, lastStableOffset, startOffset, aborted: [] }
  }

  /** Calls back when the end of a transaction became durable here; returns how to stop that. */
  onMarker(listener: MarkerListener): () => void {
    this.#markerListeners.add(listener)
    return () => this.#markerListeners.delete(listener)
  }

  /** Throws POSITION_STALE for a record of an older epoch than what is kept of its source. */
  refuseStale(source: RecordPosition): void {
    const { kept } = this.#recordPosition(source.source)
    if (judgeRecord(kept, source) === 'stale') throw stale(source.source, source.epoch, kept as Kept)
  }

  /**
   * Takes one record, to be durable when its group is. The caller asked `refusal` before. Throws POSITION_STALE, or
   * BATCH_TOO_LARGE for a record that no batch holds.
   */
  publish(record: NewRecord): Ticket {
    const { source } = record
    if (source !== null) {
      const { kept, group } = this.#recordPosition(source.source)
      const verdict = judgeRecord(kept, source)
      if (verdict === 'duplicate') return { group, index: -1 }
      if (verdict === 'stale') throw stale(source.source, source.epoch, kept as Kept)
    }
    const group = this.#groupForRecord(source?.source ?? null)
    const before = group.bytes
    const index = group.publish(record, () => this.#builders.pop() ?? new BatchBuilder())
    this.#took(group.bytes - before)
    return { group, index }
  }

  /** Publishes all the records and waits; resolves to their offsets. For the broker's own topics. */
  async publishAll(records: readonly NewRecord[]): Promise<readonly number[]> {
    const refusal = this.refusal()
    if (refusal !== null && !isCode(refusal, 'OVERLOADED')) throw refusal
    const tickets = records.map((record) => this.publish(record))
    for (const ticket of tickets) await ticket.group?.done
    return tickets.map(({ group, index }) => (group?.publishedFrom ?? 0) + index)
  }

  /** Calls back whenever the high watermark moved; returns how to stop that. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Resolves when there are records at or behind the offset, or when the signal aborts. */
  waitFor(offset: number, signal: AbortSignal): Promise<void> {
    return this.waitUntil(() => this.#highWatermark > offset, signal)
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

  /** Retention, expiry of sources, checkpoint: what is due now and then. Resolves to the count of segments removed. */
  async upkeep(): Promise<number> {
    await this.log.rollIfOld()
    const removed = await this.log.expire(this.#settings.retention)
    const now = this.#parts.clock.now()
    this.#state.ranges.expire(now)
    this.#state.records.expire(now)
    if (this.#bytesSinceSnapshot > snapshotBytes) await this.#snapshot()
    await this.log.checkpoint()
    return removed
  }

  /** Lets everything that waits reach the disk, saves the positions, closes the log. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true
    while (this.#running !== null) await this.#running
    assert(this.#groups.length === 0, 'nothing waits in a closed partition')
    const isBehind = this.#snapshotOffset < this.#highWatermark
    if (this.#parts.share.failure === null && isBehind) await this.#snapshot()
    await this.log[Symbol.asyncDispose]()
  }

  #appended(outcome: Appended['outcome'], kept: Kept): Appended {
    return { outcome, partition: this.index, epoch: kept.epoch, to: kept.to, guard: kept.guard }
  }

  /** Resolves when everything taken so far is durable. */
  async #durable(): Promise<void> {
    const last = this.#groups.at(-1) ?? this.#flushing
    await last?.done
  }

  #recordPosition(source: string): { readonly kept: Kept | null; readonly group: FlushGroup | null } {
    for (let i = this.#groups.length - 1; i >= 0; i -= 1) {
      const group = this.#groups[i] as FlushGroup
      const kept = group.records.get(source)
      if (kept !== undefined) return { kept, group }
    }
    const flushing = this.#flushing?.records.get(source)
    if (flushing !== undefined) return { kept: flushing, group: this.#flushing }
    return { kept: this.#state.records.find(source), group: null }
  }

  /** The last waiting group, or a new one when it holds the source already. */
  #groupWithout(source: string): FlushGroup {
    const last = this.#groups.at(-1)
    return last === undefined || last.has(source) ? this.#newGroup() : last
  }

  #groupForRecord(source: string | null): FlushGroup {
    const last = this.#groups.at(-1)
    if (last === undefined || last.publishedBytes >= this.#parts.config.publishBatchBytes)
      return this.#newGroup()
    return source !== null && last.ranges.has(source) ? this.#newGroup() : last
  }

  #newGroup(): FlushGroup {
    const group = new FlushGroup()
    this.#groups.push(group)
    return group
  }

  #took(bytes: number): void {
    this.#pendingBytes += bytes
    this.#parts.share.take(bytes)
    this.#running ??= this.#run()
  }

  /** One flusher at a time; while it writes, the next group gathers. No waiting when idle. */
  async #run(): Promise<void> {
    // Everything that is taken in this very turn goes along.
    await Promise.resolve()
    while (this.#groups.length > 0) await this.#flush()
    this.#running = null
  }

  async #flush(): Promise<void> {
    const { share, config } = this.#parts
    const group = this.#groups.shift() as FlushGroup
    this.#flushing = group
    try {
      if (share.failure !== null) throw share.failure
      const base = this.log.activeBaseOffset
      await this.log.append(group.seal(this.log.endOffset, leaderEpoch, this.#giveBuilder))
      if (config.flush === 'commit') await share.sync(() => this.log.sync())
      if (share.failure !== null) throw share.failure
      this.#committed(group)
      if (this.log.activeBaseOffset !== base && this.#bytesSinceSnapshot > snapshotBytes)
        await this.#snapshot()
    } catch (error) {
      this.#rejectAll(group, error)
    } finally {
      this.#flushing = null
    }
  }

  readonly #giveBuilder = (builder: BatchBuilder): void => {
    if (this.#builders.length < buildersMax) this.#builders.push(builder)
  }

  /** The group is durable: positions move, readers see it, senders hear of it. */
  #committed(group: FlushGroup): void {
    const now = this.#parts.clock.now()
    for (const [source, kept] of group.ranges) this.#state.ranges.keep(source, kept, now)
    for (const [source, kept] of group.records) this.#state.records.keep(source, kept, now)
    this.#highWatermark = this.log.endOffset
    this.#bytesSinceSnapshot += group.bytes
    this.#storedBytes += group.bytes
    this.#release(group)
    group.resolve()
    for (const listener of this.#listeners) listener()
  }

  /** Offsets and positions of later groups build on the failed one: all of them are refused, none is stored. */
  #rejectAll(first: FlushGroup, error: unknown): void {
    const failed = [first, ...this.#groups]
    this.#groups = []
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

  /** The snapshot only shortens the next start: trouble with it is logged, unless the disk failed. */
  async #snapshot(): Promise<void> {
    if (this.#snapshotting) return
    this.#snapshotting = true
    const offset = this.#highWatermark
    const saved = savedSources(this.#state, offset)
    this.#bytesSinceSnapshot = 0
    try {
      // With a late flush mode the records may not be safe yet: never let the positions overtake them.
      await this.sync()
      await writeSourceSnapshot(this.#directory, saved, this.#parts.storage)
      this.#snapshotOffset = offset
    } catch (error) {
      const fields = { err: error, topic: this.topic, partition: this.index }
      this.#parts.logger.warn(fields, 'a source snapshot could not be written')
    } finally {
      this.#snapshotting = false
    }
  }
}

function stale(source: string, epoch: number, kept: Kept): LogdriveError {
  return new LogdriveError('POSITION_STALE', `source ${source} is at epoch ${kept.epoch}, not ${epoch}`, {
    details: { epoch: kept.epoch, to: kept.to },
  })
}
