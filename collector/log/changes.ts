// Changes: what is done to a log, one thing at a time and in order; after a failure of the disk nothing more.
import { isCode, LogdriveError } from '../../core/errors.ts'
import { diskFull } from './disk-full.ts'

export class Changes {
  readonly #directory: string
  readonly #onFailure: (error: LogdriveError) => void
  #failure: LogdriveError | null = null
  #queue: Promise<unknown> = Promise.resolve()

  constructor(directory: string, onFailure: (error: LogdriveError) => void) {
    this.#directory = directory
    this.#onFailure = onFailure
  }

  /** What ended the log, or null. */
  get failure(): LogdriveError | null {
    return this.#failure
  }

  /** Runs the work when everything asked for before is done. Rejects with the failure once there is one. */
  exclusive<R>(work: () => Promise<R>): Promise<R> {
    const run = async () => {
      if (this.#failure !== null) throw this.#failure
      return await work()
    }
    const result = this.#queue.then(run)
    this.#queue = result.catch(() => undefined)
    return result
  }

  /**
   * Runs a step whose failure ends the log, unless there was just no room (or no descriptor) for it. Rejects with the failure
   * once there is one: a sync behind one that failed says nothing, the kernel may have dropped what that one was to write.
   */
  async orFail<R>(step: () => Promise<R>): Promise<R> {
    if (this.#failure !== null) throw this.#failure
    try {
      return await step()
    } catch (error) {
      if (isCode(error, 'DISK_FULL')) throw diskFull(error)
      if (isCode(error, 'OVERLOADED')) throw error
      throw this.fail(error)
    }
  }

  /** Ends the log: its owner is told once. Returns what everybody is told from now on. */
  fail(cause: unknown): LogdriveError {
    if (this.#failure !== null) return this.#failure
    this.#failure = new LogdriveError(
      'DISK_FAILED',
      `the log in ${this.#directory} failed and takes no more writes`,
      {
        cause,
        hint: 'Look at the disk, then start again: the log recovers from what the disk holds.',
      },
    )
    this.#onFailure(this.#failure)
    return this.#failure
  }
}
