// The simulated network: requests between processes that may be late, lost, refused, or answered in vain.
import { LogdriveError } from '../../core/errors.ts'
import type {
  Address,
  Http,
  HttpHandler,
  HttpRequest,
  HttpResponse,
  HttpServer,
  ServerRequest,
  ServerResponse,
} from '../../core/runtime.ts'
import type { Incarnation } from './process.ts'
import type { SeededRandom } from './random.ts'
import { Sockets } from './sockets.ts'
import type { World } from './world.ts'

interface Listener {
  readonly owner: Incarnation
  readonly handler: HttpHandler
  readonly open: Set<AbortController>
  readonly cut: Set<() => void>
  serving: number
  idle: (() => void) | null
}

const loopback = new Set(['localhost', '127.0.0.1', '0.0.0.0', '::1', '[::1]', '::'])

/** All wires. Hosts are names of processes; loopback names lead to the process itself. */
export class Network {
  /** Probabilities per request, and the bounds of one way in ms. */
  faults = { requestLost: 0, responseLost: 0, slow: 0 }
  delayMs: readonly [min: number, max: number] = [0.1, 2]
  /** Streams over the same wires. */
  readonly sockets: Sockets
  readonly #world: World
  readonly #listeners = new Map<string, Listener>()
  readonly #cuts = new Set<string>()
  readonly #random: SeededRandom
  #nextPort = 49_152

  constructor(world: World) {
    this.#world = world
    this.#random = world.random('network')
    this.sockets = new Sockets(world, this)
  }

  /** Cuts or mends the wire between two processes, both ways. */
  partition(a: string, b: string, cut: boolean): void {
    if (cut) {
      this.#cuts.add(pair(a, b))
      this.#world.count('partition')
    } else this.#cuts.delete(pair(a, b))
  }

  isCut(a: string, b: string): boolean {
    return this.#cuts.has(pair(a, b))
  }

  /** The process behind a host name, as one incarnation sees it. */
  hostOf(from: Incarnation, host: string): string {
    return loopback.has(host) ? from.process.name : host
  }

  /** No partitions and no faults any more. */
  heal(): void {
    this.#cuts.clear()
    this.faults = { requestLost: 0, responseLost: 0, slow: 0 }
    this.sockets.faults = { reset: 0, silence: 0 }
  }

  /** A process died: its servers are gone and who waits for them gets a reset. */
  drop(owner: Incarnation): void {
    this.sockets.drop(owner)
    for (const [address, listener] of this.#listeners) {
      if (listener.owner !== owner) continue
      this.#listeners.delete(address)
      for (const cut of listener.cut) cut()
    }
  }

  /** HTTP as one incarnation sees it. */
  http(owner: Incarnation): Http {
    return {
      request: (request, signal) => this.#request(owner, request, signal),
      serve: async (address, handler) => {
        await owner.turn(`${owner.process.name} listens`, 0.1)
        return this.#serve(owner, address, handler)
      },
    }
  }

