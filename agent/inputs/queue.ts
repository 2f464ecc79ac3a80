// RecordQueue: records that wait for the collector, bounded; who can wait for room does, for the others it says no.
import type { Feed } from '../../core/flow.ts'
import { joined, type Packet } from './packet.ts'

/** Ends the pump: all records are shipped and no more will come. */
export const drained = new Error('no more records')

export interface QueueBounds {
  /** What may wait. */
  readonly bytesMax: number
  /** One batch. */
  readonly batchBytesMax: number
  readonly batchRecordsMax: number
}

/** What a packet costs beside its bytes. */
const packetBytes = 256
const recordBytes = 16

export class RecordQueue implements Feed<Packet> {
  readonly #bounds: QueueBounds
  #packets: Packet[] = []
  #bytes = 0
  /** On its way, until it is committed: the same bytes for every try. */
  #taken: { readonly packet: Packet; readonly cost: number } | null = null
  #ended = false
  readonly #waiting = new Set<() => void>()

  constructor(bounds: QueueBounds) {
    this.#bounds = bounds
  }

  /** Memory of all that waits, in bytes. */
  get bytes(): number {
    return this.#bytes
  }

  /** Takes records in as soon as there is room; those that wait when the signal aborts are among what is left. */
  async put(packet: Packet, signal: AbortSignal): Promise<void> {
    while (!this.offer(packet)) {
      if (signal.aborted) return this.#push(packet)
      await this.#change(signal)
    }
  }

  /** Takes records in when there is room; one packet always has. */
  offer(packet: Packet): boolean {
    if (this.#bytes > 0 && this.#bytes + costOf(packet) > this.#bounds.bytesMax) return false
    this.#push(packet)
    return true
  }

  /** No more will come. */
  end(): void {
    this.#ended = true
    this.#changed()
  }

  /** What waits, as much of it as a batch may have; rejects with `drained` behind the last. */
  async next(signal: AbortSignal): Promise<Packet> {
    while (true) {
      signal.throwIfAborted()
      this.#taken ??= this.#take()
      if (this.#taken !== null) return this.#taken.packet
      if (this.#ended) throw drained
      await this.#change(signal)
    }
  }

  async commit(_packet: Packet): Promise<void> {
    this.#bytes -= this.#taken?.cost ?? 0
    this.#taken = null
    this.#changed()
  }

  /** Records that were not committed; empties the queue. */
  leftovers(): readonly Packet[] {
    const left = [...(this.#taken === null ? [] : [this.#taken.packet]), ...this.#packets]
    this.#taken = null
    this.#packets = []
    this.#bytes = 0
    this.#changed()
    return left
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.leftovers()
  }

  #push(packet: Packet): void {
    this.#packets.push(packet)
    this.#bytes += costOf(packet)
    this.#changed()
  }

  #take(): { readonly packet: Packet; readonly cost: number } | null {
    const { batchBytesMax, batchRecordsMax } = this.#bounds
    let count = 0
    let bytes = 0
    let records = 0
    for (const packet of this.#packets) {
      bytes += packet.bytes.length
      records += packet.count
      if (count > 0 && (bytes > batchBytesMax || records > batchRecordsMax)) break
      count += 1
    }
    if (count === 0) return null
    const packets = this.#packets.splice(0, count)
    return { packet: joined(packets), cost: packets.reduce((sum, packet) => sum + costOf(packet), 0) }
  }

  #changed(): void {
    for (const wake of this.#waiting) wake()
  }

  async #change(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const wake = () => resolve()
    this.#waiting.add(wake)
    signal.addEventListener('abort', wake, { once: true })
    await promise
    this.#waiting.delete(wake)
    signal.removeEventListener('abort', wake)
  }
}

function costOf({ bytes, count, marks, transformErrors }: Packet): number {
  let cost = packetBytes + bytes.length + count * recordBytes
  for (const mark of marks ?? []) cost += mark.length
  for (const reasons of transformErrors?.values() ?? []) cost += recordBytes + reasons.length
  return cost
}
