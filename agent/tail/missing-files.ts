// MissingFiles: files that went before all of them was read. What of them nobody has is only lost when they can't turn up again.
import type { Runtime } from '../../core/runtime.ts'
import type { Kept } from '../ship/uplink.ts'
import type { Checkpoint } from '../state/checkpoint.ts'
import type { Checkpoints } from '../state/checkpoints.ts'
import type { Loss, Losses } from '../state/losses.ts'
import type { Locator } from './identity.ts'

/** How long after a file went the collector is asked for the first time. */
const askedAfterMs = 1000
/** Each time it is asked after so many times as long: a request that was given up may still reach it. */
const patienceFactor = 3

interface MissingFilesDeps {
  readonly runtime: Pick<Runtime, 'clock' | 'logger'>
  readonly checkpoints: Checkpoints
  readonly losses: Losses
  /** What the collector has of a source of the input, null for nothing; `unknown` when it does not say now. */
  keptOf(source: string, input: string): Promise<Kept | null | 'unknown'>
}

/** When the collector is asked about a file, monotonic ms. */
interface Question {
  readonly locator: Locator
  readonly atMs: number
  readonly afterMs: number
}

/**
 * How many bytes of a file are missing stands in its checkpoint. They are missing no longer when the file is there again (moved
 * back, mounted again, compressed) or when the collector turns out to have them, and lost when the checkpoint is forgotten.
 */
export class MissingFiles {
  readonly #deps: MissingFilesDeps
  readonly #questions = new Set<Question>()

  constructor(deps: MissingFilesDeps) {
    this.#deps = deps
    for (const { missing, locator } of deps.checkpoints.all) if (missing > 0) this.#ask(locator, 0)
  }

  /** Files of which something is missing, and how many bytes of all of them. */
  status(): Loss {
    const missing = this.#deps.checkpoints.all.filter((known) => known.missing > 0)
    return { times: missing.length, bytes: missing.reduce((sum, known) => sum + known.missing, 0) }
  }

  /** No way leads to this file any more. */
  add(checkpoint: Checkpoint): void {
    const { size, position, locator } = checkpoint
    const missing = Math.max(0, size - position)
    this.#deps.checkpoints.put(checkpoint.with({ missing }))
    if (missing > 0) this.#ask(locator, askedAfterMs)
  }

  /** This file was not seen for so long that it would not be known again: what is missing of it is lost. */
  forget({ path, source, epoch, position, missing }: Checkpoint): void {
    if (missing > 0) this.#deps.losses.add('removed', missing, { path, source, epoch, position })
  }

  /** Asks the collector what it has of them, until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps.runtime
    while (!signal.aborted) {
      for (const question of this.#questions)
        if (!signal.aborted && question.atMs <= clock.monotonic() && !(await this.#settle(question))) break
      await clock.sleep(askedAfterMs, signal)
    }
  }

  #ask(locator: Locator, afterMs: number): void {
    this.#questions.add({ locator, atMs: this.#deps.runtime.clock.monotonic() + afterMs, afterMs })
  }

  /** False when there is no answer now. */
  async #settle(question: Question): Promise<boolean> {
    const { checkpoints, runtime, keptOf } = this.#deps
    const { locator, afterMs } = question
    this.#questions.delete(question)
    const asked = checkpoints.find(locator)
    if (asked === null || asked.missing === 0) return true
    const kept = await keptOf(asked.source, asked.input)
    const known = checkpoints.find(locator)
    // It turned up meanwhile.
    if (known === null || known.missing === 0) return true
    const { path, source, epoch, position, size } = known
    const stored = kept !== 'unknown' && kept !== null && kept.epoch >= epoch ? kept.to : 0
    const missing = Math.min(known.missing, Math.max(0, size - stored))
    if (missing !== known.missing) checkpoints.put(known.with({ missing }))
    if (missing === 0) return true
    if (afterMs <= askedAfterMs)
      runtime.logger.warn(
        { path, source, epoch, position, bytes: missing },
        'a file went before all of it was read; that is lost if it does not turn up again',
      )
    this.#ask(locator, Math.max(askedAfterMs, afterMs * patienceFactor))
    return kept !== 'unknown'
  }
}
