// GET /v1/groups: how far every group has come, in records and in time.
import type { Clock } from '../../core/runtime.ts'
import { json } from './errors.ts'
import type { LogAdmin } from './log-admin.ts'
import type { Route } from './router.ts'

/** Where a group stands in one partition, as it is shown. */
export interface GroupPosition {
  readonly topic: string
  readonly partition: number
  /** The next offset it reads. */
  readonly offset: number
  readonly end_offset: number
  readonly lag_records: number
  /** Time since the oldest record it has not read was stored; null when that cannot be read any more. */
  readonly lag_ms: number | null
  readonly replay_epoch: number
  readonly committed_at: string
}

/** A group with the sum of its records and the longest of its lags. */
export interface ShownGroup {
  readonly group: string
  readonly lag_records: number
  readonly lag_ms: number
  readonly partitions: readonly GroupPosition[]
}

/** The route. */
export function groupRoutes(admin: LogAdmin, clock: Clock): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/groups',
      access: 'admin',
      about: 'Groups (sinks among them) with their offsets and their lag.',
      handle: async ({ request }) => json(200, { groups: await groupList(admin, clock, request.signal) }),
    },
  ]
}

/** Groups by name. Reads one record for every partition that lags. */
export async function groupList(
  admin: LogAdmin,
  clock: Clock,
  signal: AbortSignal,
): Promise<readonly ShownGroup[]> {
  const groups = new Map<string, GroupPosition[]>()
  for (const { group, topic, partition, offset, end, lag, replayEpoch, committedAt } of admin.groups()) {
    const place = { topic, partition, offset }
    const position: GroupPosition = {
      ...place,
      end_offset: end,
      lag_records: lag,
      lag_ms: lag === 0 ? 0 : await ageOf(admin, place, clock.now(), signal),
      replay_epoch: replayEpoch,
      committed_at: new Date(committedAt).toISOString(),
    }
    const positions = groups.get(group)
    if (positions === undefined) groups.set(group, [position])
    else positions.push(position)
  }
  return [...groups].map(([group, partitions]) => {
    let records = 0
    let ms = 0
    for (const position of partitions) {
      records += position.lag_records
      ms = Math.max(ms, position.lag_ms ?? 0)
    }
    return { group, lag_records: records, lag_ms: ms, partitions }
  })
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
