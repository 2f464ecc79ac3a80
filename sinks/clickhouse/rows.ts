// Records to the bodies of inserts: raw lines as TabSeparated, JSON values spliced as they are. No strings of rows.
import type { Batch } from '../../core/event-log.ts'
import type { Refusal } from '../../core/flow.ts'
import type { DecodedBatch } from '../../core/records.ts'
import { type LineFacts, lineFacts } from '../json-rows.ts'
import { readableParts } from '../refusals.ts'
import { BodyBuilder, type Piece, pieceOf, type RowsBody } from './body-builder.ts'
import { shapeOf } from './columns.ts'
import { isSafeObject } from './single-object.ts'

/** A batch as inserts: at most one of each kind, rows in offset order; and what cannot be a row at all. */
export interface BatchRows {
  readonly bodies: readonly RowsBody[]
  readonly refused: ReadonlyMap<number, string>
  /** RecordBatches that could not be decoded. */
  readonly unreadable: readonly Refusal[]
  readonly count: number
  /** Rows whose JSON nobody has parsed: one that is broken fails its whole insert. */
  readonly unparsed: number
}

/** `trusting` leaves the parsing of most JSON to the engine; `parsing` refuses here what is no JSON object. */
export type Reading = 'trusting' | 'parsing'

/** About what a row is longer than its record. */
const rowBytesMore = 160

/** Columns of a raw line, in the order of its fields. */
export const lineColumns = [
  '_log',
  '_topic',
  '_partition',
  '_offset',
  'ts',
  'observed_ts',
  'host',
  'source',
  'body',
]

/** What every row of a batch carries in `_log`: the topic's id, and which replay of it. */
export function logOf(batch: Pick<Batch, 'topicId' | 'replayEpoch'>): string {
  return `${batch.topicId}/${batch.replayEpoch}`
}

/**
 * Reads the whole batch. The same batch and way of reading always give the same bytes. Records of activity topics must
 * be JSON objects; elsewhere a JSON object is spliced into the row, and anything else becomes the row's `body`. Dead
 * letters are never spliced: they would be refused again.
 */
export async function readRows(batch: Batch, reading: Reading, signal: AbortSignal): Promise<BatchRows> {
  const isActivity = shapeOf(batch.topic).kind === 'activity'
  const isDead = batch.topic.endsWith('.dead-letter')
  const lines = new BodyBuilder('TabSeparated', lineColumns)
  const objects = new BodyBuilder('JSONEachRow', null)
  const place = placeOf(batch)
  const refused = new Map<number, string>()
  const unreadable: Refusal[] = []
  let count = 0
  let unparsed = 0
  for await (const part of readableParts(batch, unreadable, signal)) {
    signal.throwIfAborted()
    count += part.count
    const facts = lineFacts(part)
    const source = new Source(facts)
    const isParsed = facts?.isParsed === true && !isDead
    const wanted = facts === null || isParsed ? objects : lines
    wanted.expect(part.bytes.length + part.count * rowBytesMore)
    const tryJson = isActivity || isParsed || !(isDead || facts !== null)
    const trusting = reading === 'trusting' && (isActivity || isParsed)
    const origin = isParsed ? source : null
    for (let index = 0; index < part.count; index += 1) {
      if (trusting && appendUnparsed(objects, place, origin, part, index)) {
        unparsed += 1
        continue
      }
      if (tryJson && appendObject(objects, place, origin, part, index, isActivity)) continue
      const offset = offsetOf(part, index)
      if (isActivity) refused.set(offset, 'the record is no JSON object')
      else appendLine(lines, place, source, part, index)
    }
  }
  return {
    // Objects first: one that turns out broken fails before anything of the batch is inserted.
    bodies: [objects, lines].filter((body) => body.count > 0).map((body) => body.finish()),
    refused,
    unreadable,
    count,
    unparsed,
  }
}

