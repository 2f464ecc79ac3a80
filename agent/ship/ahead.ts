// Ahead: reads, frames and packs the next batches of a file while the one before them is on its way.
import type { Feed } from '../../core/flow.ts'
import type { LineBatch } from '../tail/batch.ts'
import type { PackedBatch } from './shipper.ts'

/** Batches in work beside the one on its way: one is packed while another is read. */
const aheadMax = 2

/** A batch that was read and is being packed. */
interface Begun {
  readonly batch: LineBatch
  readonly packed: Promise<PackedBatch>
}

/**
 * A feed of packed batches over a feed of batches. Only where a file has more to read is the next one begun ahead, so
 * an idle file costs nothing. `stop` ends `next` while a write in progress may still finish.
 */
export class Ahead implements Feed<PackedBatch> {
  readonly #feed: Feed<LineBatch>
  readonly #pack: (batch: LineBatch, after: LineBatch | null) => Promise<PackedBatch>
  readonly #stop: AbortSignal
  /** In order; null where the file had no more when the one before it was read. */
  readonly #begun: Promise<Begun | null>[] = []

  constructor(
    feed: Feed<LineBatch>,
    pack: (batch: LineBatch, after: LineBatch | null) => Promise<PackedBatch>,
    stop: AbortSignal,
  ) {
    this.#feed = feed
    this.#pack = pack
    this.#stop = stop
  }

  async next(_signal: AbortSignal): Promise<PackedBatch> {
    const ahead = (await this.#begun.shift()) ?? null
    // Everything behind the end of what was there ends there too.
    if (ahead === null) this.#begun.length = 0
    const begun = ahead ?? (await this.#begin(null))
    this.#stop.throwIfAborted()
    if (begun.batch.more) this.#goAhead(begun)
    return await begun.packed
  }

  commit(packed: PackedBatch, signal: AbortSignal): Promise<void> {
    return this.#feed.commit(packed.batch, signal)
  }

  /** Waits for what is being made; the feed below belongs to its owner. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const promise of this.#begun.splice(0)) {
      const begun = await promise.catch(() => null)
      await begun?.packed.catch(() => undefined)
    }
  }

  #goAhead(begun: Begun): void {
    while (this.#begun.length < aheadMax) {
      const next = this.#follow(this.#begun.at(-1) ?? begun)
      // Whoever takes it hears of the failure; until then nobody does.
      next.catch(() => undefined)
      this.#begun.push(next)
    }
  }

  async #follow(before: Begun | Promise<Begun | null>): Promise<Begun | null> {
    const begun = await before
    return begun?.batch.more === true ? await this.#begin(begun.batch) : null
  }

  async #begin(after: LineBatch | null): Promise<Begun> {
    const batch = await this.#feed.next(this.#stop)
    const packed = this.#pack(batch, after)
    packed.catch(() => undefined)
    return { batch, packed }
  }
}
