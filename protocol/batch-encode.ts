// Encodes RecordBatch v2: record by record with a BatchBuilder, or the lines of one buffer at once with encodeLines.
//
// A record is: varint length of what follows, int8 attributes (0), varlong timestamp delta, varint offset delta,
// varint key length (-1: null) and key, varint value length and value, varint header count, headers; a header is:
// varint key length and UTF-8 key, varint value length (-1: null) and value. Zigzag varints; docs/record-batch.md.

import { LogdriveError } from '../core/errors.ts'
import type { RecordHeader } from '../core/records.ts'
import { assert } from './assert.ts'
import { BATCH_OVERHEAD, sealBatch } from './batch-header.ts'
import { type Codec, codecId, compress } from './compression.ts'
import { type Copier, copier, copyBytes } from './copy.ts'
import { roomFor } from './room.ts'
import { varintSize, varlongSize, writeVarint, writeVarlong } from './varint.ts'

/** How to close a batch. Without producer fields it is a plain one (-1), which Logdrive's own senders write. */
export interface FinishOptions {
  readonly codec: Codec
  /** Compression level; 1 unless said. */
  readonly level?: number
  readonly producerId?: number
  readonly producerEpoch?: number
  readonly baseSequence?: number
  readonly isTransactional?: boolean
}

/** Lines of one buffer that become the records of one batch. */
export interface LineBatch extends FinishOptions {
  readonly bytes: Uint8Array
  /** Where line `i` ends, its newline excluded. */
  readonly ends: Int32Array | readonly number[]
  /** Where line `i` begins. Left out: the first at `from`, every other one byte behind the end before it. */
  readonly starts?: Int32Array | readonly number[]
  /** Where the first line begins when there are no `starts`; 0 unless said. */
  readonly from?: number
  /** How many of `ends` count. */
  readonly count: number
  /** The time of every record, in ms. */
  readonly timestampMs: number
  /** Headers of the first record: the facts of the batch. */
  readonly firstHeaders?: readonly RecordHeader[]
  /** Headers of single records by index, such as `ld-truncated`; behind `firstHeaders` for record 0. */
  readonly headersAt?: ReadonlyMap<number, readonly RecordHeader[]>
}

/**
 * Frames lines into records and closes the batch; no object is made per line. The result is the caller's. Asserts at
 * least one line, and lines inside `bytes`.
 */
export function encodeLines(lines: LineBatch): Uint8Array {
  const { headers, size } = measureLines(lines)
  if (lines.codec === 'none') {
    // The exact size is known: written straight into what the caller gets.
    const batch = Buffer.allocUnsafeSlow(size)
    frameLines(lines, headers, batch)
    return seal(batch, factsOf(lines), lines)
  }
  const scratch = takeScratch(size)
  frameLines(lines, headers, scratch)
  return pack(scratch.subarray(BATCH_OVERHEAD, size), factsOf(lines), lines)
}

/** Memory that framing uses again and again, and the finished batch after it; it grows as needed. */
export interface FrameRoom {
  bytes: Buffer
}

/**
 * As `encodeLines`, but packed with `zstd` while the caller does other things; the bytes that it gives are freed. Framing
 * is done when this returns: only the room has to stay as it is. What is packed is put where it was framed: the batch is the
 * caller's until the room is used again. In memory of their own batches piled up, tens of megabytes before a collection.
 */
export async function encodeLinesLater(
  lines: LineBatch,
  room: FrameRoom,
  zstd: (bytes: Uint8Array) => Promise<Uint8Array>,
): Promise<Uint8Array> {
  if (lines.codec !== 'zstd') return encodeLines(lines)
  const { headers, size } = measureLines(lines)
  room.bytes = roomFor(size, room.bytes)
  frameLines(lines, headers, room.bytes)
  const packed = await zstd(room.bytes.subarray(BATCH_OVERHEAD, size))
  const length = BATCH_OVERHEAD + packed.length
  room.bytes = roomFor(length, room.bytes)
  room.bytes.set(packed, BATCH_OVERHEAD)
  free(packed)
  return seal(room.bytes.subarray(0, length), factsOf(lines), lines)
}

/**
 * Frees bytes that nobody has any more, at once: a garbage collector that has little else to do lets 64 MB of such pile
 * up. Small ones may be a part of Buffer's pool.
 */
