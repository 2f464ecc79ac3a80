// The loss ledger: everything that was not delivered, by reason and topic; ranges in `__losses`, totals in memory.
import { LogdriveError } from '../../core/errors.ts'
import type { UnreadableBatch } from '../../core/event-log.ts'
import type { NewRecord } from '../../core/records.ts'
import type { Clock, Logger } from '../../core/runtime.ts'
import type { Partition } from './partitions/partition.ts'
import { readRecords } from './read.ts'

/** The name of the internal topic. */
export const lossesTopic = '__losses'

/**
 * Why something is missing. `source_gap`: the sender no longer had it (a range of source positions). `retention`: it was
 * removed before a group read it. `damage`: the disk no longer gives it (both: offsets). `dead_letter`: refused by a sink
 * and set aside. `dropped`: somebody decided to skip it.
 */
export type LossReason = 'source_gap' | 'retention' | 'damage' | 'dead_letter' | 'dropped'

/** One range that is missing: from included, to excluded. */
export interface Loss {
  readonly reason: LossReason
  readonly topic: string
  readonly partition: number | null
  /** The source or the group that misses it. */
  readonly who: string
  readonly epoch: number | null
  readonly from: number
  readonly to: number
}

export interface LossTotal {
  readonly reason: LossReason
  readonly topic: string
  readonly ranges: number
  /** Positions or offsets in these ranges: bytes for a file's source, else records. */
  readonly units: number
}

interface StoredLoss extends Loss {
  readonly at: number
}

/** Ranges shown in status, the newest. */
const recentMax = 100

/** Reads the ledger from its topic. */
export async function openLosses(
  partition: Partition,
  parts: { readonly clock: Clock; readonly logger: Logger },
): Promise<Losses> {
  const losses = new Losses(partition, parts.clock)
  const tell = ({ unreadable, baseOffset }: UnreadableBatch) =>
    parts.logger.error(
      { unreadable, baseOffset },
      'a batch of the loss ledger cannot be decoded and was left out',
    )
  for await (const record of readRecords(
    partition.log,
    partition.startOffset,
    partition.highWatermark,
    tell,
  )) {
    if (!losses.restore(record.value)) {
      parts.logger.warn(
        { offset: record.offset },
        'an entry of the loss ledger is unreadable and was left out',
      )
    }
  }
  return losses
}

export class Losses {
  readonly #partition: Partition
  readonly #clock: Clock
  #totals = new Map<string, LossTotal>()
  #recent: StoredLoss[] = []
  #queue: Promise<void> = Promise.resolve()
  #writtenAnew: number

  constructor(partition: Partition, clock: Clock) {
    this.#partition = partition
    this.#clock = clock
    this.#writtenAnew = partition.log.activeBaseOffset
  }

  totals(): readonly LossTotal[] {
    return [...this.#totals.values()]
  }

  /** The newest ranges. */
  recent(): readonly StoredLoss[] {
    return this.#recent
  }

  /** Adds a range durably. One at a time, so that totals written anew leave none out. */
  record(loss: Loss): Promise<void> {
    const result = this.#queue.then(() => this.#record({ ...loss, at: this.#clock.now() }))
    this.#queue = result.catch(() => undefined)
    return result
  }

  /** Takes one stored entry; false when it is none. */
  restore(value: Uint8Array | null): boolean {
    const entry = parse(value)
    if (entry === null) return false
    if (entry.kind === 'totals') {
      this.#totals = new Map(entry.totals.map((total) => [`${total.reason}\0${total.topic}`, total]))
    } else this.#add(entry.loss)
    return true
  }

  async #record(loss: StoredLoss): Promise<void> {
    await this.#partition.publishAll([recordOf({ kind: 'loss', loss }, loss.at)])
    this.#add(loss)
    const { log } = this.#partition
    const base = log.activeBaseOffset
    if (base === this.#writtenAnew) return
    await this.#partition.publishAll([recordOf({ kind: 'totals', totals: this.totals() }, loss.at)])
    await log.trim(base)
    this.#writtenAnew = log.activeBaseOffset
  }

  #add(loss: StoredLoss): void {
    const key = `${loss.reason}\0${loss.topic}`
    const { reason, topic } = loss
    const before = this.#totals.get(key) ?? { reason, topic, ranges: 0, units: 0 }
    const units = before.units + Math.max(0, loss.to - loss.from)
    this.#totals.set(key, { reason, topic, ranges: before.ranges + 1, units })
    this.#recent.push(loss)
    if (this.#recent.length > recentMax) this.#recent.shift()
  }
}

type Entry =
  | { readonly kind: 'loss'; readonly loss: StoredLoss }
  | { readonly kind: 'totals'; readonly totals: readonly LossTotal[] }

function recordOf(entry: Entry, at: number): NewRecord {
  const value = new TextEncoder().encode(JSON.stringify(entry))
  return { key: null, value, timestamp: at, headers: [], source: null }
}

function parse(value: Uint8Array | null): Entry | null {
  try {
    const entry: unknown = JSON.parse(new TextDecoder().decode(value ?? new Uint8Array(0)))
    if (typeof entry !== 'object' || entry === null || !('kind' in entry)) return null
    if (entry.kind === 'loss' && 'loss' in entry) return entry as Entry
    return entry.kind === 'totals' && 'totals' in entry && Array.isArray(entry.totals)
      ? (entry as Entry)
      : null
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw new LogdriveError('STATE_CORRUPT', 'the loss ledger cannot be read', { cause: error })
  }
}
