// PartitionFeed: one partition for one group, in batches whose bounds are durable before anybody sees them.
import { strict as assert } from 'node:assert'
import { LogdriveError } from '../../core/errors.ts'
import type { Batch, FeedOptions, UnreadableBatch } from '../../core/event-log.ts'
import type { Feed } from '../../core/flow.ts'
import type { DecodedBatch } from '../../core/records.ts'
import type { Clock, Logger } from '../../core/runtime.ts'
import type { BatchHeader } from '../../protocol/batch-header.ts'
import type { OffsetRange } from '../log/segment.ts'
import { Cut, type CutLimits } from './cut.ts'
import type { GroupOffsets } from './groups/group-offsets.ts'
import { type CommittedOffset, feedOffset, type Plan } from './groups/offset-codec.ts'
import type { Losses, LossReason } from './losses.ts'
import type { Partition } from './partitions/partition.ts'
import { readBatches } from './read.ts'

export interface FeedParts {
  readonly partition: Partition
  readonly topicId: string
  readonly offsets: GroupOffsets
  readonly losses: Losses
  readonly clock: Clock
  readonly logger: Logger
  /** Called once, at disposal. */
  readonly onDispose: () => void
}

/** Opens a feed where its group stands; a group without an offset of this very topic begins at `options.start`. */
export async function openFeed(
  options: FeedOptions,
  parts: FeedParts,
  signal: AbortSignal,
): Promise<Feed<Batch>> {
  const { offsets, partition, topicId, clock } = parts
  const { group, topic } = options
  const key = { group, topic, partition: options.partition }
  const known = offsets.find(key)
  let committed: CommittedOffset | null = known?.topicId === topicId ? known : null
  if (committed === null) {
    const offset = options.start === 'beginning' ? partition.startOffset : partition.highWatermark
    committed = feedOffset(offset, topicId, { replayEpoch: 0, plan: null }, clock.now())
    // Durable at once: a restart must not move the start of a group that began at the end.
    await offsets.commit(key, committed, signal)
  }
  return new PartitionFeed(options, committed, parts)
}

/** How much of `bytesMax` in stored bytes is worth another look at the headers. */
const wakeShare = 8

class PartitionFeed implements Feed<Batch> {
  readonly #options: FeedOptions
  readonly #parts: FeedParts
  readonly #limits: CutLimits
  readonly #closed = new AbortController()
  readonly #unlisten: () => void
  #position: number
  #replayEpoch: number
  #recovered: Plan | null
  #outstanding: Batch | null = null
  /** Monotonic ms when the first record at the position became visible; null when there is none. */
  #waitingSince: number | null = null

  constructor(options: FeedOptions, committed: CommittedOffset, parts: FeedParts) {
    this.#options = options
    this.#parts = parts
    this.#limits = { rowsMax: options.rowsMax, bytesMax: options.bytesMax }
    this.#position = committed.offset
    // What a Kafka client committed has neither: the feed takes over where it stands.
    this.#replayEpoch = committed.feed?.replayEpoch ?? 0
    this.#recovered = committed.feed?.plan ?? null
    this.#noteWaiting()
    this.#unlisten = parts.partition.listen(() => this.#noteWaiting())
  }

