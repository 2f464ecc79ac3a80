// Replacing: neighbouring closed segments are written anew as one, and it takes their place while appends and reads go on.
import { isCode, LogdriveError } from '../../core/errors.ts'
import type { Storage } from '../../core/runtime.ts'
import type { Changes } from './changes.ts'
import type { Damage } from './damage.ts'
import { diskFull } from './disk-full.ts'
import { type BatchRewriter, type RewrittenSegment, rewriteSegments } from './rewrite.ts'
import { Segment, type SegmentState } from './segment.ts'
import type { SegmentRow } from './segment-row.ts'
import { SegmentGone } from './shared-file.ts'
import { abandonSwap, asidePath, beginSwap, finishSwap } from './swap.ts'

/** The parts of a log that a replacement has to do with. */
export interface ReplaceParts {
  readonly directory: string
  readonly storage: Storage
  readonly row: SegmentRow
  readonly changes: Changes
  readonly damage: Damage
  /** Makes a checkpoint durable that says the log has these segments. */
  readonly saveSegments: (segments: readonly SegmentState[]) => Promise<void>
  /** Writes the index files of a segment; they are only hints. */
  readonly writeIndexes: (segment: Segment) => Promise<void>
}

/** Rewrites for one log, one at a time; what runs ends before the log is closed, so that it never meets other files. */
export class Replacements implements AsyncDisposable {
  readonly #parts: ReplaceParts
  readonly #closing = new AbortController()
  #running: Promise<unknown> = Promise.resolve()

  constructor(parts: ReplaceParts) {
    this.#parts = parts
  }

  /** See `Log.rewrite`. */
  rewrite(bases: readonly number[], rewriter: BatchRewriter, signal: AbortSignal): Promise<boolean> {
    const either = AbortSignal.any([signal, this.#closing.signal])
    const result = this.#running.then(() => replaceSegments(bases, rewriter, this.#parts, either))
    this.#running = result.catch(() => undefined)
    return result
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new LogdriveError('UNAVAILABLE', 'the log is closed'))
    await this.#running
  }
}

async function replaceSegments(
  bases: readonly number[],
  rewriter: BatchRewriter,
  parts: ReplaceParts,
  signal: AbortSignal,
): Promise<boolean> {
  signal.throwIfAborted()
  const { directory, storage, row, changes } = parts
  const group = row.closedRun(bases)
  if (group === null || group.some((segment) => segment.state.gaps.length > 0)) return false
  const path = asidePath(directory, group[0].baseOffset)
  const options = { path, rewriter, storage, changes, startOffset: row.startOffset }
  try {
    const written = await rewriteSegments(group, options, signal)
    const isDone = await changes.exclusive(() => swap(group, written, parts))
    if (!isDone) await storage.remove(path)
    return isDone
  } catch (error) {
    if (error instanceof SegmentGone) return false
    throw error
  }
}

/** See swap.ts for the steps, and why in this order. */
async function swap(
  group: readonly [Segment, ...Segment[]],
  { state, file, indexer }: RewrittenSegment,
  parts: ReplaceParts,
): Promise<boolean> {
  const { directory, storage, row, changes } = parts
  const bases = group.map((segment) => segment.baseOffset)
  const next = new Segment(storage, directory, state, { file, indexer })
  // Retention may have been faster.
  if (row.closedRun(bases)?.every((segment, index) => segment === group[index]) !== true) {
    await next.retire()
    return false
  }
  // Its name is still that of another file.
  const unpin = await next.pin()
  await changes.orFail(() => beginSwap(storage, directory, state))
  try {
    await parts.saveSegments(
      row.segments.flatMap((segment) => {
        if (segment === group[0]) return [state]
        return group.includes(segment) ? [] : [segment.state]
      }),
    )
  } catch (error) {
    await next.retire()
    await unpin()
    if (!isCode(error, 'DISK_FULL')) throw changes.fail(error)
    await changes.orFail(() => abandonSwap(storage, directory, state))
    throw diskFull(error)
  }
  // In one turn: whoever is in an old segment stays there, whoever comes finds the new one.
  row.replace(group, next)
  const retired = group.map((segment) => segment.retire())
  parts.damage.watch(next)
  await Promise.all(retired)
  try {
    await finishSwap(storage, directory, state, bases)
  } catch (error) {
    // Names and memory differ from here on, full disk or not: the next start goes on where this stopped.
    throw changes.fail(error)
  }
  await parts.writeIndexes(next)
  await unpin()
  await row.touch(next)
  return true
}
