// Shipper: the sink of one file's lines. Encodes a batch once, posts it, and keeps count of what the collector has.
import { LogdriveError } from '../../core/errors.ts'
import type { Refusal, Sink } from '../../core/flow.ts'
import { headerKeys } from '../../core/records.ts'
import { encodeLinesLater, type FrameRoom } from '../../protocol/batch-encode.ts'
import type { Facts } from '../parse/facts.ts'
import type { Lines } from '../parse/made-lines.ts'
import type { Parsing } from '../parsing.ts'
import { guardAt, type LineBatch, lineAfter, positionOf, textsOf } from '../tail/batch.ts'
import type { Tally } from '../tally.ts'
import { factHeaders, header, transformErrorHeaders } from './batch-headers.ts'
import type { Kept, Uplink } from './uplink.ts'

/** Below this packing gains nothing. */
const packedBytesMin = 256

/** A batch with its bytes for the wire, encoded ahead of its turn. */
export interface PackedBatch {
  readonly batch: LineBatch
  /** The `ld-from` that was encoded. */
  readonly from: number
  /** Null when the transforms left no record of it: its range joins that of the next batch. */
  readonly body: Uint8Array | null
  /** What became of the lines; null when they travel as they are. */
  readonly tally: Tally | null
}

/** Packs bytes, which stay as they are until it resolves; what it gives is the caller's own and is freed. */
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
  /** What is known of the lines beside what they say, for parsed ones; null: nothing. */
  readonly facts?: (() => Promise<Facts>) | null
}

/** Lines `[first, end)` of a batch; their range begins at `from`. */
interface Part {
  readonly batch: LineBatch
  readonly first: number
  readonly end: number
  readonly from: number
}

/** A batch for the wire. */
type Encoded = Pick<PackedBatch, 'body' | 'tally'>

export class Shipper implements Sink<PackedBatch> {
  readonly #options: ShipperOptions
  readonly #uplink: Uplink
  #kept: Kept
  #gap = false
  /** Batches without a record, and where their ranges begin: there the next one begins as well. */
  readonly #emptied = new WeakMap<LineBatch, number>()
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
    const from = after === null ? this.#fromOf(batch) : after.epoch === batch.epoch ? this.#endOf(after) : 0
    const whole = { batch, first: 0, end: batch.count, from }
    return { batch, from, ...(await this.#encode(whole, batch.slab.frame)) }
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
    if (packed.tally !== null) this.#options.parsing?.count(packed.tally)
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
    // In a room of its own: the batch's holds what was packed, which may be sent again.
    const room = { bytes: Buffer.alloc(0) }
    const { body } = whole ? packed : await this.#encode({ batch, first, end, from }, room)
    // The collector keeps no range without a record; it is part of the next one's.
    if (body === null) return
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

  /** What the collector will have once a batch that is packed was written. */
  #endOf(batch: LineBatch): number {
    return this.#emptied.get(batch) ?? batch.to
  }

  async #encode({ batch, first, end, from }: Part, room: FrameRoom): Promise<Encoded> {
    const { source, host, zstd, parsing } = this.#options
    const facts = await this.#options.facts?.()
    // Framed at once: the memory of records that were made is free again when this awaits.
    const made = parsing === null ? null : parsing.make(batch, first, end, facts)
    const values: Lines = made ?? textsOf(batch, first, end)
    const tally = made?.tally ?? null
    if (values.count === 0) {
      if (end === batch.count) this.#emptied.set(batch, from)
      return { body: null, tally }
    }
    const { epoch, path } = batch
    const to = positionOf(batch, end - 1)
    const guard = guardAt(batch, end - 1)
    const isParsed = parsing?.hasFields === true
    const firstHeaders = factHeaders({ source, epoch, from, to, guard, host, path, isParsed })
    const headersAt = transformErrorHeaders(made?.marks ?? new Map(), 0, values.count)
    if (batch.cutBytes !== null && end === batch.count && made?.lastIsKept !== false) {
      const last = values.count - 1
      const truncated = header(headerKeys.truncated, String(batch.cutBytes))
      headersAt.set(last, [...(headersAt.get(last) ?? []), truncated])
    }
    const lines = {
      ...values,
      timestampMs: batch.readAtMs,
      firstHeaders,
      ...(headersAt.size === 0 ? {} : { headersAt }),
      codec: batch.to - batch.from < packedBytesMin ? 'none' : 'zstd',
    } as const
    return { body: await encodeLinesLater(lines, room, zstd), tally }
  }
}