/** Keys and values of the refused, by a second reading: keeping all records in memory for them would cost more. */
export async function readRefused(
  batch: Batch,
  reasons: ReadonlyMap<number, string>,
  signal: AbortSignal,
): Promise<readonly Refusal[]> {
  const refusals: Refusal[] = []
  if (reasons.size === 0) return refusals
  for await (const part of batch.read(signal)) {
    if ('unreadable' in part) continue
    for (let index = 0; index < part.count; index += 1) {
      const offset = offsetOf(part, index)
      const reason = reasons.get(offset)
      if (reason === undefined) continue
      const key = copyOf(part.bytes, part.keyFrom[index] ?? -1, part.keyTo[index] ?? -1)
      const value = copyOf(part.bytes, part.valueFrom[index] ?? -1, part.valueTo[index] ?? -1)
      refusals.push({ offset, reason, key, value })
    }
  }
  return refusals
}

function offsetOf(part: DecodedBatch, index: number): number {
  return part.baseOffset + (part.offsetDeltas[index] ?? 0)
}

function copyOf(bytes: Uint8Array, from: number, to: number): Uint8Array | null {
  // Not slice: on a Buffer that would be a view.
  return from < 0 ? null : new Uint8Array(bytes.subarray(from, to))
}

interface Place {
  readonly lineHead: Piece
  readonly objectHead: Piece
  readonly separator: Piece
  /** A record's time as ClickHouse reads it; records of one batch mostly share one. */
  time(ms: number): string
}

function placeOf(batch: Batch): Place {
  const log = logOf(batch)
  const head = { _log: log, _topic: batch.topic, _partition: batch.partition }
  let lastMs = Number.NaN
  let lastText = ''
  return {
    time(ms) {
      if (ms !== lastMs) lastText = isoTime(ms)
      lastMs = ms
      return lastText
    },
    lineHead: pieceOf(`${tabEscaped(log)}\t${tabEscaped(batch.topic)}\t${batch.partition}\t`),
    objectHead: pieceOf(`${JSON.stringify(head).slice(0, -1)},"_offset":`),
    separator: pieceOf(','),
  }
}

function appendLine(
  body: BodyBuilder,
  place: Place,
  source: Source,
  part: DecodedBatch,
  index: number,
): void {
  const from = Math.max(0, part.valueFrom[index] ?? 0)
  const to = Math.max(from, part.valueTo[index] ?? 0)
  const offset = offsetOf(part, index)
  body.piece(place.lineHead)
  body.number(offset)
  body.piece(source.after(part.timestamps[index] ?? 0))
  body.tabEscaped(part.bytes, from, to)
  body.endRow(offset)
}

/** What stands behind the offset of a batch's lines, for both kinds of rows: made anew only when the time changes. */
class Source {
  readonly #host: string
  readonly #path: string
  #ms = Number.NaN
  #fields = pieceOf('')
  #members = pieceOf('')

  constructor(facts: LineFacts | null) {
    this.#host = facts?.host ?? ''
    this.#path = facts?.path ?? ''
  }

  /** Between offset and body of a raw line. */
  after(ms: number): Piece {
    this.#make(ms)
    return this.#fields
  }

  /** Between offset and the members of a line that the agent parsed. */
  members(ms: number): Piece {
    this.#make(ms)
    return this.#members
  }

