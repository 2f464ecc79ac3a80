// Shipping of records: the pump between the queue of an input and its sender, and the count of what did not arrive.
import { type PumpOptions, pump } from '../../core/flow.ts'
import { quiet } from '../quiet.ts'
import type { SourceParts } from '../source.ts'
import type { Packet } from './packet.ts'
import { drained, RecordQueue } from './queue.ts'
import type { Sender } from './sender.ts'

/** A queue within the agent's bounds. */
export function queueOf({ limits }: SourceParts): RecordQueue {
  return new RecordQueue({
    bytesMax: limits.recordsBytesMax,
    batchBytesMax: limits.batchBytesMax,
    batchRecordsMax: limits.batchLinesMax,
  })
}

/**
 * Ships until the queue has ended and is empty, or `kill` aborts: then what is left is counted as lost. `committed` is told
 * of each packet that arrived. Throws POSITION_CONFLICT where the sender does.
 */
export async function shipQueue(
  input: string,
  queue: RecordQueue,
  sender: Sender,
  parts: SourceParts,
  kill: AbortSignal,
  committed?: (packet: Packet) => void,
): Promise<void> {
  const { runtime, losses, counts, limits } = parts
  let refusedBytes = 0
  const logger = runtime.logger.child({ input })
  const options: PumpOptions<Packet> = {
    retryMsMin: limits.retryMsMin,
    retryMsMax: limits.retryMsMax,
    triesMax: Number.POSITIVE_INFINITY,
    async setAside(packet, refusals) {
      for (const { offset, reason } of refusals) {
        const bytes = recordBytes(packet, offset)
        losses.count('input_refused', bytes)
        refusedBytes += bytes
        logger.warn({ reason }, 'the collector refused a record')
      }
    },
    observe(event) {
      if (event.kind !== 'written') return
      counts.shipped(event.item.count - event.refused, valueBytes(event.item) - refusedBytes)
      refusedBytes = 0
      committed?.(event.item)
    },
  }
  try {
    const { clock, random } = runtime
    await pump(queue, sender, options, { clock, random, logger: quiet(logger) }, kill)
  } catch (error) {
    if (error !== drained) throw error
  }
}

/** Counts what did not get away before the end. */
export function countLeft(input: string, queue: RecordQueue, { losses, runtime }: SourceParts): void {
  let records = 0
  let bytes = 0
  for (const packet of queue.leftovers()) {
    records += packet.count
    bytes += valueBytes(packet)
  }
  if (records === 0) return
  losses.count('input_unsent', bytes, records)
  runtime.logger.child({ input }).warn({ records, bytes }, 'records were not shipped before the stop')
}

/** Without what is between the records. */
function valueBytes({ bytes, count }: Packet): number {
  return bytes.length - count + 1
}

function recordBytes({ ends }: Packet, index: number): number {
  return (ends[index] as number) - (index === 0 ? 0 : (ends[index - 1] as number) + 1)
}
