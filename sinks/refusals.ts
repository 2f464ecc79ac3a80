// Refusals that every sink makes the same way.
import type { Batch, UnreadableBatch } from '../core/event-log.ts'
import type { Refusal } from '../core/flow.ts'
import type { DecodedBatch } from '../core/records.ts'

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

/** The parts of a batch that can be read, one after the other; of each other one a refusal is put to `refusals`. */
export async function* readableParts(
  batch: Batch,
  refusals: Refusal[],
  signal: AbortSignal,
): AsyncGenerator<DecodedBatch> {
  for await (const part of batch.read(signal)) {
    if ('unreadable' in part) refusals.push(unreadableRefusal(part))
    else yield part
  }
}
