// One request on its way to its answer, and what is special about some of them.
import type { ApiName, apiOf, RequestOf, ResponseInput } from '../../protocol/apis/index.ts'
import { KafkaError } from '../../protocol/errors.ts'
import type { RequestHeader } from '../../protocol/message.ts'
import type { Slot } from './answers.ts'
import type { AnyHandler } from './dispatch.ts'

/** What a handler gives back. */
export type Answer = ResponseInput<ApiName>

export interface Exchange {
  readonly api: NonNullable<ReturnType<typeof apiOf>>
  readonly header: RequestHeader
  readonly request: RequestOf<ApiName>
  readonly frame: Buffer
  /** What the request takes of the heap. */
  readonly heapBytes: number
  readonly handler: AnyHandler
  /** Its place among the answers; null where none is wanted. */
  slot: Slot | null
}

/** Produce with acks 0: a place among the answers would hold up all that follow. */
export function isUnanswered({ api, request }: Exchange): boolean {
  return api.name === 'Produce' && (request as RequestOf<'Produce'>).acks === 0
}

/** While a client logs in there is one step at a time. */
export function isBarrier({ api }: Exchange): boolean {
  return api.name === 'SaslHandshake' || api.name === 'SaslAuthenticate'
}

/** The error for what is in no table, or not in this version. */
export function notServed(what: string, version: number): KafkaError {
  return new KafkaError('UNSUPPORTED_VERSION', `${what} version ${version} is not served`)
}

/** Bytes of all pieces. */
export function sizeOf(pieces: readonly Uint8Array[]): number {
  let size = 0
  for (const piece of pieces) size += piece.length
  return size
}
