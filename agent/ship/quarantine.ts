// Quarantine: lines that the collector refused, kept in the state folder as JSON lines until somebody looks.
import { isUtf8 } from 'node:buffer'
import { isCode } from '../../core/errors.ts'
import type { Refusal } from '../../core/flow.ts'
import type { Runtime } from '../../core/runtime.ts'
import type { Losses } from '../state/losses.ts'
import type { LineBatch } from '../tail/batch.ts'
import { Turns } from '../tail/turns.ts'

const fileName = 'quarantine.ndjson'
const lineEnd = Buffer.from('\n')

/** One file for all topics, appended to and synced before a position moves past a line. */
export class Quarantine {
  readonly #folder: string
  readonly #path: string
  readonly #bytesMax: number
  readonly #runtime: Pick<Runtime, 'storage' | 'clock'>
  readonly #losses: Losses
  readonly #turn = new Turns(1)
  /** What stands at the end of the file is ours, whole and synced. */
  #isEndSafe = false

  constructor(
    options: { readonly folder: string; readonly bytesMax: number },
    runtime: Pick<Runtime, 'storage' | 'clock'>,
    losses: Losses,
  ) {
    this.#folder = options.folder
    this.#path = `${options.folder}/${fileName}`
    this.#bytesMax = options.bytesMax
    this.#runtime = runtime
    this.#losses = losses
  }

  /** Keeps refused lines; when the file is full they are counted as lost. Throws DISK_FAILED. */
  async keep(
    topic: string,
    batch: LineBatch,
    refusals: readonly Refusal[],
    signal: AbortSignal,
  ): Promise<void> {
    await this.#turn.take(signal)
    try {
      const lines = refusals.map((refusal) => this.#line(topic, batch, refusal))
      const kept = await this.#append(Buffer.from(lines.join('')))
      for (const refusal of refusals) {
        const at = {
          topic,
          path: batch.path,
          source: batch.source,
          epoch: batch.epoch,
          position: refusal.offset,
        }
        const reason = kept ? 'quarantined' : 'quarantine_full'
        this.#losses.add(reason, refusal.value?.length ?? 0, { ...at, why: refusal.reason })
      }
    } finally {
      this.#turn.give()
    }
  }

  async #append(bytes: Uint8Array): Promise<boolean> {
    const { storage } = this.#runtime
    try {
      await using file = await storage.open(this.#path, 'write')
      const isNew = file.size === 0
      if (file.size + bytes.length > this.#bytesMax) return false
      // Behind a write that was cut short, or is in the page cache alone: no line may be glued to what is left of it.
      const pieces = isNew || this.#isEndSafe ? [bytes] : [lineEnd, bytes]
      this.#isEndSafe = false
      await file.write(file.size, pieces)
      await file.sync()
      if (isNew) await storage.syncDirectory(this.#folder)
      this.#isEndSafe = true
      return true
    } catch (error) {
      if (isCode(error, 'DISK_FULL') || isCode(error, 'FORBIDDEN')) return false
      throw error
    }
  }

  #line(topic: string, batch: LineBatch, refusal: Refusal): string {
    const value = Buffer.from(refusal.value ?? [])
    return `${JSON.stringify({
      at: new Date(this.#runtime.clock.now()).toISOString(),
      topic,
      path: batch.path,
      source: batch.source,
      epoch: batch.epoch,
      position: refusal.offset,
      reason: refusal.reason,
      // Base64 where the line is not UTF-8, so that nothing of it is changed.
      ...(isUtf8(value) ? { line: value.toString() } : { line_base64: value.toString('base64') }),
    })}\n`
  }
}
