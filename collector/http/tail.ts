// GET /v1/tail: records as server-sent events, from anywhere in the log to its end or for ever.
import { isUtf8 } from 'node:buffer'
import { LogdriveError } from '../../core/errors.ts'
import type { EventLog } from '../../core/event-log.ts'
import type { DecodedBatch } from '../../core/records.ts'
import type { Runtime, ServerResponse } from '../../core/runtime.ts'
import { recordHeaders } from '../../protocol/batch-decode.ts'
import { checkJson, JsonFault } from './json-scan.ts'
import type { LogAdmin } from './log-admin.ts'
import type { Call, Route } from './router.ts'

/** What a tail reads from. */
export interface TailParts {
  readonly log: EventLog
  readonly admin: LogAdmin
  readonly runtime: Pick<Runtime, 'clock'>
}

const topicsMax = 64
const readBytesMax = 256 * 1024
/** A comment now and then, so that nobody between takes the silence for death. */
const heartbeatMs = 15_000
/** A number from here on is a time in ms (1973), below it is an offset. */
const timeMin = 100_000_000_000

/** The route. */
export function tailRoutes(parts: TailParts): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/tail',
      access: 'admin',
      about: 'Records as server-sent events: ?topic= (more than one), from, max, follow.',
      handle: (call) => tail(parts, call),
    },
  ]
}

async function tail(parts: TailParts, call: Call): Promise<ServerResponse> {
  const { query, request } = call
  const names = [...new Set(query.getAll('topic'))]
  if (names.length === 0 || names.length > topicsMax) {
    throw new LogdriveError('REQUEST_INVALID', `name 1 to ${topicsMax} topics with ?topic=`)
  }
  const follow = flagOf(query.get('follow') ?? '0')
  const max = query.has('max') ? wholeNumber('max', query.get('max') ?? '') : Number.POSITIVE_INFINITY
  const cursors = await place(parts, names, query.get('from') ?? 'beginning')
  const body = records(parts, cursors, { follow, max }, request.signal)
  return {
    status: 200,
    headers: {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'x-accel-buffering': 'no',
    },
    body,
  }
}

interface Cursor {
  readonly topic: string
  readonly partition: number
  offset: number
  /** Where it ends without follow. */
  readonly endOffset: number
}

async function place(parts: TailParts, topics: readonly string[], from: string): Promise<readonly Cursor[]> {
  const start = startOf(from)
  const cursors: Cursor[] = []
  for (const topic of topics) {
    for (const range of parts.admin.describeTopic(topic).ranges) {
      const { partition, startOffset, endOffset } = range
      let offset = startOffset
      if (start.kind === 'end') offset = endOffset
      if (start.kind === 'offset') offset = Math.max(startOffset, start.offset)
      if (start.kind === 'time') offset = await parts.admin.offsetAt({ topic, partition }, start.timestamp)
      cursors.push({ topic, partition, offset, endOffset })
    }
  }
  return cursors
}

type Start =
  | { readonly kind: 'beginning' | 'end' }
  | { readonly kind: 'offset'; readonly offset: number }
  | { readonly kind: 'time'; readonly timestamp: number }

function startOf(from: string): Start {
  if (from === 'beginning' || from === 'end') return { kind: from }
  if (/^\d{1,16}$/.test(from)) {
    const number = Number(from)
    return number < timeMin ? { kind: 'offset', offset: number } : { kind: 'time', timestamp: number }
  }
  const timestamp = from.length <= 40 && /^\d{4}-\d{2}/.test(from) ? Date.parse(from) : Number.NaN
  if (Number.isFinite(timestamp)) return { kind: 'time', timestamp }
  throw new LogdriveError(
    'REQUEST_INVALID',
    'from is beginning, end, an offset, ms since 1970 or an ISO time',
  )
}

interface Until {
  readonly follow: boolean
  readonly max: number
}

