// What consumer groups are told and what they answer: the vocabulary of the group modules, in Kafka's words.
import type { KafkaErrorName } from '../../../protocol/errors.ts'

/** Kafka's names of the states of a group; a group that is not there is `Dead`. */
export type GroupPhase = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable' | 'Dead'

/** One way to divide partitions that a member knows; `metadata` is its subscription, opaque to the broker. */
export interface GroupProtocol {
  readonly name: string
  readonly metadata: Uint8Array
}

/** Who asks, as every request of a member says it. */
export interface MemberIdentity {
  /** '' on the first join. */
  readonly memberId: string
  /** Static membership (KIP-345); null without. */
  readonly instanceId: string | null
}

export interface JoinRequest extends MemberIdentity {
  readonly clientId: string
  /** Address of the client, with a slash before it as Kafka shows it. */
  readonly clientHost: string
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly protocolType: string
  readonly protocols: readonly GroupProtocol[]
  /** KIP-394: the client knows MEMBER_ID_REQUIRED (version 4 and up). */
  readonly knowsMemberIdRequired: boolean
  /** KIP-814: the client knows skipAssignment (version 9 and up). */
  readonly knowsSkipAssignment: boolean
}

export interface JoinedMember {
  readonly memberId: string
  readonly instanceId: string | null
  readonly metadata: Uint8Array
}

export interface JoinAnswer {
  readonly error: KafkaErrorName
  readonly generationId: number
  readonly protocolType: string | null
  readonly protocolName: string | null
  readonly leader: string
  readonly skipAssignment: boolean
  readonly memberId: string
  /** For the leader; empty for the others. */
  readonly members: readonly JoinedMember[]
}

export interface SyncRequest extends MemberIdentity {
  readonly generationId: number
  /** Null when the client does not say. */
  readonly protocolType: string | null
  readonly protocolName: string | null
  /** From the leader; empty from the others. */
  readonly assignments: readonly { readonly memberId: string; readonly assignment: Uint8Array }[]
}

export interface SyncAnswer {
  readonly error: KafkaErrorName
  readonly protocolType: string | null
  readonly protocolName: string | null
  readonly assignment: Uint8Array
}

export interface HeartbeatRequest extends MemberIdentity {
  readonly generationId: number
}

/** A member as it is kept in `__consumer_offsets`. */
export interface MemberRecord {
  readonly memberId: string
  readonly instanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly rebalanceTimeoutMs: number
  readonly sessionTimeoutMs: number
  /** Its metadata of the group's protocol. */
  readonly subscription: Uint8Array
  readonly assignment: Uint8Array
}

/** A group as it is kept in `__consumer_offsets`: Empty without members, else Stable. */
export interface GroupRecord {
  readonly protocolType: string
  readonly generation: number
  readonly protocol: string | null
  readonly leader: string | null
  /** Wall-clock ms when the group became what it is. */
  readonly since: number
  readonly members: readonly MemberRecord[]
}

/** Who commits: checked against the group before anything is stored. */
export interface CommitIdentity extends MemberIdentity {
  readonly group: string
  /** -1: a simple consumer, without a group's membership. */
  readonly generationId: number
}

export interface CommitPartition {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** -1 when the client does not say. */
  readonly leaderEpoch: number
  readonly metadata: string
}

export interface OffsetCommitRequest extends CommitIdentity {
  readonly partitions: readonly CommitPartition[]
}

/** Offsets that count once the producer's transaction commits. */
export interface TxnOffsetCommitRequest extends OffsetCommitRequest {
  readonly producerId: number
  readonly producerEpoch: number
  /** The client knows TRANSACTION_ABORTABLE. */
  readonly knowsAbortable: boolean
}

export interface PartitionError {
  readonly topic: string
  readonly partition: number
  readonly error: KafkaErrorName
}

export interface FetchedOffset {
  readonly topic: string
  readonly partition: number
  /** -1: none is committed. */
  readonly offset: number
  readonly leaderEpoch: number
  readonly metadata: string
  readonly error: KafkaErrorName
}
