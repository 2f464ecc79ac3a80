// A group of the newer protocol as an operator sees it, with the names of its topics.
import type { ConsumerGroup } from './consumer-group.ts'
import type { ConsumerMember } from './consumer-member.ts'
import { type PartitionSet, type TopicPartitions, topicPartitions } from './partition-set.ts'

export interface NamedPartitions extends TopicPartitions {
  readonly topicName: string
}

export interface DescribedConsumerMember
  extends Omit<ConsumerMember, 'id' | 'assigned' | 'revoking' | 'state' | 'previousEpoch'> {
  readonly memberId: string
  /** Topics that it named, and that its expression matched. */
  readonly subscribed: readonly string[]
  readonly assigned: readonly NamedPartitions[]
  readonly target: readonly NamedPartitions[]
}

export interface DescribedConsumerGroup {
  readonly phase: string
  readonly epoch: number
  readonly targetEpoch: number
  readonly assignor: string
  readonly members: readonly DescribedConsumerMember[]
}

/** Finds a topic by its id. */
interface Topics {
  findById(id: string): { readonly name: string } | null
}

export function describeConsumerGroup(group: ConsumerGroup, topics: Topics): DescribedConsumerGroup {
  const { phase, epoch, target } = group
  const names = new Map<string, string | null>()
  const named = (set: PartitionSet): readonly NamedPartitions[] =>
    topicPartitions(set).flatMap(({ topicId, partitions }) => {
      const known = names.get(topicId)
      const topicName = known === undefined ? (topics.findById(topicId)?.name ?? null) : known
      names.set(topicId, topicName)
      // A topic that is gone has no name any more; what is left of it is given back soon.
      return topicName === null ? [] : { topicId, topicName, partitions }
    })
  const members = [...group.members.values()].map((member): DescribedConsumerMember => {
    const {
      id: memberId,
      assigned,
      revoking: _revoking,
      state: _state,
      previousEpoch: _before,
      ...facts
    } = member
    const subscribed = [...new Set([...member.topicNames, ...(target.resolved(member.topicRegex) ?? [])])]
    return { ...facts, memberId, subscribed, assigned: named(assigned), target: named(target.of(memberId)) }
  })
  return { phase, epoch, targetEpoch: target.epoch, assignor: target.assignor, members }
}
