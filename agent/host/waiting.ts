// Waiting: samples that wait for the collector. What does not fit is dropped, oldest first, and counted.
import type { Feed } from '../../core/flow.ts'
import type { Sample } from './sample.ts'

/** Ends the pump: all samples are shipped and no more will come. */
export const drained = new Error('no more samples')

export class Waiting implements Feed<Sample> {
  readonly #bytesMax: number
  readonly #dropped: (sample: Sample) => void
  readonly #samples: Sample[] = []
  #bytes = 0
  /** The first one is on its way: dropping it now would not tell whether it arrived. */
  #taken = false
  #ended = false
  #wake: (() => void) | null = null

  constructor(bytesMax: number, dropped: (sample: Sample) => void) {
    this.#bytesMax = bytesMax
    this.#dropped = dropped
  }

  /** Takes a sample in; makes room for it. */
  put(sample: Sample): void {
    this.#samples.push(sample)
    this.#bytes += sample.bytes.length
    while (this.#bytes > this.#bytesMax && this.#samples.length > (this.#taken ? 1 : 0))
      this.#drop(this.#taken ? 1 : 0)
    this.#wake?.()
  }

  /** No more will come. */
  end(): void {
    this.#ended = true
    this.#wake?.()
  }

  /** The oldest sample; rejects with `drained` behind the last one. */
  async next(signal: AbortSignal): Promise<Sample> {
    while (true) {
      signal.throwIfAborted()
      const [first] = this.#samples
      if (first !== undefined) {
        this.#taken = true
        return first
      }
      if (this.#ended) throw drained
      await this.#change(signal)
    }
  }

  async commit(_sample: Sample): Promise<void> {
    this.#bytes -= this.#samples.shift()?.bytes.length ?? 0
    this.#taken = false
  }

  /** What is left now is lost. */
  async [Symbol.asyncDispose](): Promise<void> {
    while (this.#samples.length > 0) this.#drop(0)
  }

  #drop(at: number): void {
    for (const sample of this.#samples.splice(at, 1)) {
      this.#bytes -= sample.bytes.length
      this.#dropped(sample)
    }
  }

  async #change(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#wake = resolve
    signal.addEventListener('abort', resolve as () => void, { once: true })
    await promise
    signal.removeEventListener('abort', resolve as () => void)
    this.#wake = null
  }
}
