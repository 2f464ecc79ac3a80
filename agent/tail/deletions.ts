// Deletions: removes the files of inputs that ask for it, once all of a file is acknowledged and kept, and rested long enough.
import { LogdriveError } from '../../core/errors.ts'
import type { FileStat, Removal, Runtime } from '../../core/runtime.ts'
import type { FileInput } from '../options.ts'
import type { Checkpoints } from '../state/checkpoints.ts'
import type { Follower } from './follower.ts'
import { examine, isAt } from './open-file.ts'
import { PackedFile, packedKindOf } from './packed-file.ts'
import type { Sighting } from './sighting.ts'

/** Files removed after one look: the next look must not wait for thousands of them. */
const removedMax = 200
/** A file that could not be removed is left alone for so long. */
const pauseMs = 60_000

/**
 * Why files stay: `forbidden`: no right to it; `read_only`: the disk is; links are not removed. `mistaken`: another file was removed
 * instead, which took the name at that very moment.
 */
export type DeletionFailure = 'forbidden' | 'read_only' | 'error' | Exclude<Removal, 'removed' | 'changed'>

/** Since the start. */
export interface DeletionStatus {
  readonly files: number
  /** As they stood in their folders. */
  readonly bytes: number
  /** Tries that failed, by reason. */
  readonly failures: Readonly<Partial<Record<DeletionFailure, number>>>
}

export const noDeletions: DeletionStatus = { files: 0, bytes: 0, failures: {} }

interface DeletionsDeps {
  readonly runtime: Pick<Runtime, 'clock' | 'files' | 'logger'>
  readonly inputs: ReadonlyMap<string, FileInput>
  readonly checkpoints: Checkpoints
}

/** A file that is to go, and what was known of it when that was decided. */
interface Due {
  readonly key: string
  readonly follower: Follower
  readonly stat: FileStat
  readonly position: number
}

export class Deletions {
  readonly #deps: DeletionsDeps
  readonly #awake: (key: string) => Follower | null
  readonly #restless: Pick<Set<Follower>, 'add'>
  readonly #failures = new Map<DeletionFailure, number>()
  /** What was said, by input and reason. */
  readonly #told = new Set<string>()
  /** When files were tried in vain, monotonic ms. */
  readonly #tried = new Map<string, number>()
  #files = 0
  #bytes = 0

  /** `awake` gives the follower of a file by the key of its locator; `restless` are those that need ticks. */
  constructor(
    deps: DeletionsDeps,
    awake: (key: string) => Follower | null,
    restless: Pick<Set<Follower>, 'add'>,
  ) {
    this.#deps = deps
    this.#awake = awake
    this.#restless = restless
  }

