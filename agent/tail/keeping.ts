// Keeping: what is kept of a followed file, so that the next run goes on where this one was.
import type { CheckpointFacts } from '../state/checkpoint.ts'
import type { Follower } from './follower.ts'
import type { TailMark } from './tail-options.ts'

/** What a checkpoint says of a file now; `now` is wall-clock ms. */
export function factsOf(
  { tail, shipper, options }: Follower,
  now: number,
  mark: TailMark = tail.committed,
): CheckpointFacts {
  const { epoch, position, head, guard } = mark
  const { source, locator, path, mtimeMs } = tail
  const { input } = options
  const kept = shipper.kept.epoch === epoch ? shipper.kept.to : 0
  const updatedAt = Math.round(now)
  // How long the content of another epoch is nobody knows yet.
  const size = epoch === tail.epoch ? Math.max(position, tail.contentSize) : position
  const facts = { source, locator, path, input }
  return { ...facts, epoch, position, head, guard, kept, size, missing: 0, mtimeMs, updatedAt }
}
