// Outgoing HTTP with kept-alive connections: the only file that knows undici.
import type { Dispatcher, Pool } from 'undici'
import { LogdriveError } from '../core/errors.ts'
import type { Headers, Http, HttpRequest, HttpResponse } from '../core/runtime.ts'

/** An answer longer than this is given up: no peer of ours sends one. */
const answerBytesMax = 64 * 1024 * 1024
const connectionsMax = 32
const originsMax = 64
/** Shorter than the server's, so that a connection is not reused while the other end closes it. */
const keepAliveMs = 10_000

/** A sender with one pool of connections per origin; undici is loaded at the first request. */
export function httpClient(): Http['request'] {
  const pools = new Map<string, Sender>()
  return async (request, signal) => {
    signal.throwIfAborted()
    const url = urlOf(request.url)
    const sender = pools.get(url.origin) ?? (await openPool(pools, url.origin))
    // One signal for both reasons to stop; AbortSignal.any costs more and holds on to its sources.
    const stop = new AbortController()
    const abort = () => stop.abort(signal.reason)
    let timedOut = false
    const timer = setTimeout(() => {
      timedOut = true
      stop.abort()
    }, request.timeoutMs)
    signal.addEventListener('abort', abort, { once: true })
    if (signal.aborted) abort()
    try {
      return await exchange(sender, url, request, stop.signal)
    } catch (error) {
      if (signal.aborted) throw signal.reason
      const why = timedOut ? `no answer in ${request.timeoutMs} ms` : reasonOf(error)
      throw new LogdriveError('UNAVAILABLE', `${request.method} ${url.origin}: ${why}`, { cause: error })
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', abort)
    }
  }
}

/** A pool, and undici's way to ask it. */
interface Sender {
  readonly pool: Pool
  request(options: Dispatcher.RequestOptions): Promise<Dispatcher.ResponseData>
}

/** Loads these two files alone: the whole package with its fetch, mocks and caches costs an idle agent 7 MB. */
async function openPool(pools: Map<string, Sender>, origin: string): Promise<Sender> {
  const { default: PoolOfUndici } = await import('undici/lib/dispatcher/pool.js')
  const { default: request } = await import('undici/lib/api/api-request.js')
  const existing = pools.get(origin)
  if (existing !== undefined) return existing
  const [oldest] = pools
  if (pools.size >= originsMax && oldest !== undefined) {
    pools.delete(oldest[0])
    // Lets open requests finish; nobody waits for it because it cannot fail them.
    oldest[1].pool.close().catch(() => undefined)
  }
  const pool = new PoolOfUndici(origin, {
    connections: connectionsMax,
    pipelining: 1,
    keepAliveTimeout: keepAliveMs,
    keepAliveMaxTimeout: keepAliveMs,
    // The timer above is the only clock: these would cut a patient request short.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: { timeout: 10_000 },
  })
  const sender: Sender = { pool, request: (options) => request.call(pool, options) }
  pools.set(origin, sender)
  return sender
}

async function exchange(
  sender: Sender,
  url: URL,
  request: HttpRequest,
  signal: AbortSignal,
): Promise<HttpResponse> {
  const answer = await sender.request({
    method: request.method as Dispatcher.HttpMethod,
    path: url.pathname + url.search,
    headers: request.headers,
    body: request.body,
    signal,
  })
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of answer.body) {
    const bytes: Uint8Array = chunk
    size += bytes.byteLength
    // Leaving the loop destroys the body and with it the connection.
    if (size > answerBytesMax) throw new Error(`the answer is longer than ${answerBytesMax} bytes`)
    chunks.push(bytes)
  }
  const [only] = chunks
  const body = chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks, size)
  return { status: answer.statusCode, headers: joinHeaders(answer.headers), body }
}

function joinHeaders(headers: Record<string, string | string[] | undefined>): Headers {
  const joined: Record<string, string> = Object.create(null)
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) joined[name] = typeof value === 'string' ? value : value.join(', ')
  }
  return joined
}

function urlOf(text: string): URL {
  const url = URL.parse(text)
  if (url !== null && (url.protocol === 'http:' || url.protocol === 'https:')) return url
  throw new LogdriveError('REQUEST_INVALID', `not an http:// or https:// address: ${text}`)
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  // An AggregateError of several addresses has an empty message.
  return error.message || ('code' in error ? String(error.code) : error.name)
}
