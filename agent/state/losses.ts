// Losses: what was not delivered, counted by reason. "How much did we lose?" always has an answer.
import type { Logger } from '../../core/runtime.ts'

/**
 * `truncated`: bytes cut off a file before they were read. `removed`: a file went before it was read to its end, and
 * was forgotten before it turned up again.
 * `line_cut`: the rest of lines over the limit. `quarantined`: lines the collector refused, kept in the state folder.
 * `quarantine_full`: such lines with no room left for them. `metrics_dropped`: samples of host metrics with no room left
 * while the collector was away, or unsent at the stop. `metrics_refused`: measurements that the collector refused.
 * `metrics_failed`: what could not be measured. `input_unsent`: records of other inputs that are no files, read and not
 * shipped at the stop. `input_refused`: such records that the collector refused. `input_dropped`: datagrams that found no
 * room. `output_cut`: output of a program behind its bound. `datagrams_lost`: those that
 * the system dropped before we could read them.
 */
export type LossReason =
  | 'truncated'
  | 'removed'
  | 'line_cut'
  | 'quarantined'
  | 'quarantine_full'
  | 'metrics_dropped'
  | 'metrics_refused'
  | 'metrics_failed'
  | 'input_unsent'
  | 'input_refused'
  | 'input_dropped'
  | 'output_cut'
  | 'datagrams_lost'

export interface Loss {
  readonly times: number
  readonly bytes: number
}

/** Where the losses of all starts are kept. */
export interface LossLedger {
  /** Of the starts before this one. */
  readonly losses: ReadonlyMap<string, Loss>
  /** Takes over those of all starts; the map goes on changing. */
  putLosses(totals: ReadonlyMap<string, Loss>): void
}

/** Counts and says each loss. */
export class Losses {
  readonly #logger: Logger
  readonly #ledger: LossLedger | null
  readonly #counts = new Map<string, Loss>()
  readonly #totals: Map<string, Loss>

  constructor(logger: Logger, ledger: LossLedger | null = null) {
    this.#logger = logger
    this.#ledger = ledger
    this.#totals = new Map(ledger?.losses ?? [])
  }

  /** Counts a loss and logs its range. */
  add(reason: LossReason, bytes: number, fields: object): void {
    this.count(reason, bytes)
    this.#logger.warn({ ...fields, reason, bytes }, 'bytes of a file were lost')
  }

  /** Counts without a word: for what a record itself tells, such as a cut line, or the caller says better. */
  count(reason: LossReason, bytes: number, times = 1): void {
    increase(this.#counts, reason, bytes, times)
    increase(this.#totals, reason, bytes, times)
    this.#ledger?.putLosses(this.#totals)
  }

  /** All losses since the start, by reason. */
  byReason(): Readonly<Record<string, Loss>> {
    return Object.fromEntries(this.#counts)
  }

  /** All losses since the state folder is there, by reason. */
  totals(): Readonly<Record<string, Loss>> {
    return Object.fromEntries(this.#totals)
  }
}

function increase(counts: Map<string, Loss>, reason: string, bytes: number, times: number): void {
  const before = counts.get(reason) ?? { times: 0, bytes: 0 }
  counts.set(reason, { times: before.times + times, bytes: before.bytes + bytes })
}
