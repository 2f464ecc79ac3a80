// Batches for tests of sinks: real RecordBatches, encoded and decoded as a feed would.
import type { Batch } from '../../core/event-log.ts'
import type { RecordHeader } from '../../core/records.ts'
import { decodeBatch } from '../../protocol/batch-decode.ts'
import { BatchBuilder } from '../../protocol/batch-encode.ts'
import { defaultLimits, stampBatch } from '../../protocol/batch-header.ts'

export interface TestRecord {
  readonly value: string | Uint8Array
  readonly key?: string
  readonly timestamp?: number
  readonly headers?: readonly RecordHeader[]
}

/** One planned batch of a topic, in as many RecordBatches as there are lists of records. */
export function batchOf(
  recordBatches: readonly (readonly TestRecord[])[],
  place: Partial<Pick<Batch, 'topic' | 'partition' | 'firstOffset' | 'recovered' | 'replayEpoch'>> = {},
): Batch {
  const firstOffset = place.firstOffset ?? 0
  const encoded: Uint8Array[] = []
  let offset = firstOffset
  for (const records of recordBatches) {
    const builder = new BatchBuilder()
    for (const { value, key, timestamp = 1_763_700_000_000, headers = [] } of records) {
      const bytes = typeof value === 'string' ? Buffer.from(value) : value
      builder.append(bytes, 0, bytes.length, timestamp, key === undefined ? null : Buffer.from(key), headers)
    }
    const bytes = builder.finish({ codec: 'zstd' })
    stampBatch(bytes, 0, offset, 0)
    encoded.push(bytes)
    offset += records.length
  }
  return {
    group: 'sink.test',
    topic: 'things',
    topicId: '00000000-0000-4000-8000-000000000001',
    partition: 0,
    recovered: false,
    replayEpoch: 0,
    ...place,
    firstOffset,
    lastOffset: offset - 1,
    count: offset - firstOffset,
    plannedAt: 1_763_700_000_000,
    async *read() {
      for (const bytes of encoded) yield decodeBatch(bytes, 0, defaultLimits)
    },
  }
}

/** Headers that mark a batch of raw lines, for its first record. */
export function lineHeaders(host: string, path: string): RecordHeader[] {
  return [
    { key: 'ld-host', value: Buffer.from(host) },
    { key: 'ld-path', value: Buffer.from(path) },
  ]
}
