// What the members of consumer groups of both protocols have in common for tests: who they are, and the offsets of their group.
import { type KafkaClient, throwCode } from './client.ts'
import type { Target } from './producer.ts'
import type { GroupOffset } from './transactions.ts'

/** `rejoin`: a rebalance is on, what was read may still be committed. `lost`: no longer a member, everything is another's. */
export type Standing = 'member' | 'rejoin' | 'lost'

/** Who commits. */
export interface Identity {
  readonly groupId: string
  /** '' before the first join. */
  readonly memberId: string
  /** Whose the partitions are: whoever comes with the same instance id has what the one before had. */
  readonly owner: string
  /** Of the newer protocol its member epoch. */
  readonly generation: number
}

/** A member of either protocol. */
export interface Membership extends Identity {
  /** Joins, again or until it has what it was told to read; gives that. */
  join(): Promise<readonly Target[]>
  /** Tells the coordinator that it is alive. */
  heartbeat(): Promise<Standing>
  /** The committed offsets, -1 where there is none; waits for transactions that are about to change them. */
  committed(targets: readonly Target[]): Promise<readonly GroupOffset[]>
  /** Goes, so that others need not wait for its session to end. */
  leave(): Promise<void>
}

/** A reader that is in no group's membership, for its offsets. */
export function outsider(groupId: string): Identity {
  return { groupId, memberId: '', owner: '', generation: -1 }
}

/** Commits once; throws what the broker says. */
export async function commitOffsets(
  client: KafkaClient,
  { groupId, memberId, generation }: Identity,
  offsets: readonly GroupOffset[],
): Promise<void> {
  const response = await client.request('OffsetCommit', {
    groupId,
    generationIdOrMemberEpoch: generation,
    memberId,
    groupInstanceId: null,
    topics: [...Map.groupBy(offsets, ({ topic }) => topic)].map(([name, each]) => ({
      name,
      partitions: each.map(({ partition, offset }) => ({
        partitionIndex: partition,
        committedOffset: offset,
        committedMetadata: null,
      })),
    })),
  })
  for (const { partitions } of response.topics) {
    for (const { errorCode } of partitions) throwCode(errorCode, 'OffsetCommit')
  }
}

/** See `Membership.committed`; a member of the newer protocol is refused when its epoch is over. */
export async function fetchOffsets(
  client: KafkaClient,
  { groupId, memberId, generation }: Identity,
  targets: readonly Target[],
): Promise<readonly GroupOffset[]> {
  const topics = [...Map.groupBy(targets, ({ topic }) => topic)].map(([name, each]) => ({
    name,
    partitionIndexes: each.map(({ partition }) => partition),
  }))
  const member = { memberId: memberId === '' ? null : memberId, memberEpoch: generation }
  const response = await client.request('OffsetFetch', {
    groups: [{ groupId, ...member, topics }],
    requireStable: true,
  })
  const group = response.groups[0]
  throwCode(group?.errorCode ?? -1, 'OffsetFetch')
  return (group?.topics ?? []).flatMap(({ name, partitions }) =>
    partitions.map(({ partitionIndex, committedOffset, errorCode }) => {
      throwCode(errorCode, 'OffsetFetch')
      return { topic: name, partition: partitionIndex, offset: committedOffset }
    }),
  )
}