function free({ buffer, length }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && length > Buffer.poolSize) buffer.transfer(0)
}

/** Unpacked bytes at which a builder refuses more, unless told otherwise. */
const BUILDER_BYTES_MAX = 64 * 1024 * 1024
/** A builder that grew beyond this gives its buffer back when it finishes. */
const BUILDER_BYTES_KEPT = 4 * 1024 * 1024
const BUILDER_BYTES_MIN = 64 * 1024
/** Length, attributes, timestamp, offset delta, key length, value length and header count at their widest. */
const RECORD_OVERHEAD_MAX = 5 + 1 + 10 + 5 + 5 + 5 + 5

/** Collects records for one batch after another in one buffer that grows as needed and is used again. */
export class BatchBuilder {
  readonly #bytesMax: number
  #buffer: Buffer
  #copier: Copier | null = null
  #end = BATCH_OVERHEAD
  #count = 0
  #baseTimestamp = 0
  #maxTimestamp = 0

  constructor(options: { readonly bytesMax?: number } = {}) {
    this.#bytesMax = options.bytesMax ?? BUILDER_BYTES_MAX
    this.#buffer = Buffer.allocUnsafeSlow(BUILDER_BYTES_MIN)
  }

  /** Records so far. */
  get count(): number {
    return this.#count
  }

  /** Bytes of the batch so far, header included, before compression. */
  get bytes(): number {
    return this.#end
  }

