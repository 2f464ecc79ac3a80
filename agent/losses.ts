// Losses: what was not delivered, counted by reason. "How much did we lose?" always has an answer.
import type { Logger } from '../core/runtime.ts'

/**
 * `truncated`: bytes cut off a file before they were read. `removed`: a file deleted before it was read to its end.
 * `line_cut`: the rest of lines over the limit. `quarantined`: lines the collector refused, kept in the state folder.
 * `quarantine_full`: such lines with no room left for them.
 */
export type LossReason = 'truncated' | 'removed' | 'line_cut' | 'quarantined' | 'quarantine_full'

export interface Loss {
  readonly times: number
  readonly bytes: number
}

/** Counts and says each loss. */
export class Losses {
  readonly #logger: Logger
  readonly #counts = new Map<LossReason, Loss>()

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** Counts a loss and logs its range. */
  add(reason: LossReason, bytes: number, fields: object): void {
    this.count(reason, bytes)
    this.#logger.warn({ ...fields, reason, bytes }, 'bytes of a file were lost')
  }

  /** Counts without a word: for what a record itself tells, such as a cut line. */
  count(reason: LossReason, bytes: number): void {
    const before = this.#counts.get(reason) ?? { times: 0, bytes: 0 }
    this.#counts.set(reason, { times: before.times + 1, bytes: before.bytes + bytes })
  }

  /** All losses since the start, by reason. */
  byReason(): Readonly<Record<string, Loss>> {
    return Object.fromEntries(this.#counts)
  }
}
