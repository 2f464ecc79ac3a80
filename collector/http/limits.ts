// Limits: how much of a request is read, unpacked and held in memory at a time.
import { LogdriveError } from '../../core/errors.ts'
import type { ServerRequest } from '../../core/runtime.ts'
import { type BatchLimits, defaultLimits } from '../../protocol/batch-header.ts'
import { decompress } from '../../protocol/compression.ts'

/** Bounds of what the ingest routes take. */
export interface IngestLimits {
  /** A body, as sent and unpacked. */
  readonly bodyBytesMax: number
  /** The same for the routes that browsers use. */
  readonly browserBodyBytesMax: number
  /** One event or record. */
  readonly eventBytesMax: number
  /** Events in a tracker or Segment batch. */
  readonly eventsMax: number
  /** Records in one body of /records. */
  readonly recordsMax: number
  /** All bodies that are being read, unpacked or stored at a time. */
  readonly inFlightBytesMax: number
  /** A RecordBatch of an agent. */
  readonly batch: BatchLimits
}

/** The limits of docs/http.md. */
export const defaultIngestLimits: IngestLimits = {
  bodyBytesMax: 8 * 1024 * 1024,
  browserBodyBytesMax: 1024 * 1024,
  eventBytesMax: 64 * 1024,
  eventsMax: 500,
  recordsMax: 20_000,
  inFlightBytesMax: 256 * 1024 * 1024,
  batch: { ...defaultLimits, batchBytesMax: 8 * 1024 * 1024, unpackedBytesMax: 64 * 1024 * 1024 },
}

/** Bytes that may be in memory for requests, all together. */
export interface ByteBudget {
  readonly usedBytes: number
  /** Throws OVERLOADED when the bytes do not fit any more. */
  reserve(bytes: number): void
  release(bytes: number): void
}

/** A budget of so many bytes. */
export function createByteBudget(bytesMax: number): ByteBudget {
  let used = 0
  return {
    get usedBytes() {
      return used
    },
    reserve(bytes) {
      // One request always fits: a limit below the largest body would refuse it for ever.
      if (used > 0 && used + bytes > bytesMax) {
        throw new LogdriveError('OVERLOADED', 'too many bytes are in flight', {
          hint: 'Come back after the time in Retry-After.',
        })
      }
      used += bytes
    },
    release(bytes) {
      used -= bytes
    },
  }
}

/** How a body is read. */
export interface BodyOptions {
  readonly bytesMax: number
  /** The packing said outside the headers (`?c=gz`), or null. */
  readonly packing: 'gzip' | null
}

/**
 * Reads and unpacks the body and lends it to `use`; its bytes count against the budget until `use` is done. Nothing is
 * read when the budget is used up (OVERLOADED) or the declared length is too large (REQUEST_TOO_LARGE).
 */
export async function withBody<T>(
  request: ServerRequest,
  options: BodyOptions,
  budget: ByteBudget,
  use: (body: Uint8Array) => Promise<T>,
): Promise<T> {
  const { bytesMax } = options
  const packing = packingOf(request, options.packing)
  const declared = declaredLength(request)
  if (declared !== null && declared > bytesMax) throw tooLarge(bytesMax)
  // A chunked body may become as large as is allowed.
  let reserved = declared ?? bytesMax
  budget.reserve(reserved)
  try {
    const packed = await request.body(bytesMax)
    budget.release(reserved - packed.byteLength)
    reserved = packed.byteLength
    if (packing === null || packed.byteLength === 0) return await use(packed)
    const body = unpack(packing, packed, bytesMax)
    budget.reserve(body.byteLength)
    reserved += body.byteLength
    return await use(body)
  } finally {
    budget.release(reserved)
  }
}

/** The media type in lower case without its parameters; empty when there is none. */
export function mediaType(request: ServerRequest): string {
  const header = request.headers['content-type']
  if (header === undefined) return ''
  const semicolon = header.indexOf(';')
  return (semicolon === -1 ? header : header.slice(0, semicolon)).trim().toLowerCase()
}

/** TYPE_UNSUPPORTED naming what the route takes. */
export function typeUnsupported(request: ServerRequest, wanted: string): LogdriveError {
  const got = mediaType(request) || 'no content type'
  return new LogdriveError('TYPE_UNSUPPORTED', `this route does not take ${got.slice(0, 100)}`, {
    hint: `Send Content-Type: ${wanted}.`,
  })
}

/** REQUEST_TOO_LARGE for a body. */
export function tooLarge(bytesMax: number): LogdriveError {
  return new LogdriveError('REQUEST_TOO_LARGE', `the body is larger than ${bytesMax} bytes`, {
    hint: 'Send it in smaller pieces.',
  })
}

/** RFC 1952 and RFC 8878: what the first bytes are; anything else would be judged by a size it never declared. */
const gzipMagic = [0x1f, 0x8b]
const zstdMagic = [0x28, 0xb5, 0x2f, 0xfd]

function packingOf(request: ServerRequest, outside: 'gzip' | null): 'gzip' | 'zstd' | null {
  const header = request.headers['content-encoding']?.trim().toLowerCase()
  if (header === undefined || header === '' || header === 'identity') return outside
  if (outside !== null || (header !== 'gzip' && header !== 'zstd')) {
    throw new LogdriveError('TYPE_UNSUPPORTED', `the encoding ${header.slice(0, 100)} is not read here`, {
      hint: 'Send the body as it is, or with Content-Encoding: gzip or zstd, packed once.',
    })
  }
  return header
}

function declaredLength(request: ServerRequest): number | null {
  const header = request.headers['content-length']
  return header === undefined ? null : Number(header)
}

function unpack(packing: 'gzip' | 'zstd', packed: Uint8Array, bytesMax: number): Uint8Array {
  const magic = packing === 'gzip' ? gzipMagic : zstdMagic
  if (magic.some((byte, at) => packed[at] !== byte)) {
    throw new LogdriveError('REQUEST_INVALID', `the body is not packed with ${packing}`)
  }
  try {
    return decompress(packing, packed, bytesMax)
  } catch (error) {
    if (!(error instanceof LogdriveError)) throw error
    if (error.code === 'BATCH_TOO_LARGE') throw tooLarge(bytesMax)
    throw new LogdriveError('REQUEST_INVALID', `the body does not unpack as ${packing}`, { cause: error })
  }
}
