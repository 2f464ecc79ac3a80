// POST /v1/topics/{topic}/batches: RecordBatches of one source, the agents' way; see docs/http.md for the headers.

import { LogdriveError } from '../../core/errors.ts'
import type { SourceRange } from '../../core/event-log.ts'
import type { Headers, ServerResponse } from '../../core/runtime.ts'
import { BATCH_OVERHEAD, type BatchLimits, splitBatches } from '../../protocol/batch-header.ts'
import { unpackedSize } from '../../protocol/compression.ts'
import type { Agents } from './agents.ts'
import { errorBody, errorResponse, json } from './errors.ts'
import type { Ingest } from './ingest.ts'
import { mediaType, typeUnsupported, withBody } from './limits.ts'
import { type Call, param, type Route } from './router.ts'
import { openEnvelope, type SourceBatches } from './source-envelope.ts'
import { refuseInternal } from './topics.ts'

const binaryTypes = new Set(['', 'application/octet-stream', 'application/vnd.logdrive.batches'])
/** Batches of several sources. */
const envelopeType = 'application/vnd.logdrive.sources'
const sourceLengthMax = 256

/** The route. */
export function batchRoutes(ingest: Ingest, agents: Agents): readonly Route[] {
  return [
    {
      method: 'POST',
      path: '/v1/topics/{topic}/batches',
      access: 'ship',
      about: 'Stores Kafka RecordBatch v2 bytes of one source, with its position in the Logdrive-* headers.',
      handle: (call) => storeBatches(ingest, agents, call),
    },
  ]
}

async function storeBatches(ingest: Ingest, agents: Agents, call: Call): Promise<ServerResponse> {
  const { request } = call
  const type = mediaType(request)
  if (!binaryTypes.has(type) && type !== envelopeType)
    throw typeUnsupported(request, 'application/octet-stream')
  const range = type === envelopeType ? null : rangeOf(request.headers)
  const topic = param(call, 'topic')
  refuseInternal(topic)
  const options = { bytesMax: ingest.limits.bodyBytesMax, packing: null }
  return await withBody(request, options, ingest.budget, async (bytes) => {
    const size = bytes.byteLength
    if (range === null) {
      const results = await storeMany(ingest, topic, openEnvelope(bytes))
      agents.note(request, call.client, topic, size)
      return json(200, { results })
    }
    const { status, value } = await storeOne(ingest, topic, { range, bytes })
    agents.note(request, call.client, topic, size)
    return json(status, value)
  })
}

interface Stored {
  readonly status: 200 | 409
  readonly value: object
}

async function storeOne(ingest: Ingest, topic: string, { range, bytes }: SourceBatches): Promise<Stored> {
  verify(bytes, ingest.limits.batch)
  const kept = await ingest.log.append({ topic, bytes, range }, ingest.signal)
  const { partition, epoch, to, guard } = kept
  if (kept.outcome !== 'conflict')
    return { status: 200, value: { partition, epoch, to, guard, duplicate: kept.outcome === 'duplicate' } }
  return {
    status: 409,
    value: { ...errorBody(conflict(range, epoch)), kept: { partition, epoch, to, guard } },
  }
}

/** Each by itself, all at once: they share the syncs of a group commit. What one meets is nothing to the others. */
function storeMany(ingest: Ingest, topic: string, all: readonly SourceBatches[]): Promise<readonly object[]> {
  return Promise.all(
    all.map(async (one) => {
      try {
        const { status, value } = await storeOne(ingest, topic, one)
        return { status, ...value }
      } catch (error) {
        const { status, headers, body } = errorResponse(error, ingest.runtime)
        return { status, retry_after: headers['retry-after'], ...JSON.parse(String(body)) }
      }
    }),
  )
}

/**
 * Looks at everything but the records: magic, lengths, CRC, counts, and the unpacked size that the batch declares. Who unpacks it later is bounded again.
 */
function verify(bytes: Uint8Array, limits: BatchLimits): void {
  for (const batch of splitBatches(bytes, limits)) {
    if (batch.isControl || batch.isTransactional) {
      throw new LogdriveError('BATCH_CORRUPT', 'transactional and control batches are not taken here')
    }
    const section = bytes.subarray(batch.at + BATCH_OVERHEAD, batch.at + batch.length)
    const declared = unpackedSize(batch.codec, section)
    if (declared !== null && declared > limits.unpackedBytesMax) {
      throw new LogdriveError(
        'BATCH_TOO_LARGE',
        `a batch declares ${declared} bytes unpacked, at most ${limits.unpackedBytesMax} are allowed`,
        { hint: 'Send smaller batches.' },
      )
    }
  }
}

function conflict(range: SourceRange, keptEpoch: number): LogdriveError {
  if (range.epoch < keptEpoch) {
    return new LogdriveError('POSITION_STALE', 'the batch is of an older epoch of its source', {
      hint: 'Ask GET /v1/sources/{source} where the source stands.',
    })
  }
  return new LogdriveError('POSITION_CONFLICT', 'the batch does not follow what is kept of its source', {
    hint: 'Cut or rewind to the kept position; when the bytes between are gone, send Logdrive-Gap: true.',
  })
}

function rangeOf(headers: Headers): SourceRange {
  const source = headers['logdrive-source'] ?? ''
  if (!/^[\x21-\x7e]+$/.test(source) || source.length > sourceLengthMax) {
    throw badHeader('Logdrive-Source', `1 to ${sourceLengthMax} printable ASCII characters without spaces`)
  }
  const epoch = wholeNumber(headers, 'Logdrive-Epoch')
  const from = wholeNumber(headers, 'Logdrive-From')
  const to = wholeNumber(headers, 'Logdrive-To')
  if (from >= to) throw badHeader('Logdrive-To', 'a number larger than Logdrive-From')
  const gap = headers['logdrive-gap'] ?? 'false'
  if (!/^(true|false|1|0)$/.test(gap)) throw badHeader('Logdrive-Gap', 'true or false')
  return { source, epoch, from, to, gap: gap === 'true' || gap === '1' }
}

function wholeNumber(headers: Headers, name: string): number {
  const value = headers[name.toLowerCase()] ?? ''
  const number = Number(value)
  if (!/^\d{1,16}$/.test(value) || !Number.isSafeInteger(number))
    throw badHeader(name, 'a whole number from 0')
  return number
}

function badHeader(name: string, wanted: string): LogdriveError {
  return new LogdriveError('REQUEST_INVALID', `the header ${name} must be ${wanted}`)
}
