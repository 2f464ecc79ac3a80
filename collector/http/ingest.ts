// What all ingest routes share: the log they write to, their bounds, the budget of bytes in flight.
import type { EventLog } from '../../core/event-log.ts'
import type { Runtime } from '../../core/runtime.ts'
import type { ByteBudget, IngestLimits } from './limits.ts'

/** Handed to every ingest route. */
export interface Ingest {
  readonly log: EventLog
  readonly limits: IngestLimits
  /**
   * For storing. Not the request's own: what arrived whole is stored even when its sender has gone, and a signal for
   * every request would cost more than the rest of the bookkeeping.
   */
  readonly signal: AbortSignal
  readonly budget: ByteBudget
  readonly runtime: Pick<Runtime, 'clock' | 'random' | 'logger'>
}
