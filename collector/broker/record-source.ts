// The source facts in a batch's record headers: written once by the sender, read when positions are rebuilt.
import { type DecodedBatch, headerKeys, type NewRecord, type RecordHeader } from '../../core/records.ts'
import { recordHeaders } from '../../protocol/batch-decode.ts'

/** A whole batch of one source (`from` known), or one record of a source. */
export type SourceFact =
  | {
      readonly kind: 'range'
      readonly source: string
      readonly epoch: number
      readonly from: number
      readonly to: number
    }
  | { readonly kind: 'record'; readonly source: string; readonly epoch: number; readonly to: number }

const decoder = new TextDecoder()
const encoder = new TextEncoder()

/** The headers of a published record: its own, and its place in its source. */
export function headersOf(record: NewRecord): readonly RecordHeader[] {
  const { source } = record
  if (source === null) return record.headers
  return [
    ...record.headers,
    { key: headerKeys.source, value: encoder.encode(source.source) },
    { key: headerKeys.epoch, value: encoder.encode(String(source.epoch)) },
    { key: headerKeys.to, value: encoder.encode(String(source.position)) },
  ]
}

/** The facts of all records of a batch: one range when its first record says so, else one fact a record that has any. */
export function* sourceFacts(batch: DecodedBatch): Generator<SourceFact> {
  for (let index = 0; index < batch.count; index += 1) {
    if (batch.bytes[batch.headersFrom[index] as number] === 0) continue
    const fact = factOf(recordHeaders(batch, index))
    if (fact === null) continue
    yield fact
    if (fact.kind === 'range') return
  }
}

/** What the headers of one record say, or null when they do not name a source. */
export function factOf(headers: readonly RecordHeader[]): SourceFact | null {
  let source: string | null = null
  let epoch: number | null = null
  let from: number | null = null
  let to: number | null = null
  for (const { key, value } of headers) {
    if (value === null) continue
    if (key === headerKeys.source) source = decoder.decode(value)
    else if (key === headerKeys.epoch) epoch = wholeNumber(value)
    else if (key === headerKeys.from) from = wholeNumber(value)
    else if (key === headerKeys.to) to = wholeNumber(value)
  }
  if (source === null || epoch === null || to === null) return null
  return from === null ? { kind: 'record', source, epoch, to } : { kind: 'range', source, epoch, from, to }
}

function wholeNumber(bytes: Uint8Array): number | null {
  const text = decoder.decode(bytes)
  if (!/^[0-9]{1,16}$/.test(text)) return null
  const value = Number(text)
  return Number.isSafeInteger(value) ? value : null
}
