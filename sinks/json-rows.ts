// Records as JSON lines, for files and terminals: JSON values keep their bytes, raw lines go into `body`.
import { isUtf8 } from 'node:buffer'
import { type DecodedBatch, headerKeys } from '../core/records.ts'
import { recordHeaders } from '../protocol/batch-decode.ts'

/** Facts of a batch of lines, from the headers of its first record; null when the records are no lines of files. */
export interface LineFacts {
  readonly host: string
  readonly path: string
  /** The agent parsed them: the values are JSON objects in the shape of `logs`. */
  readonly isParsed: boolean
}

/** Reads what an agent said about a whole batch. */
export function lineFacts(batch: DecodedBatch): LineFacts | null {
  let host = ''
  let path: string | null = null
  let isParsed = false
  for (const header of recordHeaders(batch, 0)) {
    const value = header.value === null ? '' : Buffer.from(header.value).toString('utf8')
    if (header.key === headerKeys.host) host = value
    if (header.key === headerKeys.path) path = value
    if (header.key === headerKeys.parsed) isParsed = true
  }
  return path === null ? null : { host, path, isParsed }
}

/**
 * One record as one JSON object with `_topic`, `_partition`, `_offset` in front, without the newline. A line that
 * is not UTF-8 carries its exact bytes in `body_base64` beside a readable `body`.
 */
export function jsonRow(
  place: { readonly topic: string; readonly partition: number },
  batch: DecodedBatch,
  index: number,
  facts: LineFacts | null,
): string {
  const offset = batch.baseOffset + (batch.offsetDeltas[index] ?? 0)
  const head = `{"_topic":${JSON.stringify(place.topic)},"_partition":${place.partition},"_offset":${offset}`
  const value = slice(batch, batch.valueFrom[index] ?? -1, batch.valueTo[index] ?? -1)
  const ts = new Date(batch.timestamps[index] ?? 0).toISOString()
  const from =
    facts === null ? '' : `,"host":${JSON.stringify(facts.host)},"source":${JSON.stringify(facts.path)}`
  if (facts === null || facts.isParsed) {
    const inside = value === null ? null : objectInside(value)
    const more = facts === null ? '' : `,"observed_ts":"${ts}"${from}`
    if (inside !== null) return `${head}${more}${inside.length > 0 ? ',' : ''}${inside}}`
  }
  return `${head},"ts":"${ts}"${from}${keyField(batch, index)}${bodyFields(value)}}`
}

function slice(batch: DecodedBatch, from: number, to: number): Buffer | null {
  if (from < 0) return null
  return Buffer.from(batch.bytes.buffer, batch.bytes.byteOffset + from, to - from)
}

/** The text between the braces of a JSON object, or null when the bytes are no such thing. */
function objectInside(value: Buffer): string | null {
  const text = value.toString('utf8').trim()
  if (!text.startsWith('{')) return null
  try {
    JSON.parse(text)
  } catch {
    return null
  }
  // A JSON line may hold newlines between its tokens (never inside strings); one record is one line here.
  return text
    .slice(1, -1)
    .replace(/[\r\n]+/g, ' ')
    .trim()
}

function keyField(batch: DecodedBatch, index: number): string {
  const key = slice(batch, batch.keyFrom[index] ?? -1, batch.keyTo[index] ?? -1)
  return key === null ? '' : `,"key":${JSON.stringify(key.toString('utf8'))}`
}

function bodyFields(value: Buffer | null): string {
  if (value === null) return ',"body":null'
  const text = `,"body":${JSON.stringify(value.toString('utf8'))}`
  return isUtf8(value) ? text : `${text},"body_base64":"${value.toString('base64')}"`
}
