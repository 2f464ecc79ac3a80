// Collectors: which of several is asked now: the first one that answers, and the first in the list again once it does.
import type { Clock, Http, Logger } from '../../core/runtime.ts'

export interface CollectorsOptions {
  /** In the order of preference, without a slash at the end. */
  readonly urls: readonly string[]
  /** How often those before the one in use are asked whether they are back. */
  readonly probeMs: number
}

interface Deps {
  readonly http: Http
  readonly clock: Clock
  readonly logger: Logger
}

/** An answer to the question whether a collector is back has to come within this, in ms: one batch waits for it. */
const probeTimeoutMs = 2000

export class Collectors {
  readonly #options: CollectorsOptions
  readonly #deps: Deps
  #current = 0
  #probeAt = 0

  constructor(options: CollectorsOptions, deps: Deps) {
    this.#options = options
    this.#deps = deps
  }

  /** The address in use. */
  get url(): string {
    return this.#options.urls[this.#current] as string
  }

  /** The first of the list is in use. */
  get isPreferred(): boolean {
    return this.#current === 0
  }

  /**
   * The address to use. Now and then one caller finds out on the way whether a better one is back (half open): the others
   * go on meanwhile.
   */
  async choose(signal: AbortSignal): Promise<string> {
    const { clock } = this.#deps
    if (this.#current === 0 || clock.monotonic() < this.#probeAt) return this.url
    this.#probeAt = clock.monotonic() + this.#options.probeMs
    for (let index = 0; index < this.#current; index += 1) {
      if (await this.#isReady(this.#options.urls[index] as string, signal)) {
        this.#current = index
        this.#deps.logger.info({ collector: this.url }, 'the preferred collector is back; going on there')
      }
    }
    return this.url
  }

  /** `url` gave no answer: the next one is used. Only the first of several failing requests turns to it. */
  failed(url: string): void {
    const { urls, probeMs } = this.#options
    if (urls.length === 1 || url !== this.url) return
    if (this.#current === 0) this.#probeAt = this.#deps.clock.monotonic() + probeMs
    this.#current = (this.#current + 1) % urls.length
  }

  async #isReady(url: string, signal: AbortSignal): Promise<boolean> {
    const request = {
      method: 'GET',
      url: `${url}/readyz`,
      headers: {},
      body: null,
      timeoutMs: probeTimeoutMs,
    }
    try {
      return (await this.#deps.http.request(request, signal)).status === 200
    } catch (error) {
      signal.throwIfAborted()
      this.#deps.logger.debug({ err: error, collector: url }, 'a preferred collector is still away')
      return false
    }
  }
}
