// The envelope of batches of many sources in one request, byte by byte. Pure.
//
//   u32 big-endian   bytes of the JSON
//   JSON             [{ "source", "epoch", "from", "to", "gap", "bytes" }, ...]: gap may be left out
//   bytes            the RecordBatches of each, one behind the other, `bytes` of them
//
// docs/http.md describes the answer.
import { LogdriveError } from '../../core/errors.ts'
import type { SourceRange } from '../../core/event-log.ts'

/** What one source has in a request; the bytes are a view. */
export interface SourceBatches {
  readonly range: SourceRange
  readonly bytes: Uint8Array
}

const sourceLengthMax = 256
const sourcesMax = 1000
const jsonBytesMax = 1024 * 1024

/** Takes a body apart. Throws REQUEST_INVALID for one that is not as above, as a whole. */
export function openEnvelope(body: Uint8Array): readonly SourceBatches[] {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength)
  const length = body.byteLength < 4 ? 0 : view.getUint32(0)
  if (length === 0 || length > jsonBytesMax || 4 + length > body.byteLength)
    throw invalid('its list is cut short')
  const list = listOf(body.subarray(4, 4 + length))
  let at = 4 + length
  const found = list.map((entry): SourceBatches => {
    const { bytes, ...range } = rangeOf(entry)
    const end = at + bytes
    if (end > body.byteLength) throw invalid('it is cut short')
    const batches = { range, bytes: body.subarray(at, end) }
    at = end
    return batches
  })
  if (at !== body.byteLength) throw invalid('there are bytes behind its last batch')
  if (new Set(found.map(({ range }) => range.source)).size !== found.length)
    throw invalid('a source is in it twice')
  return found
}

function checkRange(range: SourceRange, where: string): SourceRange {
  const { source, epoch, from, to } = range
  if (!/^[\x21-\x7e]+$/.test(source) || source.length > sourceLengthMax)
    throw invalid(`${where}: source has 1 to ${sourceLengthMax} printable ASCII characters without spaces`)
  for (const value of [epoch, from, to])
    if (!Number.isSafeInteger(value) || value < 0)
      throw invalid(`${where}: positions are whole numbers from 0`)
  if (from >= to) throw invalid(`${where}: to has to be larger than from`)
  return range
}

function listOf(bytes: Uint8Array): readonly unknown[] {
  let list: unknown
  try {
    list = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    throw invalid('its list is no JSON')
  }
  if (!Array.isArray(list) || list.length === 0 || list.length > sourcesMax)
    throw invalid(`its list has 1 to ${sourcesMax} sources`)
  return list
}

function rangeOf(entry: unknown): SourceRange & { readonly bytes: number } {
  if (typeof entry !== 'object' || entry === null) throw invalid('a source is an object')
  const { source, epoch, from, to, gap = false, bytes } = entry as Record<string, unknown>
  if (typeof source !== 'string' || typeof gap !== 'boolean')
    throw invalid('source is a text, gap true or false')
  if (typeof bytes !== 'number' || !Number.isSafeInteger(bytes) || bytes <= 0)
    throw invalid('bytes is a whole number from 1')
  const range = { source, epoch: Number(epoch), from: Number(from), to: Number(to), gap }
  return { ...checkRange(range, source), bytes }
}

function invalid(why: string): LogdriveError {
  return new LogdriveError('REQUEST_INVALID', `not an envelope of batches: ${why}`)
}
