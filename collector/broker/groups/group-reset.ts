// Sets a group elsewhere in a partition, as an operator asks for it: our own feeds', or one of Kafka clients.
import { LogdriveError } from '../../../core/errors.ts'
import type { Clock } from '../../../core/runtime.ts'
import { sinkInTheWay } from '../open-feeds.ts'
import type { GroupCoordinator } from './group-coordinator.ts'
import type { GroupOffsets } from './group-offsets.ts'
import { type CommittedOffset, feedOffset, type OffsetKey } from './offset-codec.ts'

export interface ResetParts {
  readonly coordinator: GroupCoordinator
  readonly offsets: GroupOffsets
  readonly clock: Clock
}

/** Where the group is to stand, in a topic with this id. */
export interface Place {
  readonly offset: number
  readonly topicId: string
}

/** Commits the place; a feed's replay epoch grows. Throws REQUEST_INVALID while somebody reads for the group. */
export async function resetOffset(key: OffsetKey, place: Place, parts: ResetParts): Promise<void> {
  const { coordinator, offsets, clock } = parts
  const { offset, topicId } = place
  const committedAt = clock.now()
  let value: CommittedOffset = { ...place, leaderEpoch: -1, metadata: '', committedAt, feed: null }
  if (coordinator.isFeeds(key.group)) {
    const replayEpoch = (offsets.find(key)?.feed?.replayEpoch ?? 0) + 1
    value = feedOffset(offset, topicId, { replayEpoch, plan: null }, committedAt)
  } else refuseActive(key.group, coordinator)
  await offsets.commitAll([{ ...key, ...value }])
}

/** Throws REQUEST_INVALID while somebody reads for the group. */
export function refuseActive(group: string, coordinator: GroupCoordinator): void {
  const found = coordinator.describeGroup(group)
  if (found === null || found.phase === 'Empty') return
  const hint = coordinator.isFeeds(group)
    ? sinkInTheWay
    : 'Stop its consumers first; the session of one that was killed ends by itself soon after.'
  const who = found.memberCount === 1 ? 'a member' : `${found.memberCount} members`
  throw new LogdriveError('REQUEST_INVALID', `group ${group} has ${who} now`, { hint })
}
