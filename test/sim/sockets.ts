// Simulated TCP: streams that come late, in odd pieces, get stuck, break, or go silent while one end still believes in them.
import { LogdriveError } from '../../core/errors.ts'
import type { Address, Connection, ListenOptions, Transport, TransportListener } from '../../core/runtime.ts'
import type { Network } from './http.ts'
import type { Incarnation } from './process.ts'
import type { SeededRandom } from './random.ts'
import type { World } from './world.ts'

/** What a stream holds between a writer and a slow reader. */
const windowBytes = 128 * 1024
const chunkBytesMax = 64 * 1024
/** Bytes that nobody confirms break a connection after this long, a silent one after `silentMs`. */
const stuckMs = 20_000
const silentMs = 90_000
const retryMs = 200
const connectMs = 10_000
const lingerMs = 2_000

interface Listener {
  readonly owner: Incarnation
  readonly options: ListenOptions
  readonly accept: (connection: Connection) => void
  readonly open: Set<End>
}

/** All streams of a world. */
export class Sockets {
  /** Chance that a delivered piece is followed by a reset, or by silence for ever (half-open). */
  faults = { reset: 0, silence: 0 }
  readonly world: World
  readonly network: Network
  readonly random: SeededRandom
  readonly #listeners = new Map<string, Listener>()
  readonly #ends = new Set<End>()
  #nextPort = 39_152

  constructor(world: World, network: Network) {
    this.world = world
    this.network = network
    this.random = world.random('sockets')
  }

  /** Streams as one incarnation sees them. */
  transport(owner: Incarnation): Transport {
    return {
      connect: (address, _options, signal) => this.#connect(owner, address, signal),
      listen: async (address, options, accept) => {
        await owner.turn(`${owner.process.name} listens`, 0.1)
        return this.#listen(owner, address, options, accept)
      },
    }
  }

