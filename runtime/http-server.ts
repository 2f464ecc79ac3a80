// Incoming HTTP on node:http: bounded bodies, streamed answers, and a stop that lets open requests finish.
import type http from 'node:http'
import type https from 'node:https'
import type { Socket } from 'node:net'
import type {
  Address,
  HttpHandler,
  HttpLimits,
  HttpServer,
  ListenTls,
  Logger,
  ServerResponse,
} from '../core/runtime.ts'
import { answer, Exchange, fail } from './http-exchange.ts'
import { listenError } from './listen-error.ts'
import { contextOf, handshakesOf, listenOptions, orInvalid } from './tls-context.ts'

/**
 * Not by `import`: that looks at all that node:http exports, and its getters bring a WebSocket and a second undici along
 * (measured: 60 ms of CPU and 15 MB).
 */
const { createServer } = process.getBuiltinModule('node:http')

/** How long an idle connection is kept; longer than our own client keeps its end. */
const keepAliveMs = 30_000
/** A stop waits this long for handlers, then aborts their signals, then this long again, then cuts. */
const graceMs = 5_000
const cutMs = 2_000
const pollMs = 20

export interface ServeOptions {
  readonly address: Address
  readonly limits: HttpLimits
  /** Null: plain http. */
  readonly tls: ListenTls | null
}

/** Starts a server; throws PORT_TAKEN when the port is in use, CONFIG_INVALID for keys that TLS does not take. */
export async function serveHttp(
  { address, limits, tls }: ServeOptions,
  handler: HttpHandler,
  logger: Logger,
): Promise<HttpServer> {
  const connections = new Map<Socket, Exchange | null>()
  const shared = { stopping: false, stallMs: limits.requestMs, signals: new Set<Exchange>(), connections }
  // No async function: each layer of those costs a request about what it takes to parse its headers.
  const run = (incoming: http.IncomingMessage, outgoing: http.ServerResponse, expects: boolean): void => {
    const exchange = new Exchange(incoming, outgoing, shared, expects)
    const { socket } = incoming
    connections.set(socket, exchange)
    // A body is not kept for as long as its connection is.
    outgoing.once('close', () => {
      if (exchange.isOver && connections.get(socket) === exchange) connections.set(socket, null)
    })
    const refuse = (error: unknown) => fail(exchange, error, logger)
    const send = (response: ServerResponse) => {
      try {
        const sent = answer(exchange, response)
        if (sent !== undefined) sent.catch(refuse)
      } catch (error) {
        refuse(error)
      }
    }
    handler(exchange).then(send, refuse)
  }
  const options: http.ServerOptions = {
    headersTimeout: Math.min(limits.headersMs, limits.requestMs),
    requestTimeout: limits.requestMs,
    connectionsCheckingInterval: 1000,
    maxHeaderSize: limits.headerBytesMax,
    keepAliveTimeout: keepAliveMs,
    noDelay: true,
  }
  const secured = tls === null ? null : await secure(options, tls)
  const handshakes = secured === null ? null : handshakesOf(secured, logger)
  const server = secured ?? createServer(options)
  server.maxConnections = limits.connectionsMax
  server.on(tls === null ? 'connection' : 'secureConnection', (socket: Socket) => {
    connections.set(socket, null)
    socket.once('close', () => connections.delete(socket))
  })
  server.on('request', (incoming, outgoing) => run(incoming, outgoing, false))
  // A client that asks first is told to go on only when the handler wants the body.
  server.on('checkContinue', (incoming, outgoing) => run(incoming, outgoing, true))
  await listen(server, address)
  const bound = server.address()
  const port = typeof bound === 'object' && bound !== null ? bound.port : address.port
  let stopped: Promise<void> | null = null
  return {
    address: { host: address.host, port },
    renew(renewed) {
      if (secured !== null) orInvalid(() => secured.setSecureContext(contextOf(renewed)))
    },
    [Symbol.asyncDispose]() {
      handshakes?.cut()
      stopped ??= stop(server, shared)
      return stopped
    },
  }
}

async function secure(options: http.ServerOptions, tls: ListenTls): Promise<https.Server> {
  // Loaded by who needs it only.
  const { createServer: createSecure } = await import('node:https')
  return orInvalid(() => createSecure({ ...options, ...listenOptions(tls) }))
}

function listen(server: http.Server, address: Address): Promise<void> {
  return new Promise((resolve, reject) => {
    const refused = (error: NodeJS.ErrnoException) => reject(listenError(error, address))
    server.once('error', refused)
    server.listen(address.port, address.host, () => {
      server.off('error', refused)
      resolve()
    })
  })
}

/** What a server has open. */
interface Open {
  stopping: boolean
  readonly signals: ReadonlySet<Exchange>
  /** With the last request of each that began; null when there is none yet, or it is over. */
  readonly connections: ReadonlyMap<Socket, Exchange | null>
}

async function stop(server: http.Server, shared: Open): Promise<void> {
  shared.stopping = true
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  // Streams such as a live tail never end by themselves; requests that are being answered get their time.
  for (const exchange of shared.signals) if (exchange.streaming) exchange.abort()
  // Connections become idle when their answer is out; one that sent a part of its headers is not idle for node.
  const closeIdle = () => {
    server.closeIdleConnections()
    for (const [socket, last] of shared.connections) if (last === null || last.isOver) socket.destroy()
  }
  closeIdle()
  const sweep = setInterval(closeIdle, pollMs)
  const patience = setTimeout(() => {
    for (const exchange of shared.signals) exchange.abort()
  }, graceMs)
  const cut = setTimeout(() => server.closeAllConnections(), graceMs + cutMs)
  await closed
  clearInterval(sweep)
  clearTimeout(patience)
  clearTimeout(cut)
}
