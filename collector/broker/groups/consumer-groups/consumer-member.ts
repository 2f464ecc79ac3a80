// A member of a group of the newer protocol (KIP-848), and the step that moves it towards what it is to read.
import { common, filtered, isSame, noPartitions, type PartitionSet, union, without } from './partition-set.ts'

/**
 * Stable: it has what it is to have, or hears so with its next heartbeat. UnrevokedPartitions: it still has to give some
 * back. UnreleasedPartitions: somebody else still has to.
 */
export type MemberState = 'Stable' | 'UnrevokedPartitions' | 'UnreleasedPartitions'

/** Never changed once made: a change makes another one. */
export interface ConsumerMember {
  readonly id: string
  /** Static membership; null without. */
  readonly instanceId: string | null
  readonly rackId: string | null
  readonly clientId: string
  /** Address of the client, with a slash before it as Kafka shows it. */
  readonly clientHost: string
  readonly rebalanceTimeoutMs: number
  readonly topicNames: readonly string[]
  /** '' without. */
  readonly topicRegex: string
  /** The assignor it wants; null leaves it to the others. */
  readonly assignor: string | null
  readonly epoch: number
  /** The epoch before: the answer that told the member of the newer one may be lost. */
  readonly previousEpoch: number
  readonly state: MemberState
  /** What it reads or may begin to read. */
  readonly assigned: PartitionSet
  /** What it has to give back, and nobody else may have until then. */
  readonly revoking: PartitionSet
}

/** Of a static member that went away for a while; KIP-848's word for it in requests too. */
export const awayEpoch = -2

/** A member that has joined and has nothing yet. */
export const newcomer = {
  epoch: 0,
  previousEpoch: 0,
  state: 'Stable',
  assigned: noPartitions,
  revoking: noPartitions,
} as const

/** What the step looks at besides the member. */
export interface Aim {
  /** The epoch of the target. */
  readonly epoch: number
  readonly target: PartitionSet
  /** What the member says that it owns; null when it does not say. */
  readonly owned: PartitionSet | null
  /** Nobody has the partition. */
  readonly isFree: (topicId: string, partition: number) => boolean
}

/** The member after a heartbeat: what it must give back first, then what nobody else has any more. Source: KIP-848. */
export function reconciled(member: ConsumerMember, aim: Aim): ConsumerMember {
  if (member.state === 'Stable' && member.epoch === aim.epoch) return member
  if (member.state === 'UnrevokedPartitions' && isOwned(member.revoking, aim.owned)) return member
  const next = step(member, aim)
  // It still waits for what others have: nothing is to be kept of that.
  const isSameStep = next.state === member.state && next.epoch === member.epoch
  return isSameStep && isSame(next.assigned, member.assigned) ? member : next
}

function step(member: ConsumerMember, aim: Aim): ConsumerMember {
  const { assigned: had, epoch: previousEpoch } = member
  const assigned = common(had, aim.target)
  const revoking = without(had, aim.target)
  if (revoking.size > 0 && isOwned(revoking, aim.owned)) {
    return { ...member, previousEpoch, state: 'UnrevokedPartitions', assigned, revoking }
  }
  const missing = without(aim.target, assigned)
  const free = filtered(missing, aim.isFree)
  return {
    ...member,
    epoch: aim.epoch,
    previousEpoch,
    state: without(missing, free).size > 0 ? 'UnreleasedPartitions' : 'Stable',
    assigned: union(assigned, free),
    revoking: noPartitions,
  }
}

/** Whether the member still has some of these; one that does not say has. */
function isOwned(partitions: PartitionSet, owned: PartitionSet | null): boolean {
  return owned === null || common(partitions, owned).size > 0
}
