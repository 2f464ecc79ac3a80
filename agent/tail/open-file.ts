// OpenFile: the handle of one tailed file, opened on need, closed when idle, and never that of another file.
import { LogdriveError } from '../../core/errors.ts'
import type { FileStat, Files, ReadableFile } from '../../core/runtime.ts'
import {
  guardBytesMax,
  guardHeadLength,
  guardText,
  headBytesMax,
  headLength,
  judge,
  type KnownContent,
  type Locator,
  locatorKey,
  type Print,
  printOf,
} from './identity.ts'
import { PackedFile, packedKindOf, packedOpenMax } from './packed-file.ts'
import type { Slab } from './turns.ts'

/**
 * Bounds how many files are open; who needs one more has the one that rested longest closed. A file that left its path
 * gives its handle up too once all of it is acknowledged: else rotated files that wait for late writers keep those with
 * lag waiting.
 */
export class Handles {
  readonly #openMax: number
  readonly #open = new Set<OpenFile>()
  /** Open files that are being unpacked. */
  readonly packed = new Set<OpenFile>()

  constructor(openMax: number) {
    this.#openMax = openMax
  }

  /** Files that are open. */
  get count(): number {
    return this.#open.size
  }

  /** Makes room for `file`; false when nothing can be closed now. */
  async admit(file: OpenFile): Promise<boolean> {
    while (this.#open.size >= this.#openMax) {
      const resting = oldest(this.#open, (each) => each.rests) ?? oldest(this.#open, (each) => each.isSpent)
      if (resting === null) return false
      resting.yielded = resting.pinned
      await resting.close()
    }
    this.#open.add(file)
    return true
  }

  forget(file: OpenFile): void {
    this.#open.delete(file)
    this.packed.delete(file)
  }
}

/** What an open file asks of who reads it. */
export interface FileOwner {
  /** All the file holds is acknowledged. */
  isDone(): boolean
  /** The rest of a compressed file cannot be unpacked. */
  damaged(error: Error): void
}

export class OpenFile {
  readonly #files: Files
  readonly #handles: Handles
  readonly #locator: Locator
  readonly #owner: FileOwner
  #file: ReadableFile | null = null
  #opening: Promise<ReadableFile> | null = null
  #users = 0
  readonly #unused: (() => void)[] = []
  /** The handle may be the only way to the bytes: not closed to make room while there is something to read. */
  pinned = false
  /** Was closed to make room although it was pinned. */
  yielded = false
  /** When it was last read, monotonic ms. */
  usedAt = 0

  constructor(files: Files, handles: Handles, locator: Locator, owner: FileOwner) {
    this.#files = files
    this.#handles = handles
    this.#locator = locator
    this.#owner = owner
  }

  get isOpen(): boolean {
    return this.#file !== null
  }

  /** May be closed and opened again later. */
  get rests(): boolean {
    return this.#file !== null && this.#users === 0 && !this.pinned
  }

  /** Pinned, but with nothing left to read. */
  get isSpent(): boolean {
    return this.#file !== null && this.#users === 0 && this.pinned && this.#owner.isDone()
  }

