// GET /v1/groups: how far every group has come, in records and in time.
import { json } from './errors.ts'
import type { LogAdmin } from './log-admin.ts'
import type { Route } from './router.ts'

/** The route. */
export function groupRoutes(admin: LogAdmin): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/groups',
      access: 'admin',
      about: 'Groups (sinks among them) with their offsets and their lag.',
      handle: async () => json(200, { groups: groupList(admin) }),
    },
  ]
}

/** Groups by name, each with its partitions and the sum of its lag. */
export function groupList(admin: LogAdmin): readonly object[] {
  const groups = new Map<string, { lag: number; lagMs: number; partitions: object[] }>()
  for (const position of admin.groups()) {
    const group = groups.get(position.group) ?? { lag: 0, lagMs: 0, partitions: [] }
    groups.set(position.group, group)
    group.lag += position.lagRecords
    group.lagMs = Math.max(group.lagMs, position.lagMs ?? 0)
    group.partitions.push({
      topic: position.topic,
      partition: position.partition,
      offset: position.offset,
      end_offset: position.endOffset,
      lag_records: position.lagRecords,
      lag_ms: position.lagMs,
    })
  }
  return [...groups].map(([group, { lag, lagMs, partitions }]) => {
    return { group, lag_records: lag, lag_ms: lagMs, partitions }
  })
}
