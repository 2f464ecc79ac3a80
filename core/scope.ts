// Scope: structured concurrency. Tasks started together are cancelled together and awaited together.

/**
 * Owns tasks. The first one that fails cancels the others; `wait` rejects with its error. Disposing cancels all
 * and waits for them.
 */
export class Scope implements AsyncDisposable {
  readonly #controller = new AbortController()
  readonly #running = new Set<Promise<void>>()
  readonly #unfollow: () => void
  #failure: { readonly error: unknown } | null = null

  constructor(parent: AbortSignal) {
    const follow = () => this.#controller.abort(parent.reason)
    if (parent.aborted) follow()
    else parent.addEventListener('abort', follow, { once: true })
    this.#unfollow = () => parent.removeEventListener('abort', follow)
  }

  /** Aborts when the parent does, when a task failed, or at disposal. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Starts a task that the scope owns. An error after cancellation is part of dying and is not kept. */
  spawn(task: (signal: AbortSignal) => Promise<void>): void {
    const running = this.#run(task).finally(() => this.#running.delete(running))
    this.#running.add(running)
  }

  /** Resolves when all tasks are done; rejects with the first failure, after the others have stopped. */
  async wait(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running)
    if (this.#failure !== null) throw this.#failure.error
  }

  /** Asks all tasks to stop; does not wait. */
  cancel(reason?: unknown): void {
    this.#controller.abort(reason)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cancel()
    this.#unfollow()
    while (this.#running.size > 0) await Promise.all(this.#running)
  }

  async #run(task: (signal: AbortSignal) => Promise<void>): Promise<void> {
    try {
      await task(this.#controller.signal)
    } catch (error) {
      if (this.#controller.signal.aborted) return
      this.#failure ??= { error }
      this.#controller.abort(error)
    }
  }
}
