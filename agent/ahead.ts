// Ahead: reads and encodes the next batch of a file while the one before it is on its way.
import type { Feed } from '../core/flow.ts'
import type { LineBatch } from './batch.ts'
import type { PackedBatch } from './shipper.ts'

/**
 * A feed of packed batches over a feed of batches. Only where a file has more to read is the next one made ahead, so
 * an idle file costs nothing. `stop` ends `next` while a write in progress may still finish.
 */
export class Ahead implements Feed<PackedBatch> {
  readonly #feed: Feed<LineBatch>
  readonly #pack: (batch: LineBatch, after: LineBatch | null) => PackedBatch
  readonly #stop: AbortSignal
  #next: Promise<PackedBatch> | null = null

  constructor(
    feed: Feed<LineBatch>,
    pack: (batch: LineBatch, after: LineBatch | null) => PackedBatch,
    stop: AbortSignal,
  ) {
    this.#feed = feed
    this.#pack = pack
    this.#stop = stop
  }

  async next(_signal: AbortSignal): Promise<PackedBatch> {
    const ready = this.#next ?? this.#make(null)
    this.#next = null
    const packed = await ready
    this.#stop.throwIfAborted()
    if (packed.batch.more) {
      this.#next = this.#make(packed.batch)
      // Whoever takes it hears of the failure; until then nobody does.
      this.#next.catch(() => undefined)
    }
    return packed
  }

  commit(packed: PackedBatch, signal: AbortSignal): Promise<void> {
    return this.#feed.commit(packed.batch, signal)
  }

  /** Waits for what is being made; the feed below belongs to its owner. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#next?.catch(() => undefined)
    this.#next = null
  }

  async #make(after: LineBatch | null): Promise<PackedBatch> {
    return this.#pack(await this.#feed.next(this.#stop), after)
  }
}
