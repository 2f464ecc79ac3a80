// Groups: partitions have one owner per generation, only the newest generation commits, and what was committed is fetched.

/** A member was given these partitions by SyncGroup. */
export interface Assigned {
  readonly kind: 'assigned'
  readonly group: string
  readonly generation: number
  readonly member: string
  readonly keys: readonly string[]
  /** When the request went and when its answer came. */
  readonly from: number
  readonly to: number
}

/** A commit of one partition; `info` when no answer came: it may still take effect at any time after `from`. */
export interface Committed {
  readonly kind: 'committed'
  readonly group: string
  /** -1 for a commit from outside any generation. */
  readonly generation: number
  readonly key: string
  readonly offset: number
  readonly outcome: 'ok' | 'fail' | 'info'
  readonly from: number
  readonly to: number
}

/** A committed offset that was asked for; -1 is none. */
export interface Fetched {
  readonly kind: 'fetched'
  readonly group: string
  readonly key: string
  readonly offset: number
  readonly from: number
  readonly to: number
}

export type GroupEvent = Assigned | Committed | Fetched

/** Sentences about what is wrong; empty is good. */
export function checkGroups(events: readonly GroupEvent[]): readonly string[] {
  const assigned = events.filter((event) => event.kind === 'assigned')
  const committed = events.filter((event) => event.kind === 'committed')
  const fetched = events.filter((event) => event.kind === 'fetched')
  return [
    ...checkOwners(assigned),
    ...checkGenerations(assigned, committed),
    ...checkFetched(committed, fetched),
  ]
}

function checkOwners(assigned: readonly Assigned[]): readonly string[] {
  const found: string[] = []
  const owners = new Map<string, string>()
  for (const { group, generation, member, keys } of assigned) {
    for (const key of keys) {
      const place = `${group}/${generation}/${key}`
      const owner = owners.get(place) ?? member
      owners.set(place, owner)
      if (owner !== member) found.push(`two owners: ${place} belongs to ${owner} and ${member}`)
    }
  }
  return found
}

/** A commit that began after a newer generation was handed out must be refused. */
function checkGenerations(assigned: readonly Assigned[], committed: readonly Committed[]): readonly string[] {
  const found: string[] = []
  const byGroup = Map.groupBy(assigned, ({ group }) => group)
  for (const commit of committed) {
    if (commit.outcome !== 'ok' || commit.generation < 0) continue
    for (const { generation, to } of byGroup.get(commit.group) ?? []) {
      if (to >= commit.from || generation <= commit.generation) continue
      found.push(`stale commit: generation ${commit.generation} of ${commit.group} after ${generation}`)
      break
    }
  }
  return found
}

/** A fetched offset is that of a commit that nothing has surely replaced since. */
function checkFetched(committed: readonly Committed[], fetched: readonly Fetched[]): readonly string[] {
  const found: string[] = []
  const byPlace = Map.groupBy(committed, ({ group, key }) => `${group}/${key}`)
  for (const { group, key, offset, from, to } of fetched) {
    const commits = byPlace.get(`${group}/${key}`) ?? []
    const latest = commits.reduce(
      (max, each) => (each.outcome === 'ok' && each.to < from ? Math.max(max, each.from) : max),
      Number.NEGATIVE_INFINITY,
    )
    const isPossible = commits.some((each) => {
      if (each.offset !== offset || each.outcome === 'fail' || each.from > to) return false
      // One without an answer may have waited anywhere on its way.
      return each.outcome === 'info' || each.to >= latest
    })
    const isNone = offset === -1 && latest === Number.NEGATIVE_INFINITY
    if (!isPossible && !isNone) found.push(`lost commit: ${group}/${key} was fetched as ${offset}`)
  }
  return found
}