  status(): DeletionStatus {
    return { files: this.#files, bytes: this.#bytes, failures: Object.fromEntries(this.#failures) }
  }

  /** Removes what is due of the files that a scan saw. Trouble with a file is told and counted. Throws DISK_FAILED. */
  async take(files: ReadonlyMap<string, Sighting>): Promise<void> {
    const { inputs, checkpoints } = this.#deps
    if (![...inputs.values()].some(({ deleteAfterMs }) => deleteAfterMs !== undefined)) return
    for (const key of this.#tried.keys()) if (!files.has(key)) this.#tried.delete(key)
    const due: Due[] = []
    for (const [key, sighting] of files) {
      const one = this.#due(key, sighting)
      if (one !== null && due.push(one) >= removedMax) break
    }
    // Only with the position on the disk: after a power cut nothing else would tell what the file was.
    if (due.length === 0 || !(await checkpoints.save())) return
    for (const one of due) await this.#remove(one)
  }

  #due(key: string, sighting: Sighting): Due | null {
    const { input } = sighting
    const { inputs, checkpoints, runtime } = this.#deps
    const afterMs = inputs.get(input)?.deleteAfterMs
    const now = runtime.clock.now()
    if (afterMs === undefined || now - sighting.mtimeMs < afterMs) return null
    if (runtime.clock.monotonic() - (this.#tried.get(key) ?? Number.NEGATIVE_INFINITY) < pauseMs) return null
    const { stat } = sighting
    const known = checkpoints.find(stat)
    if (known === null || now - known.updatedAt < afterMs) return null
    const { position } = known
    // A position that nothing was read before: the content was left out, not shipped.
    if (position > 0 && known.mark.head.length === 0) return null
    const follower = this.#awake(key)
    if (follower === null || !isAtRest(follower) || follower.options.input !== input) return null
    const { committed } = follower.tail
    return known.epoch === committed.epoch && position === committed.position
      ? { key, follower, stat, position }
      : null
  }

  async #remove(due: Due): Promise<void> {
    const { runtime } = this.#deps
    const { follower, stat } = due
    const { tail } = follower
    try {
      if (!(await isSpent(due, runtime.files))) return
    } catch (error) {
      // What cannot be opened now is tried again; why is told by who reads it.
      if (error instanceof LogdriveError) return
      throw error
    }
    // Whoever still has it open may write once more: then only our handle leads to that.
    if (!(await tail.hold())) return
    this.#restless.add(follower)
    const removal = await runtime.files.remove(tail.path, stat).catch(failureOf)
    if (removal === 'changed') return
    const at = { path: tail.path, source: tail.source, input: follower.options.input, bytes: stat.size }
    if (removal !== 'removed') return this.#failed(due.key, removal, at)
    this.#files += 1
    this.#bytes += stat.size
    runtime.logger.info(at, 'a file was shipped and is removed')
  }

  #failed(key: string, removal: Exclude<Removal, 'removed' | 'changed'> | LogdriveError, at: Told): void {
    const { logger, clock } = this.#deps.runtime
    const reason = removal instanceof LogdriveError ? reasonOf(removal) : removal
    this.#failures.set(reason, (this.#failures.get(reason) ?? 0) + 1)
    this.#tried.set(key, clock.monotonic())
    if (reason === 'mistaken')
      logger.error(at, 'a file was removed that had just taken the name of another one')
    else if (!this.#told.has(`${at.input} ${reason}`)) {
      this.#told.add(`${at.input} ${reason}`)
      const why = removal instanceof LogdriveError ? { err: removal, hint: removal.hint } : { reason }
      logger.error(
        { ...at, ...why },
        'a file that was shipped cannot be removed; others like it are only counted',
      )
    }
  }
}

interface Told {
  readonly path: string
  readonly input: string
}

function isAtRest({ leftAt, missed, tail }: Follower): boolean {
  return leftAt === null && missed === 0 && tail.state === 'following' && tail.lagBytes === 0
}

/**
 * Looks at the file itself: it is the one that was seen, its content is the one that was shipped, and there is no more of it. What
 * is compressed is unpacked once more, because no position tells whether its stream was whole.
 */
async function isSpent(
  { follower: { tail }, stat, position }: Due,
  files: Pick<Runtime['files'], 'open'>,
): Promise<boolean> {
  const known = tail.committed
  const file = await files.open(tail.path)
  await using stack = new AsyncDisposableStack()
  stack.use(file)
  const now = await file.stat()
  if (!isAt(tail.locator, now) || now.size !== stat.size || now.mtimeMs !== stat.mtimeMs) return false
  if (known.position !== position) return false
  const kind = await packedKindOf(file)
  if (kind === null) return now.size === position && (await examine(file, known)) === 'same'
  const packed = stack.use(new PackedFile(file, kind, () => {}))
  return (await examine(packed, known)) === 'same' && (await packed.isWhole(position))
}

function failureOf(error: unknown): LogdriveError {
  if (error instanceof LogdriveError) return error
  throw error
}

function reasonOf({ code, details }: LogdriveError): DeletionFailure {
  if (details.readOnly === true) return 'read_only'
  return code === 'FORBIDDEN' ? 'forbidden' : 'error'
}
