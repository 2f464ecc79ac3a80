// A Runtime that can die as a process does: from then on nothing it was asked for is ever answered.
import type { Hint, ReadableFile, Runtime, StorageFile } from '../../../core/runtime.ts'

export interface Mortal {
  readonly runtime: Runtime
  /** Operations of disk, files and network so far. */
  readonly operations: number
  /** Aborts with the death. */
  readonly signal: AbortSignal
  /** kill -9: what the kernel already does ends, nobody hears of it, handles and sockets are closed. */
  kill(): Promise<void>
}

/** Wraps `runtime`; with `operationsMax` it dies by itself where the next operation would begin. */
export function mortal(runtime: Runtime, operationsMax = Number.POSITIVE_INFINITY): Mortal {
  const life = new Life(operationsMax)
  const { clock, storage, files, http } = runtime
  return {
    runtime: {
      ...runtime,
      clock: {
        now: () => clock.now(),
        monotonic: () => clock.monotonic(),
        sleep: (ms, signal) => life.wait(clock.sleep(ms, AbortSignal.any([signal, life.signal]))),
      },
      storage: {
        open: (path, mode) => life.ask(async () => storedFile(await storage.open(path, mode), life)),
        list: (directory) => life.ask(() => storage.list(directory)),
        makeDirectory: (directory) => life.ask(() => storage.makeDirectory(directory)),
        rename: (from, to) => life.ask(() => storage.rename(from, to)),
        remove: (path) => life.ask(() => storage.remove(path)),
        syncDirectory: (directory) => life.ask(() => storage.syncDirectory(directory)),
      },
      files: {
        list: (directory) => life.ask(() => files.list(directory)),
        stat: (path) => life.ask(() => files.stat(path)),
        open: (path) => life.ask(async () => readableFile(await files.open(path), life)),
        space: (path) => life.ask(() => files.space(path)),
        remove: (path, expected) => life.ask(() => files.remove(path, expected)),
        watch: (directories, hint) =>
          life.ask(async () => {
            const told: Hint = (directory, name) => life.signal.aborted || hint(directory, name)
            const watching = await files.watch(directories, told)
            return { blind: watching.blind, [Symbol.asyncDispose]: life.own(watching) }
          }),
      },
      http: {
        serve: (address, handler, limits) => http.serve(address, handler, limits),
        request: (request, signal) =>
          life.ask(() => http.request(request, AbortSignal.any([signal, life.signal]))),
      },
    },
    get operations() {
      return life.operations
    },
    signal: life.signal,
    kill: () => life.end(),
  }
}

class Life {
  operations = 0
  readonly #operationsMax: number
  readonly #death = new AbortController()
  readonly #running = new Set<Promise<unknown>>()
  readonly #owned = new Set<AsyncDisposable>()

  constructor(operationsMax: number) {
    this.#operationsMax = operationsMax
  }

  get signal(): AbortSignal {
    return this.#death.signal
  }

  /** One operation: not begun when dead, not answered when dead by then. */
  async ask<T>(begin: () => Promise<T>): Promise<T> {
    this.operations += 1
    if (this.operations > this.#operationsMax) this.#death.abort()
    return this.signal.aborted ? never : this.wait(begin())
  }

  async wait<T>(operation: Promise<T>): Promise<T> {
    const settled = operation.then(
      () => undefined,
      () => undefined,
    )
    this.#running.add(settled)
    await settled
    this.#running.delete(settled)
    return this.signal.aborted ? never : operation
  }

  /** Closes `thing` when asked to, or when the process is gone as the kernel does. */
  own(thing: AsyncDisposable): () => Promise<void> {
    this.#owned.add(thing)
    return async () => {
      if (this.#owned.delete(thing)) await this.wait(Promise.resolve(thing[Symbol.asyncDispose]()))
    }
  }

  async end(): Promise<void> {
    this.#death.abort()
    while (this.#running.size > 0) await Promise.all(this.#running)
    for (const thing of this.#owned) await thing[Symbol.asyncDispose]()
    this.#owned.clear()
  }
}

function storedFile(file: StorageFile, life: Life): StorageFile {
  return {
    get size() {
      return file.size
    },
    read: (position, target) => life.ask(() => file.read(position, target)),
    write: (position, pieces) => life.ask(() => file.write(position, pieces)),
    truncate: (size) => life.ask(() => file.truncate(size)),
    sync: () => life.ask(() => file.sync()),
    [Symbol.asyncDispose]: life.own(file),
  }
}

function readableFile(file: ReadableFile, life: Life): ReadableFile {
  return {
    stat: () => life.ask(() => file.stat()),
    read: (position, target) => life.ask(() => file.read(position, target)),
    [Symbol.asyncDispose]: life.own(file),
  }
}

const never = new Promise<never>(() => {})
