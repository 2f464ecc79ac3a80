// Groups: partitions have one owner per generation, only who owns them commits, each commit goes on where the last one ended,
// and what was committed is fetched.

/** A member was given these partitions, by SyncGroup or by a heartbeat of the newer protocol. */
export interface Assigned {
  readonly kind: 'assigned'
  /** `consumer`: the newer one (KIP-848), where members come to a new generation one by one. */
  readonly protocol: 'classic' | 'consumer'
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
  readonly member: string
  readonly key: string
  /** Where what is committed begins: where its reader began, or committed before. */
  readonly start: number
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
    ...checkRanges(committed),
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

/** A commit that began after somebody else was given what it is for must be refused. */
function checkGenerations(assigned: readonly Assigned[], committed: readonly Committed[]): readonly string[] {
  const byGroup = Map.groupBy(assigned, ({ group }) => group)
  return committed.flatMap((commit) => {
    if (commit.outcome !== 'ok' || commit.generation < 0) return []
    const newer = (byGroup.get(commit.group) ?? []).find(
      (each) => each.to < commit.from && replaces(each, commit),
    )
    if (newer === undefined) return []
    return [`stale commit: generation ${commit.generation} of ${commit.group} after ${newer.generation}`]
  })
}

/** In the newer protocol only whoever has the partition counts; an epoch of one member may be older than that of another. */
function replaces(assigned: Assigned, { generation, member, key }: Committed): boolean {
  if (assigned.protocol === 'classic') return assigned.generation > generation
  const isOther = assigned.generation === generation && assigned.member !== member
  return assigned.keys.includes(key) && (assigned.generation > generation || isOther)
}

/** Every record is committed once: a commit goes on where the last one ended, or one that may have counted. */
function checkRanges(committed: readonly Committed[]): readonly string[] {
  const found: string[] = []
  for (const [place, commits] of Map.groupBy(committed, ({ group, key }) => `${group}/${key}`)) {
    const doubtful = new Set(commits.filter(({ outcome }) => outcome === 'info').map(({ offset }) => offset))
    let reached = 0
    const inOrder = commits.filter(({ outcome }) => outcome === 'ok').toSorted((a, b) => a.from - b.from)
    for (const { start, offset } of inOrder) {
      const what = start < reached ? 'committed twice' : 'never committed'
      if (start !== reached && !doubtful.has(start))
        found.push(`${what}: ${place} from ${Math.min(start, reached)} to ${Math.max(start, reached)}`)
      reached = offset
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
