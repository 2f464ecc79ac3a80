// LogStatus: what a log says about itself, as plain values.
import type { OffsetRange } from './segment.ts'
import type { SegmentRow } from './segment-row.ts'

/** Counters and facts for status. */
export interface LogStatus {
  readonly startOffset: number
  readonly endOffset: number
  readonly bytes: number
  readonly segments: number
  /** Bytes of torn tails cut at the last start. */
  readonly tornBytes: number
  /** Unreadable ranges that are known. */
  readonly gaps: readonly OffsetRange[]
  /** Copies put into quarantine since the start. */
  readonly quarantined: number
  readonly failed: boolean
}

/** The status of a log with these segments. */
export function logStatus(
  { startOffset, segments, active }: SegmentRow,
  facts: Pick<LogStatus, 'tornBytes' | 'quarantined' | 'failed'>,
): LogStatus {
  return {
    startOffset,
    endOffset: active.endOffset,
    bytes: segments.reduce((sum, segment) => sum + segment.bytes, 0),
    segments: segments.length,
    gaps: segments.flatMap(({ state }) =>
      state.gaps.map(({ fromOffset, toOffset }) => ({ fromOffset, toOffset })),
    ),
    ...facts,
  }
}
