// Planning a compaction: whether a partition is due, how far it may go, and which segments become one. Pure.
import type { SegmentState } from '../../log/segment.ts'
import type { CompactionSettings } from '../topics/topic-settings.ts'

/** What is known of a partition. */
export interface CompactionFacts {
  /** The closed segments, in order. */
  readonly segments: readonly SegmentState[]
  /** Below this offset the log was cleaned before. */
  readonly cleanedOffset: number
  /** Nothing at or above this offset is touched: a transaction may still end either way. */
  readonly lastStableOffset: number
  /** Wall-clock ms. */
  readonly now: number
}

export interface CompactionPlan {
  /** Where the records begin that were never cleaned. */
  readonly dirtyFrom: number
  /** Where the last segment ends that may be cleaned. */
  readonly toOffset: number
}

/**
 * What to clean, or null when there is nothing to do yet. Ages are counted from the last append to a segment, by the
 * broker's clock: a client's clock neither hastens nor prevents a cleaning.
 */
export function planCompaction(facts: CompactionFacts, settings: CompactionSettings): CompactionPlan | null {
  const { now, cleanedOffset, lastStableOffset } = facts
  const firstKept = facts.segments.findIndex(
    ({ endOffset, appendedAt }) => endOffset > lastStableOffset || now - appendedAt < settings.lagMsMin,
  )
  const cleanable = firstKept === -1 ? facts.segments : facts.segments.slice(0, firstKept)
  const dirty = cleanable.filter(({ endOffset }) => endOffset > cleanedOffset)
  const [first] = dirty
  const last = dirty.at(-1)
  if (first === undefined || last === undefined) return null
  const bytesOf = (segments: readonly SegmentState[]) => segments.reduce((sum, { bytes }) => sum + bytes, 0)
  const ratio = bytesOf(dirty) / bytesOf(cleanable)
  const isOverdue = now - first.appendedAt > settings.lagMsMax
  if (ratio < settings.dirtyRatioMin && !isOverdue) return null
  return { dirtyFrom: Math.max(cleanedOffset, first.baseOffset), toOffset: last.endOffset }
}

const groupOffsetsMax = 0x7fffffff

/**
 * Neighbouring segments below `toOffset` that become one, so that what is left of many is not many files. A damaged one
 * stays as it is.
 */
export function compactionGroups(
  segments: readonly SegmentState[],
  toOffset: number,
  segmentBytes: number,
): readonly (readonly SegmentState[])[] {
  const groups: SegmentState[][] = []
  let group: SegmentState[] = []
  let bytes = 0
  for (const segment of segments) {
    if (segment.baseOffset >= toOffset) break
    const from = group[0]?.baseOffset ?? segment.baseOffset
    const isFull = bytes + segment.bytes > segmentBytes || segment.endOffset - from > groupOffsetsMax
    if (group.length === 0 || isFull || segment.gaps.length > 0) {
      group = []
      bytes = 0
      if (segment.gaps.length > 0) continue
      groups.push(group)
    }
    group.push(segment)
    bytes += segment.bytes
  }
  return groups
}
