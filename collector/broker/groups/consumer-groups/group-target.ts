// GroupTarget: what each member of a group is to read in the end, and from which topics that was worked out.

import { type AssignorName, assignors, defaultAssignor, isAssignor, type Subscriber } from './assignors.ts'
import type { ConsumerGroupRecord } from './consumer-group.ts'
import type { ConsumerMember } from './consumer-member.ts'
import type { ConsumerMembers } from './consumer-members.ts'
import type { GroupTopics } from './consumer-types.ts'
import { isSame, noPartitions, type PartitionSet } from './partition-set.ts'

/** The topics that an expression matched when the topics were of this version. */
interface Resolved {
  readonly names: ReadonlySet<string>
  /** -1: before a restart. */
  readonly version: number
}

type Counts = ReadonlyMap<string, number>

export class GroupTarget {
  /** The group epoch it was made for. */
  epoch = 0
  #assignor: AssignorName = defaultAssignor
  #targets = new Map<string, PartitionSet>()
  readonly #patterns = new Map<string, Resolved>()
  /** Partitions of the topics subscribed to, when it was made; null before a restart. */
  #counts: Counts | null = null
  #version = -1
  #matched = 0

  /** How many topics the expressions matched, all together. */
  get matched(): number {
    return this.#matched
  }

  /** The assignor that made it. */
  get assignor(): AssignorName {
    return this.#assignor
  }

  of(memberId: string): PartitionSet {
    return this.#targets.get(memberId) ?? noPartitions
  }

  /** The topics that the expression matched; null for one that nobody has. */
  resolved(regex: string): ReadonlySet<string> | null {
    return this.#patterns.get(regex)?.names ?? null
  }

  restore({ targetEpoch, targets, patterns, members }: ConsumerGroupRecord): void {
    this.epoch = targetEpoch
    this.#assignor = preferred(members)
    this.#targets = new Map(targets)
    for (const [regex, names] of patterns) this.resolve(regex, names, -1)
  }

  /** The target of a member is that of the one in its place. */
  rename(from: string, to: string): void {
    this.#targets.set(to, this.of(from))
  }

  remove(memberId: string): void {
    this.#targets.delete(memberId)
  }

  isResolved(regex: string, version: number): boolean {
    return this.#patterns.get(regex)?.version === version
  }

  /** Whether these are other topics than before. */
  resolve(regex: string, topics: readonly string[], version: number): boolean {
    const before = this.resolved(regex)
    const names = new Set(topics)
    this.#matched += names.size - (before?.size ?? 0)
    this.#patterns.set(regex, { names, version })
    return before === null || before.symmetricDifference(names).size > 0
  }

  forget(regex: string): void {
    this.#matched -= this.resolved(regex)?.size ?? 0
    this.#patterns.delete(regex)
  }

  /**
   * Works out a new target when it is due or the topics have changed. Gives the members whose target is another one now,
   * or null when all is as it was.
   */
  assign(members: ConsumerMembers, topics: GroupTopics, isDue: boolean): readonly string[] | null {
    if (!isDue && this.#version === topics.version) return null
    this.#version = topics.version
    const { subscribers, counts } = this.#subscribers(members, topics)
    const isKnown = this.#counts !== null && isSameCounts(this.#counts, counts)
    this.#counts = counts
    if (!isDue && isKnown) return null
    const assignor = preferred(members.values())
    const targets = assignors[assignor](subscribers, counts)
    const changed = subscribers
      .map(({ id }) => id)
      .filter((id) => !isSame(this.of(id), targets.get(id) ?? noPartitions))
    if (!isDue && changed.length === 0) return null
    this.#assignor = assignor
    this.#targets = new Map(targets)
    return changed
  }

  #subscribers(members: ConsumerMembers, topics: GroupTopics) {
    const counts = new Map<string, number>()
    const known = new Map<string, ReadonlySet<string>>()
    const idsOf = ({ topicNames, topicRegex }: ConsumerMember): ReadonlySet<string> => {
      // Most members of a group subscribe alike.
      const key = `${topicRegex}\0${topicNames.join('\0')}`
      const ids = known.get(key) ?? this.#topicIds({ topicNames, topicRegex }, topics, counts)
      known.set(key, ids)
      return ids
    }
    const subscribers = [...members.values()].map(
      (member): Subscriber => ({ id: member.id, topics: idsOf(member), before: this.of(member.id) }),
    )
    return { subscribers, counts }
  }

  #topicIds(
    { topicNames, topicRegex }: Pick<ConsumerMember, 'topicNames' | 'topicRegex'>,
    topics: GroupTopics,
    counts: Map<string, number>,
  ): ReadonlySet<string> {
    const ids = new Set<string>()
    for (const name of [...topicNames, ...(this.resolved(topicRegex) ?? [])]) {
      const topic = topics.find(name)
      if (topic === null) continue
      ids.add(topic.id)
      counts.set(topic.id, topic.partitions)
    }
    return ids
  }
}

/** The assignor that most members want. */
function preferred(members: Iterable<ConsumerMember>): AssignorName {
  const votes = new Map<AssignorName, number>()
  for (const { assignor } of members) {
    if (assignor !== null && isAssignor(assignor)) votes.set(assignor, (votes.get(assignor) ?? 0) + 1)
  }
  let winner: AssignorName = defaultAssignor
  for (const [name, count] of votes) if (count > (votes.get(winner) ?? 0)) winner = name
  return winner
}

function isSameCounts(one: Counts, other: Counts): boolean {
  return one.size === other.size && [...one].every(([topic, count]) => other.get(topic) === count)
}
