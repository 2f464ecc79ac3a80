// The HTTP interface as one handler: routes, keys, CORS, errors, and a stop that lets open requests finish.
import { LogdriveError } from '../../core/errors.ts'
import type {
  Headers,
  HttpHandler,
  HttpLimits,
  Runtime,
  ServerRequest,
  ServerResponse,
} from '../../core/runtime.ts'
import { clientAddress, type Network } from './addresses.ts'
import { corsHeaders, preflight } from './cors.ts'
import { errorResponse } from './errors.ts'
import { type Keyring, presentedKey } from './keys.ts'
import { allowOf, type Call, createRouter, type Route } from './router.ts'
import type { Traffic } from './traffic.ts'

/** What the handler is made of. */
export interface HandlerOptions {
  readonly routes: readonly Route[]
  readonly keyring: Keyring
  /** Proxies whose X-Forwarded-For is believed. */
  readonly trustedProxies: readonly Network[]
  /** Counts requests, and says whether new ones are still taken. */
  readonly traffic: Traffic
}

/** Slow or many clients: headers within 5 s, the request within 30 s, 8 KiB of headers. */
export const defaultHttpLimits: HttpLimits = {
  headersMs: 5_000,
  requestMs: 30_000,
  connectionsMax: 10_000,
  headerBytesMax: 8 * 1024,
}

/** While draining these still answer: they say that it drains. */
const answeredWhileDraining = new Set(['/healthz', '/readyz', '/metrics'])

/** The handler for `Http.serve`; it never rejects. */
export function createHandler(
  options: HandlerOptions,
  runtime: Pick<Runtime, 'random' | 'logger'>,
): HttpHandler {
  const router = createRouter(options.routes)
  const { traffic } = options
  return async (request) => {
    traffic.begin()
    let routePath = 'none'
    let status = 500
    try {
      const { path, method } = request
      if (traffic.isDraining && !answeredWhileDraining.has(path)) return refuseWhileDraining(runtime)
      const found = router.find(method, path)
      if (found === null) throw new LogdriveError('NOT_FOUND', `there is nothing at ${path.slice(0, 200)}`)
      const answer =
        found.route === null
          ? withoutRoute(request, found.methods, options, runtime)
          : await answerRoute(request, found.route, found.params, { options, runtime })
      routePath = found.route?.path ?? 'none'
      status = answer.status
      return answer
    } catch (error) {
      const answer = errorResponse(error, runtime)
      status = answer.status
      return answer
    } finally {
      traffic.end(routePath, status)
    }
  }
}

interface Surroundings {
  readonly options: HandlerOptions
  readonly runtime: Pick<Runtime, 'random' | 'logger'>
}

function answerRoute(
  request: ServerRequest,
  route: Route,
  params: ReadonlyMap<string, string>,
  around: Surroundings,
): Promise<ServerResponse> {
  if (route.access === 'track') return answerPage(request, route, params, around)
  const answer = run(request, route, params, around.options)
  return request.method === 'HEAD' ? answer.then(withoutStream) : answer
}

/** A page must be able to read the answer; also why it was refused, and when to come back. */
async function answerPage(
  request: ServerRequest,
  route: Route,
  params: ReadonlyMap<string, string>,
  { options, runtime }: Surroundings,
): Promise<ServerResponse> {
  const cors = corsOf(request, options)
  try {
    const answer = await run(request, route, params, options)
    return { ...answer, headers: { ...answer.headers, ...cors } }
  } catch (error) {
    const answer = errorResponse(error, runtime)
    return { ...answer, headers: { ...answer.headers, ...cors } }
  }
}

/** Not async, as its caller: every layer of promises costs each request. Throws or rejects with why not. */
function run(
  request: ServerRequest,
  route: Route,
  params: ReadonlyMap<string, string>,
  options: HandlerOptions,
): Promise<ServerResponse> {
  const call = new RoutedCall(request, route, params, options)
  const presented = route.access === 'public' ? null : keyOf(request, route.access)
  if (presented !== null || route.keyInBody !== true || options.keyring.isEmpty) call.authorizeWith(presented)
  return route.handle(call)
}

class RoutedCall implements Call {
  readonly request: ServerRequest
  readonly params: ReadonlyMap<string, string>
  readonly client: string
  readonly #route: Route
  readonly #options: HandlerOptions
  #isAuthorized = false
  #query: URLSearchParams | null = null

  constructor(
    request: ServerRequest,
    route: Route,
    params: ReadonlyMap<string, string>,
    options: HandlerOptions,
  ) {
    this.request = request
    this.params = params
    this.client = clientAddress(request.peer, request.headers, options.trustedProxies)
    this.#route = route
    this.#options = options
  }

  get query(): URLSearchParams {
    this.#query ??= new URLSearchParams(this.request.query)
    return this.#query
  }

  authorizeWith(presented: string | null): void {
    const { access } = this.#route
    // A key that came with the headers has been looked at: what the body says beside it does not count.
    if (this.#isAuthorized || access === 'public') return
    const { client } = this
    const { headers, peer } = this.request
    const clientIsSure = client !== peer || !wasForwarded(headers)
    this.#options.keyring.authorize({ access, presented, headers, client, clientIsSure })
    this.#isAuthorized = presented !== null
  }
}

/** A key in an URL ends in logs of proxies: only tracking keys, which are public anyway, may stand there. */
function keyOf(request: ServerRequest, access: Route['access']): string | null {
  const inQuery = access === 'track' && request.query.includes('k=')
  return presentedKey(request.headers, inQuery ? new URLSearchParams(request.query).get('k') : null)
}

/** Behind a proxy on this machine every client looks like loopback; then the address says nothing. */
function wasForwarded(headers: Headers): boolean {
  return 'x-forwarded-for' in headers || 'forwarded' in headers || 'x-real-ip' in headers
}

function corsOf(request: ServerRequest, options: HandlerOptions): Headers {
  const { origin } = request.headers
  const isAllowed =
    origin !== undefined && options.keyring.allowsOrigin(origin, keyOf(request, 'track'), request.headers)
  return corsHeaders(origin, isAllowed)
}

function withoutRoute(
  request: ServerRequest,
  methods: ReadonlyMap<string, Route>,
  options: HandlerOptions,
  runtime: Pick<Runtime, 'random' | 'logger'>,
): ServerResponse {
  const allow = allowOf(methods)
  if (request.method === 'OPTIONS') {
    const isTracked = [...methods.values()].some((route) => route.access === 'track')
    const answer = isTracked
      ? preflight(methods, corsOf(request, options))
      : { status: 204, headers: {}, body: '' }
    return { ...answer, headers: { ...answer.headers, allow } }
  }
  const error = new LogdriveError('METHOD_UNSUPPORTED', `${request.method} is not possible here`, {
    details: { allow },
    hint: `Possible: ${allow}.`,
  })
  return errorResponse(error, runtime)
}

function refuseWhileDraining(runtime: Pick<Runtime, 'random' | 'logger'>): ServerResponse {
  const error = new LogdriveError('UNAVAILABLE', 'the collector is stopping', {
    hint: 'Try again in a moment.',
  })
  const answer = errorResponse(error, runtime)
  return { ...answer, headers: { ...answer.headers, connection: 'close' } }
}

/** A HEAD of a stream gets its headers only; of anything else the adapter leaves the body away. */
function withoutStream(answer: ServerResponse): ServerResponse {
  if (typeof answer.body === 'string' || answer.body instanceof Uint8Array) return answer
  return { ...answer, body: '' }
}
