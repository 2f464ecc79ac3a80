// PartitionSources: the way into a partition for senders that know their position: whole ranges, and records one by one.
import { LogdriveError } from '../../../core/errors.ts'
import type { Appended } from '../../../core/event-log.ts'
import type { NewRecord, RecordPosition } from '../../../core/records.ts'
import type { FlushGroup } from './flush-group.ts'
import type { FlushQueue } from './flush-queue.ts'
import type { SourceState } from './source-state.ts'
import { type GuardedRange, judgeRange, judgeRecord, type Kept } from './sources.ts'

/** Where a published record will be: its group says when. */
export interface Ticket {
  readonly group: FlushGroup | null
  /** Index among the group's published records; -1 for a duplicate. */
  readonly index: number
}

export interface PartitionSourcesParts {
  readonly partition: number
  readonly state: SourceState
  readonly queue: FlushQueue
  /** Published records are gathered into batches of about this size. */
  readonly publishBatchBytes: number
}

export class PartitionSources {
  readonly #parts: PartitionSourcesParts
  readonly #state: SourceState
  readonly #queue: FlushQueue

  constructor(parts: PartitionSourcesParts) {
    this.#parts = parts
    this.#state = parts.state
    this.#queue = parts.queue
  }

  /** Kept positions dropped for lack of room. */
  get evicted(): number {
    return this.#state.ranges.evicted + this.#state.records.evicted
  }

  /** Where the partition stands with a source that appends ranges, what is on its way to the disk included. */
  rangePosition(source: string): Kept | null {
    return this.#queue.newest(({ ranges }) => ranges.get(source)) ?? this.#state.ranges.find(source)
  }

  /** Where a source of ranges stands once what is on its way is on the disk. Rejects when that fails. */
  async settledPosition(source: string): Promise<Kept | null> {
    await this.#queue.durable()
    return this.#state.ranges.find(source)
  }

  /** Where the durable records of a source end, whichever way they came. */
  keptPosition(source: string): Kept | null {
    return this.#state.ranges.find(source) ?? this.#state.records.find(source)
  }

  /** Appends one whole, verified batch of a source: decided now, answered once durable. The bytes are stamped in place. */
  async append(bytes: Uint8Array, range: GuardedRange): Promise<Appended> {
    const kept = this.rangePosition(range.source)
    const verdict = judgeRange(kept, range)
    if (verdict === 'conflict' || (verdict === 'gap' && !range.gap)) {
      // Whoever hears of a position goes on behind it: what is on its way may still fail.
      const settled = await this.settledPosition(range.source)
      return this.#appended('conflict', settled ?? { epoch: range.epoch, to: 0 })
    }
    if (verdict === 'duplicate') {
      await this.#queue.durable()
      return this.#appended('duplicate', kept as Kept)
    }
    const group = this.#queue.openGroup()
    group.append(bytes, range)
    this.#queue.took(bytes.length)
    await group.done
    return this.#appended('appended', range)
  }

  /** Throws POSITION_STALE for a record of an older epoch than what is kept of its source. */
  refuseStale(source: RecordPosition): void {
    const { kept } = this.#recordPosition(source.source)
    if (judgeRecord(kept, source) === 'stale') throw this.#stale(source)
  }

  /**
   * Takes one record, to be durable when its group is. Throws POSITION_STALE, or BATCH_TOO_LARGE for a record that no
   * batch holds.
   */
  publish(record: NewRecord): Ticket {
    const { source } = record
    if (source !== null) {
      const { kept, group } = this.#recordPosition(source.source)
      const verdict = judgeRecord(kept, source)
      if (verdict === 'duplicate') return { group, index: -1 }
      if (verdict === 'stale') throw this.#stale(source)
    }
    const group = this.#queue.openGroup(this.#parts.publishBatchBytes)
    const before = group.bytes
    const index = group.publish(record, this.#queue.takeBuilder)
    this.#queue.took(group.bytes - before)
    return { group, index }
  }

  /** What is in the group is durable: positions move. */
  durable({ ranges, records }: FlushGroup, now: number): void {
    for (const [source, kept] of ranges) this.#state.ranges.keep(source, kept, now)
    for (const [source, kept] of records) this.#state.records.keep(source, kept, now)
  }

  /** Forgets the sources without traffic. */
  expire(now: number): void {
    this.#state.ranges.expire(now)
    this.#state.records.expire(now)
  }

  #appended(outcome: Appended['outcome'], kept: Kept): Appended {
    return { outcome, partition: this.#parts.partition, epoch: kept.epoch, to: kept.to, guard: kept.guard }
  }

  /** Its details are where the source stands on the disk: what made the record stale may still fail. */
  #stale({ source, epoch }: RecordPosition): LogdriveError {
    const durable = this.#state.records.find(source)
    return new LogdriveError('POSITION_STALE', `source ${source} is past epoch ${epoch}`, {
      details: durable === null ? {} : { epoch: durable.epoch, to: durable.to },
    })
  }

  #recordPosition(source: string): { readonly kept: Kept | null; readonly group: FlushGroup | null } {
    const pending = this.#queue.newest((group) => {
      const kept = group.records.get(source)
      return kept === undefined ? undefined : { kept, group }
    })
    return pending ?? { kept: this.#state.records.find(source), group: null }
  }
}
