// CORS: which origin's pages may read an answer; only the routes of the tracker take part.
import type { Headers, ServerResponse } from '../../core/runtime.ts'
import type { Route } from './router.ts'

const preflightSeconds = 86_400

/** Headers that let an allowed origin read the answer; only Vary when it is not allowed. */
export function corsHeaders(origin: string | undefined, isAllowed: boolean): Headers {
  if (origin === undefined || !isAllowed) return { vary: 'Origin' }
  return {
    vary: 'Origin',
    'access-control-allow-origin': origin,
    'access-control-expose-headers': 'Retry-After',
  }
}

/** The answer to a preflight (or any OPTIONS) on a track route. */
export function preflight(methods: ReadonlyMap<string, Route>, cors: Headers): ServerResponse {
  if (!('access-control-allow-origin' in cors)) return { status: 204, headers: cors, body: '' }
  return {
    status: 204,
    headers: {
      ...cors,
      'access-control-allow-methods': [...methods.keys()].join(', '),
      'access-control-allow-headers': 'authorization, content-type, content-encoding',
      'access-control-max-age': String(preflightSeconds),
    },
    body: '',
  }
}
