// GET /v1/groups: how far every group has come, in records and in time, and who its members are.
import { LogdriveError } from '../../core/errors.ts'
import type { Clock } from '../../core/runtime.ts'
import type { DescribedMember } from '../broker/groups/group-coordinator.ts'
import { assignedPartitions } from '../broker/groups/group-protocol.ts'
import type { GroupStatus } from '../broker/status.ts'
import { json } from './errors.ts'
import { resetGroup } from './group-reset.ts'
import type { LogAdmin } from './log-admin.ts'
import { param, type Route } from './router.ts'

/** Where a group stands in one partition, as it is shown. */
export interface GroupPosition {
  readonly topic: string
  readonly partition: number
  /** The next offset it reads. */
  readonly offset: number
  readonly end_offset: number
  readonly lag_records: number
  /** Time since the oldest record it has not read was stored; null when nobody looked, or it cannot be read any more. */
  readonly lag_ms: number | null
  readonly replay_epoch: number
  readonly committed_at: string
}

/** A group with the sum of its records and the longest of its lags. */
export interface ShownGroup {
  readonly group: string
  /** The protocol of its members: `classic`, or `consumer` for the newer one (KIP-848). */
  readonly type: string
  /** Kafka's name of it: Stable, Empty, PreparingRebalance, CompletingRebalance, Assigning, Reconciling. */
  readonly state: string
  /** How many members it has. */
  readonly members: number
  readonly lag_records: number
  readonly lag_ms: number
  readonly partitions: readonly GroupPosition[]
}

/** One record is read for each partition that lags; in this many at most. */
const lookedAtMax = 1000

/** The routes. */
export function groupRoutes(admin: LogAdmin, clock: Clock): readonly Route[] {
  const one = '/v1/groups/{group}'
  return [
    {
      method: 'GET',
      path: '/v1/groups',
      access: 'admin',
      about: 'Groups (sinks among them) with their offsets and their lag.',
      handle: async ({ request }) => json(200, { groups: await groupList(admin, clock, request.signal) }),
    },
    {
      method: 'GET',
      path: one,
      access: 'admin',
      about: 'One group with its members and what they read.',
      handle: async (call) =>
        json(200, await groupOf(param(call, 'group'), admin, clock, call.request.signal)),
    },
    {
      method: 'POST',
      path: `${one}/reset`,
      access: 'admin',
      about:
        'Sets a group without members elsewhere: { to: "beginning" | "end" | offset | ISO time, topic?, partition?, dry_run? }.',
      handle: async (call) => json(200, await resetGroup(param(call, 'group'), call.request, admin)),
    },
  ]
}

/** Groups by name. */
export async function groupList(
  admin: LogAdmin,
  clock: Clock,
  signal: AbortSignal,
): Promise<readonly ShownGroup[]> {
  const statuses = admin.groups()
  const positions = await positionsOf(statuses, admin, clock, signal)
  const byGroup = Map.groupBy(positions, (_, index) => statuses[index]?.group ?? '')
  return admin.groupsCoordinator.listGroups().map((listed) => {
    const partitions = byGroup.get(listed.group) ?? []
    const { group, type, phase: state, memberCount: members } = listed
    return { group, type, state, members, ...lagOf(partitions), partitions }
  })
}

async function groupOf(group: string, admin: LogAdmin, clock: Clock, signal: AbortSignal): Promise<object> {
  const described = admin.groupsCoordinator.describeGroup(group)
  if (described === null) throw new LogdriveError('NOT_FOUND', `there is no group ${group}`)
  const statuses = admin.groups().filter((status) => status.group === group)
  const partitions = await positionsOf(statuses, admin, clock, signal)
  return {
    group,
    type: described.type,
    state: described.phase,
    protocol_type: described.protocolType,
    protocol: described.protocol,
    ...lagOf(partitions),
    members: described.members.map(shownMember),
    partitions,
  }
}

function shownMember(member: DescribedMember): object {
  return {
    member_id: member.memberId,
    instance_id: member.instanceId,
    client_id: member.clientId,
    host: member.clientHost.replace(/^\//, ''),
    // Null: what its leader gave it is no assignment of consumers.
    assigned: assignedPartitions(member.assignment),
  }
}

function lagOf(partitions: readonly GroupPosition[]): Pick<ShownGroup, 'lag_records' | 'lag_ms'> {
  let records = 0
  let ms = 0
  for (const position of partitions) {
    records += position.lag_records
    ms = Math.max(ms, position.lag_ms ?? 0)
  }
  return { lag_records: records, lag_ms: ms }
}

async function positionsOf(
  statuses: readonly GroupStatus[],
  admin: LogAdmin,
  clock: Clock,
  signal: AbortSignal,
): Promise<readonly GroupPosition[]> {
  const positions: GroupPosition[] = []
  let lookedAt = 0
  for (const { topic, partition, offset, end, lag, replayEpoch, committedAt } of statuses) {
    const place = { topic, partition, offset }
    if (lag > 0) lookedAt += 1
    const ageMs = lookedAt > lookedAtMax ? null : () => ageOf(admin, place, clock.now(), signal)
    positions.push({
      ...place,
      end_offset: end,
      lag_records: lag,
      lag_ms: lag === 0 ? 0 : ((await ageMs?.()) ?? null),
      replay_epoch: replayEpoch,
      committed_at: new Date(committedAt).toISOString(),
    })
  }
  return positions
}

async function ageOf(
  admin: LogAdmin,
  place: { readonly topic: string; readonly partition: number; readonly offset: number },
  now: number,
  signal: AbortSignal,
): Promise<number | null> {
  const start = { offset: place.offset }
  const options = { topics: [place.topic], partition: place.partition, start, follow: false, recordsMax: 1 }
  for await (const record of admin.tail(options, signal)) return Math.max(0, now - record.timestamp)
  return null
}
