// One Kafka connection: frames in, requests started in order, answers out in the same order.
import type { Address, Connection, TlsInfo } from '../../core/runtime.ts'
import { type ApiName, apiOf, type RequestOf } from '../../protocol/apis/index.ts'
import { HEAP_FACTOR_MAX, heapBytesMaxOf, Reader } from '../../protocol/bytes.ts'
import { KafkaError } from '../../protocol/errors.ts'
import {
  encodeResponse,
  encodeUnsupportedVersions,
  readRequest,
  readRequestHeader,
} from '../../protocol/message.ts'
import { Answers } from './answers.ts'
import type { ByteBudget } from './byte-budget.ts'
import type { BrokerView, ClientConnection, ClusterView, KafkaServices } from './context.ts'
import { nodeId } from './context.ts'
import { handlerOf } from './dispatch.ts'
import { errorBodies } from './error-bodies.ts'
import { type Answer, type Exchange, isBarrier, isUnanswered, notServed, sizeOf } from './exchange.ts'
import type { FramePool } from './frame-pool.ts'
import { FrameReader } from './frame-reader.ts'
import type { KafkaLimits } from './limits.ts'
import type { Quota, Quotas } from './quotas.ts'
import { KafkaRequest } from './request.ts'
import type { Security, SecuritySession } from './security.ts'
import type { Traffic } from './traffic.ts'
import { type Trouble, troubleOf } from './trouble.ts'

/** What the connections of a listener share. */
export interface ListenerParts {
  readonly services: KafkaServices
  readonly security: Security
  readonly limits: KafkaLimits
  readonly budget: ByteBudget
  /** Of the heap, for requests that are decoded. */
  readonly decoded: ByteBudget
  readonly pool: FramePool
  readonly quotas: Quotas
  readonly traffic: Traffic
  readonly listenerName: string
  /** Null: each client is told the address that it has reached. */
  readonly advertised: Address | null
}

export class KafkaConnection implements ClientConnection {
  readonly id: number
  readonly peer: string
  readonly listenerName: string
  readonly tls: TlsInfo | null
  readonly advertised: Address
  readonly session: SecuritySession
  readonly cluster: ClusterView
  software: { readonly name: string; readonly version: string } | null = null
  readonly #connection: Connection
  readonly #parts: ListenerParts
  readonly #answers: Answers
  readonly #stopping = new AbortController()
  readonly #frames: FrameReader
  #inFlight = 0
  #closing: string | null = null
  #mutedUntil = 0
  /** Monotonic ms: when the last frame was whole. */
  #activeAt: number

