// Apache access logs: `common`, `combined`, `vhost_combined`, or any LogFormat as it stands in httpd.conf (mod_log_config).
import type { Piece, Variable } from './access-log.ts'

const common = '%h %l %u %t "%r" %>s %b'
const combined = `${common} "%{Referer}i" "%{User-Agent}i"`
const formats: ReadonlyMap<string, string> = new Map([
  ['common', common],
  ['combined', combined],
  ['vhost_combined', `%v:%p ${combined}`],
])

/** The field that a directive's value becomes: named as nginx names the same. */
const directives: ReadonlyMap<string, Variable> = new Map([
  ['h', text('remote_addr')],
  ['a', text('remote_addr')],
  ['A', text('server_addr')],
  ['l', text('ident')],
  ['u', text('remote_user')],
  ['t', text('time')],
  ['r', { name: 'request', as: 'request' }],
  ['s', number('status')],
  ['b', number('body_bytes_sent')],
  ['B', number('body_bytes_sent')],
  ['O', number('bytes_sent')],
  ['I', number('request_length')],
  ['S', number('bytes_total')],
  ['D', number('duration_us')],
  ['T', number('request_time')],
  ['v', text('server_name')],
  ['V', text('server_name')],
  ['p', number('server_port')],
  ['P', number('pid')],
  ['m', text('method')],
  ['U', text('path')],
  ['q', text('query')],
  ['H', text('protocol')],
  ['f', text('file')],
  ['k', number('connection_requests')],
  ['X', text('connection_status')],
  ['L', text('request_id')],
  ['R', text('handler')],
])
/** What `%{Name}i` is called: the header's name, where it came from in front. */
const prefixes: Readonly<Record<string, string>> = {
  i: 'http_',
  o: 'sent_http_',
  e: 'env_',
  C: 'cookie_',
  n: 'note_',
}

/** The time that `%t` writes. */
export const apacheTime = { field: 'time', format: 'clf' } as const

/** The pieces of a format by name or as httpd.conf has it. Throws an Error with a sentence when it is neither. */
export function apachePieces(format = 'combined'): readonly Piece[] {
  const known = formats.get(format)
  if (known === undefined && !format.includes('%')) {
    throw new Error(
      `unknown format: expected ${[...formats.keys()].join(', ')} or a LogFormat with %directives`,
    )
  }
  // As httpd.conf has it, quotes inside are escaped.
  const written = (known ?? format).replaceAll('\\"', '"')
  const found: Piece[] = []
  for (const match of written.matchAll(/%%|%[!\d,]*[<>]?(?:\{([^}]*)\})?([A-Za-z])|[^%]+|%/g)) {
    const [whole, inside, letter] = match
    if (letter === undefined) found.push({ literal: whole === '%%' ? '%' : whole })
    else found.push(...variable(whole, letter, inside))
  }
  return joined(found)
}

function variable(whole: string, letter: string, inside: string | undefined): readonly Piece[] {
  const prefix = prefixes[letter]
  if (inside !== undefined && prefix !== undefined) {
    const name = letter === 'i' && inside.toLowerCase() === 'referer' ? 'referer' : inside
    return [{ variable: text(prefix + name.toLowerCase().replace(/\W/g, '_')) }]
  }
  const known = directives.get(letter)
  if (known === undefined || (inside !== undefined && letter === 't')) {
    throw new Error(`the directive ${whole} is not known; use type: regex for such a format`)
  }
  if (letter !== 't') return [{ variable: known }]
  return [{ literal: '[' }, { variable: known }, { literal: ']' }]
}

/** Literals in a row as one. */
function joined(list: readonly Piece[]): readonly Piece[] {
  const result: Piece[] = []
  for (const piece of list) {
    const last = result.at(-1)
    if (last !== undefined && 'literal' in last && 'literal' in piece) result.pop()
    const before = last !== undefined && 'literal' in last && 'literal' in piece ? last.literal : ''
    result.push('literal' in piece ? { literal: before + piece.literal } : piece)
  }
  return result
}

function text(name: string): Variable {
  return { name, as: 'text' }
}

function number(name: string): Variable {
  return { name, as: 'number' }
}
