// Whereabouts: the name a file is known by, and the one that leads to it now.
import { missedMax } from './tail-options.ts'

export class Whereabouts {
  #path: string
  #way: string
  /** Rotated before it was ever open: opening it is still to come. */
  #isUnopened = false
  /** How often in a row it was looked for in vain. */
  #missed = 0

  constructor(path: string) {
    this.#path = path
    this.#way = path
  }

  /** The name it is known by: the one it had when it was written. */
  get path(): string {
    return this.#path
  }

  /** The name that leads to it now. */
  get way(): string {
    return this.#way
  }

  /** It is still to be opened, and not gone: only when nobody finds it several times. */
  get isSought(): boolean {
    return this.#isUnopened && this.#missed < missedMax
  }

  /** A scan saw it under this path. */
  seen(path: string): void {
    this.#path = path
    this.#way = path
  }

  /** It is to be opened under a name that no glob means. */
  sought(way: string): void {
    this.#way = way
    this.#isUnopened = true
  }

  /** It was looked for, and is under this name now; null: nowhere to be seen. */
  found(way: string | null): void {
    this.#missed = way === null ? this.#missed + 1 : 0
    if (way !== null) this.#way = way
  }

  opened(): void {
    this.#isUnopened = false
  }
}