  constructor(id: number, connection: Connection, parts: ListenerParts) {
    const { services, limits, traffic } = parts
    this.id = id
    this.#connection = connection
    this.#parts = parts
    this.peer = connection.peer.host
    this.tls = connection.tls
    this.listenerName = parts.listenerName
    this.advertised = parts.advertised ?? connection.local
    this.session = parts.security.openSession({
      host: this.peer,
      certificateSubject: connection.tls?.clientSubject ?? null,
    })
    const self: BrokerView = { nodeId, rack: null, ...this.advertised }
    this.cluster = { clusterId: services.broker.clusterId, controllerId: nodeId, brokers: [self] }
    this.#activeAt = services.clock.monotonic()
    const answerLimits = { answersMax: limits.inFlightMax, bytesMax: limits.answerBytesMax }
    this.#answers = new Answers(connection, services.clock, answerLimits, {
      sent: (bytes) => {
        traffic.bytesOut += bytes
      },
      idle: () => this.#closeIfDone(),
    })
    const { budget, pool } = parts
    const { clock } = services
    this.#frames = new FrameReader(connection, { clock, budget, pool, requestMs: limits.requestMs })
    connection.signal.addEventListener('abort', () => this.#stopping.abort(), { once: true })
  }

  get services(): KafkaServices {
    return this.#parts.services
  }

  get pool(): FramePool {
    return this.#parts.pool
  }

  get limits(): KafkaLimits {
    return this.#parts.limits
  }

  get quotas(): readonly Quota[] {
    return this.#parts.quotas.list
  }

  /** Aborts when the connection is gone or should go: what waits gives up. */
  get signal(): AbortSignal {
    return this.#stopping.signal
  }

  closeAfterAnswers(reason: string): void {
    this.#closing ??= reason
    this.#closeIfDone()
  }

  /** Reads and answers until one side has enough. Never rejects. */
  async run(): Promise<void> {
    const { logger } = this.#parts.services
    const fields = { connection: this.id, peer: this.peer }
    try {
      if (this.session.refusal !== null)
        throw new KafkaError('CLUSTER_AUTHORIZATION_FAILED', this.session.refusal)
      await this.#readFrames()
      await this.#answers.idle()
      if (this.#closing !== null)
        logger.info({ ...fields, reason: this.#closing }, 'a Kafka connection was closed')
    } catch (error) {
      if (!this.#connection.signal.aborted) this.#cut(error)
    } finally {
      this.#stopping.abort()
      await this.#connection[Symbol.asyncDispose]()
    }
  }

  /** Takes no more requests and lets those under way finish until the signal aborts; what waits for data gives up. */
  async drain(signal: AbortSignal): Promise<void> {
    this.#closing ??= 'the collector is stopping'
    this.#stopping.abort()
    const { clock } = this.#parts.services
    while (
      !signal.aborted &&
      !this.#connection.signal.aborted &&
      !(this.#inFlight === 0 && this.#answers.isEmpty)
    )
      await clock.sleep(10, signal)
    if (signal.aborted) this.#connection.abort()
    else await this.#connection[Symbol.asyncDispose]()
  }

  /** Called now and then: ends what has been still, or slow, for too long. */
  sweep(now: number): void {
    const { limits, services, traffic } = this.#parts
    const { writingSince } = this.#answers
    const isIdle = this.#isQuiet && now - this.#activeAt > limits.idleMs
    const { dueAt } = this.#frames
    const isLate = dueAt !== null && now > dueAt
    const isSlow = writingSince !== null && now - writingSince > limits.writeMs
    if (!isIdle && !isLate && !isSlow) return
    const reason = isSlow ? 'the client does not read' : isLate ? 'the request came too slowly' : 'idle'
    if (!isIdle) traffic.cutConnections += 1
    services.logger.info({ connection: this.id, peer: this.peer, reason }, 'a Kafka connection was closed')
    this.#connection.abort()
  }

  async #readFrames(): Promise<void> {
    while (this.#closing === null) {
      if (!this.#answers.hasRoom) await this.#answers.room()
      // What is here already is started in this very turn: what several requests bring goes to the disk together.
      const header = this.#frames.length(this.session.frameBytesMax ?? this.limits.requestBytesMax)
      const length = header instanceof Promise ? await header : header
      if (length === null) return
      // Only now: the wait for these bytes began before the client was told to pause.
      if (this.#mutedUntil > 0) await this.#pause()
      const read = this.#frames.frame(length, this.signal)
      const frame = read instanceof Promise ? await read : read
      if (frame === null) return
      if (this.#closing !== null) {
        this.#frames.release(frame, false)
        return
      }
      const handled = this.#handle(frame)
      if (handled !== null) await handled
    }
  }

  /** A client over its quota: nothing is read from it for a while (KIP-219). */
  async #pause(): Promise<void> {
    const { clock } = this.#parts.services
    const waitMs = this.#mutedUntil - clock.monotonic()
    this.#mutedUntil = 0
    if (waitMs > 0) await clock.sleep(waitMs, this.signal)
  }

  /** Starts what a frame asks for. A promise: nothing more may be read before it is done. Throws what ends the connection. */
  #handle(frame: Buffer): Promise<void> | null {
    const { traffic, services } = this.#parts
    this.#activeAt = services.clock.monotonic()
    traffic.bytesIn += frame.length + 4
    if (this.session.expectsToken) return this.#handleToken(frame)
    // A small frame can be many objects: where there is no room for those it stays bytes.
    return this.#parts.decoded.tryTake(0) ? this.#begin(frame) : this.#beginLater(frame)
  }

  /** With as much room as it may need: those who wait must not all begin in what one of them left. */
  async #beginLater(frame: Buffer): Promise<void> {
    const { decoded } = this.#parts
    const heapBytesMax = Math.min(frame.length * HEAP_FACTOR_MAX, heapBytesMaxOf(frame.length))
    if (!(await decoded.take(heapBytesMax, this.signal))) {
      this.#frames.release(frame, false)
      return
    }
    let handled: Promise<void> | null = null
    try {
      handled = this.#begin(frame)
    } finally {
      decoded.give(heapBytesMax)
    }
    await handled
  }

  #begin(frame: Buffer): Promise<void> | null {
    let exchange: Exchange | null = null
    try {
      exchange = this.#exchangeOf(frame)
    } finally {
      if (exchange === null) this.#frames.release(frame, false)
    }
    return exchange === null ? null : this.#start(exchange)
  }

  /** What the frame asks for; null when it is answered already. Throws for what is not served, or not yet. */
  #exchangeOf(frame: Buffer): Exchange | null {
    const header = readRequestHeader(frame)
    const { apiKey, apiVersion, correlationId } = header
    const api = apiOf(apiKey)
    if (api === null) throw notServed(`API ${apiKey}`, apiVersion)
    if (this.session.admits(api.name) === 'refuse')
      throw new KafkaError('CLUSTER_AUTHORIZATION_FAILED', `${api.name} before the client has logged in`)
    const isOffered = apiVersion >= api.versions[0] && apiVersion <= api.versions[1]
    if (!isOffered && api.name === 'ApiVersions') {
      this.#answers.fill(this.#answers.open(), encodeUnsupportedVersions(correlationId))
      return null
    }
    if (!isOffered) throw notServed(api.name, apiVersion)
    this.#parts.traffic.request(api.name)
    const reader = new Reader(frame, header.bodyAt)
    const request = readRequest(api, apiVersion, reader) as RequestOf<ApiName>
    const { heapBytes } = reader
    this.#parts.decoded.add(heapBytes)
    return { api, header, request, frame, heapBytes, handler: handlerOf(api.name), slot: null }
  }

  /** Calls the handler; its answer has its place from now on. */
  #start(exchange: Exchange): Promise<void> | null {
    const { api, header, request } = exchange
    this.#inFlight += 1
    exchange.slot = isUnanswered(exchange) ? null : this.#answers.open()
    const context = new KafkaRequest(this, api.name, header, exchange.slot)
    try {
      if (api.served !== undefined && header.apiVersion < api.served[0])
        throw new KafkaError('UNSUPPORTED_VERSION', `${api.name} version ${header.apiVersion} is too old`)
      const answer = exchange.handler(request, context)
      if (!(answer instanceof Promise)) {
        this.#finish(exchange, answer)
        return null
      }
      const done = answer.then(
        (body) => this.#finish(exchange, body),
        (error: unknown) => this.#fail(exchange, context, error),
      )
      return isBarrier(exchange) ? done : null
    } catch (error) {
      this.#fail(exchange, context, error)
      return null
    }
  }

  #finish(exchange: Exchange, body: Answer | null): void {
    const { slot } = exchange
    try {
      if (slot !== null) this.#answers.fill(slot, body === null ? [] : this.#encode(exchange, body))
      else this.#throttle(exchange, 0)
    } catch (error) {
      // An answer that cannot be written is a bug; the client must not wait for ever.
      this.#cut(error)
    }
    this.#end(exchange)
  }

  #encode(exchange: Exchange, body: Answer): readonly Uint8Array[] {
    const { api } = exchange
    const { apiVersion, correlationId } = exchange.header
    const pieces = encodeResponse(api, apiVersion, correlationId, body)
    const throttleTimeMs = this.#throttle(exchange, sizeOf(pieces))
    if (throttleTimeMs === 0) return pieces
    return encodeResponse(api, apiVersion, correlationId, { ...body, throttleTimeMs } as Answer)
  }

  /** Charges the client for request and answer; how long it has to pause, in ms. */
  #throttle({ api, header, frame }: Exchange, bytesOut: number): number {
    const { quotas, traffic, services } = this.#parts
    if (quotas.isEmpty) return 0
    const now = services.clock.monotonic()
    const client = { principal: this.session.principal, clientId: header.clientId }
    const bytes = { in: frame.length, out: bytesOut }
    const throttleMs = Math.ceil(quotas.charge(api.name, client, bytes, now))
    traffic.throttledMs += throttleMs
    if (throttleMs > 0) this.#mutedUntil = Math.max(this.#mutedUntil, now + throttleMs)
    return throttleMs
  }

  /** A handler threw: the API's error answer, or the end of the connection where nobody waits for one. */
  #fail(exchange: Exchange, context: KafkaRequest, error: unknown): void {
    const { request, slot } = exchange
    const name = exchange.api.name
    this.#parts.traffic.error(name)
    const build = errorBodies[name] as (request: RequestOf<ApiName>, trouble: Trouble) => Answer
    const body = build(request, troubleOf(error, context))
    if (slot === null) this.#cut(error)
    this.#finish(exchange, body)
  }

  #end(exchange: Exchange): void {
    this.#inFlight -= 1
    this.#parts.decoded.give(exchange.heapBytes)
    // Only a Produce leaves nothing behind that looks into its frame.
    this.#frames.release(exchange.frame, exchange.api.name === 'Produce')
    if (this.session.ended) this.#closing ??= 'the login failed'
    this.#closeIfDone()
  }

  /** Disposal is owned by `run`, which waits for it too. */
  #closeIfDone(): void {
    if (this.#closing !== null && this.#isQuiet) void this.#connection[Symbol.asyncDispose]()
  }

  get #isQuiet(): boolean {
    return this.#inFlight === 0 && this.#answers.isEmpty
  }

  /** A bare SASL token, without a Kafka header, and its answer likewise. */
  async #handleToken(frame: Buffer): Promise<void> {
    try {
      const token = await this.session.token(frame, this.signal)
      if (token === null) {
        this.#closing ??= 'the login failed'
        return
      }
      const length = Buffer.allocUnsafe(4)
      length.writeInt32BE(token.length, 0)
      this.#answers.fill(this.#answers.open(), [length, token])
    } finally {
      this.#frames.release(frame, false)
    }
  }

  /** Ends the connection because of an error, with a line in the log. */
  #cut(error: unknown): void {
    const { services, traffic } = this.#parts
    traffic.cutConnections += 1
    const isExpected = error instanceof KafkaError
    const reason = error instanceof Error ? error.message : String(error)
    const fields = { connection: this.id, peer: this.peer, reason, ...(isExpected ? {} : { err: error }) }
    services.logger.warn(fields, 'a Kafka connection was cut')
    this.#connection.abort()
  }
}
