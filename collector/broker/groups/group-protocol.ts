// What consumers put into a group: the subscription and the assignment of the `consumer` protocol type, read with care.
//
// Source: kafka ConsumerProtocolSubscription.json, ConsumerProtocolAssignment.json. Every version begins with what version
// 0 has, so newer ones are read as that. Members may send anything here: what makes no sense is null, never an error.
import { array, bytes, type Decoded, field, int32, string, struct } from '../../../protocol/schema.ts'
import { decodeValue, encodeValue, versionOf } from '../../../protocol/values.ts'

const subscription = struct({
  topics: field(array(string), '0+', 'The topics the member reads.'),
  userData: field(bytes, '0+', 'What its assignor adds, or null.', { nullable: '0+', default: null }),
})

const assignedTopic = struct({
  topic: field(string, '0+', 'The name of the topic.'),
  partitions: field(array(int32), '0+', 'The partitions of it that are the member\u2019s.'),
})

const assignment = struct({
  assignedPartitions: field(array(assignedTopic), '0+', 'What the member is to read.'),
  userData: field(bytes, '0+', 'What the assignor adds, or null.', { nullable: '0+', default: null }),
})

/** Partitions of one topic that are a member's. */
export type AssignedTopic = Decoded<typeof assignedTopic>

/** The topics of a subscription, or null for bytes that are none. */
export function subscribedTopics(value: Uint8Array): readonly string[] | null {
  if ((versionOf(value) ?? -1) < 0) return null
  return decodeValue(subscription, 0, value, false)?.topics ?? null
}

/** What an assignment hands out, or null for bytes that are none. No bytes are an empty assignment. */
export function assignedPartitions(value: Uint8Array): readonly AssignedTopic[] | null {
  if (value.length === 0) return []
  if ((versionOf(value) ?? -1) < 0) return null
  return decodeValue(assignment, 0, value, false)?.assignedPartitions ?? null
}

/** A subscription of version 0 without user data. */
export function encodeSubscription(topics: readonly string[]): Uint8Array {
  return encodeValue(subscription, 0, { topics })
}

/** An assignment of version 0 without user data. */
export function encodeAssignment(assigned: readonly AssignedTopic[]): Uint8Array {
  return encodeValue(assignment, 0, { assignedPartitions: assigned })
}
