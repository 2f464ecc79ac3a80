// What groups of the newer protocol (KIP-848) are asked and what they answer, in Kafka's words.
import type { PartitionSet } from './partition-set.ts'

/** One ConsumerGroupHeartbeat. What is null is as it was before. */
export interface ConsumerHeartbeat {
  readonly memberId: string
  /** 0 joins, -1 leaves, -2 leaves for a while (static members). */
  readonly memberEpoch: number
  readonly instanceId: string | null
  readonly rackId: string | null
  readonly rebalanceTimeoutMs: number | null
  readonly topicNames: readonly string[] | null
  /** '' for none any more. */
  readonly topicRegex: string | null
  readonly assignor: string | null
  readonly owned: PartitionSet | null
  readonly clientId: string
  readonly clientHost: string
  /** Whether the member may know of a topic that its expression matches. */
  readonly isVisible: (topic: string) => boolean
}

export interface ConsumerAnswer {
  readonly memberId: string
  readonly memberEpoch: number
  /** Null when it is as the member was told before. */
  readonly assigned: PartitionSet | null
}

/** Kafka's names of the states. Assigning: somebody left, and nobody has asked since. */
export type ConsumerGroupPhase = 'Empty' | 'Assigning' | 'Reconciling' | 'Stable'

/** The topics that there are. */
export interface GroupTopics {
  /** Grows whenever a topic comes, goes or grows. */
  readonly version: number
  find(name: string): { readonly id: string; readonly partitions: number } | null
  list(): readonly { readonly name: string }[]
}

/** One thing that is kept of a group: a record of its own. */
export type GroupPart =
  | { readonly kind: 'group' | 'target' }
  | { readonly kind: 'member' | 'memberTarget' | 'current' | 'pattern'; readonly name: string }
