// Retention: which segments of a log go, by age and by bytes. Pure.

/** What retention needs to know of one segment. */
export interface SegmentFacts {
  readonly baseOffset: number
  readonly bytes: number
  /** Wall-clock ms of the last append to it. */
  readonly appendedAt: number
}

export interface RetentionLimits {
  /** Segments whose last append is older than this go; null keeps them for ever. */
  readonly ageMs: number | null
  /** The oldest segments go while the log is larger than this; null for no limit. */
  readonly bytesMax: number | null
}

/**
 * How many segments at the front of the log may go. `segments` are in order and the last one is the active one,
 * which never goes. Bytes are only given back while the log without the segment still holds `bytesMax`.
 */
export function expiredSegments(
  segments: readonly SegmentFacts[],
  limits: RetentionLimits,
  now: number,
): number {
  const { ageMs, bytesMax } = limits
  let bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0)
  let count = 0
  for (const segment of segments.slice(0, -1)) {
    const tooOld = ageMs !== null && now - segment.appendedAt > ageMs
    const tooMuch = bytesMax !== null && bytes - segment.bytes >= bytesMax
    if (!tooOld && !tooMuch) break
    bytes -= segment.bytes
    count += 1
  }
  return count
}
