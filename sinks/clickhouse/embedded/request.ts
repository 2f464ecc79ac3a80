// What a request asks for: the query, and what URL and headers say about how to run it.
import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { EngineError } from './engine.ts'
import { quoteIdentifier, quoteString } from './statement.ts'

export interface Asked {
  readonly kind: 'query'
  /** The `query` parameter; empty when the body holds it all. */
  readonly query: string
  readonly queryId: string
  readonly database: string
  /** The format of results when the query names none. */
  readonly format: string
  /** USE and SET statements that give the request its database, settings and parameters. */
  readonly prelude: string
  readonly packing: 'gzip' | 'zstd' | null
  /** Names the running query for cancelling; ours, so nothing a client wrote gets into it. */
  readonly tag: string
}

interface Text {
  readonly kind: 'text'
  readonly status: number
  readonly text: string
}

/** The most bytes of a result, before formatting: results are held in memory. Setting max_result_bytes overrides it. */
const resultBytesMax = 512 * 1024 * 1024

/** Parameters of the HTTP interface that are no settings of the engine. */
const interfaceParameters = new Set([
  ...[
    'query',
    'database',
    'default_format',
    'user',
    'password',
    'query_id',
    'quota_key',
    'role',
    'stacktrace',
  ],
  ...['session_id', 'session_timeout', 'session_check', 'close_session', 'client_protocol_version'],
  ...['wait_end_of_query', 'buffer_size', 'compress', 'decompress', 'enable_http_compression'],
])

/** Reads a request. Users, keys and sessions are taken and ignored: there is one user, and it is on this machine. */
export function readAsked(request: IncomingMessage, database: string): Asked | Text {
  const url = new URL(request.url ?? '/', 'http://localhost')
  const stranger = strangeBrowser(request)
  if (stranger !== null) return { kind: 'text', status: 403, text: stranger }
  if (url.pathname === '/ping' || url.pathname === '/replicas_status')
    return { kind: 'text', status: 200, text: 'Ok.\n' }
  if (url.pathname !== '/' && url.pathname !== '/query') {
    return {
      kind: 'text',
      status: 404,
      text: `There is no handle ${url.pathname}\n\nUse / or /ping for health checks.\n`,
    }
  }
  if (request.method !== 'GET' && request.method !== 'POST') {
    return { kind: 'text', status: 501, text: `Method ${request.method} is not supported\n` }
  }
  const parameters = url.searchParams
  if (request.method === 'GET' && !parameters.has('query'))
    return { kind: 'text', status: 200, text: 'Ok.\n' }
  refuseNative(parameters)
  const chosen = parameters.get('database') || header(request, 'x-clickhouse-database') || database
  return {
    kind: 'query',
    query: parameters.get('query') ?? '',
    queryId: headerSafe(parameters.get('query_id') ?? ''),
    database: chosen,
    format: nameOf(
      parameters.get('default_format') || header(request, 'x-clickhouse-format') || 'TabSeparated',
    ),
    prelude: preludeOf(parameters, chosen, request.method === 'GET'),
    packing: packingOf(request, parameters),
    tag: randomUUID(),
  }
}

/** Settings are checked by the engine: an unknown one fails with code 115, as on a server. */
function preludeOf(parameters: URLSearchParams, database: string, readonly: boolean): string {
  // clickhouse-local takes a bare expression for a SELECT, a server calls it a syntax error.
  const settings = [`max_result_bytes=${resultBytesMax}`, 'implicit_select=0']
  for (const [name, value] of parameters) {
    if (interfaceParameters.has(name)) continue
    if (!/^[A-Za-z_]\w*$/.test(name)) throw unknownSetting(name)
    settings.push(`${name}=${quoteString(value)}`)
  }
  // A GET changes nothing, but may choose its settings: that is readonly=2.
  if (readonly && !parameters.has('readonly')) settings.push('readonly=2')
  return `USE ${quoteIdentifier(database)}; SET ${settings.join(', ')}`
}

function unknownSetting(name: string): EngineError {
  return new EngineError(
    115,
    `Code: 115. DB::Exception: Unknown setting '${name.slice(0, 100)}'. (UNKNOWN_SETTING)`,
  )
}

/** ClickHouse's own framing of compressed blocks, which only its native tools speak. */
function refuseNative(parameters: URLSearchParams): void {
  for (const name of ['compress', 'decompress']) {
    if ((parameters.get(name) ?? '0') === '0') continue
    const text = `${name}=1 is not available in the embedded engine; use Content-Encoding and Accept-Encoding.`
    throw new EngineError(48, `Code: 48. DB::Exception: ${text} (NOT_IMPLEMENTED)`)
  }
}

function packingOf(request: IncomingMessage, parameters: URLSearchParams): 'gzip' | 'zstd' | null {
  if (!['1', 'true'].includes(parameters.get('enable_http_compression') ?? '')) return null
  const accepted = (header(request, 'accept-encoding') ?? '')
    .split(',')
    .map((one) => one.split(';')[0]?.trim())
  return accepted.includes('gzip') ? 'gzip' : accepted.includes('zstd') ? 'zstd' : null
}

/**
 * A web page must not reach the engine through its visitor's browser: an Origin must be this very server, and a
 * loopback server must have been asked for by a loopback name (else a name was rebound to us).
 */
function strangeBrowser(request: IncomingMessage): string | null {
  const host = hostOf(`http://${request.headers.host ?? 'localhost'}`)
  const local = request.socket.localAddress ?? ''
  if (isLoopback(local) && !isLoopback(host)) return `Host ${headerSafe(host)} is not this machine\n`
  const origin = request.headers.origin
  if (origin !== undefined && !isLoopback(hostOf(origin))) return 'Requests from web pages are refused\n'
  return null
}

function hostOf(url: string): string {
  try {
    return new URL(url).hostname
  } catch {
    return '?'
  }
}

function isLoopback(host: string): boolean {
  return /^(localhost|\[?::1\]?|(::ffff:)?127(\.\d{1,3}){3})$/i.test(host)
}

function header(request: IncomingMessage, name: string): string | null {
  const value = request.headers[name]
  return typeof value === 'string' && value !== '' ? value : null
}

function nameOf(format: string): string {
  if (/^\w{1,100}$/.test(format)) return format
  throw new EngineError(73, 'Code: 73. DB::Exception: Unknown format. (UNKNOWN_FORMAT)')
}

function headerSafe(text: string): string {
  return /^[\x21-\x7e]{1,200}$/.test(text) ? text : randomUUID()
}
