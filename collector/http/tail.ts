// GET /v1/tail: records as server-sent events, from anywhere in the log to its end or for ever.
import { isUtf8 } from 'node:buffer'
import { LogdriveError } from '../../core/errors.ts'
import type { Clock, ServerResponse } from '../../core/runtime.ts'
import type { TailStart } from '../broker/read.ts'
import type { TailedRecord } from '../broker/tail.ts'
import { errorBody } from './errors.ts'
import { checkJson, JsonFault } from './json-scan.ts'
import type { LogAdmin } from './log-admin.ts'
import type { Call, Route } from './router.ts'

const topicsMax = 64
/** A comment now and then, so that nobody between takes the silence for death. */
const heartbeatMs = 15_000
/** A number from here on is a time in ms (1973), below it is an offset. */
const timeMin = 100_000_000_000
/** Records go out in pieces of about this size, when they are there at once. */
const pieceLengthMax = 64 * 1024

/** The route. */
export function tailRoutes(admin: LogAdmin, clock: Clock): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/tail',
      access: 'admin',
      about: 'Records as server-sent events: ?topic= (more than one), partition, from, max, follow.',
      handle: async (call) => tail(admin, call, clock),
    },
  ]
}

function tail(admin: LogAdmin, call: Call, clock: Clock): ServerResponse {
  const { query, request } = call
  const topics = [...new Set(query.getAll('topic'))]
  if (topics.length === 0 || topics.length > topicsMax) {
    throw new LogdriveError('REQUEST_INVALID', `name 1 to ${topicsMax} topics with ?topic=`)
  }
  const max = query.get('max')
  const partition = query.get('partition')
  const options = {
    topics,
    start: startOf(query.get('from') ?? 'beginning', 'from'),
    follow: flagOf(query.get('follow') ?? '0'),
    ...(max === null ? {} : { recordsMax: wholeNumber('max', max) }),
    ...(partition === null ? {} : { partition: wholeNumber('partition', partition) }),
  }
  const stop = new AbortController()
  // Opened before the answer begins: an unknown topic is still a 404.
  const records = admin.tail(options, AbortSignal.any([request.signal, stop.signal]))
  return {
    status: 200,
    headers: {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      // Proxies such as nginx would hold it back.
      'x-accel-buffering': 'no',
    },
    body: events(records, clock, stop),
  }
}

/** What was read and not sent yet, and who waits for a change of it. */
interface Outbox {
  piece: string
  ended: boolean
  changed: PromiseWithResolvers<void>
}

/**
 * Records as events, a comment while nothing comes. The answer has begun: trouble can only be told in it. Reading runs
 * beside sending, so that records that are there at once go out together and not one by one.
 */
async function* events(
  records: AsyncGenerator<TailedRecord>,
  clock: Clock,
  stop: AbortController,
): AsyncGenerator<Uint8Array> {
  const { signal } = stop
  const outbox: Outbox = { piece: '', ended: false, changed: Promise.withResolvers() }
  const filling = fill(outbox, records, signal)
  // Its failure is heard of at the end, where it is awaited.
  filling.catch(() => undefined)
  try {
    for (;;) {
      if (outbox.piece === '' && !outbox.ended) await change(outbox, clock, signal)
      // A turn of the event loop, in which everything that can be read at once is.
      if (!outbox.ended) await clock.sleep(0, signal)
      const { piece } = outbox
      if (piece === '' && outbox.ended) return
      outbox.piece = ''
      tell(outbox)
      yield Buffer.from(piece === '' ? ': still here\n\n' : piece)
    }
  } finally {
    stop.abort()
    tell(outbox)
    await filling
  }
}

/** Reads records into the outbox, which holds one piece at most. Trouble with a name is told there, a bug is thrown. */
async function fill(
  outbox: Outbox,
  records: AsyncGenerator<TailedRecord>,
  signal: AbortSignal,
): Promise<void> {
  try {
    for await (const record of records) {
      outbox.piece += `data: ${lineOf(record)}\n\n`
      tell(outbox)
      while (outbox.piece.length >= pieceLengthMax && !signal.aborted) await outbox.changed.promise
      if (signal.aborted) return
    }
  } catch (error) {
    if (!(error instanceof LogdriveError)) throw error
    outbox.piece += `event: error\ndata: ${JSON.stringify(errorBody(error))}\n\n`
  } finally {
    outbox.ended = true
    tell(outbox)
  }
}

function tell(outbox: Outbox): void {
  outbox.changed.resolve()
  outbox.changed = Promise.withResolvers()
}

/** Waits for a change of the outbox, but not longer than a heartbeat. */
async function change(outbox: Outbox, clock: Clock, signal: AbortSignal): Promise<void> {
  const stop = new AbortController()
  const either = AbortSignal.any([signal, stop.signal])
  await Promise.race([outbox.changed.promise, clock.sleep(heartbeatMs, either)])
  stop.abort()
}

/** One record as one line of JSON. A value that is JSON stands in it as it is, byte for byte but for newlines. */
function lineOf(record: TailedRecord): string {
  const { topic, partition, offset, key, value } = record
  const time = new Date(record.timestamp)
  const timestamp = Number.isNaN(time.getTime()) ? null : time.toISOString()
  const headers = record.headers.map((header) => {
    return `${JSON.stringify(header.key)}:${header.value === null ? 'null' : JSON.stringify(textOf(header.value))}`
  })
  const place = `"topic":${JSON.stringify(topic)},"partition":${partition},"offset":${offset}`
  const shownKey = key === null ? 'null' : JSON.stringify(textOf(key))
  return `{${place},"timestamp":${JSON.stringify(timestamp)},"key":${shownKey},"headers":{${headers.join(',')}},${valueField(value)}}`
}

function valueField(value: Uint8Array | null): string {
  if (value === null) return '"value":null'
  const text = textOf(value)
  if (!isUtf8(value)) {
    const base64 = Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')
    return `"value":${JSON.stringify(text)},"value_base64":"${base64}"`
  }
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

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
}

/** Where to begin, as a text: a word, an offset, ms since 1970 or an ISO time. Throws REQUEST_INVALID naming the field. */
export function startOf(from: string, name: string): TailStart {
  if (from === 'beginning' || from === 'end') return from
  if (/^\d{1,15}$/.test(from)) {
    const number = Number(from)
    return number < timeMin ? { offset: number } : { timestamp: number }
  }
  const timestamp = from.length <= 40 && /^\d{4}-\d{2}/.test(from) ? Date.parse(from) : Number.NaN
  if (Number.isFinite(timestamp)) return { timestamp }
  throw new LogdriveError(
    'REQUEST_INVALID',
    `${name} is beginning, end, an offset, ms since 1970 or an ISO time`,
  )
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
