// The index files of a segment: read when they fit what is known of it, written when it is closed.
import type { Storage } from '../../core/runtime.ts'
import { OffsetIndex } from './offset-index.ts'
import { SegmentIndexer } from './recovery.ts'
import { indexIntervalBytes, type SegmentState } from './segment.ts'
import { readHint, replaceFile } from './segment-files.ts'
import { TimeIndex } from './time-index.ts'

/** The endings of a segment's files, the one that counts last: without a `.log` there is no segment. */
export const segmentEndings = ['index', 'timeindex', 'log'] as const

/** Both indexes, or null when a file is missing or does not fit. `path` has no ending. */
export async function readIndexes(
  storage: Storage,
  path: string,
  state: SegmentState,
): Promise<SegmentIndexer | null> {
  const offsetBytes = await readHint(storage, `${path}.index`)
  const timeBytes = await readHint(storage, `${path}.timeindex`)
  if (offsetBytes === null || timeBytes === null) return null
  const offsets = OffsetIndex.decode(offsetBytes, state.baseOffset, state.bytes)
  const times = TimeIndex.decode(timeBytes, state.baseOffset)
  if (offsets === null || times === null || times.timestampMax !== state.timestampMax) return null
  return new SegmentIndexer(indexIntervalBytes, offsets, times)
}

/** Writes both index files. They are hints: not synced, and a failure may be ignored. */
export async function writeIndexes(
  storage: Storage,
  path: string,
  indexer: SegmentIndexer,
  state: SegmentState,
): Promise<void> {
  indexer.seal(state.endOffset)
  await replaceFile(storage, `${path}.index`, indexer.offsets.encode(state.baseOffset))
  await replaceFile(storage, `${path}.timeindex`, indexer.times.encode(state.baseOffset))
}