  /**
   * Adds one record with the value `value[valueFrom, valueTo)`, copied. Throws BATCH_TOO_LARGE, with nothing added,
   * when it does not fit below `bytesMax`: finish the batch and append again. `headers` may come as a whole section, its
   * count first, from a caller that writes the same few headers a million times.
   */
  append(
    value: Uint8Array | null,
    valueFrom: number,
    valueTo: number,
    timestampMs: number,
    key: Uint8Array | null = null,
    headers: readonly RecordHeader[] | Uint8Array = [],
  ): void {
    assert(valueFrom >= 0 && valueFrom <= valueTo, 'a value ends behind its start')
    assert(value === null || valueTo <= value.length, 'a value lies inside its bytes')
    assert(Number.isSafeInteger(timestampMs), 'a timestamp is a safe integer of milliseconds')
    const timestampDelta = this.#count === 0 ? 0 : timestampMs - this.#baseTimestamp
    const valueLength = value === null ? -1 : valueTo - valueFrom
    const keyLength = key === null ? -1 : key.length
    const section = sectionOf(headers)
    const sectionLength = section === null ? 1 : section.length
    const body =
      1 +
      varlongSize(timestampDelta) +
      varintSize(this.#count) +
      varintSize(keyLength) +
      Math.max(0, keyLength) +
      varintSize(valueLength) +
      Math.max(0, valueLength) +
      sectionLength
    this.#makeRoom(body + RECORD_OVERHEAD_MAX)
    const buffer = this.#buffer
    let at = writeVarint(buffer, this.#end, body)
    buffer[at++] = 0
    at = writeVarlong(buffer, at, timestampDelta)
    at = writeVarint(buffer, at, this.#count)
    at = writeVarint(buffer, at, keyLength)
    if (key !== null) {
      buffer.set(key, at)
      at += keyLength
    }
    at = writeVarint(buffer, at, valueLength)
    if (value !== null) {
      this.#copyValue(value, at, valueFrom, valueTo)
      at += valueLength
    }
    if (section === null) buffer[at] = 0
    else buffer.set(section, at)
    if (this.#count === 0) this.#baseTimestamp = timestampMs
    this.#maxTimestamp = this.#count === 0 ? timestampMs : Math.max(this.#maxTimestamp, timestampMs)
    this.#end = at + sectionLength
    this.#count++
  }

  /** Closes the batch and begins the next. The result is the caller's. Asserts at least one record. */
  finish(options: FinishOptions): Uint8Array {
    assert(this.#count > 0, 'an empty batch is never finished')
    const facts = { count: this.#count, baseTimestamp: this.#baseTimestamp, maxTimestamp: this.#maxTimestamp }
    const batch =
      options.codec === 'none'
        ? seal(ownCopy(this.#buffer, this.#end), facts, options)
        : pack(this.#buffer.subarray(BATCH_OVERHEAD, this.#end), facts, options)
    this.reset()
    return batch
  }

  /** Forgets the records so far. */
  reset(): void {
    this.#end = BATCH_OVERHEAD
    this.#count = 0
    this.#copier = null
    if (this.#buffer.length > BUILDER_BYTES_KEPT) this.#buffer = Buffer.allocUnsafeSlow(BUILDER_BYTES_MIN)
  }

  #copyValue(value: Uint8Array, at: number, from: number, to: number): void {
    // Values in a row mostly come from one buffer; the views over both sides are made once for all of them.
    if (this.#copier === null || this.#copier.source !== value || this.#copier.target !== this.#buffer) {
      if (from === 0 && to === value.length) {
        this.#buffer.set(value, at)
        return
      }
      this.#copier = copier(value, this.#buffer)
    }
    copyBytes(this.#copier, at, from, to)
  }

  #makeRoom(bytes: number): void {
    const needed = this.#end + bytes
    if (needed <= this.#buffer.length && needed <= this.#bytesMax) return
    if (needed > this.#bytesMax) {
      throw new LogdriveError(
        'BATCH_TOO_LARGE',
        `a record does not fit: a batch has at most ${this.#bytesMax} bytes`,
        {
          details: { limit: this.#bytesMax, bytes: this.#end, count: this.#count },
        },
      )
    }
    const larger = Buffer.allocUnsafeSlow(Math.min(this.#bytesMax, Math.max(needed, this.#buffer.length * 2)))
    larger.set(this.#buffer.subarray(0, this.#end))
    this.#buffer = larger
  }
}

/** The header sections of a batch's lines and the bytes it takes before packing. */
function measureLines(lines: LineBatch): {
  readonly headers: ReadonlyMap<number, Uint8Array>
  readonly size: number
} {
  assert(lines.count >= 1 && lines.count <= lines.ends.length, 'a batch has at least one line')
  const headers = encodeLineHeaders(lines)
  return { headers, size: BATCH_OVERHEAD + linesSize(lines, headers) }
}

function factsOf({ count, timestampMs }: LineBatch): BatchFacts {
  return { count, baseTimestamp: timestampMs, maxTimestamp: timestampMs }
}

interface BatchFacts {
  readonly count: number
  readonly baseTimestamp: number
  readonly maxTimestamp: number
}

const encoder = new TextEncoder()

/** The scratch of encodeLines: synchronous work only, so one is enough for the process. */
let scratch: Buffer | null = null

function takeScratch(size: number): Buffer {
  if (scratch !== null && scratch.length >= size) return scratch
  const fresh = Buffer.allocUnsafeSlow(Math.max(size, BUILDER_BYTES_MIN))
  if (fresh.length <= BUILDER_BYTES_KEPT) scratch = fresh
  return fresh
}

/** Packs a records section and puts a sealed header before it. */
function pack(records: Uint8Array, facts: BatchFacts, options: FinishOptions): Uint8Array {
  return wrap(compress(options.codec, records, options.level), facts, options)
}

/** Puts a sealed header before packed records. */
function wrap(packed: Uint8Array, facts: BatchFacts, options: FinishOptions): Uint8Array {
  const batch = Buffer.allocUnsafeSlow(BATCH_OVERHEAD + packed.length)
  batch.set(packed, BATCH_OVERHEAD)
  return seal(batch, facts, options)
}

function seal(batch: Buffer, facts: BatchFacts, options: FinishOptions): Uint8Array {
  sealBatch(batch, {
    length: batch.length,
    attributes: codecId(options.codec) | (options.isTransactional === true ? 16 : 0),
    lastOffsetDelta: facts.count - 1,
    baseTimestamp: facts.baseTimestamp,
    maxTimestamp: facts.maxTimestamp,
    producerId: options.producerId ?? -1,
    producerEpoch: options.producerEpoch ?? -1,
    baseSequence: options.baseSequence ?? -1,
    count: facts.count,
  })
  return batch
}

function ownCopy(buffer: Buffer, size: number): Buffer {
  const copy = Buffer.allocUnsafeSlow(size)
  buffer.copy(copy, 0, 0, size)
  return copy
}

function sectionOf(headers: readonly RecordHeader[] | Uint8Array): Uint8Array | null {
  if (headers.length === 0) return null
  return headers instanceof Uint8Array ? headers : encodeHeaders(headers)
}

/** The header section of a record: its count, then each header. */
function encodeHeaders(headers: readonly RecordHeader[]): Uint8Array {
  const keys = headers.map((header) => encoder.encode(header.key))
  let size = varintSize(headers.length)
  for (const [index, header] of headers.entries()) {
    const key = keys[index] as Uint8Array
    size += varintSize(key.length) + key.length
    size += header.value === null ? 1 : varintSize(header.value.length) + header.value.length
  }
  const section = new Uint8Array(size)
  let at = writeVarint(section, 0, headers.length)
  for (const [index, header] of headers.entries()) {
    const key = keys[index] as Uint8Array
    at = writeVarint(section, at, key.length)
    section.set(key, at)
    at = writeVarint(section, at + key.length, header.value === null ? -1 : header.value.length)
    if (header.value === null) continue
    section.set(header.value, at)
    at += header.value.length
  }
  assert(at === size, 'a header section is as long as computed')
  return section
}

/** The header sections of the few lines that have any, by index. */
function encodeLineHeaders(lines: LineBatch): ReadonlyMap<number, Uint8Array> {
  const sections = new Map<number, Uint8Array>()
  const first = lines.firstHeaders ?? []
  for (const [index, headers] of lines.headersAt ?? []) {
    assert(index >= 0 && index < lines.count, 'headers belong to a line of the batch')
    sections.set(index, encodeHeaders(index === 0 ? [...first, ...headers] : headers))
  }
  if (first.length > 0 && !sections.has(0)) sections.set(0, encodeHeaders(first))
  return sections
}

/** Bytes of all records; checks that every line lies inside the buffer, so that framing need not. */
function linesSize(lines: LineBatch, headers: ReadonlyMap<number, Uint8Array>): number {
  const { bytes, ends, starts, count } = lines
  let size = 0
  let start = lines.from ?? 0
  for (let index = 0; index < count; index++) {
    if (starts !== undefined) start = starts[index] as number
    const end = ends[index] as number
    assert(start >= 0 && start <= end && end <= bytes.length, 'a line lies inside its buffer')
    const length = end - start
    const body = bodySize(index, length) + length
    size += varintSize(body) + body
    start = end + 1
  }
  for (const [index, section] of headers) {
    const length = (ends[index] as number) - startOf(lines, index)
    const body = bodySize(index, length) + length
    const grown = body - 1 + section.length
    size += varintSize(grown) + grown - varintSize(body) - body
  }
  return size
}

function startOf(lines: LineBatch, index: number): number {
  if (lines.starts !== undefined) return lines.starts[index] as number
  return index === 0 ? (lines.from ?? 0) : (lines.ends[index - 1] as number) + 1
}

/** Bytes of a record behind its length and without its value: no key, no headers, the batch's own timestamp. */
function bodySize(index: number, valueLength: number): number {
  return 4 + varintSize(index) + varintSize(valueLength)
}

/** Writes the records behind the room for the header; their bytes were counted by `linesSize`. */
function frameLines(lines: LineBatch, headers: ReadonlyMap<number, Uint8Array>, target: Buffer): void {
  const { bytes, starts, count } = lines
  const copy = copier(bytes, target)
  const ends = lines.ends
  let at = BATCH_OVERHEAD
  let start = lines.from ?? 0
  for (let index = 0; index < count; index++) {
    if (starts !== undefined) start = starts[index] as number
    const end = ends[index] as number
    const length = end - start
    const section = headers.size === 0 ? undefined : headers.get(index)
    const sectionLength = section === undefined ? 1 : section.length
    at = writeVarint(target, at, bodySize(index, length) - 1 + length + sectionLength)
    target[at] = 0
    target[at + 1] = 0
    at = writeVarint(target, at + 2, index)
    target[at] = 1
    at = writeVarint(target, at + 1, length)
    copyBytes(copy, at, start, end)
    at += length
    if (section === undefined) target[at] = 0
    else target.set(section, at)
    at += sectionLength
    start = end + 1
  }
}