async function* records(
  parts: TailParts,
  cursors: readonly Cursor[],
  until: Until,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  let left = until.max
  while (left > 0 && !signal.aborted) {
    let found = false
    for (const cursor of cursors) {
      const end = until.follow ? Number.POSITIVE_INFINITY : cursor.endOffset
      if (cursor.offset >= end || left === 0 || signal.aborted) continue
      const from = cursor.offset
      const { batches, nextOffset } = await parts.admin.read(cursor, from, readBytesMax)
      cursor.offset = nextOffset
      if (nextOffset > from) found = true
      for (const batch of batches) {
        const lines = linesOf(cursor, batch, { from, end, max: left })
        left -= lines.length
        if (lines.length > 0) yield Buffer.from(lines.join(''))
      }
    }
    if (found) continue
    if (!until.follow) return
    if (!(await news(parts, cursors, signal))) yield Buffer.from(': still here\n\n')
  }
}

/** Waits for a record in any of the partitions; false when none came for a while. */
async function news(parts: TailParts, cursors: readonly Cursor[], signal: AbortSignal): Promise<boolean> {
  const stop = new AbortController()
  const abort = () => stop.abort()
  signal.addEventListener('abort', abort, { once: true })
  if (signal.aborted) abort()
  try {
    const beat = parts.runtime.clock.sleep(heartbeatMs, stop.signal).then(() => false)
    const waits = cursors.map(async (cursor) => {
      await parts.admin.waitFor(cursor, cursor.offset, stop.signal)
      return true
    })
    return await Promise.race([beat, ...waits])
  } finally {
    abort()
    signal.removeEventListener('abort', abort)
  }
}

interface Window {
  readonly from: number
  readonly end: number
  readonly max: number
}

function linesOf(cursor: Cursor, batch: DecodedBatch, window: Window): readonly string[] {
  const lines: string[] = []
  for (let index = 0; index < batch.count && lines.length < window.max; index += 1) {
    const offset = batch.baseOffset + (batch.offsetDeltas[index] as number)
    if (offset >= window.from && offset < window.end)
      lines.push(`data: ${lineOf(cursor, batch, index, offset)}\n\n`)
  }
  return lines
}

/** One record as one line of JSON. A value that is JSON stands in it as it is, byte for byte but for newlines. */
function lineOf(cursor: Cursor, batch: DecodedBatch, index: number, offset: number): string {
  const key = slice(batch, batch.keyFrom[index] as number, batch.keyTo[index] as number)
  const value = slice(batch, batch.valueFrom[index] as number, batch.valueTo[index] as number)
  const time = new Date(batch.timestamps[index] as number)
  const timestamp = Number.isNaN(time.getTime()) ? null : time.toISOString()
  const headers = recordHeaders(batch, index).map((header) => {
    return `${JSON.stringify(header.key)}:${header.value === null ? 'null' : JSON.stringify(textOf(header.value))}`
  })
  return `{"topic":${JSON.stringify(cursor.topic)},"partition":${cursor.partition},"offset":${offset},"timestamp":${JSON.stringify(timestamp)},"key":${key === null ? 'null' : JSON.stringify(textOf(key))},"headers":{${headers.join(',')}},${valueField(value)}}`
}

function valueField(value: Uint8Array | null): string {
  if (value === null) return '"value":null'
  if (!isUtf8(value)) {
    const base64 = Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')
    return `"value":${JSON.stringify(textOf(value))},"value_base64":"${base64}"`
  }
  const text = textOf(value)
  // A newline in valid JSON stands between tokens, where a space does as well.
  return `"value":${isJson(value) ? text.replace(/[\r\n]/g, ' ') : JSON.stringify(text)}`
}

function isJson(value: Uint8Array): boolean {
  try {
    checkJson(value, 0, value.length)
    return true
  } catch (error) {
    if (error instanceof JsonFault) return false
    throw error
  }
}

function slice(batch: DecodedBatch, from: number, to: number): Uint8Array | null {
  return from < 0 ? null : batch.bytes.subarray(from, to)
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
}

function flagOf(text: string): boolean {
  if (text === '1' || text === 'true' || text === '') return true
  if (text === '0' || text === 'false') return false
  throw new LogdriveError('REQUEST_INVALID', 'follow is 0 or 1')
}

function wholeNumber(name: string, text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new LogdriveError('REQUEST_INVALID', `${name} must be a whole number`)
}
