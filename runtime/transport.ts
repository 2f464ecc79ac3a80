// TCP and TLS of node behind Transport: no delay, keep-alive, one writev an answer, reads without allocation.
import { once } from 'node:events'
import net from 'node:net'
import type tls from 'node:tls'
import { LogdriveError } from '../core/errors.ts'
import type {
  Address,
  Connection,
  ConnectOptions,
  ListenOptions,
  ListenTls,
  Logger,
  TlsInfo,
  Transport,
  TransportListener,
} from '../core/runtime.ts'
import { listenError } from './listen-error.ts'
import { Bursts, ChunkReader, SlabReader, type SocketReader } from './socket-reader.ts'
import { contextOf, handshakesOf, listenOptions, orInvalid } from './tls-context.ts'

/** A peer that vanished without a word is found out about this late at the earliest. */
const keepAliveMs = 60_000
/** What was written has this long to go out at the end. */
const lingerMs = 2_000
const backlog = 511
/** Pieces that are no larger together are copied into one. */
const copyBytesMax = 8 * 1024
const noBytes = new Uint8Array(0)
const taken = Promise.resolve()

/** Sockets of this machine. */
export function nodeTransport(logger: Logger): Transport {
  const bursts = new Bursts()
  return {
    connect: (address, options, signal) => connect(address, options, bursts, signal),
    listen: (address, options, accept) => listen(address, options, accept, { logger, bursts }),
  }
}

async function connect(
  address: Address,
  options: ConnectOptions,
  bursts: Bursts,
  signal: AbortSignal,
): Promise<Connection> {
  signal.throwIfAborted()
  const reader = options.tls === null ? new SlabReader(bursts) : null
  const { host, port } = address
  const socket =
    options.tls === null
      ? net.connect({ host, port, noDelay: true, ...(reader === null ? {} : { onread: reader.onread }) })
      : (await loadTls()).connect({
          host,
          port,
          servername: options.tls.serverName ?? (net.isIP(host) === 0 ? host : ''),
          ...defined({ ca: options.tls.ca, cert: options.tls.cert, key: options.tls.key }),
        })
  try {
    await once(socket, options.tls === null ? 'connect' : 'secureConnect', { signal })
  } catch (error) {
    socket.destroy()
    if (signal.aborted) throw signal.reason
    throw broken(error instanceof Error ? error : null, `cannot connect to ${host}:${port}`)
  }
  return new SocketConnection(socket, reader)
}

async function listen(
  address: Address,
  options: ListenOptions,
  accept: (connection: Connection) => void,
  { logger, bursts }: { readonly logger: Logger; readonly bursts: Bursts },
): Promise<TransportListener> {
  let open = 0
  const take = (socket: net.Socket, reader: SlabReader | null) => {
    open += 1
    socket.once('close', () => {
      open -= 1
    })
    accept(new SocketConnection(socket, reader))
  }
  const secured = options.tls === null ? null : await secure(options.tls)
  const handshakes = secured === null ? null : handshakesOf(secured, logger)
  const server = secured ?? net.createServer({ pauseOnConnect: true })
  server.maxConnections = options.connectionsMax
  server.on('secureConnection', (socket: tls.TLSSocket) => take(socket, null))
  if (options.tls === null) {
    server.on('connection', (socket: net.Socket) => {
      if (open >= options.connectionsMax) socket.destroy()
      else take(...withSlab(socket, bursts))
    })
  }
  server.listen({ host: address.host, port: address.port, backlog })
  try {
    await once(server, 'listening')
  } catch (error) {
    throw listenError(error as NodeJS.ErrnoException, address)
  }
  server.on('error', (error) => logger.warn({ err: error }, 'a connection could not be accepted'))
  const bound = server.address()
  return {
    address: { host: address.host, port: bound !== null && typeof bound === 'object' ? bound.port : 0 },
    renew(renewed) {
      if (secured !== null) orInvalid(() => secured.setSecureContext(contextOf(renewed)))
    },
    async [Symbol.asyncDispose]() {
      // Its promise is for the connections too: they have another owner.
      server.close()
      handshakes?.cut()
    },
  }
}

async function secure(options: ListenTls): Promise<tls.Server> {
  const { createServer } = await loadTls()
  return orInvalid(() => createServer(listenOptions(options)))
}

/** Loaded by who needs it only: it takes as long as all the rest of a listener. */
function loadTls(): Promise<typeof tls> {
  return import('node:tls')
}

/**
 * A server has no `onread` option: its sockets are made before anybody is asked. Their handle goes into a socket of our own;
 * should a later node hide it, the slower way is taken.
 */