  #make(ms: number): void {
    if (ms === this.#ms) return
    const time = isoTime(ms)
    const [host, source] = [this.#host, this.#path]
    this.#fields = pieceOf(`\t${time}\t${time}\t${tabEscaped(host)}\t${tabEscaped(source)}\t`)
    this.#members = pieceOf(`,${JSON.stringify({ observed_ts: time, host, source }).slice(1, -1)}`)
    this.#ms = ms
  }
}

/** Appends a value that is one row or an error to the engine; false, and nothing appended, when it may be else. */
function appendUnparsed(
  body: BodyBuilder,
  place: Place,
  origin: Source | null,
  part: DecodedBatch,
  index: number,
): boolean {
  const from = Math.max(0, part.valueFrom[index] ?? 0)
  const to = Math.max(from, part.valueTo[index] ?? 0)
  if (!isSafeObject(part.bytes, from, to)) return false
  const offset = offsetOf(part, index)
  body.piece(place.objectHead)
  body.number(offset)
  if (origin !== null) body.piece(origin.members(part.timestamps[index] ?? 0))
  body.piece(place.separator)
  body.range(part.bytes, from + 1, to)
  body.endRow(offset)
  return true
}

/** Appends a value that is one JSON object; false, and nothing appended, when it is not. */
function appendObject(
  body: BodyBuilder,
  place: Place,
  origin: Source | null,
  part: DecodedBatch,
  index: number,
  isActivity: boolean,
): boolean {
  const value = Buffer.from(
    part.bytes.buffer,
    part.bytes.byteOffset + (part.valueFrom[index] ?? 0),
    valueLength(part, index),
  )
  const parsed = parseObject(value)
  if (parsed === null) return false
  const offset = offsetOf(part, index)
  // Formatted only when the row brings no time of its own: 1.5 us a row.
  const arrived = () => place.time(part.timestamps[index] ?? 0)
  const given = parsed.ts
  let inside = value
  body.piece(place.objectHead)
  body.number(offset)
  if (given === undefined) body.text(`,"ts":"${arrived()}"`)
  else if (typeof given === 'number') {
    // ClickHouse takes a bare number for ticks of the column: milliseconds would end up in 1970.
    body.text(`,"ts":"${isoTime(given < secondsMax ? given * 1000 : given)}"`)
    inside = withoutTime(value)
  }
  if (!isActivity) {
    if (origin !== null) body.piece(origin.members(part.timestamps[index] ?? 0))
    else if (parsed.observed_ts === undefined) body.text(`,"observed_ts":"${arrived()}"`)
    // Fields without a column would be dropped in silence: the whole object stays readable in body.
    if (parsed.body === undefined) body.text(`,"body":${JSON.stringify(value.toString('utf8').trim())}`)
  }
  const rest = inside.subarray(inside.indexOf(openBrace) + 1)
  if (!emptyObject.test(rest.toString('latin1', 0, 100))) body.text(',')
  body.bytes(rest)
  body.endRow(offset)
  return true
}

/** Numbers below are seconds since 1970, above milliseconds: 1e11 s is the year 5138, 1e11 ms is 1973. */
const secondsMax = 1e11
const emptyObject = /^\s*\}\s*$/

function withoutTime(value: Buffer): Buffer {
  const { ts: _, ...rest } = JSON.parse(value.toString('utf8')) as Record<string, unknown>
  return Buffer.from(JSON.stringify(rest))
}

function valueLength(part: DecodedBatch, index: number): number {
  return Math.max(0, (part.valueTo[index] ?? 0) - (part.valueFrom[index] ?? 0))
}

const openBrace = 0x7b

/**
 * The parsed object, or null. Parsed even though the bytes are passed on: two objects in one value would become
 * two rows, and a broken one would fail its whole batch. Keys are read as latin1, which keeps JSON as it is.
 */
function parseObject(value: Buffer): Readonly<Record<string, unknown>> | null {
  try {
    const parsed: unknown = JSON.parse(value.toString('latin1'))
    const isObject = typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)
    return isObject ? (parsed as Record<string, unknown>) : null
  } catch {
    return null
  }
}

/** Years 1970 to 2261: what a DateTime64(9) holds. Timestamps are the sender's, and may be anything. */
const timeMsMax = 9_214_646_399_999

function clampTime(ms: number): number {
  return Number.isFinite(ms) ? Math.min(timeMsMax, Math.max(0, Math.trunc(ms))) : 0
}

function isoTime(ms: number): string {
  return new Date(clampTime(ms)).toISOString()
}

const escapes: Readonly<Record<string, string>> = {
  '\t': '\\t',
  '\n': '\\n',
  '\r': '\\r',
  '\\': '\\\\',
  '\0': '\\0',
}

function tabEscaped(value: string): string {
  return value.replace(/[\t\n\r\\\0]/g, (found) => escapes[found] ?? found)
}
