// Uplink: everything the agent says to its collectors: batches of lines, and the question where a source stands.
import { LogdriveError } from '../../core/errors.ts'
import type { HttpResponse, Runtime } from '../../core/runtime.ts'
import { Collectors } from './collectors.ts'
import { Concurrency, type ConcurrencyBounds, type Outcome } from './concurrency.ts'
import { envelopeOf, Together, type Waiter } from './together.ts'

export interface UplinkOptions extends ConcurrencyBounds {
  /** Addresses of collectors, such as http://127.0.0.1:8750; the next one is tried when one does not answer. */
  readonly collectors: readonly string[]
  readonly key: string | null
  /** The agent's name, shown among the agents. */
  readonly agent: string
  readonly timeoutMs: number
  /** How often it is looked whether a collector before the one in use is back. */
  readonly probeMs: number
  /** How long to wait after a 401, 403 or 404: somebody has to mend it. */
  readonly blockedMs: number
}

/** Where a collector stands with a source. */
export interface Kept {
  readonly epoch: number
  readonly to: number
  /** What it kept of the content there (`ld-guard`). */
  readonly guard?: string | undefined
}

export interface Shipment {
  readonly topic: string
  readonly source: string
  readonly epoch: number
  readonly from: number
  readonly to: number
  readonly gap: boolean
  readonly path: string
  readonly body: Uint8Array
}

/** `kept`: it is safe. `conflict`: it does not follow; null when the collector knows nothing. `refused`: never like this. */
export type ShipAnswer =
  | { readonly kind: 'kept'; readonly kept: Kept }
  | { readonly kind: 'conflict'; readonly kept: Kept | null }
  | { readonly kind: 'refused'; readonly reason: string }

const retryAfterMsMax = 300_000

/** `good`: the last request was answered. `retrying`: it was not, or not yet. `blocked`: somebody has to mend something. */
export type UplinkState = 'good' | 'retrying' | 'blocked'

export interface UplinkStatus {
  /** The one in use. */
  readonly collector: string
  /** It is the first of the list. */
  readonly isPreferred: boolean
  readonly state: UplinkState
  /** The last thing that went wrong, whether or not it is over, and when: wall-clock ms. */
  readonly lastError: string | null
  readonly lastErrorAt: number | null
  readonly requests: number
  /** Those that failed. */
  readonly retries: number
  readonly requestsInFlight: number
  /** How many there may be now. */
  readonly requestsLimit: number
  /** Bodies of the requests that are open. */
  readonly bytesInFlight: number
  /** Bodies of the requests that were answered. */
  readonly bytesSent: number
}

type Deps = Pick<Runtime, 'http' | 'logger' | 'clock'>

/** What came of a turn. */
interface Answered<T> {
  readonly value: T
  readonly outcome: Outcome
}

export class Uplink {
  readonly #options: UplinkOptions
  readonly #deps: Deps
  readonly #concurrency: Concurrency
  readonly #collectors: Collectors
  readonly #together = new Together<ShipAnswer>()
  /** The collector takes requests of several sources, as far as is known. */
  #mayShare = true
  #trouble: { readonly text: string; readonly isBlocked: boolean } | null = null
  #lastError: { readonly text: string; readonly at: number } | null = null
  #requests = 0
  #retries = 0
  #bytesInFlight = 0
  #bytesSent = 0

  constructor(options: UplinkOptions, deps: Deps) {
    this.#options = options
    this.#deps = deps
    this.#concurrency = new Concurrency(options)
    const urls = options.collectors.map((url) => url.replace(/\/$/, ''))
    this.#collectors = new Collectors({ urls, probeMs: options.probeMs }, deps)
  }

  /** What stands in the way now, null when nothing does. */
  get trouble(): string | null {
    return this.#trouble?.text ?? null
  }

