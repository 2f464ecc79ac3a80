// Kin: whether a compressed file holds the content of a file that is known, however it is named and wherever it stands.
import type { Runtime } from '../../core/runtime.ts'
import type { Checkpoint } from '../state/checkpoint-file.ts'
import type { Checkpoints } from '../state/checkpoints.ts'
import { type Locator, locatorKey, type Print, printOf } from './identity.ts'
import { readAt } from './open-file.ts'
import type { PackedFile } from './packed-file.ts'
import type { Tail } from './tail.ts'
import type { Claim, TailMark } from './tail-options.ts'

interface KinshipDeps {
  readonly runtime: Pick<Runtime, 'clock' | 'logger'>
  readonly checkpoints: Checkpoints
  readonly graceMs: number
  /** Somebody reads the file. */
  isLive(locator: Locator): boolean
}

/** Knows which files go on in compressed ones. */
export class Kinship {
  readonly #deps: KinshipDeps
  /** Sources whose content stands in a compressed file as well. */
  readonly #awaited = new Set<string>()

  constructor(deps: KinshipDeps) {
    this.#deps = deps
  }

  hasHeir(source: string): boolean {
    return this.#awaited.has(source)
  }

  /** Finds out whose content a compressed file holds; at `moved` the checkpoint of one that is gone became this one's. */
  async claim({ locator, path, mtimeMs }: Tail, input: string, file: PackedFile): Promise<Claim> {
    const { checkpoints, runtime, graceMs, isLive } = this.#deps
    const kin = await findKin(file, { checkpoints: checkpoints.all, locator, input, graceMs }, runtime.clock)
    if (kin === null || kin === 'wait') return kin ?? 'own'
    if (isLive(kin.locator)) {
      this.#awaited.add(kin.source)
      return 'wait'
    }
    this.#awaited.delete(kin.source)
    checkpoints.remove(kin.locator)
    checkpoints.put({ ...kin, locator, path, mtimeMs: null })
    runtime.logger.info({ path, source: kin.source, was: kin.path, mtimeMs }, 'a known file was compressed')
    return 'moved'
  }
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
  /** A file that was written so lately may still be in the making. */
  readonly graceMs: number
}

/**
 * The checkpoint that was reached in the content of this file: its head is the same, and so are the bytes before its
 * position. Of several the farthest. `wait` when the file may still grow to the position.
 */
async function findKin(
  file: PackedFile,
  { checkpoints, locator, input, graceMs }: Kin,
  clock: Runtime['clock'],
): Promise<Checkpoint | 'wait' | null> {
  const own = locatorKey(locator)
  const heads = new Map<number, Print>()
  const alike: Checkpoint[] = []
  for (const known of checkpoints) {
    const { length, hash } = known.head
    if (known.input !== input || known.position === 0 || length === 0 || locatorKey(known.locator) === own)
      continue
    const head = heads.get(length) ?? printOf(await readAt(file, 0, length))
    heads.set(length, head)
    if (head.length === length && head.hash === hash) alike.push(known)
  }
  // Forward through the file, so that it is unpacked once.
  alike.sort((a, b) => a.position - b.position)
  let found: Checkpoint | null = null
  for (const known of alike) {
    const { position, guard } = known
    const bytes = await readAt(file, position - guard.length, guard.length)
    if (bytes.length < guard.length) {
      const { mtimeMs } = await file.stat()
      return found ?? (clock.now() - mtimeMs < graceMs ? 'wait' : null)
    }
    if (printOf(bytes).hash === guard.hash) found = known
  }
  return found
}
