// Sender: the sink of packets. Positions are running numbers of records, from a place that the input names.
import { LogdriveError } from '../../core/errors.ts'
import type { Refusal, Sink } from '../../core/flow.ts'
import type { Logger } from '../../core/runtime.ts'
import { encodeLinesLater } from '../../protocol/batch-encode.ts'
import { factHeaders, transformErrorHeaders } from '../ship/batch-headers.ts'
import type { Zstd } from '../ship/shipper.ts'
import type { Uplink } from '../ship/uplink.ts'
import type { Packet } from './packet.ts'

/** Where a source stands. */
export interface Standing {
  readonly epoch: number
  readonly to: number
}

export interface SenderOptions {
  readonly input: string
  /** What the collector shows as the place that the records come from, such as `exec/backups`. */
  readonly path: string
  readonly topic: string
  readonly source: string
  readonly host: string
  readonly zstd: Zstd
  /** How the values are meant: lines as they came, lines that became records, or events of a shape of their own. */
  readonly values: 'lines' | 'records' | 'events'
  /**
   * What the collector has; asked before the first packet. Of a packet that begins before that, only the rest is sent: its
   * first record has the number behind `base`. Throws as `Uplink.kept`.
   */
  begin(signal: AbortSignal): Promise<Standing & { readonly base?: number }>
  /** What the collector keeps with the position of a record with this mark; empty for nothing. */
  guardOf?(mark: string): string
  /** The collector has another position: where to go on instead. Throws POSITION_CONFLICT where the input has to begin anew. */
  elsewhere(mine: Standing, kept: Standing | null): Standing
}

/** The packet in work: what is done of it stays done while the rest is tried again. */
interface Work {
  readonly packet: Packet
  done: number
  readonly refusals: Refusal[]
}

export class Sender implements Sink<Packet> {
  readonly #options: SenderOptions
  readonly #uplink: Uplink
  readonly #logger: Logger
  readonly #room = { bytes: Buffer.alloc(0) }
  /** What the collector has; null until it said so. */
  #kept: Standing | null = null
  /** The number of the last record before the packet in work: above `#kept.to` when some were refused. */
  #base = 0
  #work: Work | null = null

  constructor(options: SenderOptions, uplink: Uplink, logger: Logger) {
    this.#options = options
    this.#uplink = uplink
    this.#logger = logger
  }

  /** The number of the last record that was written or refused; null before the first packet. */
  get position(): Standing | null {
    return this.#kept === null ? null : { epoch: this.#kept.epoch, to: this.#base }
  }

  /** Throws as `Uplink.ship`; the same packet may then be written again: nothing of it is stored twice. */
  async write(packet: Packet, signal: AbortSignal): Promise<readonly Refusal[]> {
    if (this.#kept === null) {
      const { epoch, to, base = to } = await this.#options.begin(signal)
      this.#kept = { epoch, to }
      this.#base = base
    }
    if (this.#work?.packet !== packet) this.#work = { packet, done: 0, refusals: [] }
    const work = this.#work
    work.done = Math.max(work.done, Math.min(packet.count, this.#kept.to - this.#base))
    if (work.done < packet.count) await this.#send(work, work.done, packet.count, signal)
    this.#base += packet.count
    this.#work = null
    return work.refusals
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  /** Sends records `[first, end)`; halves them when they are refused, down to the one that is at fault. */
  async #send(work: Work, first: number, end: number, signal: AbortSignal): Promise<void> {
    const { epoch, to: from } = this.#kept as Standing
    const to = this.#base + end
    const body = await this.#encode(work.packet, first, end, { epoch, from, to })
    const { topic, source, path } = this.#options
    const answer = await this.#uplink.ship({ topic, source, epoch, from, to, gap: false, path, body }, signal)
    if (answer.kind === 'refused') {
      if (end - first > 1) {
        const middle = (first + end) >>> 1
        await this.#send(work, first, middle, signal)
        return await this.#send(work, middle, end, signal)
      }
      work.refusals.push({ offset: first, reason: answer.reason, key: null, value: null })
      work.done = end
      return
    }
    const { kept } = answer
    if (answer.kind === 'kept' && kept?.epoch === epoch && kept.to === to) {
      this.#kept = { epoch, to }
      work.done = end
      return
    }
    // It was not stored: the collector lost what it had, or another agent uses a copy of the state folder.
    this.#kept = this.#options.elsewhere({ epoch, to: from }, kept)
    this.#base = this.#kept.to - work.done
    this.#logger.info({ source, kept }, 'the collector has another position; counting anew')
    throw new LogdriveError('UNAVAILABLE', 'the collector has another position of this source')
  }

  #encode(
    packet: Packet,
    first: number,
    end: number,
    { epoch, from, to }: Standing & { readonly from: number },
  ): Promise<Uint8Array> {
    const { source, host, path, values, zstd } = this.#options
    const guard = this.#options.guardOf?.(packet.marks?.[end - 1] ?? '') ?? ''
    const isParsed = values === 'records'
    const place = values === 'events' ? null : path
    const firstHeaders = factHeaders({ source, epoch, from, to, guard, host, path: place, isParsed })
    const headersAt = transformErrorHeaders(packet.transformErrors ?? new Map(), first, end)
    const { bytes, atMs: timestampMs } = packet
    const begin = first === 0 ? 0 : (packet.ends[first - 1] as number) + 1
    const ends = packet.ends.slice(first, end)
    return encodeLinesLater(
      { bytes, from: begin, ends, count: end - first, timestampMs, firstHeaders, headersAt, codec: 'zstd' },
      this.#room,
      zstd,
    )
  }
}

/**
 * Where a source begins that forgets with its process what it has sent: in an epoch of this start. A clock that was set
 * back, or two starts in a second, must not look like batches that are known already.
 */
export function freshStanding(
  {
    source,
    topic,
    startedAtMs,
  }: { readonly source: string; readonly topic: string; readonly startedAtMs: number },
  uplink: Uplink,
): Pick<SenderOptions, 'begin' | 'elsewhere'> {
  const epochMin = Math.max(0, Math.floor(startedAtMs / 1000))
  return {
    async begin(signal) {
      const kept = await uplink.kept(source, topic, signal)
      return { epoch: Math.max(epochMin, (kept?.epoch ?? -1) + 1), to: 0 }
    },
    elsewhere: (mine, kept) => ({ epoch: Math.max(mine.epoch, kept?.epoch ?? 0) + 1, to: 0 }),
  }
}
