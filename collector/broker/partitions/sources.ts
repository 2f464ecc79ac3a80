// Sources: where a partition stands with each source, so that what is sent twice is stored once.
import type { SourceRange } from '../../../core/event-log.ts'
import type { RecordPosition } from '../../../core/records.ts'

/** A kept position: the last epoch of a source and how far it got in it. */
export interface Kept {
  readonly epoch: number
  readonly to: number
  /** The sender's own word for the content up to `to`, given back when it asks; nothing here looks into it. */
  readonly guard?: string | undefined
}

/** A range with the guard that its batch carries. */
export interface GuardedRange extends SourceRange {
  readonly guard?: string | undefined
}

interface Seen {
  epoch: number
  to: number
  guard: string | undefined
  /** Wall-clock ms of the last record, exact to `seenStepMs`. */
  seenAt: number
}

/** A source that was seen less than this ago keeps its place in the order: moving it with every record costs too much. */
const seenStepMs = 60_000

/** `gap`: records are missing before it; the sender has to say that it knows. */
export type RangeVerdict = 'append' | 'duplicate' | 'conflict' | 'gap'

/** What to do with a range of a source of which `kept` is stored (docs: delivery, source and position). */
export function judgeRange(kept: Kept | null, range: SourceRange): RangeVerdict {
  if (kept === null || range.epoch > kept.epoch) return range.from === 0 ? 'append' : 'gap'
  if (range.epoch < kept.epoch) return 'conflict'
  if (range.to <= kept.to) return 'duplicate'
  if (range.from === kept.to) return 'append'
  return range.from > kept.to ? 'gap' : 'conflict'
}

/** What to do with one record that carries its position: `stale` is of an older epoch than what is kept. */
export function judgeRecord(kept: Kept | null, position: RecordPosition): 'append' | 'duplicate' | 'stale' {
  if (kept === null || position.epoch > kept.epoch) return 'append'
  if (position.epoch < kept.epoch) return 'stale'
  return position.position > kept.to ? 'append' : 'duplicate'
}

export interface SourceLimits {
  readonly sourcesMax: number
  readonly expiryMs: number
}

/** Kept positions as saved: [source, epoch, to, seenAt], then the guard where there is one; the longest unseen first. */
export type SavedSources = readonly (readonly [string, number, number, number, string?])[]

/**
 * The positions of durable records, by source; in order of last use, so that the oldest go first when there are too
 * many. One for sources that append ranges, another for sources that publish records: a flood of the second kind
 * (browser tabs) cannot push out the first (files).
 */
export class Sources {
  readonly #limits: SourceLimits
  readonly #kept = new Map<string, Seen>()
  #evicted = 0

  constructor(limits: SourceLimits) {
    this.#limits = limits
  }

  get size(): number {
    return this.#kept.size
  }

  /** Positions dropped because there were too many, since the start. */
  get evicted(): number {
    return this.#evicted
  }

  find(source: string): Kept | null {
    return this.#kept.get(source) ?? null
  }

  /** Moves a source to where its durable records end. */
  keep(source: string, kept: Kept, now: number): void {
    const known = this.#kept.get(source)
    if (known !== undefined && now - known.seenAt < seenStepMs) {
      known.epoch = kept.epoch
      known.to = kept.to
      known.guard = kept.guard
      return
    }
    if (known !== undefined) this.#kept.delete(source)
    this.#kept.set(source, { epoch: kept.epoch, to: kept.to, guard: kept.guard, seenAt: now })
    if (this.#kept.size <= this.#limits.sourcesMax) return
    for (const oldest of this.#kept.keys()) {
      this.#kept.delete(oldest)
      this.#evicted += 1
      break
    }
  }

  /** Moves a source forward only: for rebuilding from records that may be older than the snapshot. */
  advance(source: string, kept: Kept, now: number): void {
    const known = this.#kept.get(source)
    const isOlder =
      known !== undefined && (known.epoch > kept.epoch || (known.epoch === kept.epoch && known.to >= kept.to))
    if (!isOlder) this.keep(source, kept, now)
  }

  /** Forgets the sources without traffic. */
  expire(now: number): void {
    for (const [source, { seenAt }] of this.#kept) {
      if (now - seenAt <= this.#limits.expiryMs) break
      this.#kept.delete(source)
    }
  }

  save(): SavedSources {
    return Array.from(this.#kept, ([source, { epoch, to, guard, seenAt }]) =>
      guard === undefined
        ? ([source, epoch, to, seenAt] as const)
        : ([source, epoch, to, seenAt, guard] as const),
    )
  }

  /** Takes what `save` gave; anything else is refused by returning false. */
  restore(saved: unknown): boolean {
    if (!Array.isArray(saved)) return false
    for (const entry of saved) {
      if (!Array.isArray(entry) || typeof entry[0] !== 'string') return false
      const [source, epoch, to, seenAt, guard] = entry
      if (entry.length !== 4 && (entry.length !== 5 || typeof guard !== 'string')) return false
      if (![epoch, to, seenAt].every((value) => Number.isFinite(value))) return false
      this.keep(source, { epoch, to, guard }, seenAt)
    }
    return true
  }
}
