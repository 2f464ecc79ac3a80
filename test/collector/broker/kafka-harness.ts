// What tests of Kafka's way into a partition share: batches with keys, and reading all back with offsets.
import type { KafkaAppended } from '../../../collector/broker/partitions/kafka-append.ts'
import type { Partition } from '../../../collector/broker/partitions/partition.ts'
import { readCommitted } from '../../../collector/broker/read.ts'
import { BatchBuilder, type FinishOptions } from '../../../protocol/batch-encode.ts'
import { defaultLimits, verifyBatch } from '../../../protocol/batch-header.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

export interface TestRecord {
  readonly key: string | null
  readonly value: string | null
  readonly timestamp: number
}

/** A batch as a client makes it. */
export function kafkaBatch(records: readonly TestRecord[], options: Partial<FinishOptions> = {}): Uint8Array {
  const builder = new BatchBuilder()
  for (const { key, value, timestamp } of records) {
    const bytes = value === null ? null : encoder.encode(value)
    builder.append(bytes, 0, bytes?.length ?? 0, timestamp, key === null ? null : encoder.encode(key))
  }
  return builder.finish({ codec: 'none', ...options })
}

/** Appends one batch of a client. */
export function appendRecords(
  partition: Partition,
  records: readonly TestRecord[],
  options: Partial<FinishOptions> = {},
): Promise<KafkaAppended> {
  const bytes = kafkaBatch(records, options)
  return partition.appendKafka(bytes, { header: verifyBatch(bytes, 0, defaultLimits) })
}

export interface FoundRecord extends TestRecord {
  readonly offset: number
}

/** Every committed record of a partition, from an offset on. */
export async function recordsFrom(
  partition: Partition,
  from = partition.startOffset,
): Promise<readonly FoundRecord[]> {
  const found: FoundRecord[] = []
  for await (const { offset, key, value, timestamp } of readCommitted(
    partition,
    from,
    Number.POSITIVE_INFINITY,
  )) {
    found.push({ offset, key: textOf(key), value: textOf(value), timestamp })
  }
  return found
}

function textOf(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : decoder.decode(bytes)
}
