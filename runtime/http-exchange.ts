// One request and its answer on node:http: the body within its bound, the answer with back-pressure.
import type { IncomingMessage, ServerResponse as Outgoing } from 'node:http'
import { LogdriveError } from '../core/errors.ts'
import type { Headers, Logger, ServerRequest, ServerResponse } from '../core/runtime.ts'

/** What the exchanges of one server have in common. */
export interface Shared {
  readonly stopping: boolean
  /** A client that takes nothing for this long is cut off. */
  readonly stallMs: number
  /** Exchanges whose signal somebody holds. */
  readonly signals: Set<Exchange>
}

/** An unread rest up to this size is read and dropped to keep the connection; a longer one costs it. */
const dropBytesMax = 64 * 1024
/** After a refusal, so much is still read, and the connection kept so long, that the client gets to see the answer. */
const lingerBytesMax = 16 * 1024 * 1024
const lingerMs = 3_000

/** A request as handlers see it; nothing is computed before somebody asks. */
export class Exchange implements ServerRequest {
  readonly incoming: IncomingMessage
  readonly outgoing: Outgoing
  readonly shared: Shared
  /** The answer is being streamed. */
  streaming = false
  readonly #expects: boolean
  #body: Promise<Uint8Array> | null = null
  #whole = false
  #controller: AbortController | null = null

  constructor(incoming: IncomingMessage, outgoing: Outgoing, shared: Shared, expects: boolean) {
    this.incoming = incoming
    this.outgoing = outgoing
    this.shared = shared
    this.#expects = expects
  }

  get method(): string {
    return this.incoming.method ?? 'GET'
  }

  get path(): string {
    const url = this.incoming.url ?? '/'
    const mark = url.indexOf('?')
    return mark === -1 ? url : url.slice(0, mark)
  }

  get query(): string {
    const url = this.incoming.url ?? '/'
    const mark = url.indexOf('?')
    return mark === -1 ? '' : url.slice(mark + 1)
  }

  get headers(): Headers {
    const headers = this.incoming.headers
    // The one name that node keeps as a list; a request has no use for it.
    if (headers['set-cookie'] !== undefined) delete headers['set-cookie']
    return headers as Headers
  }

  get peer(): string {
    const address = this.incoming.socket.remoteAddress ?? ''
    return address.startsWith('::ffff:') ? address.slice(7) : address
  }

  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController()
      if (this.outgoing.destroyed) this.abort()
      else {
        this.shared.signals.add(this)
        this.outgoing.once('close', () => {
          this.shared.signals.delete(this)
          if (!this.outgoing.writableFinished) this.abort()
        })
      }
    }
    return this.#controller.signal
  }

  /** The request body was read to its end, or there is none or little of it. */
  get reusable(): boolean {
    if (this.#whole || this.incoming.complete) return true
    if (this.#expects || this.#body !== null) return false
    const { 'content-length': declared, 'transfer-encoding': encoding } = this.incoming.headers
    return encoding === undefined && Number(declared ?? 0) <= dropBytesMax
  }

  /** The request was read and the answer sent. */
  get isOver(): boolean {
    return this.incoming.complete && this.outgoing.writableFinished
  }

  abort(): void {
    this.#controller?.abort(new LogdriveError('UNAVAILABLE', 'the request ended'))
  }

  body(bytesMax: number): Promise<Uint8Array> {
    this.#body ??= this.#read(bytesMax)
    return this.#body
  }

  #read(bytesMax: number): Promise<Uint8Array> {
    const { incoming } = this
    if (declaredLength(incoming.rawHeaders) > bytesMax) return Promise.reject(tooLarge(bytesMax))
    if (incoming.destroyed && !incoming.complete) return Promise.reject(cutOff())
    if (this.#expects) this.outgoing.writeContinue()
    return new Promise((resolve, reject) => {
      const chunks: Uint8Array[] = []
      let size = 0
      const take = (chunk: Uint8Array) => {
        size += chunk.byteLength
        if (size <= bytesMax) {
          chunks.push(chunk)
          return
        }
        incoming.off('data', take)
        incoming.pause()
        reject(tooLarge(bytesMax))
      }
      incoming.on('data', take)
      incoming.on('end', () => {
        this.#whole = true
        const [only] = chunks
        resolve(chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks, size))
      })
      incoming.on('error', () => reject(cutOff()))
    })
  }
}

/** Content-Length without making the object of all headers, which costs as much as the rest of the adapter. */
function declaredLength(rawHeaders: readonly string[]): number {
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]
    if (name?.length === 14 && name.toLowerCase() === 'content-length') return Number(rawHeaders[i + 1])
  }
  return 0
}

/** Sends the answer; resolves when node has it all, which for a stream is when it ended. */
export function answer(exchange: Exchange, response: ServerResponse): Promise<void> | void {
  const { outgoing } = exchange
  const { body } = response
  const keep = exchange.reusable && !exchange.shared.stopping
  if (outgoing.destroyed) return
  if (typeof body === 'string' || body instanceof Uint8Array) {
    const headers = flatten(response.headers, keep)
    const length = typeof body === 'string' ? Buffer.byteLength(body) : body.byteLength
    if (response.status !== 204 && response.status !== 304) headers.push('content-length', String(length))
    outgoing.writeHead(response.status, headers)
    if (exchange.reusable) {
      outgoing.end(body)
      return
    }
    return linger(exchange, body)
  }
  exchange.streaming = true
  outgoing.writeHead(response.status, flatten(response.headers, keep))
  return stream(exchange, body)
}

