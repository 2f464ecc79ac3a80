// Shipper: the sink of one file's lines. Encodes a batch once, posts it, and keeps count of what the collector has.
import { LogdriveError } from '../core/errors.ts'
import type { Refusal, Sink } from '../core/flow.ts'
import { headerKeys, type RecordHeader } from '../core/records.ts'
import { encodeLinesLater } from '../protocol/batch-encode.ts'
import { guardAt, type LineBatch, lineAfter, positionOf, textsOf } from './batch.ts'
import type { Parsing } from './parsing.ts'
import type { Kept, Uplink } from './uplink.ts'

/** Below this packing gains nothing. */
const packedBytesMin = 256

/** A batch with its bytes for the wire, encoded ahead of its turn. */
export interface PackedBatch {
  readonly batch: LineBatch
  /** The `ld-from` that was encoded. */
  readonly from: number
  readonly body: Uint8Array
  /** Lines that did not parse, by reason. */
  readonly unparsed: ReadonlyMap<string, number>
}

/** Packs bytes, which stay as they are until it resolves. */
export type Zstd = (bytes: Uint8Array) => Promise<Uint8Array>

export interface ShipperOptions {
  readonly topic: string
  readonly source: string
  readonly host: string
  /** What the collector has, as far as the checkpoint knows. */
  readonly kept: Kept
  readonly zstd: Zstd
  /** Makes records of the lines; null: they travel as they are. */
  readonly parsing: Parsing | null
}

/** A batch for the wire. */
type Encoded = Pick<PackedBatch, 'body' | 'unparsed'>

const none: ReadonlyMap<string, number> = new Map()

export class Shipper implements Sink<PackedBatch> {
  readonly #options: ShipperOptions
  readonly #uplink: Uplink
  #kept: Kept
  #gap = false
  /** Refused lines of the batch in work: they stay known while the rest of it is tried again. */
  #refused: { readonly batch: LineBatch; readonly refusals: Refusal[] } | null = null

  constructor(options: ShipperOptions, uplink: Uplink) {
    this.#options = options
    this.#uplink = uplink
    this.#kept = options.kept
  }

  /** What the collector has of this source. */
  get kept(): Kept {
    return this.#kept
  }

  /** Takes over what the collector said it has. */
  believe(kept: Kept): void {
    this.#kept = kept
  }

  /** The collector forgot this source: the next batch may leave a gap before it. */
  allowGap(): void {
    this.#gap = true
  }

  /** Encodes a batch; `after` is the one that will be written before it, null when there is none. */
  async pack(batch: LineBatch, after: LineBatch | null): Promise<PackedBatch> {
    const from = after === null ? this.#fromOf(batch) : after.epoch === batch.epoch ? after.to : 0
    return { batch, from, ...(await this.#encode(batch, 0, batch.count, from)) }
  }

  /** Throws POSITION_CONFLICT with `details.kept` when the collector has another position; else as `Uplink.ship`. */
  async write(packed: PackedBatch, signal: AbortSignal): Promise<readonly Refusal[]> {
    const { batch } = packed
    if (this.#refused?.batch !== batch) this.#refused = { batch, refusals: [] }
    const { refusals } = this.#refused
    const done = Math.max(this.#fromOf(batch), refusals.at(-1)?.offset ?? 0)
    const first = lineAfter(batch, done)
    if (first < batch.count) await this.#send(packed, first, batch.count, refusals, signal)
    this.#refused = null
    this.#options.parsing?.count(batch.count, packed.unparsed)
    return refusals
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#refused = null
  }

  /** Sends lines `[first, end)`; halves them when they are refused, down to the line that is at fault. */
  async #send(
    packed: PackedBatch,
    first: number,
    end: number,
    refusals: Refusal[],
    signal: AbortSignal,
  ): Promise<void> {
    const { batch } = packed
    const from = this.#fromOf(batch)
    const whole = first === 0 && end === batch.count && from === packed.from
    const { body } = whole ? packed : await this.#encode(batch, first, end, from)
    const { topic, source } = this.#options
    const to = positionOf(batch, end - 1)
    const range = { source, epoch: batch.epoch, from, to, gap: this.#gap }
    const answer = await this.#uplink.ship({ topic, ...range, path: batch.path, body }, signal)
    if (answer.kind === 'refused') return this.#halve(packed, first, end, answer.reason, refusals, signal)
    const { kept } = answer
    const isOurs = kept !== null && kept.epoch === batch.epoch && kept.to === to
    // The same position of other content is another position: the file was truncated and grew while nobody looked.
    const isSame = isOurs && (kept.guard === undefined || kept.guard === guardAt(batch, end - 1))
    if (answer.kind === 'conflict' || !isSame) {
      const message = 'the collector has another position of this file'
      throw new LogdriveError('POSITION_CONFLICT', message, {
        details: { kept, epoch: batch.epoch, from, to },
      })
    }
    this.#kept = kept
    this.#gap = false
  }

  async #halve(
    packed: PackedBatch,
    first: number,
    end: number,
    reason: string,
    refusals: Refusal[],
    signal: AbortSignal,
  ): Promise<void> {
    const { batch } = packed
    if (end - first === 1) {
      const { bytes, ranges } = batch.slab
      const value = new Uint8Array(bytes.subarray(ranges.valueFrom[first], ranges.valueTo[first]))
      refusals.push({ offset: positionOf(batch, first), reason, key: null, value })
      return
    }
    const middle = (first + end) >>> 1
    await this.#send(packed, first, middle, refusals, signal)
    await this.#send(packed, middle, end, refusals, signal)
  }

  /** Ranges join without a hole: what was skipped or set aside before a batch belongs to its range. */
  #fromOf(batch: LineBatch): number {
    return this.#kept.epoch === batch.epoch ? this.#kept.to : 0
  }

  async #encode(batch: LineBatch, first: number, end: number, from: number): Promise<Encoded> {
    const { source, host, zstd, parsing } = this.#options
    const firstHeaders = [
      header(headerKeys.source, source),
      header(headerKeys.epoch, String(batch.epoch)),
      header(headerKeys.from, String(from)),
      header(headerKeys.to, String(positionOf(batch, end - 1))),
      header(headerKeys.guard, guardAt(batch, end - 1)),
      header(headerKeys.host, host),
      header(headerKeys.path, batch.path),
      ...(parsing === null ? [] : [header(headerKeys.parsed, '1')]),
    ]
    const cut = batch.cutBytes !== null && end === batch.count ? batch.cutBytes : null
    const truncated = cut === null ? null : [header(headerKeys.truncated, String(cut))]
    // Framed at once: the memory of parsed lines is free again when this awaits.
    const values =
      parsing === null ? { ...textsOf(batch, first, end), unparsed: none } : parsing.make(batch, first, end)
    const lines = {
      ...values,
      timestampMs: batch.readAtMs,
      firstHeaders,
      ...(truncated === null ? {} : { headersAt: new Map([[values.count - 1, truncated]]) }),
      codec: batch.to - batch.from < packedBytesMin ? 'none' : 'zstd',
    } as const
    const body = await encodeLinesLater(lines, batch.slab.frame, zstd)
    return { body, unparsed: values.unparsed }
  }
}

function header(key: string, value: string): RecordHeader {
  return { key, value: Buffer.from(value) }
}
