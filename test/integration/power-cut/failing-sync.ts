// A process whose fdatasync can be made to fail once, by a libc of ours (failing-sync.c). Needs gcc.
import { spawnSync } from 'node:child_process'
import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Failure {
  /** A piece of the path of the files whose fdatasync is meant. */
  readonly of: string
  /** Time until kill -9 comes, in microseconds; null: the process ends as it wants. */
  readonly killAfterUs: number | null
  /** Whether the kernel drops what was written since the last good fdatasync. */
  readonly loses: boolean
}

export class FailingSync {
  readonly #library: string
  readonly #mark: string

  /** Builds the library in a folder. Throws what gcc said. */
  constructor(folder: string) {
    this.#library = join(folder, 'failing-sync.so')
    this.#mark = join(folder, 'failing-sync')
    const source = join(import.meta.dirname, 'failing-sync.c')
    const args = ['-shared', '-fPIC', '-O1', '-pthread', '-o', this.#library, source]
    const { error, stderr } = spawnSync('gcc', args, { encoding: 'utf8' })
    if (error !== undefined || stderr !== '') throw new Error(error?.message ?? stderr)
  }

  /** What the process is started with; more libraries may be loaded before it. */
  env(...preload: readonly string[]): Record<string, string> {
    const libraries = [...preload, this.#library].join(':')
    return { LD_PRELOAD: libraries, FAILING_SYNC: this.#mark, UV_USE_IO_URING: '0' }
  }

  /** The next fdatasync that is meant fails. */
  arm({ of, killAfterUs, loses }: Failure): void {
    // Written aside: a mark that is half there would be read.
    writeFileSync(`${this.#mark}.new`, `${of} ${killAfterUs ?? -1} ${loses ? 1 : 0}\n`)
    renameSync(`${this.#mark}.new`, this.#mark)
  }

  /** Whether it still is to come. */
  get isArmed(): boolean {
    return existsSync(this.#mark)
  }

  disarm(): void {
    rmSync(this.#mark, { force: true })
  }
}
