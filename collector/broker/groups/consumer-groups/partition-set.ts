// Partitions of many topics as a value: by the id of the topic; a topic without partitions is not in it.

/** Never changed once made. */
export type PartitionSet = ReadonlyMap<string, ReadonlySet<number>>

/** Partitions of one topic as messages and records carry them. */
export interface TopicPartitions {
  readonly topicId: string
  readonly partitions: readonly number[]
}

export const noPartitions: PartitionSet = new Map()

/** The set of what is listed; a topic may be listed twice. */
export function partitionSet(list: Iterable<TopicPartitions>): PartitionSet {
  const set = new Map<string, Set<number>>()
  for (const { topicId, partitions } of list) {
    if (partitions.length === 0) continue
    const numbers = set.get(topicId) ?? new Set()
    for (const partition of partitions) numbers.add(partition)
    set.set(topicId, numbers)
  }
  return set
}

/** In order of id and number, so that equal sets are listed alike. */
export function topicPartitions(set: PartitionSet): readonly TopicPartitions[] {
  return [...set]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([topicId, partitions]) => ({ topicId, partitions: [...partitions].sort((a, b) => a - b) }))
}

/** What is in both. */
export function common(one: PartitionSet, other: PartitionSet): PartitionSet {
  return filtered(one, (topicId, partition) => other.get(topicId)?.has(partition) === true)
}

/** What is in the first only. */
export function without(one: PartitionSet, other: PartitionSet): PartitionSet {
  return filtered(one, (topicId, partition) => other.get(topicId)?.has(partition) !== true)
}

/** What is in one of them. */
export function union(one: PartitionSet, other: PartitionSet): PartitionSet {
  if (other.size === 0) return one
  if (one.size === 0) return other
  return partitionSet([...topicPartitions(one), ...topicPartitions(other)])
}

export function filtered(
  set: PartitionSet,
  isWanted: (topicId: string, partition: number) => boolean,
): PartitionSet {
  const kept = new Map<string, ReadonlySet<number>>()
  for (const [topicId, partitions] of set) {
    const wanted = new Set<number>()
    for (const partition of partitions) if (isWanted(topicId, partition)) wanted.add(partition)
    if (wanted.size > 0) kept.set(topicId, wanted)
  }
  return kept
}

export function isSubset(one: PartitionSet, other: PartitionSet): boolean {
  for (const [topicId, partitions] of one) {
    if (!partitions.isSubsetOf(other.get(topicId) ?? none)) return false
  }
  return true
}

export function isSame(one: PartitionSet, other: PartitionSet): boolean {
  return countOf(one) === countOf(other) && isSubset(one, other)
}

/** How many partitions there are. */
export function countOf(set: PartitionSet): number {
  let count = 0
  for (const partitions of set.values()) count += partitions.size
  return count
}

const none: ReadonlySet<number> = new Set()
