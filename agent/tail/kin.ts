// Kin: whether a compressed file holds the content of a file that is known, however it is named and wherever it stands.
import { isCode } from '../../core/errors.ts'
import type { Runtime } from '../../core/runtime.ts'
import type { Kept } from '../ship/uplink.ts'
import type { Checkpoint } from '../state/checkpoint.ts'
import type { Checkpoints } from '../state/checkpoints.ts'
import { emptyPrint, type Locator, locatorKey, type Print, printOf } from './identity.ts'
import { findContent, noHead, readAt } from './open-file.ts'
import type { PackedFile } from './packed-file.ts'
import { logPath } from './relatives.ts'
import type { Tail } from './tail.ts'
import type { Claim, TailMark } from './tail-options.ts'

interface KinshipDeps {
  readonly runtime: Pick<Runtime, 'clock' | 'logger'>
  readonly checkpoints: Checkpoints
  readonly graceMs: number
  /** Somebody reads the file, by the key of its locator. */
  isLive(key: string): boolean
  /** The first bytes of a file that is followed, by the key of its locator, none of a compressed one; null where it is not to be found. */
  headOf(key: string): Promise<Uint8Array | null>
  /** What the collector has of a source of the input, null for nothing; `unknown` when it does not say now. */
  keptOf(source: string, input: string): Promise<Kept | null | 'unknown'>
}

/** Knows which files go on in compressed ones. */
export class Kinship {
  readonly #deps: KinshipDeps
  /** Compressed files that may still be in the making: their size, and since when, monotonic ms. */
  readonly #making = new Map<string, { readonly size: number; readonly since: number }>()

  constructor(deps: KinshipDeps) {
    this.#deps = deps
  }

  /** Finds out whose content a compressed file holds; at `moved` the checkpoint of one that is gone became this one's. */
  async claim({ locator, path, mtimeMs }: Tail, input: string, file: PackedFile): Promise<Claim> {
    const { checkpoints, runtime, isLive } = this.#deps
    const own = locatorKey(locator)
    const isInTheMaking = async () => this.#isInTheMaking(own, (await file.stat()).size)
    const looked = { checkpoints: checkpoints.all, locator, input, isInTheMaking }
    const kin =
      (await this.#findUnmarked(file, { path, mtimeMs, input, isInTheMaking })) ??
      (await findKin(file, looked)) ??
      (await this.#findUnread(file, { path, mtimeMs, input, isInTheMaking }))
    if (kin !== 'wait') this.#making.delete(own)
    if (kin === null || kin === 'wait') return kin ?? 'own'
    if (isLive(kin.key)) return 'wait'
    // It stays the last known file of its path, from which files that came after it are found; its content is this one's.
    const empty = { position: 0, kept: 0, size: 0, missing: 0, head: emptyPrint, guard: emptyPrint }
    checkpoints.put(kin.with(empty))
    checkpoints.put(kin.with({ missing: 0, locator, path, mtimeMs: null }))
    runtime.logger.info({ path, source: kin.source, was: kin.path, mtimeMs }, 'a known file was compressed')
    return 'moved'
  }

  /** It has grown lately. As it was seen, since clocks jump: the first look at a file counts as growth. */
  #isInTheMaking(key: string, size: number): boolean {
    const now = this.#deps.runtime.clock.monotonic()
    const seen = this.#making.get(key)
    if (seen?.size === size) return now - seen.since < this.#deps.graceMs
    this.#making.set(key, { size, since: now })
    return true
  }

  /**
   * Of a file of the same log no checkpoint says how it begins, because none was written since its first acknowledgement. One that
   * is followed says it itself; of one that is gone the collector knows what the position was reached in.
   */
  async #findUnmarked(file: PackedFile, at: Place): Promise<Checkpoint | 'wait' | null> {
    const { path, input } = at
    const { checkpoints, isLive, headOf, keptOf } = this.#deps
    const marked = new Set(checkpoints.all.filter(({ position }) => position > 0).map(({ source }) => source))
    const isMeant = (known: Checkpoint) =>
      known.input === input && !marked.has(known.source) && logPath(known.path) === logPath(path)
    for (const known of checkpoints.all.filter(isMeant)) {
      if (isLive(known.key)) {
        const head = await headOf(known.key).catch(noneOrThrow)
        // Right now it goes, or moves: the next scans tell.
        if (head === null && (await at.isInTheMaking())) return 'wait'
        if (head === null || head.length === 0) continue
        // Of one that is still written there may be less than a head.
        const bytes = await readAt(file, 0, head.length)
        if (bytes.length > 0 && Buffer.compare(head.subarray(0, bytes.length), bytes) === 0) return known
        continue
      }
      const kept = await keptOf(known.source, input)
      if (kept === 'unknown') return 'wait'
      if (kept === null || kept.to === 0) continue
      const { epoch, to: position } = kept
      const found = await findContent(file, position, kept.guard)
      if (found === null || found.head === null) continue
      return known.with({ epoch, position, kept: position, head: found.head, guard: printOf(found.guard) })
    }
    return null
  }

