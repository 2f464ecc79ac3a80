// Together: small batches of many sources that wait for their turn go in one request. Byte by byte: docs/http.md.
import type { Shipment } from './uplink.ts'

/** A batch up to this many bytes on the wire may share a request. */
const sharedBytesMax = 64 * 1024
const requestBytesMax = 1024 * 1024
const sourcesMax = 256

/** A shipment that waits for a turn; who gets one takes others of its topic with it. */
export interface Waiter<Answer> {
  readonly shipment: Shipment
  /** Aborts when it is wanted no more: its bytes are somebody else's from then on. */
  readonly signal: AbortSignal
  settle(answer: Answer): void
  fail(error: unknown): void
}

/** The shipments that wait, by topic, first come first served. */
export class Together<Answer> {
  readonly #waiting = new Map<string, Set<Waiter<Answer>>>()

  /** It may share a request. */
  static isSmall({ body }: Shipment): boolean {
    return body.length <= sharedBytesMax
  }

  add(waiter: Waiter<Answer>): void {
    const { topic } = waiter.shipment
    const waiting = this.#waiting.get(topic) ?? new Set()
    this.#waiting.set(topic, waiting.add(waiter))
  }

  /** No longer waits; false when somebody has taken it along. */
  remove(waiter: Waiter<Answer>): boolean {
    const { topic } = waiter.shipment
    const waiting = this.#waiting.get(topic)
    const wasThere = waiting?.delete(waiter) ?? false
    if (waiting?.size === 0) this.#waiting.delete(topic)
    return wasThere
  }

  /** Takes others that wait with `first`, as many as fit; a source once. */
  takeWith(first: Waiter<Answer>): readonly Waiter<Answer>[] {
    const taken = [first]
    const sources = new Set([first.shipment.source])
    let bytes = first.shipment.body.length
    for (const waiter of this.#waiting.get(first.shipment.topic) ?? []) {
      const { source, body } = waiter.shipment
      if (waiter.signal.aborted) continue
      if (taken.length === sourcesMax || bytes + body.length > requestBytesMax) break
      if (sources.has(source)) continue
      sources.add(source)
      bytes += body.length
      taken.push(waiter)
    }
    for (const waiter of taken) this.remove(waiter)
    return taken
  }
}

/** The body of a request with several sources. */
export function envelopeOf(shipments: readonly Shipment[]): Uint8Array {
  const list = shipments.map(({ source, epoch, from, to, gap, body }) => {
    return { source, epoch, from, to, ...(gap ? { gap } : {}), bytes: body.length }
  })
  const json = Buffer.from(JSON.stringify(list))
  const length = Buffer.alloc(4)
  length.writeUInt32BE(json.length)
  return Buffer.concat([length, json, ...shipments.map(({ body }) => body)])
}