  /**
   * Facts of the file through its handle, or by its path where the handle was given up; null when no way leads to it.
   * Throws what looking throws.
   */
  async look(path: string): Promise<FileStat | null> {
    if (this.#file !== null) return this.use(path, (file) => file.stat())
    if (!this.yielded) return null
    const stat = await this.#files.stat(path)
    return stat !== null && isAt(this.#locator, stat) ? stat : null
  }

  /**
   * Works with the handle, opening the path first where needed; nobody closes it meanwhile. Throws what `Files.open`
   * throws, NOT_FOUND when the path leads to another file now, OVERLOADED when too many files are open.
   */
  async use<R>(path: string, work: (file: ReadableFile) => Promise<R>): Promise<R> {
    // Counted before the first wait: a file about to be used must not be closed to make room for another.
    this.#users += 1
    try {
      return await work(await this.#ready(path))
    } finally {
      this.#users -= 1
      if (this.#users === 0) for (const resolve of this.#unused.splice(0)) resolve()
    }
  }

  /** As `use`; null when the file cannot be opened or looked at now. */
  async tryUse<R>(path: string, work: (file: ReadableFile) => Promise<R>): Promise<R | null> {
    try {
      return await this.use(path, work)
    } catch (error) {
      if (error instanceof LogdriveError) return null
      throw error
    }
  }

  /** Closes once nobody uses it: a number of a closed file may be another file's at once. */
  async close(): Promise<void> {
    while (this.#users > 0) await new Promise<void>((resolve) => this.#unused.push(resolve))
    const file = this.#file
    this.#file = null
    this.#handles.forget(this)
    await file?.[Symbol.asyncDispose]()
  }

  #ready(path: string): ReadableFile | Promise<ReadableFile> {
    if (this.#file !== null) return this.#file
    this.#opening ??= this.#open(path).finally(() => {
      this.#opening = null
    })
    return this.#opening
  }

  async #open(path: string): Promise<ReadableFile> {
    if (!(await this.#handles.admit(this))) throw new LogdriveError('OVERLOADED', 'too many files are open')
    try {
      const file = await this.#files.open(path)
      if (isAt(this.#locator, await statOrClose(file))) {
        this.#file = await this.#unpacked(file)
        this.yielded = false
        return this.#file
      }
      await file[Symbol.asyncDispose]()
      throw new LogdriveError('NOT_FOUND', `${path} is another file now`)
    } finally {
      if (this.#file === null) this.#handles.forget(this)
    }
  }

  /** The file as it is read: a compressed one is unpacked on the way. */
  async #unpacked(file: ReadableFile): Promise<ReadableFile> {
    try {
      const kind = await packedKindOf(file)
      if (kind === null) return file
      if (this.#handles.packed.size >= packedOpenMax)
        throw new LogdriveError('OVERLOADED', 'too many compressed files are open')
      this.#handles.packed.add(this)
      return new PackedFile(file, kind, (error) => this.#owner.damaged(error))
    } catch (error) {
      await file[Symbol.asyncDispose]()
      throw error
    }
  }
}

/** Compares an open file with what was kept about it; how long compressed content is nobody knows. */
export async function examine(file: ReadableFile, known: KnownContent): Promise<'same' | 'truncated'> {
  const stat = await file.stat()
  const head = await readAt(file, 0, known.head.length)
  const guard = await readAt(file, known.position - known.guard.length, known.guard.length)
  const size = file instanceof PackedFile ? Number.POSITIVE_INFINITY : stat.size
  return judge(known, { size, head: printOf(head), guard: printOf(guard) })
}

/** What is known of the content before a position that was found to be the expected one. */
export interface Found {
  /** Null when nothing was said of it. */
  readonly head: Print | null
  /** The last bytes before the position. */
  readonly guard: Uint8Array
}

/**
 * Looks whether a file holds the content in which the collector's position was reached, by the guard text kept with
 * it; without one (old batches) it only has to be long enough. Null when it does not.
 */
export async function findContent(
  file: ReadableFile,
  position: number,
  text: string | undefined,
): Promise<Found | null> {
  const guard = await guardBefore(file, position)
  if (guard.length < Math.min(guardBytesMax, position)) return null
  const headBytes = text === undefined ? null : guardHeadLength(text)
  if (headBytes === null) return { head: null, guard }
  const head = printOf(await readAt(file, 0, headBytes))
  return guardText(head, printOf(guard)) === text ? { head, guard } : null
}

/** The first bytes of a file of `size` bytes that its head print is made of. */
export function readHead(file: ReadableFile, size: number): Promise<Uint8Array> {
  return readAt(file, 0, Math.min(headBytesMax, headLength(size)))
}

/** What a compressed file has for a head. */
export const noHead = new Uint8Array(0)

/** The first bytes of a file that was seen, none of a compressed one; null when another one is there. Throws what opening throws. */
export async function plainHead(
  files: Files,
  { path, stat }: { readonly path: string; readonly stat: FileStat },
): Promise<Uint8Array | null> {
  await using file = await files.open(path)
  if (!isAt(stat, await file.stat())) return null
  return (await packedKindOf(file)) === null ? await readHead(file, stat.size) : noHead
}

/** The head print of a file that was `size` bytes long when `block` was read; it gets longer, and never changes else. */
export async function growHead(
  head: Print,
  size: number,
  slab: Slab,
  block: { readonly base: number; readonly next: { readonly position: number } },
  read: () => Promise<Uint8Array>,
): Promise<Print> {
  const length = headLength(size)
  if (head.length >= headBytesMax || length <= head.length) return head
  const inSlab = block.base === 0 && block.next.position >= length && slab.ranges.end >= length
  return printOf(inSlab ? slab.bytes.subarray(0, length) : await read())
}

/** The last bytes before a position. */
export function guardBefore(file: ReadableFile, position: number): Promise<Uint8Array> {
  const length = Math.min(guardBytesMax, position)
  return readAt(file, position - length, length)
}

/** Up to `length` bytes at a position. */
export async function readAt(file: ReadableFile, position: number, length: number): Promise<Uint8Array> {
  if (length === 0) return new Uint8Array(0)
  const bytes = new Uint8Array(length)
  return bytes.subarray(0, await file.read(position, bytes))
}

/** True when the file with these facts is the one at the locator. */
export function isAt(locator: Locator, stat: FileStat): boolean {
  return locatorKey(locator) === locatorKey(stat)
}

async function statOrClose(file: ReadableFile): Promise<FileStat> {
  try {
    return await file.stat()
  } catch (error) {
    await file[Symbol.asyncDispose]()
    throw error
  }
}

function oldest(files: Iterable<OpenFile>, isWanted: (file: OpenFile) => boolean): OpenFile | null {
  let found: OpenFile | null = null
  for (const file of files) {
    if ((found === null || file.usedAt < found.usedAt) && isWanted(file)) found = file
  }
  return found
}
