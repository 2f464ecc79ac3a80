// Whole requests and responses: their headers and bodies, from bytes and to bytes.
//
//   request   int32 size | int16 apiKey, int16 apiVersion, int32 correlationId, nullable string clientId [, tags] | body
//   response  int32 size | int32 correlationId [, tags] | body
//
// The tags are there in flexible versions, except that the response to ApiVersions never has them: a client reads it
// before it knows what the broker speaks. The client id keeps its 16-bit length in every version.

import { apis } from './apis/index.ts'
import {
  Malformed,
  Reader,
  readInt16,
  readInt32,
  readShortLength,
  readText,
  readUvarint,
  Writer,
  weigh,
  writeInt16,
  writeInt32,
  writeShortLength,
  writeText,
  writeUvarint,
} from './bytes.ts'
import { codecOf } from './codec.ts'
import { KafkaError, kafkaErrors } from './errors.ts'
import type { Api, Decoded, Input } from './schema.ts'

/** What stands before a request's body. */
export interface RequestHeader {
  readonly apiKey: number
  readonly apiVersion: number
  readonly correlationId: number
  readonly clientId: string | null
  /** Where what comes next begins in the frame: the tags of a flexible version, then the body. */
  readonly bodyAt: number
}

/** Reads the header of a frame (its length already cut off). Throws KafkaError INVALID_REQUEST. */
export function readRequestHeader(frame: Uint8Array): RequestHeader {
  const reader = new Reader(frame, 0)
  return guarded('request header', () => {
    const apiKey = readInt16(reader)
    const apiVersion = readInt16(reader)
    const correlationId = readInt32(reader)
    const length = readShortLength(reader)
    const clientId = length < 0 ? null : readText(reader, length)
    return { apiKey, apiVersion, correlationId, clientId, bodyAt: reader.at }
  })
}

/**
 * Decodes the body of a request; `at` is the header's `bodyAt`. Byte fields are views of the frame. Bytes behind the
 * body are ignored, as Kafka does. Throws KafkaError INVALID_REQUEST naming the field and the byte.
 */
export function decodeRequest<A extends Api>(
  api: A,
  version: number,
  frame: Uint8Array,
  at: number,
): Decoded<A['request']> {
  return readRequest(api, version, new Reader(frame, at))
}

/** The same from a reader that stands at the body; it says afterwards what the request takes of the heap. */
export function readRequest<A extends Api>(api: A, version: number, reader: Reader): Decoded<A['request']> {
  const isFlexible = isFlexibleIn(api, version)
  const codec = codecOf(api.request, version, isFlexible)
  return guarded(`${api.name} request v${version}`, () => {
    if (isFlexible) skipTags(reader)
    weigh(reader, codec.heapBytes)
    return codec.read(reader) as Decoded<A['request']>
  })
}

/** Encodes a whole response frame, its length included. Large byte fields are pieces of their own, not copied. */
export function encodeResponse<A extends Api>(
  api: A,
  version: number,
  correlationId: number,
  body: Input<A['response']>,
): Uint8Array[] {
  const isFlexible = isFlexibleIn(api, version)
  const writer = new Writer()
  writer.at = 4
  writeInt32(writer, correlationId)
  if (isFlexible && api.key !== apis.ApiVersions.key) writeUvarint(writer, 0)
  codecOf(api.response, version, isFlexible).write(writer, body)
  return framed(writer)
}

/**
 * The answer to an ApiVersions request of a version we do not know, in the form of version 0, which every client
 * understands: it says which versions of ApiVersions we do know, and the client asks again.
 */
export function encodeUnsupportedVersions(correlationId: number): Uint8Array[] {
  const { key, versions } = apis.ApiVersions
  return encodeResponse(apis.ApiVersions, 0, correlationId, {
    errorCode: kafkaErrors.UNSUPPORTED_VERSION,
    apiKeys: [{ apiKey: key, minVersion: versions[0], maxVersion: versions[1] }],
  })
}

/** A request as a client sends it. */
export interface OutgoingRequest<A extends Api> {
  readonly version: number
  readonly correlationId: number
  readonly clientId: string | null
  readonly body: Input<A['request']>
}

/** Encodes a whole request frame, its length included. */
export function encodeRequest<A extends Api>(api: A, request: OutgoingRequest<A>): Uint8Array[] {
  const { version, correlationId, clientId, body } = request
  const isFlexible = isFlexibleIn(api, version)
  const writer = new Writer()
  writer.at = 4
  writeInt16(writer, api.key)
  writeInt16(writer, version)
  writeInt32(writer, correlationId)
  if (clientId === null) writeShortLength(writer, -1)
  else writeText(writer, clientId, writeShortLength)
  if (isFlexible) writeUvarint(writer, 0)
  codecOf(api.request, version, isFlexible).write(writer, body)
  return framed(writer)
}

/** A decoded response and which request it answers. */
export interface IncomingResponse<A extends Api> {
  readonly correlationId: number
  readonly body: Decoded<A['response']>
}

/** Decodes a response frame (its length already cut off), which the body must fill. Throws KafkaError INVALID_REQUEST. */
export function decodeResponse<A extends Api>(
  api: A,
  version: number,
  frame: Uint8Array,
): IncomingResponse<A> {
  const isFlexible = isFlexibleIn(api, version)
  const reader = new Reader(frame, 0)
  return guarded(`${api.name} response v${version}`, () => {
    const correlationId = readInt32(reader)
    if (isFlexible && api.key !== apis.ApiVersions.key) skipTags(reader)
    const body = codecOf(api.response, version, isFlexible).read(reader) as Decoded<A['response']>
    if (reader.at !== reader.end) throw new Malformed(`${reader.end - reader.at} bytes are left`, reader.at)
    return { correlationId, body }
  })
}

/** Whether a version of the API is flexible: compact lengths, tagged fields. */
export function isFlexibleIn(api: Api, version: number): boolean {
  return api.flexible !== null && version >= api.flexible
}

/** Header tags: none is known yet, so all are skipped. */
function skipTags(reader: Reader): void {
  const count = readUvarint(reader)
  if (count * 2 > reader.end - reader.at) throw new Malformed(`${count} tagged fields do not fit`, reader.at)
  for (let index = 0; index < count; index++) {
    readUvarint(reader)
    const size = readUvarint(reader)
    if (size > reader.end - reader.at) throw new Malformed(`a tag is ${size} bytes long`, reader.at)
    reader.at += size
  }
}

/** Writes the frame's length into its first piece. */
function framed(writer: Writer): Uint8Array[] {
  writer.flush()
  const { pieces, size } = writer
  const first = pieces[0] as Buffer
  first.writeInt32BE(size - 4, 0)
  return pieces
}

/** Turns malformed bytes into the error a client may be told. */
function guarded<T>(what: string, decode: () => T): T {
  try {
    return decode()
  } catch (trouble) {
    if (!(trouble instanceof Malformed)) throw trouble
    const path = trouble.path.reverse().join('.').replaceAll('.[', '[')
    const place = path === '' ? what : `${what}, ${path}`
    throw new KafkaError('INVALID_REQUEST', `${place}: ${trouble.what} (byte ${trouble.at})`)
  }
}
