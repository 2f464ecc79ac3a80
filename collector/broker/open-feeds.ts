// OpenFeeds: the feeds that read now, one a group and partition.
import type { Batch } from '../../core/event-log.ts'
import type { Feed } from '../../core/flow.ts'
import type { OffsetKey } from './groups/offset-codec.ts'

/** What helps where a sink of our own is in the way: its feeds are open for as long as it is configured. */
export const sinkInTheWay =
  'Take the sink out of the YAML and start the collector again; do this, then put the sink back.'

export class OpenFeeds {
  readonly #feeds = new Map<string, { readonly key: OffsetKey; readonly feed: Feed<Batch> }>()

  has(key: OffsetKey): boolean {
    return this.#feeds.has(nameOf(key))
  }

  add(key: OffsetKey, feed: Feed<Batch>): void {
    this.#feeds.set(nameOf(key), { key, feed })
  }

  remove(key: OffsetKey): void {
    this.#feeds.delete(nameOf(key))
  }

  /** What they read. */
  keys(): readonly OffsetKey[] {
    return [...this.#feeds.values()].map(({ key }) => key)
  }

  /** Closes all of them; each takes itself out. */
  async close(): Promise<void> {
    for (const { feed } of [...this.#feeds.values()]) await feed[Symbol.asyncDispose]()
  }
}

function nameOf({ group, topic, partition }: OffsetKey): string {
  return `${group}\0${topic}\0${partition}`
}