/** What a handler threw instead of answering; REQUEST_* has a status of its own, the rest is ours to mend. */
export function fail(exchange: Exchange, error: unknown, logger: Logger): void {
  const { outgoing } = exchange
  const status = error instanceof LogdriveError ? (statuses[error.code] ?? 500) : 500
  const gone = outgoing.destroyed || exchange.incoming.errored !== null
  if (status === 500 && !gone) {
    logger.error({ err: error, method: exchange.method, path: exchange.path }, 'a request handler failed')
  }
  if (gone || outgoing.headersSent) {
    outgoing.destroy()
    return
  }
  const known = error instanceof LogdriveError && status !== 500
  const code = known ? error.code : 'UNAVAILABLE'
  const message = known ? error.message : 'the server failed; its log says why'
  const body = JSON.stringify({ error: { code, message, hint: known ? error.hint : null } })
  void answer(exchange, { status, headers: { 'content-type': 'application/json' }, body })
}

const statuses: Readonly<Record<string, number>> = {
  REQUEST_INVALID: 400,
  REQUEST_TOO_LARGE: 413,
}

/** Names and values in turn: what writeHead takes without building an object. */
function flatten(headers: Headers, keep: boolean): string[] {
  const flat: string[] = []
  for (const name in headers) {
    const value = headers[name]
    if (value !== undefined) flat.push(name, value)
  }
  if (!keep) flat.push('connection', 'close')
  return flat
}

/**
 * Answers while the client still sends: closing at once would reset the connection and take the answer with it.
 * The whole answer goes out by its length, some of what comes is dropped, the rest waits at the client until it has
 * read the answer and closes, or until `lingerMs`.
 */
function linger(exchange: Exchange, body: string | Uint8Array): Promise<void> {
  const { incoming, outgoing } = exchange
  outgoing.write(body)
  return new Promise((resolve) => {
    let dropped = 0
    const finish = () => {
      clearTimeout(timer)
      incoming.off('data', drop)
      incoming.pause()
      outgoing.end()
      resolve()
    }
    const drop = (chunk: Uint8Array) => {
      dropped += chunk.byteLength
      if (dropped > lingerBytesMax) incoming.off('data', drop).pause()
    }
    const timer = setTimeout(finish, lingerMs)
    incoming.on('error', finish)
    incoming.once('end', finish)
    outgoing.once('close', finish)
    incoming.on('data', drop)
    incoming.resume()
  })
}

async function stream(exchange: Exchange, body: AsyncIterable<Uint8Array>): Promise<void> {
  const { outgoing } = exchange
  // Somebody has to notice the end of the connection even if the handler does not look.
  const { signal } = exchange
  outgoing.flushHeaders()
  if (exchange.shared.stopping) exchange.abort()
  const iterator = body[Symbol.asyncIterator]()
  try {
    for (;;) {
      const step = await nextOrGone(iterator, signal)
      if (step === null || step.done === true) break
      if (!outgoing.write(step.value) && !(await drained(outgoing, exchange.shared.stallMs))) break
    }
  } finally {
    // Not awaited: a generator that waits inside next() answers only when that ends.
    iterator.return?.()?.catch(() => undefined)
  }
  outgoing.end()
}

/** Null when the signal aborts first. No Promise.race: its reactions would pile up on a stream that lasts. */
function nextOrGone<T>(iterator: AsyncIterator<T>, signal: AbortSignal): Promise<IteratorResult<T> | null> {
  if (signal.aborted) return Promise.resolve(null)
  return new Promise((resolve, reject) => {
    const leave = () => resolve(null)
    signal.addEventListener('abort', leave, { once: true })
    iterator
      .next()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', leave))
  })
}

/** False when the client went away or took nothing for `stallMs`. */
function drained(outgoing: Outgoing, stallMs: number): Promise<boolean> {
  if (outgoing.destroyed) return Promise.resolve(false)
  return new Promise((resolve) => {
    const finish = (writable: boolean) => {
      clearTimeout(timer)
      outgoing.off('drain', onDrain)
      outgoing.off('close', onClose)
      if (!writable) outgoing.destroy()
      resolve(writable)
    }
    const onDrain = () => finish(true)
    const onClose = () => finish(false)
    const timer = setTimeout(onClose, stallMs)
    outgoing.on('drain', onDrain)
    outgoing.on('close', onClose)
  })
}

function tooLarge(bytesMax: number): LogdriveError {
  const hint = 'Send it in smaller pieces.'
  return new LogdriveError('REQUEST_TOO_LARGE', `the body is larger than ${bytesMax} bytes`, { hint })
}

function cutOff(): LogdriveError {
  return new LogdriveError('REQUEST_INVALID', 'the connection closed before the whole body arrived')
}
