// Records out of a body: NDJSON lines or a JSON array become record values, byte for byte, each one judged alone.
import { isUtf8 } from 'node:buffer'
import { LogdriveError } from '../../core/errors.ts'
import type { NewRecord } from '../../core/records.ts'
import { checkJson, JsonFault, skipSpaces, skipValue } from './json-scan.ts'

/** How a body is cut. */
export interface CutOptions {
  readonly format: 'ndjson' | 'json'
  /** The field whose value becomes the record's key, or null. */
  readonly keyField: string | null
  /** Of every record. */
  readonly headers: NewRecord['headers']
  /** Milliseconds since 1970. */
  readonly timestamp: number
  readonly eventBytesMax: number
  readonly recordsMax: number
}

/** Why one line (or element of an array, counted from 1) is not stored. */
export interface BadLine {
  readonly line: number
  readonly code: 'REQUEST_INVALID' | 'REQUEST_TOO_LARGE'
  readonly message: string
}

/** What a body holds; the values are views of it. */
export interface CutRecords {
  readonly records: readonly NewRecord[]
  readonly bad: readonly BadLine[]
}

/**
 * Cuts a body into records. A bad line spoils nothing but itself; an array that is no JSON spoils the whole. Throws
 * REQUEST_INVALID for that and for an empty body, REQUEST_TOO_LARGE for too many records.
 */
export function cutRecords(body: Uint8Array, options: CutOptions): CutRecords {
  const cut: Cut = { body, options, allUtf8: isUtf8(body), records: [], bad: [], count: 0 }
  if (options.format === 'ndjson') cutLines(cut)
  else cutArray(cut)
  if (cut.count === 0) {
    throw new LogdriveError('REQUEST_INVALID', 'the body holds no record', {
      hint: 'Send one JSON value a line as application/x-ndjson, or a JSON array.',
    })
  }
  return cut
}

interface Cut extends CutRecords {
  readonly body: Uint8Array
  readonly options: CutOptions
  readonly allUtf8: boolean
  readonly records: NewRecord[]
  readonly bad: BadLine[]
  count: number
}

function cutLines(cut: Cut): void {
  const { body } = cut
  let line = 0
  for (let from = 0; from < body.length; ) {
    const newline = body.indexOf(0x0a, from)
    const end = newline === -1 ? body.length : newline
    line += 1
    const last = end > from && body[end - 1] === 0x0d ? end - 1 : end
    if (skipSpaces(body, from, last) < last) take(cut, from, last, line, true)
    from = end + 1
  }
}

function cutArray(cut: Cut): void {
  const { body } = cut
  try {
    let at = skipSpaces(body, 0, body.length)
    if (at === body.length) return
    if (body[at] !== 0x5b) {
      checkJson(body, at, body.length)
      take(cut, at, trimEnd(body), 1, false)
      return
    }
    at = skipSpaces(body, at + 1, body.length)
    let more = body[at] !== 0x5d
    while (more) {
      const end = skipValue(body, at, body.length)
      take(cut, at, end, cut.count + 1, false)
      const next = skipSpaces(body, end, body.length)
      more = body[next] === 0x2c
      at = more ? skipSpaces(body, next + 1, body.length) : next
    }
    if (body[at] !== 0x5d || skipSpaces(body, at + 1, body.length) !== body.length) {
      throw new JsonFault('the array does not end as it should', at)
    }
  } catch (error) {
    if (!(error instanceof JsonFault)) throw error
    throw new LogdriveError('REQUEST_INVALID', `the body is not JSON: ${error.message}`, { cause: error })
  }
}

function take(cut: Cut, from: number, end: number, line: number, check: boolean): void {
  const { options, body } = cut
  cut.count += 1
  if (cut.count > options.recordsMax) {
    throw new LogdriveError('REQUEST_TOO_LARGE', `the body holds more than ${options.recordsMax} records`, {
      hint: 'Send it in smaller pieces.',
    })
  }
  const bytes = end - from
  if (bytes > options.eventBytesMax) {
    const message = `${bytes} bytes are more than the ${options.eventBytesMax} of a record`
    cut.bad.push({ line, code: 'REQUEST_TOO_LARGE', message })
    return
  }
  const value = body.subarray(from, end)
  const fault = faultOf(cut, value, check)
  if (fault !== null) {
    cut.bad.push({ line, code: 'REQUEST_INVALID', message: fault })
    return
  }
  const key = options.keyField === null ? null : keyOf(value, options.keyField)
  const { timestamp, headers } = options
  cut.records.push({ key, value, timestamp, headers, source: null })
}

function faultOf(cut: Cut, value: Uint8Array, check: boolean): string | null {
  if (!cut.allUtf8 && !isUtf8(value)) return 'not UTF-8'
  if (!check) return null
  try {
    checkJson(value, 0, value.length)
    return null
  } catch (error) {
    if (error instanceof JsonFault) return `not JSON: ${error.message}`
    throw error
  }
}

/** The field of a JSON object as bytes; null (any partition) when it is missing, null, or not a plain value. */
function keyOf(value: Uint8Array, field: string): Uint8Array | null {
  const parsed: unknown = JSON.parse(textOf(value))
  if (typeof parsed !== 'object' || parsed === null || !Object.hasOwn(parsed, field)) return null
  const key = (parsed as Readonly<Record<string, unknown>>)[field]
  if (typeof key !== 'string' && typeof key !== 'number' && typeof key !== 'boolean') return null
  return Buffer.from(String(key))
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
}

function trimEnd(body: Uint8Array): number {
  let end = body.length
  while (end > 0 && skipSpaces(body, end - 1, end) === end) end -= 1
  return end
}