  /**
   * Of a file that went before anything of it was read only its length and its time are known: of those of the same log the
   * longest that fits. Nothing of it was shipped, so a wrong guess doubles and loses nothing.
   */
  async #findUnread(file: PackedFile, at: Place): Promise<Checkpoint | 'wait' | null> {
    const { checkpoints, isLive } = this.#deps
    const isMeant = (known: Checkpoint) =>
      known.input === at.input &&
      known.size > 0 &&
      known.position === 0 &&
      !isLive(known.key) &&
      logPath(known.path) === logPath(at.path) &&
      secondsOf(known.mtimeMs) <= secondsOf(at.mtimeMs)
    const unread = checkpoints.all.filter(isMeant).sort((a, b) => a.size - b.size)
    let found: Checkpoint | null = null
    for (const known of unread) {
      const fits = (await readAt(file, known.size - 1, 1)).length > 0
      if (!fits) return (await at.isInTheMaking()) ? 'wait' : found
      found = known
    }
    return found
  }
}

/** A compressed file that may hold what was not read elsewhere. */
interface Place {
  readonly path: string
  readonly mtimeMs: number | null
  readonly input: string
  isInTheMaking(): Promise<boolean>
}

/** Not all that keep the time of a file when they compress it keep more of it. */
function secondsOf(ms: number | null): number {
  return Math.floor((ms ?? 0) / 1000)
}

/** What may not be read is no kin; what cannot be read now is asked for again. */
function noneOrThrow(error: unknown): Uint8Array | null {
  if (isCode(error, 'NOT_FOUND')) return null
  if (isCode(error, 'FORBIDDEN')) return noHead
  throw error
}

/** Whether the compressed content of one file is its own to read. */
export class Claiming {
  readonly #ask: (file: PackedFile) => Promise<Claim>
  readonly #compressed: 'auto' | 'skip'
  #claim: Claim | null = null

  constructor(compressed: 'auto' | 'skip', ask: (file: PackedFile) => Promise<Claim>) {
    this.#compressed = compressed
    this.#ask = ask
  }

  /** It is to be asked again. */
  get waits(): boolean {
    return this.#claim === 'wait'
  }

  /** False for what is left out, and for what is another file's. */
  async isToRead(file: PackedFile, { position, head }: TailMark): Promise<boolean> {
    if (this.#compressed === 'skip' || (position > 0 && head.length === 0)) return false
    if (position === 0 && this.#claim !== 'own') this.#claim = await this.#ask(file)
    return position > 0 || this.#claim === 'own'
  }
}

/** What a compressed file is compared with. */
interface Kin {
  readonly checkpoints: readonly Checkpoint[]
  readonly locator: Locator
  readonly input: string
  isInTheMaking(): Promise<boolean>
}

/**
 * The checkpoint that was reached in the content of this file: its head is the same, and so are the bytes before its
 * position. Of several the farthest. `wait` when the file may still grow to the position.
 */
async function findKin(
  file: PackedFile,
  { checkpoints, locator, input, isInTheMaking }: Kin,
): Promise<Checkpoint | 'wait' | null> {
  const own = locatorKey(locator)
  const heads = new Map<number, Print>()
  /** All there is of it, where that is less than a head. */
  let short: number | null = null
  const alike: Checkpoint[] = []
  for (const known of checkpoints) {
    if (known.input !== input || known.position === 0 || known.key === own) continue
    const { length, hash } = known.mark.head
    if (length === 0) continue
    const head = heads.get(length) ?? printOf(await readAt(file, 0, length))
    heads.set(length, head)
    if (head.length < length) short = head.length
    if (head.length === length && head.hash === hash) alike.push(known)
  }
  // Forward through the file, so that it is unpacked once.
  alike.sort((a, b) => a.position - b.position)
  let found: Checkpoint | null = null
  for (const known of alike) {
    const { position, guard } = known.mark
    const bytes = await readAt(file, position - guard.length, guard.length)
    if (bytes.length < guard.length) return found ?? ((await isInTheMaking()) ? 'wait' : null)
    if (printOf(bytes).hash === guard.hash) found = known
  }
  if (found !== null || short === null || (await file.isWhole(short))) return found
  return (await isInTheMaking()) ? 'wait' : null
}
