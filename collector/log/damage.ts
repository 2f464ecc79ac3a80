// Damage: what was good once and cannot be read any more is told of, and copied aside, while readers go on.
import type { Logger, Storage } from '../../core/runtime.ts'
import { quarantineSegment } from './quarantine.ts'
import type { Gap } from './recovery.ts'
import type { Segment } from './segment.ts'

export class Damage {
  readonly #directory: string
  readonly #storage: Storage
  readonly #logger: Logger
  #quarantined: number
  #found = 0
  #work: Promise<void> = Promise.resolve()

  /** `quarantined`: copies made while the log was opened. */
  constructor(
    directory: string,
    parts: { readonly storage: Storage; readonly logger: Logger },
    quarantined: number,
  ) {
    this.#directory = directory
    this.#storage = parts.storage
    this.#logger = parts.logger
    this.#quarantined = quarantined
  }

  /** Copies put into quarantine since the start. */
  get quarantined(): number {
    return this.#quarantined
  }

  /** Gaps found since the log was opened. */
  get found(): number {
    return this.#found
  }

  /** Hears of the segment's gaps from now on. */
  watch(segment: Segment): void {
    segment.onDamage = (gap) => this.#note(segment, gap)
  }

  /** Resolves when no copy is being made. */
  async settled(): Promise<void> {
    await this.#work
  }

  #note(segment: Segment, gap: Gap): void {
    this.#found += 1
    const directory = this.#directory
    this.#logger.error({ directory, segment: segment.path, gap }, 'the log is damaged; readers skip the gap')
    this.#work = this.#work.then(async () => {
      try {
        if (await quarantineSegment(this.#storage, directory, segment.path, gap)) this.#quarantined += 1
      } catch (error) {
        this.#logger.error({ err: error, segment: segment.path }, 'a damaged segment could not be copied')
      }
    })
  }
}
