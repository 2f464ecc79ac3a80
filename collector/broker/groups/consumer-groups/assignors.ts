// Who is to read what: the assignors `uniform` and `range` of the newer group protocol. Pure, and the same for the same input.
import type { PartitionSet } from './partition-set.ts'
import { noPartitions, partitionSet } from './partition-set.ts'

/** A member as an assignor sees it. */
export interface Subscriber {
  readonly id: string
  /** Ids of topics that exist. */
  readonly topics: ReadonlySet<string>
  /** What it was to read until now. */
  readonly before: PartitionSet
}

/** Partitions of each topic that anybody subscribes to. */
export type PartitionCounts = ReadonlyMap<string, number>

/** Gives each partition to one of its subscribers. */
export type Assignor = (
  subscribers: readonly Subscriber[],
  counts: PartitionCounts,
) => ReadonlyMap<string, PartitionSet>

/** By Kafka's names; the first is what counts when nobody asks for one. */
export const assignors = { uniform, range } as const

export type AssignorName = keyof typeof assignors

export const defaultAssignor: AssignorName = 'uniform'

export function isAssignor(name: string): name is AssignorName {
  return Object.hasOwn(assignors, name)
}

/** A subscriber and what it gets. */
interface Share {
  readonly subscriber: Subscriber
  readonly taken: Map<string, number[]>
  load: number
}

/** The same number for each, one more or less, and as few moves as that takes. */
function uniform(
  subscribers: readonly Subscriber[],
  counts: PartitionCounts,
): ReadonlyMap<string, PartitionSet> {
  const shares = sharesOf(subscribers)
  const byTopic = new Map([...counts.keys()].map((topic) => [topic, readersOf(topic, shares)]))
  const isAlike = shares.every(({ subscriber }) => subscriber.topics.size === counts.size)
  const owned = keepOwn(shares, counts, isAlike)
  for (const [topic, count] of sorted(counts)) {
    const readers = byTopic.get(topic) ?? []
    for (let partition = 0; partition < count; partition += 1) {
      if (owned.get(topic)?.has(partition) === true) continue
      const share = leastLoaded(readers)
      if (share !== null) take(share, topic, partition)
    }
  }
  if (!isAlike) level(byTopic)
  return outcome(shares)
}

/** Of each topic a run of neighbours; members of the same topics get the same numbers of each. */
function range(
  subscribers: readonly Subscriber[],
  counts: PartitionCounts,
): ReadonlyMap<string, PartitionSet> {
  const shares = sharesOf(subscribers)
  // Who had lower numbers stays before who had higher ones, newcomers come last: as little as possible moves.
  const places = new Map(shares.map((share) => [share, lowestOf(share.subscriber.before)]))
  const inOrder = shares.toSorted((one, other) => (places.get(one) ?? 0) - (places.get(other) ?? 0))
  for (const [topic, count] of counts) {
    const readers = readersOf(topic, inOrder)
    let partition = 0
    for (const [index, share] of readers.entries()) {
      const end = partition + Math.floor(count / readers.length) + Number(index < count % readers.length)
      for (; partition < end; partition += 1) take(share, topic, partition)
    }
  }
  return outcome(shares)
}

/** In order of their ids, nothing taken yet. */
function sharesOf(subscribers: readonly Subscriber[]): readonly Share[] {
  return subscribers
    .toSorted((one, other) => (one.id < other.id ? -1 : 1))
    .map((subscriber) => ({ subscriber, taken: new Map(), load: 0 }))
}

function readersOf(topic: string, shares: readonly Share[]): readonly Share[] {
  return shares.filter(({ subscriber }) => subscriber.topics.has(topic))
}

function sorted(counts: PartitionCounts): readonly (readonly [string, number])[] {
  return [...counts].sort(([one], [other]) => (one < other ? -1 : 1))
}

/**
 * Everybody keeps what it had and still subscribes to; where all subscribe alike, no more than its part. Gives the
 * partitions that are taken.
 */
function keepOwn(
  shares: readonly Share[],
  counts: PartitionCounts,
  isAlike: boolean,
): ReadonlyMap<string, ReadonlySet<number>> {
  const owned = new Map<string, Set<number>>([...counts.keys()].map((topic) => [topic, new Set()]))
  let total = 0
  for (const count of counts.values()) total += count
  const part = Math.floor(total / shares.length)
  let larger = total % shares.length
  const keeps = shares.map((share) => ({ share, kept: keptOf(share.subscriber, counts) }))
  // Who has most first: it is to be among those that have one more.
  for (const { share, kept } of keeps.toSorted((one, other) => other.kept.length - one.kept.length)) {
    const isLarger = kept.length > part && larger > 0
    if (isLarger) larger -= 1
    const most = isAlike ? part + Number(isLarger) : kept.length
    for (const [topic, partition] of kept) {
      const taken = owned.get(topic)
      if (share.load >= most || taken === undefined || taken.has(partition)) continue
      taken.add(partition)
      take(share, topic, partition)
    }
  }
  return owned
}

function keptOf(
  { before, topics }: Subscriber,
  counts: PartitionCounts,
): readonly (readonly [string, number])[] {
  return [...before].flatMap(([topic, partitions]) =>
    topics.has(topic)
      ? [...partitions].filter((one) => one < (counts.get(topic) ?? 0)).map((one) => [topic, one] as const)
      : [],
  )
}

/** Moves single partitions from who has two more to who has fewest, until nobody has. Each move evens out, so it ends. */
function level(byTopic: ReadonlyMap<string, readonly Share[]>): void {
  for (let isMoved = true; isMoved; ) {
    isMoved = false
    for (const [topic, readers] of byTopic) {
      for (;;) {
        const giver = mostLoaded(readers, topic)
        const taker = leastLoaded(readers)
        if (giver === null || taker === null || giver.load < taker.load + 2) break
        const partition = giver.taken.get(topic)?.pop()
        if (partition === undefined) break
        giver.load -= 1
        take(taker, topic, partition)
        isMoved = true
      }
    }
  }
}

function leastLoaded(readers: readonly Share[]): Share | null {
  let least: Share | null = null
  for (const share of readers) if (least === null || share.load < least.load) least = share
  return least
}

/** Of those that have a partition of the topic. */
function mostLoaded(readers: readonly Share[], topic: string): Share | null {
  let most: Share | null = null
  for (const share of readers) {
    const hasSome = (share.taken.get(topic)?.length ?? 0) > 0
    if (hasSome && (most === null || share.load > most.load)) most = share
  }
  return most
}

function take(share: Share, topic: string, partition: number): void {
  const taken = share.taken.get(topic)
  if (taken === undefined) share.taken.set(topic, [partition])
  else taken.push(partition)
  share.load += 1
}

function lowestOf(before: PartitionSet): number {
  let lowest = Number.MAX_SAFE_INTEGER
  for (const partitions of before.values()) for (const one of partitions) lowest = Math.min(lowest, one)
  return lowest
}

function outcome(shares: readonly Share[]): ReadonlyMap<string, PartitionSet> {
  return new Map(
    shares.map(({ subscriber, taken, load }) => {
      const list = [...taken].map(([topicId, partitions]) => ({ topicId, partitions }))
      return [subscriber.id, load === 0 ? noPartitions : partitionSet(list)]
    }),
  )
}
