// PendingOffsets: offsets that were committed in transactions which are still open, by the producer of the transaction.
import type { GroupOffset } from './offset-codec.ts'

export interface PendingOffset {
  readonly entry: GroupOffset
  /** The log's offset of its record; infinite while it is on its way. */
  at: number
}

export class PendingOffsets {
  readonly #byProducer = new Map<number, PendingOffset[]>()
  #size = 0

  get size(): number {
    return this.#size
  }

  /** The first offset of the log that one of them needs; infinite when there are none. */
  get firstOffset(): number {
    let first = Number.POSITIVE_INFINITY
    for (const list of this.#byProducer.values()) for (const { at } of list) first = Math.min(first, at)
    return first
  }

  add(producerId: number, pending: readonly PendingOffset[]): void {
    const list = this.#byProducer.get(producerId)
    if (list === undefined) this.#byProducer.set(producerId, [...pending])
    else list.push(...pending)
    this.#size += pending.length
  }

  /** Takes single ones back: they could not be stored. */
  remove(producerId: number, pending: readonly PendingOffset[]): readonly PendingOffset[] {
    const list = this.#byProducer.get(producerId) ?? []
    const gone = list.filter((one) => pending.includes(one))
    const left = list.filter((one) => !gone.includes(one))
    if (left.length === 0) this.#byProducer.delete(producerId)
    else this.#byProducer.set(producerId, left)
    this.#size -= gone.length
    return gone
  }

  /** The transaction is over: all of them, in the order they came. */
  take(producerId: number): readonly PendingOffset[] {
    const list = this.#byProducer.get(producerId) ?? []
    this.#byProducer.delete(producerId)
    this.#size -= list.length
    return list
  }
}
