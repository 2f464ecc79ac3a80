// Trouble: what is wrong with one file now; told once when it begins and once when it is over.
import { LogdriveError } from '../../core/errors.ts'
import type { Logger } from '../../core/runtime.ts'

/** The trouble of one file. */
export class Trouble {
  readonly #logger: Logger
  #code: string | null = null

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** True while there is some. */
  get isThere(): boolean {
    return this.#code !== null
  }

  /** Takes over a failure of the file that will be tried again; throws what is none: bugs, and our own disk. */
  begin(error: unknown, path: string): LogdriveError {
    if (!(error instanceof LogdriveError) || error.code === 'DISK_FAILED') throw error
    const { code } = error
    // A path that leads elsewhere is a rotation that the next scan understands; open files come and go.
    if (code === 'NOT_FOUND') this.#logger.debug({ path }, 'file left its path')
    else if (code === 'OVERLOADED') this.#logger.debug({ path }, 'too many files are open; this one waits')
    else if (this.#code !== code)
      this.#logger.warn({ err: error, path }, 'file cannot be read now; will try again')
    this.#code = code
    return error
  }

  /** It is over. */
  end(path: string): void {
    const wasTold = this.#code !== 'NOT_FOUND' && this.#code !== 'OVERLOADED'
    this.#code = null
    if (wasTold) this.#logger.info({ path }, 'file can be read again')
  }
}
