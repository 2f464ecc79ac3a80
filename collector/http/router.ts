// Router: method and path to a route, deny by default; a route says who may use it or it does not exist.
import assert from 'node:assert/strict'
import { LogdriveError } from '../../core/errors.ts'
import type { ServerRequest, ServerResponse } from '../../core/runtime.ts'

/** Who may use a route: everybody, or a key with that right (admin has all rights). */
export type Access = 'public' | 'track' | 'ship' | 'admin'

export type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE'

/** One request on its way through a route. */
export interface Call {
  readonly request: ServerRequest
  /** The decoded `{name}` parts of the path. */
  readonly params: ReadonlyMap<string, string>
  /** The parsed query; made when asked for. */
  readonly query: URLSearchParams
  /** The client's address: the peer's, or what a trusted proxy says. */
  readonly client: string
  /** Checks a key that stands in the body; only routes with `keyInBody` have to. Throws KEY_MISSING, FORBIDDEN. */
  authorizeWith(key: string | null): void
}

export interface Route {
  readonly method: Method
  /** Such as `/v1/topics/{topic}/records`. */
  readonly path: string
  readonly access: Access
  /** The key may stand in the body: the handler calls `authorizeWith` before it does anything. */
  readonly keyInBody?: boolean
  /** One sentence for the OpenAPI page. */
  readonly about: string
  handle(call: Call): Promise<ServerResponse>
}

/** What a path leads to: a route, or the methods that exist there. */
export type Found =
  | { readonly route: Route; readonly params: ReadonlyMap<string, string> }
  | { readonly route: null; readonly methods: ReadonlyMap<string, Route> }

export interface Router {
  readonly routes: readonly Route[]
  /** Null when nothing has that path. HEAD finds GET. Throws REQUEST_INVALID for a path that does not decode. */
  find(method: string, path: string): Found | null
}

interface Place {
  readonly segments: readonly string[]
  readonly methods: Map<string, Route>
}

/** Paths whose way is kept: the same few come again and again. Anybody can invent more, so then it is begun anew. */
const keptPathsMax = 1000
const keptPathLengthMax = 200

const noParams: ReadonlyMap<string, string> = new Map()

/** Builds the router; two routes for the same method and path are a bug. */
export function createRouter(routes: readonly Route[]): Router {
  const fixed = new Map<string, Place>()
  const patterns = new Map<number, Place[]>()
  for (const route of routes) {
    const segments = route.path.split('/')
    const siblings = patterns.get(segments.length) ?? []
    const isPattern = route.path.includes('{')
    const known = isPattern
      ? siblings.find((place) => place.segments.join('/') === route.path)
      : fixed.get(route.path)
    const place = known ?? { segments, methods: new Map() }
    assert(!place.methods.has(route.method), `${route.method} ${route.path} is there twice`)
    place.methods.set(route.method, route)
    if (known !== undefined) continue
    if (isPattern) patterns.set(segments.length, [...siblings, place])
    else fixed.set(route.path, place)
  }
  const kept = new Map<string, Way>()
  return {
    routes,
    find(method, path) {
      const place = fixed.get(path)
      if (place !== undefined) return choose(place, method, noParams)
      const known = kept.get(path)
      if (known !== undefined) return choose(known.place, method, known.params)
      const way = wayOf(patterns, path)
      if (way === null) return null
      if (kept.size >= keptPathsMax) kept.clear()
      if (path.length <= keptPathLengthMax) kept.set(path, way)
      return choose(way.place, method, way.params)
    },
  }
}

/** Where a path with parameters leads. */
interface Way {
  readonly place: Place
  readonly params: ReadonlyMap<string, string>
}

function wayOf(patterns: ReadonlyMap<number, readonly Place[]>, path: string): Way | null {
  const segments = path.split('/')
  const place = patterns.get(segments.length)?.find((candidate) => matches(candidate.segments, segments))
  return place === undefined ? null : { place, params: paramsOf(place.segments, segments) }
}

function choose(place: Place, method: string, params: ReadonlyMap<string, string>): Found {
  const route = place.methods.get(method === 'HEAD' ? 'GET' : method)
  return route === undefined ? { route: null, methods: place.methods } : { route, params }
}

function matches(pattern: readonly string[], segments: readonly string[]): boolean {
  for (let index = 0; index < pattern.length; index += 1) {
    const wanted = pattern[index] as string
    const segment = segments[index] as string
    if (wanted.startsWith('{') ? segment === '' : wanted !== segment) return false
  }
  return true
}

function paramsOf(pattern: readonly string[], segments: readonly string[]): ReadonlyMap<string, string> {
  const params = new Map<string, string>()
  for (let index = 0; index < pattern.length; index += 1) {
    const wanted = pattern[index] as string
    if (wanted.startsWith('{')) params.set(wanted.slice(1, -1), decode(segments[index] as string))
  }
  return params
}

function decode(segment: string): string {
  if (!segment.includes('%')) return segment
  try {
    return decodeURIComponent(segment)
  } catch (cause) {
    throw new LogdriveError('REQUEST_INVALID', 'the path has a broken percent escape', { cause })
  }
}

/** The methods of a place as an Allow header. */
export function allowOf(methods: ReadonlyMap<string, Route>): string {
  const names = [...methods.keys()]
  if (names.includes('GET')) names.push('HEAD')
  return [...names, 'OPTIONS'].join(', ')
}

/** A path parameter that the route's pattern promises. */
export function param(call: Call, name: string): string {
  const value = call.params.get(name)
  assert(value !== undefined, `the route has no parameter ${name}`)
  return value
}
