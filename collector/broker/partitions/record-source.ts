// The source facts in a batch's record headers: written once by the sender, read when positions are rebuilt.
import { type DecodedBatch, headerKeys, type NewRecord, type RecordHeader } from '../../../core/records.ts'
import { recordHeaders } from '../../../protocol/batch-decode.ts'
import { writeVarint } from '../../../protocol/varint.ts'

/** A whole batch of one source (`from` known), or one record of a source. */
export type SourceFact =
  | {
      readonly kind: 'range'
      readonly source: string
      readonly epoch: number
      readonly from: number
      readonly to: number
      readonly guard: string | undefined
    }
  | { readonly kind: 'record'; readonly source: string; readonly epoch: number; readonly to: number }

/** Longest guard that is kept, in bytes of printable ASCII; a longer or other one is as none. */
const guardBytesMax = 64
const decoder = new TextDecoder()
const encoder = new TextEncoder()

/** The headers of a published record: its own, and its place in its source. A view that is good until the next call. */
export function headersOf(record: NewRecord): readonly RecordHeader[] | Uint8Array {
  const { source } = record
  if (source === null) return record.headers
  if (record.headers.length === 0 && source.source.length <= sourceUnitsMax) {
    return sourceSection(source.source, String(source.epoch), String(source.position))
  }
  return [
    ...record.headers,
    { key: headerKeys.source, value: encoder.encode(source.source) },
    { key: headerKeys.epoch, value: encoder.encode(String(source.epoch)) },
    { key: headerKeys.to, value: encoder.encode(String(source.position)) },
  ]
}

/** Sources up to this many UTF-16 units (3 bytes each at most) take the short way. */
const sourceUnitsMax = 256
/** Zigzag varints below 64 are one byte: twice the value. */
const threeHeaders = 6
const scratch = Buffer.alloc(1024 + 3 * sourceUnitsMax)
const sourceKey = shortKey(headerKeys.source)
const epochKey = shortKey(headerKeys.epoch)
const toKey = shortKey(headerKeys.to)

/** The header section of a record that has nothing but its place: written a million times, so without an object each. */
function sourceSection(source: string, epoch: string, to: string): Uint8Array {
  scratch[0] = threeHeaders
  scratch.set(sourceKey, 1)
  const valueAt = 1 + sourceKey.length
  // Two bytes of room for the length; what one byte of it does not need moves the value back.
  let length = scratch.write(source, valueAt + 2)
  let at = writeVarint(scratch, valueAt, length)
  if (at === valueAt + 1) scratch.copyWithin(at, valueAt + 2, valueAt + 2 + length)
  at += length
  scratch.set(epochKey, at)
  length = scratch.write(epoch, at + epochKey.length + 1, 'latin1')
  at = writeVarint(scratch, at + epochKey.length, length) + length
  scratch.set(toKey, at)
  length = scratch.write(to, at + toKey.length + 1, 'latin1')
  at = writeVarint(scratch, at + toKey.length, length) + length
  return scratch.subarray(0, at)
}

/** A header key with its length before it. */
function shortKey(key: string): Uint8Array {
  return Uint8Array.of(key.length * 2, ...encoder.encode(key))
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
  let guard: string | undefined
  for (const { key, value } of headers) {
    if (value === null) continue
    if (key === headerKeys.source) source = decoder.decode(value)
    else if (key === headerKeys.epoch) epoch = wholeNumber(value)
    else if (key === headerKeys.from) from = wholeNumber(value)
    else if (key === headerKeys.to) to = wholeNumber(value)
    else if (key === headerKeys.guard) guard = guardOf(value)
  }
  if (source === null || epoch === null || to === null) return null
  return from === null
    ? { kind: 'record', source, epoch, to }
    : { kind: 'range', source, epoch, from, to, guard }
}

function guardOf(bytes: Uint8Array): string | undefined {
  if (bytes.length === 0 || bytes.length > guardBytesMax) return undefined
  const text = decoder.decode(bytes)
  return /^[\x21-\x7e]+$/.test(text) ? text : undefined
}

function wholeNumber(bytes: Uint8Array): number | null {
  const text = decoder.decode(bytes)
  if (!/^[0-9]{1,16}$/.test(text)) return null
  const value = Number(text)
  return Number.isSafeInteger(value) ? value : null
}