function withSlab(accepted: net.Socket, bursts: Bursts): [net.Socket, SlabReader | null] {
  if (!('_handle' in accepted)) return [accepted, null]
  const handle = accepted._handle
  if (typeof handle !== 'object' || handle === null || !('useUserBuffer' in handle)) return [accepted, null]
  const reader = new SlabReader(bursts)
  accepted._handle = null
  // What is left of it counts as a connection of the server that has gone.
  accepted.destroy()
  // net.Socket takes any handle of node's own; its type knows of bound sockets only.
  const options: { readonly handle: object; readonly onread: net.OnReadOpts } = {
    handle,
    onread: reader.onread,
  }
  return [new net.Socket(options as net.SocketConstructorOpts), reader]
}

class SocketConnection implements Connection {
  readonly peer: Address
  readonly local: Address
  readonly tls: TlsInfo | null
  readonly #socket: net.Socket
  readonly #reader: SocketReader
  readonly #over = new AbortController()
  #failure: Error | null = null
  #closed: Promise<void> | null = null

  constructor(socket: net.Socket, slab: SlabReader | null) {
    this.#socket = socket
    this.peer = { host: plainHost(socket.remoteAddress), port: socket.remotePort ?? 0 }
    this.local = { host: plainHost(socket.localAddress), port: socket.localPort ?? 0 }
    this.tls = 'encrypted' in socket ? tlsInfo(socket as tls.TLSSocket) : null
    socket.setNoDelay(true)
    socket.setKeepAlive(true, keepAliveMs)
    this.#reader = slab ?? chunked(socket)
    socket.on('error', (error) => {
      this.#failure = error
    })
    socket.once('end', () => this.#reader.end(null))
    socket.once('close', () => {
      this.#reader.end(broken(this.#failure, 'the connection broke'))
      this.#over.abort(broken(this.#failure, 'the connection is over'))
    })
    if (slab === null) return
    slab.resume = () => socket.resume()
    socket.resume()
  }

  get signal(): AbortSignal {
    return this.#over.signal
  }

  read(target: Uint8Array, bytesMin: number): Promise<number> | number {
    return this.#reader.read(target, bytesMin)
  }

  write(given: readonly Uint8Array[]): Promise<void> {
    const pieces = together(given)
    const isPlain = this.tls === null
    if (isPlain) {
      // Nearly always the system takes it at once; a callback would say so a turn of the event loop later.
      this.#push(pieces)
      const { writableLength, errored, destroyed } = this.#socket
      if (writableLength === 0 && errored === null && !destroyed) return taken
    }
    return new Promise((resolve, reject) => {
      this.#push(isPlain ? [] : pieces, (error) => {
        if (error === undefined || error === null) resolve()
        else reject(broken(error, 'the connection broke'))
      })
    })
  }

  abort(): void {
    this.#socket.destroy()
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  /** Gives the pieces to the socket; `done` hears when the system took them and all before them. */
  #push(pieces: readonly Uint8Array[], done?: (error?: Error | null) => void): void {
    const socket = this.#socket
    const last = pieces.length - 1
    if (last > 0) socket.cork()
    for (let i = 0; i < last; i += 1) socket.write(pieces[i] as Uint8Array)
    socket.write(pieces[last] ?? noBytes, done)
    if (last > 0) socket.uncork()
  }

  async #close(): Promise<void> {
    const socket = this.#socket
    if (socket.closed) return
    const closed = once(socket, 'close')
    const cut = setTimeout(() => socket.destroy(), lingerMs)
    // The other end may have more to say; nobody listens any more.
    socket.destroySoon()
    await closed
    clearTimeout(cut)
  }
}

/** Many small answers as one piece: a vector of them costs more than their copy. */
function together(pieces: readonly Uint8Array[]): readonly Uint8Array[] {
  if (pieces.length < 2) return pieces
  let bytes = 0
  for (const piece of pieces) bytes += piece.length
  return bytes <= copyBytesMax ? [Buffer.concat(pieces, bytes)] : pieces
}

function chunked(socket: net.Socket): ChunkReader {
  const reader = new ChunkReader(socket)
  socket.on('data', (chunk: Uint8Array) => reader.push(chunk))
  return reader
}

function tlsInfo(socket: tls.TLSSocket): TlsInfo {
  const certificate = socket.authorized ? socket.getPeerX509Certificate() : undefined
  return { protocol: socket.getProtocol() ?? 'unknown', clientSubject: certificate?.subject ?? null }
}

/** ::ffff:10.0.0.1 is 10.0.0.1 on a socket for both families. */
function plainHost(host: string | undefined): string {
  return (host ?? '').replace(/^::ffff:(?=\d+\.)/, '')
}

function broken(cause: Error | null, what: string): LogdriveError {
  const message = cause === null ? what : `${what}: ${cause.message}`
  return new LogdriveError('UNAVAILABLE', message, { cause })
}

function defined<T extends Record<string, string | null>>(options: T): { [Key in keyof T]?: string } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== null)) as {
    [Key in keyof T]?: string
  }
}
