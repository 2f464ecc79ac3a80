// Talking to a collector over HTTP: where it is, the key, answers as JSON, and its errors as ours.

import { LogdriveError } from '../core/errors.ts'
import type { Headers, HttpResponse } from '../core/runtime.ts'
import { httpClient } from '../runtime/http-client.ts'
import { type Arguments, type Io, usage } from './command.ts'

const timeoutMs = 30_000
const defaultUrl = 'http://127.0.0.1:8750'

/** A collector, as a command reaches it. */
export interface Collector {
  /** Its base URL without a slash at the end. */
  readonly url: string
  /** Sends one request and reads the whole answer. Throws what the collector answered as an error. */
  request(request: CollectorRequest, signal: AbortSignal): Promise<unknown>
  /** Sends one request; the answer comes as it is, whatever its status. */
  exchange(request: CollectorRequest, signal: AbortSignal): Promise<HttpResponse>
  /** The body of a GET, piece by piece, as it arrives. Throws what the collector answered as an error. */
  stream(path: string, signal: AbortSignal): AsyncIterable<Uint8Array>
}

export interface CollectorRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** With its query, such as `/v1/topics`. */
  readonly path: string
  /** A value sent as JSON, or bytes of `contentType`. */
  readonly body?: unknown
  readonly contentType?: string
}

/** The collector that the arguments or the environment name. Throws USAGE for a URL that is none. */
export function collectorOf(args: Arguments, io: Io, keyOption = 'key'): Collector {
  const url = baseUrl(args.text('url') ?? io.variable('LOGDRIVE_URL') ?? defaultUrl, '--url')
  const key = args.text(keyOption) ?? io.variable('LOGDRIVE_KEY')
  const headers: Headers = key === undefined || key === '' ? {} : { authorization: `Bearer ${key}` }
  const send = httpClient()
  const exchange: Collector['exchange'] = async (request, signal) => {
    const body = bodyOf(request)
    const type = request.contentType ?? 'application/json'
    const full = {
      ...headers,
      accept: 'application/json',
      ...(body === null ? {} : { 'content-type': type }),
    }
    try {
      const wire = { method: request.method, url: `${url}${request.path}`, headers: full, body, timeoutMs }
      return await send(wire, signal)
    } catch (error) {
      throw unreachable(url, error, signal)
    }
  }
  return {
    url,
    exchange,
    async request(request, signal) {
      const response = await exchange(request, signal)
      const text = Buffer.from(response.body).toString('utf8')
      if (response.status >= 300) throw answerError(response.status, text, response.headers['retry-after'])
      return text === '' ? null : parsed(text, url)
    },
    stream: (path, signal) => stream(url, path, headers, signal),
  }
}

/** Checks a base URL and cuts its slash. Throws USAGE naming the option. */
export function baseUrl(text: string, option: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw usage(`${option} takes a URL such as ${defaultUrl}`)
  if (url.username !== '' || url.password !== '')
    throw usage(`${option}: user and password do not belong into a URL`)
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`
}

/** What a collector said when it refused, as an error of ours. */
export function answerError(status: number, text: string, retryAfter: string | undefined): LogdriveError {
  const { code, message, hint } = errorIn(text)
  const seconds = Number(retryAfter)
  const retryAfterMs = retryAfter !== undefined && seconds >= 0 ? { retryAfterMs: seconds * 1000 } : {}
  const said = message ?? `the collector answered ${status}`
  const details = { status, code, ...retryAfterMs }
  if (status === 401 || status === 403)
    return new LogdriveError(status === 401 ? 'KEY_MISSING' : 'FORBIDDEN', said, {
      hint: 'give a key that allows this: --key KEY, or LOGDRIVE_KEY',
      details,
    })
  const kind =
    status === 404 ? 'NOT_FOUND' : status === 429 || status === 503 ? 'OVERLOADED' : 'REQUEST_INVALID'
  return new LogdriveError(status >= 500 && status !== 503 ? 'UNAVAILABLE' : kind, said, {
    ...(hint === undefined ? {} : { hint }),
    details,
  })
}

/** A property of a value whose shape nobody promised. */
export function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? Reflect.get(value, name)
    : undefined
}

/** A list in a value: itself, or the one behind `name`. */
export function listIn(value: unknown, name: string): readonly unknown[] {
  const list = Array.isArray(value) ? value : field(value, name)
  return Array.isArray(list) ? list : []
}

async function* stream(
  url: string,
  path: string,
  headers: Headers,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  // The runtime's client reads whole answers; this one has no end.
  let response: Response
  try {
    response = await fetch(`${url}${path}`, { headers: { ...headers, accept: 'text/event-stream' }, signal })
  } catch (error) {
    throw unreachable(url, error, signal)
  }
  if (!response.ok || response.body === null) {
    const retryAfter = response.headers.get('retry-after') ?? undefined
    throw answerError(response.status, await response.text(), retryAfter)
  }
  try {
    for await (const piece of response.body) yield piece
  } catch (error) {
    throw unreachable(url, error, signal)
  }
}

function unreachable(url: string, error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason
  return new LogdriveError('UNAVAILABLE', `no collector answers at ${url} (${reasonOf(error)})`, {
    hint: 'start one with "logdrive up", or say where it is: --url URL, or LOGDRIVE_URL',
    cause: error,
  })
}

/** The innermost code, such as ECONNREFUSED. */
function reasonOf(error: unknown): string {
  let inner: unknown = error
  for (let depth = 0; depth < 4; depth++) {
    const code = field(inner, 'code')
    if (typeof code === 'string' && code.startsWith('E')) return code
    if (!(inner instanceof Error) || inner.cause === undefined) break
    inner = inner.cause
  }
  return inner instanceof Error ? inner.message : String(inner)
}

function bodyOf(request: CollectorRequest): Uint8Array | null {
  if (request.body === undefined) return null
  return request.body instanceof Uint8Array ? request.body : Buffer.from(JSON.stringify(request.body))
}

function parsed(text: string, url: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new LogdriveError('REQUEST_INVALID', `${url} did not answer with JSON`, {
      hint: 'is this a Logdrive collector?',
      cause: error,
    })
  }
}

function errorIn(text: string): { code?: string; message?: string; hint?: string } {
  try {
    const error = field(JSON.parse(text), 'error')
    const found: Record<string, string> = {}
    for (const name of ['code', 'message', 'hint']) {
      const value = field(error, name)
      if (typeof value === 'string' && value !== '') found[name] = value.slice(0, 1000)
    }
    return found
  } catch {
    return {}
  }
}