  status(): UplinkStatus {
    return {
      collector: this.#collectors.url,
      isPreferred: this.#collectors.isPreferred,
      state: this.#trouble === null ? 'good' : this.#trouble.isBlocked ? 'blocked' : 'retrying',
      lastError: this.#lastError?.text ?? null,
      lastErrorAt: this.#lastError?.at ?? null,
      requests: this.#requests,
      retries: this.#retries,
      requestsInFlight: this.#concurrency.open,
      requestsLimit: this.#concurrency.limit,
      bytesInFlight: this.#bytesInFlight,
      bytesSent: this.#bytesSent,
    }
  }

  /**
   * Sends one batch, together with others where several wait. Throws UNAVAILABLE, OVERLOADED, KEY_MISSING, FORBIDDEN,
   * NOT_FOUND: try again later.
   */
  async ship(shipment: Shipment, signal: AbortSignal): Promise<ShipAnswer> {
    if (!this.#mayShare || !Together.isSmall(shipment))
      return await this.#inTurn(() => this.#shipAlone(shipment, signal), signal)
    const { promise, resolve, reject } = Promise.withResolvers<ShipAnswer>()
    // Whoever carries it may fail before this one listens.
    promise.catch(() => undefined)
    const waiter: Waiter<ShipAnswer> = { shipment, signal, settle: resolve, fail: reject }
    this.#together.add(waiter)
    try {
      await this.#inTurn(() => this.#carry(waiter, signal), signal)
    } finally {
      this.#together.remove(waiter)
    }
    return await promise
  }

  /** Sends what waits with `waiter`, unless somebody has taken it along meanwhile. */
  async #carry(waiter: Waiter<ShipAnswer>, signal: AbortSignal): Promise<Answered<void>> {
    if (!this.#together.remove(waiter)) return { value: undefined, outcome: 'other' }
    const waiters = this.#together.takeWith(waiter)
    try {
      if (waiters.length > 1 && this.#mayShare) return await this.#shipTogether(waiters, signal)
      await this.#shipEach(waiters, signal)
      return { value: undefined, outcome: 'good' }
    } catch (error) {
      const ours = signal.aborted ? new LogdriveError('UNAVAILABLE', 'the request was given up') : error
      for (const one of waiters) one.fail(one === waiter ? error : ours)
      // Heard through its waiter.
      return { value: undefined, outcome: signal.aborted ? 'other' : 'busy' }
    }
  }

  async #shipTogether(waiters: readonly Waiter<ShipAnswer>[], signal: AbortSignal): Promise<Answered<void>> {
    const shipments = waiters.map(({ shipment }) => shipment)
    // Who is wanted no more gives its memory away while the others are on their way.
    const copies = waiters.map((one) => {
      return { ...one, shipment: { ...one.shipment, body: Buffer.from(one.shipment.body) } }
    })
    const [first] = shipments as [Shipment]
    const headers = { 'content-type': 'application/vnd.logdrive.sources' }
    const answer = await this.#request('POST', pathOf(first.topic), headers, envelopeOf(shipments), signal)
    const { results } = objectOf(answer)
    if (answer.status === 200 && Array.isArray(results) && results.length === waiters.length) {
      for (const [index, waiter] of waiters.entries()) this.#settle(waiter, results[index])
      return { value: undefined, outcome: 'good' }
    }
    if (answer.status === 200 || [400, 404, 413, 415, 422].includes(answer.status)) {
      // A collector of an older version, or one of them is at fault: each by itself.
      if (answer.status === 415 || answer.status === 200) this.#mayShare = false
      await this.#shipEach(copies, signal)
      return { value: undefined, outcome: 'good' }
    }
    throw this.#failed(this.#errorOf(answer, objectOf(answer)))
  }

  async #shipEach(waiters: readonly Waiter<ShipAnswer>[], signal: AbortSignal): Promise<void> {
    for (const waiter of waiters) waiter.settle((await this.#shipAlone(waiter.shipment, signal)).value)
  }

  #settle(waiter: Waiter<ShipAnswer>, result: unknown): void {
    const value = (typeof result === 'object' && result !== null ? result : {}) as Record<string, unknown>
    const seconds = value.retry_after
    const headers: Record<string, string> = typeof seconds === 'string' ? { 'retry-after': seconds } : {}
    const answer = { status: Number(value.status), headers, body: new Uint8Array(0) }
    try {
      waiter.settle(this.#answerOf(answer, value))
    } catch (error) {
      waiter.fail(error)
    }
  }

  async #shipAlone(shipment: Shipment, signal: AbortSignal): Promise<Answered<ShipAnswer>> {
    const headers: Record<string, string> = {
      'content-type': 'application/octet-stream',
      'logdrive-source': shipment.source,
      'logdrive-epoch': String(shipment.epoch),
      'logdrive-from': String(shipment.from),
      'logdrive-to': String(shipment.to),
      'logdrive-path': encodeURI(shipment.path.toWellFormed()),
    }
    if (shipment.gap) headers['logdrive-gap'] = '1'
    const answer = await this.#request('POST', pathOf(shipment.topic), headers, shipment.body, signal)
    return { value: this.#answerOf(answer, objectOf(answer)), outcome: 'good' }
  }

  /** What an answer to one batch means. Throws as `ship`. */
  #answerOf(answer: HttpResponse, body: Record<string, unknown>): ShipAnswer {
    if (answer.status === 200) {
      const kept = keptOf(body)
      if (kept !== null) return { kind: 'kept', kept }
      throw this.#failed(new LogdriveError('UNAVAILABLE', 'the answer to a batch has no position'))
    }
    if (answer.status === 409) return { kind: 'conflict', kept: keptOf(body.kept) }
    if (answer.status === 413 || answer.status === 422)
      return { kind: 'refused', reason: reasonOf(answer, body) }
    throw this.#failed(this.#errorOf(answer, body))
  }

  /** Where the collector stands with a source in a topic; null when it knows nothing of it. Throws as `ship`. */
  async kept(source: string, topic: string, signal: AbortSignal): Promise<Kept | null> {
    const path = `/v1/sources/${encodeURIComponent(source)}`
    const ask = async () => {
      const value = await this.#request('GET', path, {}, null, signal)
      return { value, outcome: outcomeOf(value) }
    }
    const answer = await this.#inTurn(ask, signal)
    const body = objectOf(answer)
    if (answer.status === 404) return null
    if (answer.status !== 200) throw this.#failed(this.#errorOf(answer, body))
    let best: Kept | null = null
    for (const entry of Array.isArray(body.positions) ? body.positions : []) {
      const kept = keptOf(entry)
      if (kept === null || entry.topic !== topic) continue
      if (best === null || kept.epoch > best.epoch || (kept.epoch === best.epoch && kept.to > best.to))
        best = kept
    }
    return best
  }

  #inTurn<T>(request: () => Promise<Answered<T>>, signal: AbortSignal): Promise<T> {
    return this.#concurrency.run(request, signal)
  }

