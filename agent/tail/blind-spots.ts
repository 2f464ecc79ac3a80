// Blind spots: what scans could not look at, said once when it begins and once when it is over.
import type { Logger } from '../../core/runtime.ts'
import type { Scan } from './discover.ts'

export class BlindSpots {
  readonly #logger: Logger
  readonly #told = new Set<string>()

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** Says once what cannot be looked at, and once that it can be again. */
  tell(scan: Scan): void {
    const logger = this.#logger
    for (const [path, error] of scan.unobservable) {
      if (this.#told.has(path)) continue
      this.#told.add(path)
      logger.warn({ path, err: error, hint: error.hint }, 'cannot be looked at; will try again')
    }
    for (const path of this.#told) {
      if (scan.unobservable.has(path)) continue
      this.#told.delete(path)
      logger.info({ path }, 'can be looked at again')
    }
  }
}