  /** A process died: its peers see a reset, or (its machine lost power) nothing at all. */
  drop(owner: Incarnation): void {
    for (const [key, listener] of this.#listeners) if (listener.owner === owner) this.#listeners.delete(key)
    for (const end of [...this.#ends]) {
      if (end.owner !== owner) continue
      if (this.random.chance(0.3)) end.wire.goSilent()
      else end.abort()
    }
  }

  /** Makes every open connection between two processes half-open: nobody is told. */
  silence(a: string, b: string): void {
    for (const end of this.#ends) if (end.names(a, b)) end.wire.goSilent()
  }

  #listen(
    owner: Incarnation,
    address: Address,
    options: ListenOptions,
    accept: (connection: Connection) => void,
  ): TransportListener {
    if (options.tls !== null) throw new Error('there is no TLS in the simulation')
    const port = address.port === 0 ? this.#nextPort++ : address.port
    const key = `${owner.process.name}:${port}`
    if (this.#listeners.has(key)) throw new LogdriveError('PORT_TAKEN', `${key} is already in use`)
    const listener: Listener = { owner, options, accept, open: new Set() }
    this.#listeners.set(key, listener)
    return {
      address: { host: address.host, port },
      renew: () => {
        throw new Error('there is no TLS in the simulation')
      },
      [Symbol.asyncDispose]: async () => {
        if (this.#listeners.get(key) === listener) this.#listeners.delete(key)
      },
    }
  }

  #connect(owner: Incarnation, address: Address, signal: AbortSignal): Promise<Connection> {
    if (signal.aborted) return Promise.reject(signal.reason)
    const host = this.network.hostOf(owner, address.host)
    const from = owner.process.name
    const target = `${host}:${address.port}`
    return new Promise((resolve, reject) => {
      let settled = false
      const settle = (finish: () => void) => {
        if (settled) return
        settled = true
        cancel()
        signal.removeEventListener('abort', onAbort)
        if (owner.alive) finish()
      }
      const fail = (why: string) =>
        settle(() => reject(new LogdriveError('UNAVAILABLE', `cannot connect to ${target}: ${why}`)))
      const onAbort = () => settle(() => reject(signal.reason))
      const cancel = this.world.schedule(`${from} gives up`, connectMs, () => fail('no answer'))
      signal.addEventListener('abort', onAbort, { once: true })
      this.world.schedule(`${from} -> ${target}`, this.delay(), () => {
        if (this.network.isCut(from, host)) return
        const listener = this.#listeners.get(target)
        const isOpen = listener !== undefined && listener.open.size < listener.options.connectionsMax
        const wire = isOpen ? new Wire(this, owner, listener.owner, address.port) : null
        if (listener !== undefined && wire !== null) this.#accept(listener, wire)
        this.world.schedule(`${target} -> ${from}`, this.delay(), () => {
          if (this.network.isCut(from, host)) return
          if (wire === null) fail('connection refused')
          else settle(() => resolve(wire.client))
        })
      })
    })
  }

  #accept(listener: Listener, wire: Wire): void {
    const { server, client } = wire
    for (const end of [server, client]) {
      this.#ends.add(end)
      end.signal.addEventListener('abort', () => this.#ends.delete(end), { once: true })
    }
    listener.open.add(server)
    server.signal.addEventListener('abort', () => listener.open.delete(server), { once: true })
    listener.accept(server)
  }

  delay(): number {
    const [min, max] = this.network.delayMs
    return min + this.random.next() * (max - min)
  }
}

/** The two ends of one connection, and whether anything still goes over it. */
class Wire {
  readonly client: End
  readonly server: End
  isSilent = false
  readonly #sockets: Sockets

  constructor(sockets: Sockets, from: Incarnation, to: Incarnation, port: number) {
    this.#sockets = sockets
    const local = { host: from.process.name, port: 1024 + Math.floor(sockets.random.next() * 60_000) }
    const remote = { host: to.process.name, port }
    this.client = new End(this, sockets, from, { local, peer: remote })
    this.server = new End(this, sockets, to, { local: remote, peer: local })
  }

  otherOf(end: End): End {
    return end === this.client ? this.server : this.client
  }

  get isCut(): boolean {
    const { client, server } = this
    return this.#sockets.network.isCut(client.owner.process.name, server.owner.process.name)
  }

  /** Nothing arrives any more; keep-alive finds out much later. */
  goSilent(): void {
    if (this.isSilent) return
    this.isSilent = true
    this.#sockets.world.count('half-open')
    for (const end of [this.client, this.server]) {
      this.#sockets.world.schedule('keep-alive', silentMs, () => end.finish('the other end is silent'))
    }
  }
}

interface Outgoing {
  readonly pieces: readonly Uint8Array[]
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

class End implements Connection {
  readonly wire: Wire
  readonly owner: Incarnation
  readonly local: Address
  readonly peer: Address
  readonly tls = null
  readonly #sockets: Sockets
  readonly #over = new AbortController()
  /** What arrived and was not read. */
  #unread: Uint8Array[] = []
  #unreadBytes = 0
  #ended: { readonly error: LogdriveError | null } | null = null
  #read: {
    readonly target: Uint8Array
    readonly bytesMin: number
    filled: number
    resolve(count: number): void
    reject(error: Error): void
  } | null = null
  /** What is to be sent; a piece is copied when it leaves, as late as a kernel may. */
  readonly #outgoing: Outgoing[] = []
  #pieceIndex = 0
  #pieceAt = 0
  /** What left the writer and is not there yet. */
  readonly #underWay: Uint8Array[] = []
  #underWayBytes = 0
  #isSending = false
  #isFinishing = false
  #closed: (() => void) | null = null

  constructor(
    wire: Wire,
    sockets: Sockets,
    owner: Incarnation,
    names: { readonly local: Address; readonly peer: Address },
  ) {
    this.wire = wire
    this.#sockets = sockets
    this.owner = owner
    this.local = names.local
    this.peer = names.peer
  }

  get signal(): AbortSignal {
    return this.#over.signal
  }

  names(a: string, b: string): boolean {
    const { host } = this.local
    return (host === a && this.peer.host === b) || (host === b && this.peer.host === a)
  }

  read(target: Uint8Array, bytesMin: number): Promise<number> | number {
    if (this.#read !== null) throw new Error('one read at a time')
    if (bytesMin < 1 || bytesMin > target.length) throw new Error(`a read of ${bytesMin} bytes`)
    const filled = this.#take(target)
    if (filled >= bytesMin) return filled
    if (this.#ended !== null) return this.#ended.error === null ? filled : Promise.reject(this.#ended.error)
    return new Promise((resolve, reject) => {
      this.#read = { target, bytesMin, filled, resolve, reject }
    })
  }

  write(pieces: readonly Uint8Array[]): Promise<void> {
    if (this.#over.signal.aborted || this.#isFinishing)
      return Promise.reject(broken('the connection is over'))
    return new Promise((resolve, reject) => {
      this.#outgoing.push({ pieces, resolve, reject })
      this.#send()
    })
  }

  abort(): void {
    this.finish('aborted')
    if (this.wire.isSilent) return
    const other = this.wire.otherOf(this)
    this.#sockets.world.schedule('reset', this.#sockets.delay(), () => {
      if (!this.wire.isCut) other.finish('connection reset')
      else this.wire.goSilent()
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#over.signal.aborted) return
    this.#isFinishing = true
    await new Promise<void>((resolve) => {
      this.#closed = resolve
      this.#sockets.world.schedule('linger', lingerMs, () => this.finish('closed'))
      this.#send()
    })
  }

  /** Over, at this end. */
  finish(why: string): void {
    if (this.#over.signal.aborted) return
    const error = broken(why)
    this.#end(error)
    this.#over.abort(error)
    this.#closed?.()
    if (!this.owner.alive) return
    for (const { reject } of this.#outgoing.splice(0)) reject(error)
  }

  /** Sends one chunk at a time, in order, when the other end has room. */
  #send(): void {
    while (this.#outgoing.length > 0 && this.#underWayBytes < windowBytes) this.#takeChunk()
    if (this.#isSending || this.#over.signal.aborted) return
    const other = this.wire.otherOf(this)
    const chunk = this.#underWay[0]
    if (chunk === undefined) {
      if (this.#isFinishing) this.#sendEnd(other)
      return
    }
    if (other.#unreadBytes >= windowBytes) return
    this.#underWay.shift()
    this.#underWayBytes -= chunk.length
    this.#isSending = true
    this.#later('bytes', this.#sockets.delay(), () => {
      this.#isSending = false
      other.#received(chunk)
      this.#mishap()
      this.#send()
    })
  }

  #sendEnd(other: End): void {
    this.#isSending = true
    this.#later('end', this.#sockets.delay(), () => {
      other.#end(null)
      // As node does by default: the other half is closed too.
      other.#isFinishing = true
      other.#send()
      this.finish('closed')
    })
  }

  /** Copies what leaves the writer now, of random size, and tells it when all of its bytes left. */
  #takeChunk(): void {
    const { random } = this.#sockets
    const wanted = random.chance(0.1) ? 1 + Math.floor(random.next() * 16) : chunkBytesMax
    const first = this.#outgoing[0] as Outgoing
    const piece = first.pieces[this.#pieceIndex] ?? new Uint8Array(0)
    const chunk = piece.slice(this.#pieceAt, this.#pieceAt + wanted)
    this.#underWay.push(chunk)
    this.#underWayBytes += chunk.length
    this.#pieceAt += chunk.length
    if (this.#pieceAt < piece.length) return
    this.#pieceAt = 0
    this.#pieceIndex += 1
    if (this.#pieceIndex < first.pieces.length) return
    this.#pieceIndex = 0
    this.#outgoing.shift()
    first.resolve()
  }

  #mishap(): void {
    const { random, faults, world } = this.#sockets
    if (random.chance(faults.reset)) {
      world.count('connection reset')
      this.abort()
    } else if (random.chance(faults.silence)) this.wire.goSilent()
  }

  /** Arrives when the way is free: retried while it is cut, lost when the wire is silent. */
  #later(label: string, ms: number, arrive: () => void, waitedMs = 0): void {
    this.#sockets.world.schedule(`${this.local.host} ${label}`, ms, () => {
      if (this.wire.isSilent || this.#over.signal.aborted) return
      if (!this.wire.isCut) arrive()
      else if (waitedMs > stuckMs) this.wire.goSilent()
      else this.#later(label, retryMs, arrive, waitedMs + retryMs)
    })
  }

  #received(chunk: Uint8Array): void {
    if (this.#over.signal.aborted || !this.owner.alive || chunk.length === 0) return
    this.#unread.push(chunk)
    this.#unreadBytes += chunk.length
    const read = this.#read
    if (read === null) return
    read.filled += this.#take(read.target.subarray(read.filled))
    if (read.filled < read.bytesMin) return
    this.#read = null
    read.resolve(read.filled)
  }

  #take(target: Uint8Array): number {
    const whole = Buffer.concat(this.#unread)
    const count = whole.copy(target)
    const rest = whole.subarray(count)
    this.#unread = rest.length === 0 ? [] : [rest]
    this.#unreadBytes = rest.length
    const other = this.wire.otherOf(this)
    if (count > 0) {
      this.#sockets.world.schedule(`${this.local.host} has room`, this.#sockets.delay(), () => {
        if (!this.wire.isSilent && !this.wire.isCut) other.#send()
      })
    }
    return count
  }

  #end(error: LogdriveError | null): void {
    this.#ended ??= { error }
    const read = this.#read
    this.#read = null
    if (read === null || !this.owner.alive) return
    if (error === null) read.resolve(read.filled)
    else read.reject(error)
  }
}

function broken(why: string): LogdriveError {
  return new LogdriveError('UNAVAILABLE', `the connection broke: ${why}`)
}
