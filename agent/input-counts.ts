// InputCounts: what became of the records of one input that is no file: acknowledged, or lost for which reason.
import type { Losses } from './state/losses.ts'
import { increase } from './tally.ts'

/** Since the input began to run. */
export interface InputStatus {
  /** Acknowledged by the collector. */
  readonly records: number
  /** Of their values. */
  readonly bytes: number
  /** Times, by the reason of the loss ledger. */
  readonly lost: Readonly<Record<string, number>>
}

/** Where an input counts what it loses. */
export type LossCounter = Pick<Losses, 'count'>

export class InputCounts {
  readonly #lost = new Map<string, number>()
  #records = 0
  #bytes = 0

  /** The collector has these. */
  shipped(records: number, bytes: number): void {
    this.#records += records
    this.#bytes += bytes
  }

  /** The agent's ledger, with the losses of this input counted here too. */
  ledger(losses: Losses): LossCounter {
    return {
      count: (reason, bytes, times = 1) => {
        increase(this.#lost, reason, times)
        losses.count(reason, bytes, times)
      },
    }
  }

  status(): InputStatus {
    return { records: this.#records, bytes: this.#bytes, lost: Object.fromEntries(this.#lost) }
  }
}
