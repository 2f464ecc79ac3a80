// @logdna/tail-file as the reader of a scene: what is to be had from npm, used as its README says.
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import TailFile from '@logdna/tail-file'
import type { Delivered, Reader } from './harness.ts'

const pollMs = 15
/** Lines that have not come for so long will not. */
const patienceMs = 600

/** Follows one file by its path, and goes on at the position that its `flush` events said last. */
export class TailFileReader implements Reader {
  readonly delivered: Delivered[] = []
  /** Why it ended by itself; null as long as it did not. */
  crash: string | null = null
  readonly #path: string
  #position = 0
  #tail: TailFile | null = null

  constructor(path: string) {
    this.#path = path
  }

  async start(): Promise<void> {
    // Ten polls in vain and it gives up, as by default, only faster.
    const times = { pollFileIntervalMs: pollMs, pollFailureRetryMs: pollMs }
    const tail = new TailFile(this.#path, { ...times, startPos: this.#position })
    this.#tail = tail
    tail.on('flush', ({ lastReadPosition }) => {
      this.#position = lastReadPosition
    })
    tail.on('error', (error) => {
      this.crash = error.message
    })
    const lines = createInterface({ input: tail })
    // It hears of the stream's errors, too.
    lines.on('error', () => undefined)
    lines.on('line', (line) => {
      this.delivered.push({ line, source: this.#path })
    })
    await tail.start().catch((error: Error) => {
      this.crash = error.message
    })
  }

  async stop(): Promise<void> {
    const tail = this.#tail
    this.#tail = null
    if (tail === null || this.crash !== null) return
    await Promise.race([tail.quit(), delay(patienceMs)])
  }

  /** Positions are saved with every flush: a kill is as good as a stop to it, but for what it has not read. */
  async kill(): Promise<void> {
    await this.stop()
  }

  looked(times: number): Promise<void> {
    return delay((times + 2) * pollMs)
  }

  /** Until nothing has come for a while. */
  async arrived(count: number): Promise<void> {
    let quietSince = performance.now()
    let before = this.delivered.length
    while (this.delivered.length < count && performance.now() - quietSince < patienceMs) {
      await delay(5)
      if (this.delivered.length === before) continue
      before = this.delivered.length
      quietSince = performance.now()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
  }
}
