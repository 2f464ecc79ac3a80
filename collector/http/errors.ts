// Errors as HTTP answers: one table from our error codes to status codes, one JSON shape.
import { type ErrorCode, LogdriveError } from '../../core/errors.ts'
import type { Runtime, ServerResponse } from '../../core/runtime.ts'

/** Status of every error code; a new code does not compile without an entry. */
const statuses: Readonly<Record<ErrorCode, number>> = {
  BATCH_CORRUPT: 422,
  BATCH_TOO_LARGE: 413,
  CONFIG_INVALID: 400,
  DATA_LOCKED: 500,
  // 507 would be the word, but only 503 is retried by everybody.
  DISK_FULL: 503,
  DISK_FAILED: 503,
  FORBIDDEN: 403,
  KEY_MISSING: 401,
  METHOD_UNSUPPORTED: 405,
  NOT_FOUND: 404,
  OFFSET_OUT_OF_RANGE: 416,
  OVERLOADED: 429,
  PORT_TAKEN: 500,
  POSITION_CONFLICT: 409,
  POSITION_STALE: 409,
  REQUEST_INVALID: 400,
  REQUEST_TOO_LARGE: 413,
  SCHEMA_INVALID: 422,
  SINK_FAILED: 502,
  SINK_REFUSED: 502,
  SINK_MISCONFIGURED: 500,
  STATE_CORRUPT: 500,
  TOPIC_EXISTS: 409,
  TOPIC_NAME_INVALID: 400,
  TOPIC_UNKNOWN: 404,
  TYPE_UNSUPPORTED: 415,
  UNAVAILABLE: 503,
  USAGE: 400,
}

/** What a refused client waits at least and at most, and what it is told when nobody knows better. */
const retryAfterMsMin = 1_000
const retryAfterMsMax = 60_000
const retryAfterMsDefault = 2_000

/** The HTTP status of an error code. */
export function statusOf(code: ErrorCode): number {
  return statuses[code]
}

/** An answer in JSON; `value` must be ours, not somebody's deep object. */
export function json(
  status: number,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): ServerResponse {
  return { status, headers: { ...jsonHeaders, ...headers }, body: JSON.stringify(value) }
}

/** Headers of every JSON answer: nothing may sniff, frame or store it. */
export const jsonHeaders = {
  'content-type': 'application/json; charset=utf-8',
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
} as const

/**
 * The answer for an error: `{ "error": { code, message, hint } }`. 429 and 503 carry a Retry-After in seconds, with
 * jitter so that a herd does not come back at once. What has no name is a 500 with an id, logged here and only here.
 */
export function errorResponse(error: unknown, runtime: Pick<Runtime, 'random' | 'logger'>): ServerResponse {
  if (!(error instanceof LogdriveError)) return unknownError(error, runtime)
  const status = statuses[error.code]
  if (status === 500) return unknownError(error, runtime)
  const headers: Record<string, string> = {}
  if (status === 429 || status === 503) headers['retry-after'] = retryAfter(error, runtime)
  if (status === 401) headers['www-authenticate'] = 'Bearer realm="logdrive"'
  const { allow } = error.details
  if (status === 405 && typeof allow === 'string') headers.allow = allow
  return json(status, errorBody(error), headers)
}

/** The JSON of an error, for answers that carry more beside it. */
export function errorBody(error: LogdriveError): { readonly error: object } {
  return { error: { code: error.code, message: error.message, hint: error.hint } }
}

function unknownError(error: unknown, runtime: Pick<Runtime, 'random' | 'logger'>): ServerResponse {
  const id = runtime.random.uuid()
  runtime.logger.error({ err: error, id }, 'request failed')
  const hint = `The collector's log says more under the id ${id}.`
  return json(500, { error: { code: 'INTERNAL', message: 'something went wrong inside', hint, id } })
}

function retryAfter(error: LogdriveError, runtime: Pick<Runtime, 'random'>): string {
  const asked = error.details.retryAfterMs
  const baseMs = typeof asked === 'number' && asked >= 0 ? asked : retryAfterMsDefault
  const jittered = baseMs * (0.5 + runtime.random.next())
  return String(Math.ceil(Math.min(retryAfterMsMax, Math.max(retryAfterMsMin, jittered)) / 1000))
}
