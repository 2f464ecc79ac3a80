// Sampler: asks all scrapers at a time. One that fails or hangs is counted, said once, and costs only its own points.
import { LogdriveError } from '../../core/errors.ts'
import type { Clock, Logger } from '../../core/runtime.ts'
import type { LossCounter } from '../input-counts.ts'
import type { ScraperName } from './options.ts'
import type { Point } from './point.ts'
import type { Scrape } from './scrapers.ts'

/** A scraper that takes longer is left alone until it is done. */
const scrapeMs = 5000
/** A sample has no more points than this. */
const pointsMax = 20_000
/** Troubles that are remembered as said. */
const saidMax = 1000

export interface SamplerDeps {
  readonly clock: Clock
  readonly logger: Logger
  readonly losses: LossCounter
}

export class Sampler {
  readonly #scrapers: ReadonlyMap<ScraperName, Scrape>
  readonly #deps: SamplerDeps
  readonly #busy = new Set<ScraperName>()
  readonly #said = new Set<string>()

  constructor(scrapers: ReadonlyMap<ScraperName, Scrape>, deps: SamplerDeps) {
    this.#scrapers = scrapers
    this.#deps = deps
  }

  /** Everything that can be measured now. Never rejects but for a bug. */
  async sample(signal: AbortSignal): Promise<readonly Point[]> {
    const scrapes = [...this.#scrapers].map(([name, scrape]) => this.#try(name, scrape, signal))
    return (await Promise.all(scrapes)).flat().slice(0, pointsMax)
  }

  async #try(name: ScraperName, scrape: Scrape, signal: AbortSignal): Promise<readonly Point[]> {
    const failures = new Map<string, LogdriveError>()
    try {
      const points = await this.#inTime(
        name,
        () => scrape((part, error) => failures.set(part, error)),
        signal,
      )
      if (this.#said.delete(name))
        this.#deps.logger.info({ scraper: name }, 'host metrics are measured again')
      for (const [part, error] of failures) this.#failed(`${name} ${part}`, error)
      return points
    } catch (error) {
      if (!(error instanceof LogdriveError)) throw error
      if (!signal.aborted) this.#failed(name, error)
      return []
    }
  }

  async #inTime(
    name: ScraperName,
    scrape: () => Promise<readonly Point[]>,
    signal: AbortSignal,
  ): Promise<readonly Point[]> {
    if (this.#busy.has(name)) throw new LogdriveError('UNAVAILABLE', 'it still waits for the system')
    this.#busy.add(name)
    const scraping = scrape().finally(() => this.#busy.delete(name))
    // Given up on, it has nobody who hears how it ended.
    scraping.catch(() => undefined)
    const done = new AbortController()
    const late = this.#deps.clock.sleep(scrapeMs, AbortSignal.any([signal, done.signal])).then(() => null)
    try {
      const points = await Promise.race([scraping, late])
      if (points === null) throw new LogdriveError('UNAVAILABLE', `no answer within ${scrapeMs} ms`)
      return points
    } finally {
      done.abort()
    }
  }

  #failed(what: string, error: LogdriveError): void {
    this.#deps.losses.count('metrics_failed', 0)
    if (this.#said.has(what) || this.#said.size >= saidMax) return
    this.#said.add(what)
    this.#deps.logger.warn({ err: error, scraper: what }, 'host metrics cannot be measured; will try again')
  }
}