  async #request(
    method: string,
    path: string,
    headers: Record<string, string>,
    body: Uint8Array | null,
    signal: AbortSignal,
  ): Promise<HttpResponse> {
    const { key, agent, timeoutMs } = this.#options
    if (key !== null) headers.authorization = `Bearer ${key}`
    headers['logdrive-agent'] = agent
    const collector = await this.#collectors.choose(signal)
    const bytes = body?.length ?? 0
    this.#requests += 1
    this.#bytesInFlight += bytes
    try {
      const request = { method, url: `${collector}${path}`, headers, body, timeoutMs }
      const answer = await this.#deps.http.request(request, signal)
      this.#bytesSent += bytes
      if (answer.status < 400 || answer.status === 409) this.#mended()
      // It is there and cannot serve anybody: another one may. Being busy is for everybody to respect.
      else if (answer.status >= 500 && answer.status !== 503) this.#collectors.failed(collector)
      return answer
    } catch (error) {
      if (signal.aborted) throw error
      this.#collectors.failed(collector)
      throw this.#failed(error)
    } finally {
      this.#bytesInFlight -= bytes
    }
  }

  #errorOf(answer: HttpResponse, body: Record<string, unknown>): LogdriveError {
    const { status } = answer
    const reason = reasonOf(answer, body)
    const details = { status, retryAfterMs: retryAfterMs(answer), blocked: false }
    if (status === 429 || status === 503) return new LogdriveError('OVERLOADED', reason, { details })
    const blocked = { ...details, blocked: true, retryAfterMs: this.#options.blockedMs }
    if (status === 401) {
      const hint = 'Set agent.key to a key of the collector that allows `ship`.'
      return new LogdriveError('KEY_MISSING', reason, { hint, details: blocked })
    }
    if (status === 403) {
      const hint = 'Give the agent a key whose `allow` holds `ship`, in collector.keys.'
      return new LogdriveError('FORBIDDEN', reason, { hint, details: blocked })
    }
    if (status >= 300 && status < 500) {
      const hint = 'Check agent.collector and the topic of the input.'
      return new LogdriveError('NOT_FOUND', reason, { hint, details: blocked })
    }
    return new LogdriveError('UNAVAILABLE', reason, { details })
  }

  /** Says trouble once, when it begins or changes; many files meet the same. */
  #failed(error: unknown): unknown {
    this.#retries += 1
    const text = error instanceof LogdriveError ? `${error.code}: ${error.message}` : String(error)
    const isBlocked = error instanceof LogdriveError && error.details.blocked === true
    if (this.#trouble?.text !== text) {
      const { logger } = this.#deps
      const hint = error instanceof LogdriveError ? error.hint : null
      const fields = { err: error, hint, collector: this.#collectors.url }
      if (isBlocked) logger.error(fields, 'the collector refuses the agent; will try again later')
      else logger.warn(fields, 'the collector cannot be reached or is busy; will retry')
    }
    this.#trouble = { text, isBlocked }
    this.#lastError = { text, at: this.#deps.clock.now() }
    return error
  }

  #mended(): void {
    if (this.#trouble === null) return
    this.#trouble = null
    this.#deps.logger.info({ collector: this.#collectors.url }, 'the collector answers again')
  }
}

