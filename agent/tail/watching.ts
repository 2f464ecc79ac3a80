// Watching: change hints of the directories that scans look into, and which of those give none.
import path from 'node:path'
import type { Files, Hint, Watch } from '../../core/runtime.ts'

/** More directories than this are only scanned, not watched. */
const watchedMax = 1024
/** Watches that directories were added to one after the other; past it they become one again. */
const watchesMax = 32

interface Batch {
  readonly watch: Watch
  readonly directories: readonly string[]
}

/** Follows the scans: directories that came are watched, those that went are not. */
export class Watching implements AsyncDisposable {
  readonly #files: Files
  readonly #hint: Hint
  readonly #watched = new Set<string>()
  #unwatched: readonly string[] = []
  #batches: Batch[] = []

  constructor(files: Files, hint: Hint) {
    this.#files = files
    this.#hint = hint
  }

  /** Directories without hints: too many, or refused by the kernel. */
  get blind(): readonly string[] {
    return [...this.#unwatched, ...this.#batches.flatMap(({ watch }) => [...watch.blind])]
  }

  /** Takes over which directories there are; returns those from which hints come only from now on. */
  async watch(directories: readonly string[]): Promise<readonly string[]> {
    const wanted = directories.slice(0, watchedMax)
    this.#unwatched = directories.slice(watchedMax)
    await this.#drop(new Set(wanted))
    const added = wanted.filter((directory) => !this.#watched.has(directory))
    if (added.length === 0) return added
    for (const directory of added) this.#watched.add(directory)
    const watch = await this.#files.watch(added, this.#hint)
    this.#batches.push({ watch, directories: added })
    return added
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#drop(new Set())
  }

  async #drop(wanted: ReadonlySet<string>): Promise<void> {
    const isFull = this.#batches.length >= watchesMax
    const isDone = ({ directories }: Batch) => isFull || !directories.some((each) => wanted.has(each))
    const done = this.#batches.filter(isDone)
    this.#batches = this.#batches.filter((batch) => !isDone(batch))
    for (const { watch, directories } of done) {
      for (const directory of directories) this.#watched.delete(directory)
      await watch[Symbol.asyncDispose]()
    }
  }
}

/** Names that changed, by directory, as hints bring them. */
export class Changes {
  readonly #names = new Map<string, Set<string | null>>()

  get isEmpty(): boolean {
    return this.#names.size === 0
  }

  get byDirectory(): ReadonlyMap<string, ReadonlySet<string | null>> {
    return this.#names
  }

  /** `name` null: what changed in the directory is not known, or it came or went. */
  add(directory: string, name: string | null): void {
    const names = this.#names.get(directory)
    if (names === undefined) this.#names.set(directory, new Set([name]))
    else names.add(name)
  }

  has(file: string): boolean {
    const names = this.#names.get(path.dirname(file))
    return names !== undefined && (names.has(path.basename(file)) || names.has(null))
  }
}
