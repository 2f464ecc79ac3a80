// Sender: the sink of samples. One sample is one batch; positions are running numbers of records in an epoch of this start.
import { LogdriveError } from '../../core/errors.ts'
import type { Refusal, Sink } from '../../core/flow.ts'
import { headerKeys } from '../../core/records.ts'
import type { Logger } from '../../core/runtime.ts'
import { encodeLinesLater } from '../../protocol/batch-encode.ts'
import type { Zstd } from '../shipper.ts'
import type { Uplink } from '../uplink.ts'
import type { Sample } from './sample.ts'

export interface SenderOptions {
  readonly input: string
  readonly topic: string
  readonly source: string
  readonly host: string
  /** When this agent started, in s since 1970: what was kept of an earlier start is older. */
  readonly epochMin: number
  readonly zstd: Zstd
}

interface Position {
  readonly epoch: number
  readonly to: number
}

export class Sender implements Sink<Sample> {
  readonly #options: SenderOptions
  readonly #uplink: Uplink
  readonly #logger: Logger
  readonly #room = { bytes: Buffer.alloc(0) }
  /** Acknowledged up to here; null until the collector said where it stands. */
  #position: Position | null = null

  constructor(options: SenderOptions, uplink: Uplink, logger: Logger) {
    this.#options = options
    this.#uplink = uplink
    this.#logger = logger
  }

  /** Throws as `Uplink.ship`; the same sample may then be written again: it is never stored twice. */
  async write(sample: Sample, signal: AbortSignal): Promise<readonly Refusal[]> {
    this.#position ??= await this.#begin(signal)
    const { epoch, to: from } = this.#position
    const { topic, source, input } = this.#options
    const to = from + sample.count
    const body = await this.#encode(sample, { epoch, from, to })
    const shipment = { topic, source, epoch, from, to, gap: false, path: `host_metrics/${input}`, body }
    const answer = await this.#uplink.ship(shipment, signal)
    if (answer.kind === 'refused') return [{ offset: to, reason: answer.reason, key: null, value: null }]
    const { kept } = answer
    if (answer.kind === 'kept' && kept?.epoch === epoch && kept.to === to) {
      this.#position = { epoch, to }
      return []
    }
    // It was not stored: the collector lost what it had, or another agent uses a copy of the state folder.
    this.#position = { epoch: Math.max(epoch, kept?.epoch ?? 0) + 1, to: 0 }
    this.#logger.info({ input, source, kept }, 'the collector has another position; counting anew')
    throw new LogdriveError('UNAVAILABLE', 'the collector has another position of this source')
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  /** A clock that was set back, or two starts in a second, must not look like batches that are known already. */
  async #begin(signal: AbortSignal): Promise<Position> {
    const { source, topic, epochMin } = this.#options
    const kept = await this.#uplink.kept(source, topic, signal)
    return { epoch: Math.max(epochMin, (kept?.epoch ?? -1) + 1), to: 0 }
  }

  /** No `ld-path`: that would make the records raw lines of a file. */
  #encode(sample: Sample, { epoch, from, to }: Position & { readonly from: number }): Promise<Uint8Array> {
    const { source, host, zstd } = this.#options
    const facts = [
      [headerKeys.source, source],
      [headerKeys.epoch, String(epoch)],
      [headerKeys.from, String(from)],
      [headerKeys.to, String(to)],
      [headerKeys.host, host],
    ] as const
    const firstHeaders = facts.map(([key, value]) => ({ key, value: Buffer.from(value) }))
    const { bytes, ends, count, atMs: timestampMs } = sample
    return encodeLinesLater(
      { bytes, ends, count, timestampMs, firstHeaders, codec: 'zstd' },
      this.#room,
      zstd,
    )
  }
}