function pathOf(topic: string): string {
  return `/v1/topics/${encodeURIComponent(topic)}/batches`
}

function outcomeOf({ status }: HttpResponse): Outcome {
  return status === 429 || status === 503 ? 'busy' : 'good'
}

function retryAfterMs(answer: HttpResponse): number | undefined {
  const seconds = Number(answer.headers['retry-after'] ?? Number.NaN)
  return seconds >= 0 ? Math.min(retryAfterMsMax, seconds * 1000) : undefined
}

function reasonOf(answer: HttpResponse, body: Record<string, unknown>): string {
  const error = body.error as { code?: unknown; message?: unknown } | undefined
  if (typeof error?.message === 'string')
    return `${answer.status} ${String(error.code)}: ${error.message.slice(0, 500)}`
  return `the collector answered ${answer.status}`
}

function objectOf(answer: HttpResponse): Record<string, unknown> {
  try {
    const value = JSON.parse(Buffer.from(answer.body).toString())
    return typeof value === 'object' && value !== null ? value : {}
  } catch {
    return {}
  }
}

function keptOf(value: unknown): Kept | null {
  if (typeof value !== 'object' || value === null || !('epoch' in value) || !('to' in value)) return null
  const { epoch, to } = value
  const good =
    Number.isSafeInteger(epoch) && Number.isSafeInteger(to) && Number(epoch) >= 0 && Number(to) >= 0
  if (!good) return null
  const guard = 'guard' in value && typeof value.guard === 'string' ? value.guard : undefined
  return { epoch: Number(epoch), to: Number(to), guard }
}