  async next(signal: AbortSignal): Promise<Batch> {
    const ended = AbortSignal.any([signal, this.#closed.signal])
    ended.throwIfAborted()
    if (this.#outstanding !== null) return this.#outstanding
    this.#outstanding = (await this.#recover(ended)) ?? (await this.#plan(ended))
    return this.#outstanding
  }

  async commit(item: Batch, signal: AbortSignal): Promise<void> {
    assert(item === this.#outstanding, 'only the batch that is out can be committed')
    await this.#commit(item.lastOffset + 1, null, signal)
    this.#position = item.lastOffset + 1
    this.#outstanding = null
    this.#waitingSince = null
    this.#noteWaiting()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed.signal.aborted) return
    this.#unlisten()
    this.#closed.abort(new LogdriveError('UNAVAILABLE', 'the feed is closed'))
    this.#parts.onDispose()
  }

  /** The plan found at start, if it still describes what the log holds. */
  async #recover(signal: AbortSignal): Promise<Batch | null> {
    const plan = this.#recovered
    if (plan === null) return null
    const { partition, logger } = this.#parts
    const { group, topic } = this.#options
    if (plan.first < partition.startOffset || plan.last >= partition.lastStableOffset) {
      // Retention won, or the log lost its end (flush modes that sync late): these bounds cut something else now.
      logger.error(
        { group, topic, partition: partition.index, plan },
        'a planned batch is gone; a new one is cut',
      )
      this.#replayEpoch += 1
      this.#recovered = null
      return null
    }
    const cut = new Cut(plan.first)
    await this.#walk(cut, plan.last + 1, unlimited)
    signal.throwIfAborted()
    this.#recovered = null
    if (cut.crc !== plan.crc) {
      logger.error(
        { group, topic, partition: partition.index, plan, found: cut.count },
        'a planned batch has changed',
      )
    }
    return this.#batch({ ...plan, count: cut.count }, true)
  }

  async #plan(signal: AbortSignal): Promise<Batch> {
    const cut = await this.#cut(signal)
    const plan: Plan = {
      first: cut.first,
      last: cut.next - 1,
      count: cut.count,
      plannedAt: this.#parts.clock.now(),
      replayEpoch: this.#replayEpoch,
      crc: cut.crc,
    }
    await this.#commit(plan.first, plan, signal)
    return this.#batch(plan, false)
  }

  /** Waits for records and takes them until a limit or the age is reached. */
  async #cut(signal: AbortSignal): Promise<Cut> {
    const { partition, clock } = this.#parts
    let cut = new Cut(await this.#reachable())
    for (;;) {
      signal.throwIfAborted()
      // Retention may have come while the feed waited.
      if (cut.first < partition.startOffset) cut = new Cut(await this.#reachable())
      const missing = await this.#walk(cut, partition.lastStableOffset, this.#limits)
      for (const gap of missing) await this.#lost('damage', gap)
      if (cut.isFull) return cut
      if (cut.count === 0) {
        // Nothing but gaps, markers and aborted records: they are jumped over now, so that a gap is reported once.
        this.#position = Math.max(cut.next, missing.at(-1)?.toOffset ?? 0)
        if (cut.next > cut.first) await this.#commit(this.#position, null, signal)
        this.#waitingSince = null
        this.#noteWaiting()
        cut = new Cut(this.#position)
        await partition.waitFor(cut.next, signal)
        continue
      }
      const age = clock.monotonic() - (this.#waitingSince ?? clock.monotonic())
      if (age >= this.#options.ageMs) return cut
      await this.#waitForMore(cut, this.#options.ageMs - age, signal)
    }
  }

  /** Sleeps until the age is reached, or enough has come that the cut may be full. */
  async #waitForMore(cut: Cut, waitMs: number, signal: AbortSignal): Promise<void> {
    const { partition, clock } = this.#parts
    const { rowsMax, bytesMax } = this.#limits
    const stored = partition.storedBytes
    const enough = Math.max(1, (bytesMax - cut.bytes) / wakeShare)
    const mayBeFull = () =>
      partition.lastStableOffset - cut.first >= rowsMax || partition.storedBytes - stored >= enough
    const over = new AbortController()
    const either = AbortSignal.any([signal, over.signal])
    const waits = [clock.sleep(waitMs, either), partition.waitUntil(mayBeFull, either)]
    await Promise.race(waits)
    over.abort()
    await Promise.all(waits)
  }

  /** Adds what the log holds from the cut's end up to `endOffset`; gives back the gaps that it went over. */
  async #walk(cut: Cut, endOffset: number, limits: CutLimits): Promise<readonly OffsetRange[]> {
    const { log, producers } = this.#parts.partition
    if (cut.next >= endOffset) return []
    const skipped: OffsetRange[] = []
    for await (const stored of log.headers(cut.next, endOffset, skipped)) {
      if (!cut.add(stored, limits, producers.isHidden(stored.header))) break
    }
    return skipped.filter((gap) => cut.count === 0 || gap.fromOffset < cut.next)
  }

  /** The position, moved to the start of the log when retention came first; what was missed is reported. */
  async #reachable(): Promise<number> {
    const { partition, logger } = this.#parts
    const { group, topic } = this.#options
    const { startOffset, highWatermark } = partition
    if (this.#position > highWatermark) {
      const fields = { group, topic, partition: partition.index, position: this.#position, highWatermark }
      logger.error(fields, 'a group stands behind the end of its log; it goes on at the end')
      this.#position = highWatermark
    }
    if (this.#position >= startOffset) return this.#position
    const gap = { fromOffset: this.#position, toOffset: startOffset }
    logger.error(
      { group, topic, partition: partition.index, gap },
      'retention removed records before a group read them',
    )
    await this.#lost('retention', gap)
    this.#position = startOffset
    return startOffset
  }

  async #lost(reason: LossReason, gap: OffsetRange): Promise<void> {
    const { losses, partition } = this.#parts
    const { group, topic } = this.#options
    await losses.record({
      reason,
      topic,
      partition: partition.index,
      who: group,
      epoch: null,
      from: gap.fromOffset,
      to: gap.toOffset,
    })
  }

  #noteWaiting(): void {
    const { partition, clock } = this.#parts
    if (this.#waitingSince === null && partition.lastStableOffset > this.#position) {
      this.#waitingSince = clock.monotonic()
    }
  }

  async #commit(offset: number, plan: Plan | null, signal: AbortSignal): Promise<void> {
    const { offsets, topicId, clock } = this.#parts
    const { group, topic, partition } = this.#options
    const value = feedOffset(offset, topicId, { replayEpoch: this.#replayEpoch, plan }, clock.now())
    await offsets.commit({ group, topic, partition }, value, signal)
  }

  #batch(plan: Plan, recovered: boolean): Batch {
    const { group, topic, partition } = this.#options
    return {
      group,
      topic,
      topicId: this.#parts.topicId,
      partition,
      firstOffset: plan.first,
      lastOffset: plan.last,
      count: plan.count,
      plannedAt: plan.plannedAt,
      recovered,
      replayEpoch: plan.replayEpoch,
      read: (signal) => readPlanned(this.#parts, plan, signal),
    }
  }
}

const unlimited: CutLimits = { rowsMax: Number.POSITIVE_INFINITY, bytesMax: Number.POSITIVE_INFINITY }

async function* readPlanned(
  { partition, logger }: FeedParts,
  plan: Plan,
  signal: AbortSignal,
): AsyncGenerator<DecodedBatch | UnreadableBatch> {
  // Records that retention took meanwhile are lost to this batch: the rest is better than none.
  const from = Math.max(plan.first, partition.startOffset)
  const isHidden = (header: BatchHeader) => partition.producers.isHidden(header)
  for await (const batch of readBatches(partition.log, from, plan.last + 1, isHidden)) {
    signal.throwIfAborted()
    if ('unreadable' in batch) {
      const { unreadable, baseOffset, lastOffset } = batch
      const fields = {
        topic: partition.topic,
        partition: partition.index,
        unreadable,
        baseOffset,
        lastOffset,
      }
      logger.error(fields, 'a stored batch cannot be decoded; it goes to the sink as it is')
      yield batch
    } else yield batch.baseOffset >= plan.first ? batch : withoutStart(batch, plan.first)
  }
}

/** The batch without its records below the offset: a group that was set into the middle of a RecordBatch. */
function withoutStart(batch: DecodedBatch, firstOffset: number): DecodedBatch {
  let skip = 0
  while (skip < batch.count && batch.baseOffset + (batch.offsetDeltas[skip] as number) < firstOffset)
    skip += 1
  return {
    baseOffset: batch.baseOffset,
    count: batch.count - skip,
    bytes: batch.bytes,
    offsetDeltas: batch.offsetDeltas.subarray(skip),
    timestamps: batch.timestamps.subarray(skip),
    keyFrom: batch.keyFrom.subarray(skip),
    keyTo: batch.keyTo.subarray(skip),
    valueFrom: batch.valueFrom.subarray(skip),
    valueTo: batch.valueTo.subarray(skip),
    headersFrom: batch.headersFrom.subarray(skip),
  }
}
