// Refusals that every sink makes the same way.
import type { UnreadableBatch } from '../core/event-log.ts'
import type { Refusal } from '../core/flow.ts'

/** A RecordBatch that could not be decoded, set aside whole under its first offset. */
export function unreadableRefusal(batch: UnreadableBatch): Refusal {
  const range = `offsets ${batch.baseOffset} to ${batch.lastOffset}`
  return {
    offset: batch.baseOffset,
    reason: `batch of ${range} cannot be decoded: ${batch.unreadable}`,
    key: null,
    value: batch.bytes,
  }
}
