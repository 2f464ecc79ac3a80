// nginx access logs: the built-in format `combined`, or any `log_format` as it stands in nginx.conf.
import type { Piece, Variable } from './access-log.ts'

const combined =
  '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"'
/** Formats by name, from the documentation of ngx_http_log_module and of the ingress controller of Kubernetes. */
const formats: ReadonlyMap<string, string> = new Map([
  ['combined', combined],
  ['main', `${combined} "$http_x_forwarded_for"`],
  [
    'ingress',
    `${combined} $request_length $request_time [$proxy_upstream_name] [$proxy_alternative_upstream_name] $upstream_addr $upstream_response_length $upstream_response_time $upstream_status $req_id`,
  ],
])

/** Variables whose values are numbers, unless they are lists of them. */
const numbers = new Set(
  'status body_bytes_sent bytes_sent request_length request_time content_length connection connection_requests upstream_response_time upstream_connect_time upstream_header_time upstream_response_length upstream_bytes_received upstream_bytes_sent upstream_status server_port remote_port gzip_ratio pid'.split(
    ' ',
  ),
)
const times: ReadonlyMap<string, string> = new Map([
  ['time_local', 'clf'],
  ['time_iso8601', 'rfc3339'],
  ['msec', 'epoch_s'],
])

/** The pieces of a format by name or as nginx.conf has it. Throws an Error with a sentence when it is neither. */
export function nginxPieces(format = 'combined'): readonly Piece[] {
  const known = formats.get(format)
  if (known === undefined && !format.includes('$')) {
    throw new Error(
      `unknown format: expected ${[...formats.keys()].join(', ')} or a log_format with $variables`,
    )
  }
  const pieces: Piece[] = []
  for (const [piece, inBraces, bare] of (known ?? format).matchAll(/\$\{(\w+)\}|\$(\w+)|[^$]+|\$/g)) {
    const name = inBraces ?? bare
    pieces.push(name === undefined ? { literal: piece } : { variable: { name, as: kindOf(name) } })
  }
  return pieces
}

/** The first time in a format and how it is written; null when there is none. */
export function nginxTime(
  format: string | undefined,
): { readonly field: string; readonly format: string } | null {
  for (const piece of nginxPieces(format)) {
    if ('literal' in piece) continue
    const field = piece.variable.name
    const written = times.get(field)
    if (written !== undefined) return { field, format: written }
  }
  return null
}

function kindOf(name: string): Variable['as'] {
  if (name === 'request') return 'request'
  return numbers.has(name) ? 'number' : 'text'
}
