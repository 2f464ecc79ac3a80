// SIGHUP, the signal that asks a service to read its configuration again.

import { isatty } from 'node:tty'

/** Hears SIGHUP from its making to its disposal; those that come while nobody waits count as one. */
export class Hangups implements Disposable {
  readonly #isAtTerminal = isatty(0)
  #pending: PromiseWithResolvers<true> = Promise.withResolvers()
  readonly #onHangup = () => {
    // The same signal says that the terminal was closed: then this means what it always meant.
    if (this.#isAtTerminal && !isatty(0)) process.kill(process.pid, 'SIGTERM')
    else this.#pending.resolve(true)
  }

  constructor() {
    process.on('SIGHUP', this.#onHangup)
  }

  /** Resolves when it came. */
  async next(): Promise<true> {
    const hung = await this.#pending.promise
    this.#pending = Promise.withResolvers()
    return hung
  }

  [Symbol.dispose](): void {
    process.off('SIGHUP', this.#onHangup)
  }
}