  #serve(owner: Incarnation, address: Address, handler: HttpHandler): HttpServer {
    const port = address.port === 0 ? this.#nextPort++ : address.port
    const key = `${owner.process.name}:${port}`
    if (this.#listeners.has(key)) throw new LogdriveError('PORT_TAKEN', `${key} is already in use`)
    const listener: Listener = { owner, handler, open: new Set(), cut: new Set(), serving: 0, idle: null }
    this.#listeners.set(key, listener)
    return {
      address: { host: address.host, port },
      // Nobody looks at certificates in this world.
      renew: () => {},
      [Symbol.asyncDispose]: async () => {
        if (this.#listeners.get(key) === listener) this.#listeners.delete(key)
        if (listener.serving === 0) return
        await new Promise<void>((resolve) => {
          listener.idle = resolve
        })
      },
    }
  }

  #request(from: Incarnation, request: HttpRequest, signal: AbortSignal): Promise<HttpResponse> {
    if (signal.aborted) return Promise.reject(signal.reason)
    const url = new URL(request.url)
    const host = this.hostOf(from, url.hostname)
    const target = `${host}:${url.port || '80'}`
    return new Promise((resolve, reject) => {
      const exchange = { settled: false, leave: () => {} }
      const settle = (finish: () => void) => {
        if (exchange.settled) return
        exchange.settled = true
        cancelTimeout()
        signal.removeEventListener('abort', onAbort)
        exchange.leave()
        if (from.alive) finish()
      }
      const fail = (why: string) =>
        settle(() => reject(new LogdriveError('UNAVAILABLE', `${request.method} ${target}: ${why}`)))
      const onAbort = () => settle(() => reject(signal.reason))
      const cancelTimeout = this.#world.schedule(`${from.process.name} times out`, request.timeoutMs, () =>
        fail(`no answer in ${request.timeoutMs} ms`),
      )
      signal.addEventListener('abort', onAbort, { once: true })
      const ends: Ends = { from: from.process.name, host, target, fail, exchange }
      this.#send(ends, url, { ...request, body: request.body?.slice() ?? null }, (response) =>
        settle(() => resolve(response)),
      )
    })
  }

  /** The way there, the handler, the way back. A way that is lost leaves the sender to its timeout or a reset. */
  #send(ends: Ends, url: URL, request: HttpRequest, deliver: (response: HttpResponse) => void): void {
    const world = this.#world
    if (this.#lost(ends, 'requestLost')) return
    world.schedule(`${ends.from} -> ${ends.target}`, this.#delay(), () => {
      if (this.#cuts.has(pair(ends.from, ends.host))) return
      const listener = this.#listeners.get(ends.target)
      if (listener === undefined) {
        world.schedule(`${ends.target} refuses`, this.#delay(), () => ends.fail('connection refused'))
        return
      }
      void this.#handle(listener, ends, url, request).then((response) => {
        if (response === null || !listener.owner.alive || this.#lost(ends, 'responseLost')) return
        world.schedule(`${ends.target} -> ${ends.from}`, this.#delay(), () => {
          if (!this.#cuts.has(pair(ends.from, ends.host))) deliver(response)
        })
      })
    })
  }

  /** Null when there will be no answer. */
  async #handle(
    listener: Listener,
    ends: Ends,
    url: URL,
    request: HttpRequest,
  ): Promise<HttpResponse | null> {
    const controller = new AbortController()
    const cut = () => {
      this.#world.schedule(`${ends.target} resets`, this.#delay(), () => ends.fail('connection reset'))
    }
    // The client's going away is known here only later.
    ends.exchange.leave = () => {
      this.#world.schedule(`${ends.from} closes`, this.#delay(), () => {
        if (listener.owner.alive && listener.open.has(controller)) controller.abort()
      })
    }
    listener.open.add(controller)
    listener.cut.add(cut)
    listener.serving += 1
    try {
      const answered = await listener.handler(serverRequest(ends, url, request, controller.signal))
      return await collect(answered)
    } catch {
      return { status: 500, headers: {}, body: new Uint8Array(0) }
    } finally {
      listener.open.delete(controller)
      listener.cut.delete(cut)
      listener.serving -= 1
      if (listener.serving === 0) listener.idle?.()
    }
  }

  #lost(ends: Ends, kind: 'requestLost' | 'responseLost'): boolean {
    if (this.#cuts.has(pair(ends.from, ends.host))) return true
    if (!this.#random.chance(this.faults[kind])) return false
    this.#world.count(kind === 'requestLost' ? 'request lost' : 'response lost')
    // Half of what is lost shows as a reset soon, the rest only as silence.
    if (this.#random.chance(0.5)) {
      this.#world.schedule(`${ends.from} sees a reset`, this.#delay(), () => ends.fail('connection reset'))
    }
    return true
  }

  #delay(): number {
    const [min, max] = this.delayMs
    const ms = min + this.#random.next() * (max - min)
    if (!this.#random.chance(this.faults.slow)) return ms
    this.#world.count('slow network')
    return ms + this.#random.next() * 5_000
  }
}

interface Ends {
  readonly from: string
  readonly host: string
  readonly target: string
  readonly fail: (why: string) => void
  readonly exchange: { leave: () => void }
}

function serverRequest(ends: Ends, url: URL, request: HttpRequest, signal: AbortSignal): ServerRequest {
  const headers: Record<string, string> = Object.create(null)
  for (const [name, value] of Object.entries(request.headers)) headers[name.toLowerCase()] = value
  headers.host = ends.target
  if (request.body !== null) headers['content-length'] = String(request.body.byteLength)
  return {
    method: request.method,
    path: url.pathname,
    query: url.search.slice(1),
    headers,
    peer: ends.from,
    signal,
    async body(bytesMax) {
      const body = request.body ?? new Uint8Array(0)
      if (body.byteLength <= bytesMax) return body
      throw new LogdriveError('REQUEST_TOO_LARGE', `the body is larger than ${bytesMax} bytes`)
    },
  }
}

async function collect(response: ServerResponse): Promise<HttpResponse> {
  const headers: Record<string, string> = Object.create(null)
  for (const [name, value] of Object.entries(response.headers)) headers[name.toLowerCase()] = value
  const { body } = response
  if (typeof body === 'string')
    return { status: response.status, headers, body: new TextEncoder().encode(body) }
  if (body instanceof Uint8Array) return { status: response.status, headers, body: body.slice() }
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(chunk.slice())
  return { status: response.status, headers, body: Buffer.concat(chunks) }
}

function pair(a: string, b: string): string {
  return a < b ? `${a}|${b}` : `${b}|${a}`
}
