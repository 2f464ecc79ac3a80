// Outgoing HTTP with kept-alive connections: the only file that knows undici.
import { createHash, X509Certificate } from 'node:crypto'
import type { PeerCertificate } from 'node:tls'
import type { Dispatcher } from 'undici'
import { LogdriveError } from '../core/errors.ts'
import type { Headers, Http, HttpRequest, HttpResponse } from '../core/runtime.ts'

/** An answer longer than this is given up: no peer of ours sends one. */
const answerBytesMax = 64 * 1024 * 1024
const connectionsMax = 32
const originsMax = 64
const connectMs = 10_000
/** Shorter than the server's, so that a connection is not reused while the other end closes it. */
const keepAliveMs = 10_000

/** What requests show and believe; PEM texts. */
export interface ClientTls {
  /** Certificates that may sign a server's; null: those of the system. */
  readonly ca: string | null
  readonly cert: string | null
  readonly key: string | null
  /** SHA-256 of public keys (SubjectPublicKeyInfo), base64: a server must show one of them; empty: any that is signed. */
  readonly pins: readonly string[]
}

export interface Proxy {
  /** Such as http://user:password@proxy:3128. */
  readonly url: string
  /** Hosts that are asked directly: names, `.domain`, addresses, `*`. */
  readonly except: readonly string[]
}

export interface ClientOptions {
  readonly tls?: ClientTls | null
  readonly proxy?: Proxy | null
}

/** A sender with one pool of connections per origin; undici is loaded at the first request. */
export function httpClient(options: ClientOptions = {}): Http['request'] {
  const pools = new Map<string, Sender>()
  return async (request, signal) => {
    signal.throwIfAborted()
    const url = urlOf(request.url)
    const sender = pools.get(url.origin) ?? (await openPool(pools, url, options))
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
  readonly pool: Dispatcher
  request(options: Dispatcher.RequestOptions): Promise<Dispatcher.ResponseData>
}

/** Loads these two files alone: the whole package with its fetch, mocks and caches costs an idle agent 7 MB. */
async function openPool(pools: Map<string, Sender>, url: URL, options: ClientOptions): Promise<Sender> {
  const { origin } = url
  const { default: request } = await import('undici/lib/api/api-request.js')
  const existing = pools.get(origin)
  if (existing !== undefined) return existing
  const [oldest] = pools
  if (pools.size >= originsMax && oldest !== undefined) {
    pools.delete(oldest[0])
    // Lets open requests finish; nobody waits for it because it cannot fail them.
    oldest[1].pool.close().catch(() => undefined)
  }
  const pool = await makePool(url, options)
  const sender: Sender = { pool, request: (asked) => request.call(pool, asked) }
  pools.set(origin, sender)
  return sender
}

const poolOptions = {
  connections: connectionsMax,
  pipelining: 1,
  keepAliveTimeout: keepAliveMs,
  keepAliveMaxTimeout: keepAliveMs,
  // The timer of a request is the only clock: these would cut a patient one short.
  headersTimeout: 0,
  bodyTimeout: 0,
}

async function makePool({ origin, hostname }: URL, options: ClientOptions): Promise<Dispatcher> {
  const { tls = null, proxy = null } = options
  const connect = { timeout: connectMs, allowH2: false, ...(tls === null ? {} : await tlsOptions(tls)) }
  const { default: PoolOfUndici } = await import('undici/lib/dispatcher/pool.js')
  if (proxy === null || isExcept(hostname, proxy.except))
    return new PoolOfUndici(origin, { ...poolOptions, connect })
  const { default: ProxyAgent } = await import('undici/lib/dispatcher/proxy-agent.js')
  const { default: tunnel } = await import('undici/lib/api/api-connect.js')
  return new ProxyAgent({
    ...poolOptions,
    uri: proxy.url,
    // https goes through CONNECT, so that the proxy sees nothing of it; http the way that proxies are asked.
    proxyTunnel: false,
    requestTls: connect,
    // The whole package would have given its pools this method.
    clientFactory: (uri, own) => Object.assign(new PoolOfUndici(uri, own), { connect: tunnel }),
    connectTimeout: connectMs,
  })
}

async function tlsOptions({ ca, cert, key, pins }: ClientTls): Promise<object> {
  const own = {
    ...(ca === null ? {} : { ca }),
    ...(cert === null ? {} : { cert }),
    ...(key === null ? {} : { key }),
  }
  if (pins.length === 0) return own
  const { checkServerIdentity } = await import('node:tls')
  const check = (host: string, shown: PeerCertificate) =>
    checkServerIdentity(host, shown) ?? checkPin(shown, pins)
  return { ...own, checkServerIdentity: check }
}

/** RFC 7469, 2.4: the hash is of the SubjectPublicKeyInfo, which outlives the certificate. */
function checkPin({ raw }: PeerCertificate, pins: readonly string[]): Error | undefined {
  const spki = new X509Certificate(raw).publicKey.export({ type: 'spki', format: 'der' })
  const shown = createHash('sha256').update(spki).digest('base64')
  return pins.includes(shown) ? undefined : new Error(`the server's key is none of the pins: it is ${shown}`)
}

/** As no_proxy of other programs: a name means itself and what is below it. */
function isExcept(hostname: string, except: readonly string[]): boolean {
  const host = hostname.replace(/^\[|\]$/g, '').toLowerCase()
  return except.some((one) => {
    const name = one.toLowerCase().replace(/^\*?\./, '')
    return one === '*' || host === name || host.endsWith(`.${name}`)
  })
}

async function exchange(
  sender: Sender,
  url: URL,
  request: HttpRequest,
  signal: AbortSignal,
): Promise<HttpResponse> {
  const answer = await sender.request({
    method: request.method as Dispatcher.HttpMethod,
    // A pool knows it, a proxy has to be told.
    origin: url.origin,
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
