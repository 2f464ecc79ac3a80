// What a group tells its members, as plain values.
import type { KafkaErrorName } from '../../../protocol/errors.ts'
import { type Members, metadataOf, nothing } from './group-members.ts'
import { subscribedTopics } from './group-protocol.ts'
import type { JoinAnswer, JoinedMember, SyncAnswer } from './group-types.ts'

/** No generation: as Kafka tells of one. */
const noGeneration = -1

export function failedJoin(error: KafkaErrorName, memberId: string): JoinAnswer {
  return {
    error,
    generationId: noGeneration,
    protocolType: null,
    protocolName: null,
    leader: '',
    skipAssignment: false,
    memberId,
    members: [],
  }
}

export function failedSync(error: KafkaErrorName): SyncAnswer {
  return { error, protocolType: null, protocolName: null, assignment: nothing }
}

/** All members with what they said for the protocol, for the leader to divide partitions among. */
export function joinedMembers(members: Members, protocol: string | null): readonly JoinedMember[] {
  return [...members.values()].map((member) => ({
    memberId: member.id,
    instanceId: member.instanceId,
    metadata: metadataOf(member, protocol),
  }))
}

/**
 * Whether two subscriptions ask for the same topics. What a member owned when it asked does not count: a static member
 * that restarts owns nothing yet. Bytes that are no subscription are compared as they are.
 */
export function sameSubscription(one: Uint8Array, other: Uint8Array): boolean {
  const topics = subscribedTopics(one)
  const others = subscribedTopics(other)
  if (topics === null || others === null) return Buffer.compare(one, other) === 0
  return new Set(topics).symmetricDifference(new Set(others)).size === 0
}
