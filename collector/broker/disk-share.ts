// DiskShare: what all partitions of a broker have in common: the bytes that wait, the syncs that run, the failure.
import { isCode, LogdriveError } from '../../core/errors.ts'
import type { Clock } from '../../core/runtime.ts'

/** How long a sender should wait when too much waits for the disk already. */
const overloadedRetryMs = 250
/** For how long a refusal for want of room says that the disk is full: those who are sent away may not try again. */
const fullMs = 10_000

/** Bounds the work that is on its way to the disk; after a failure nothing is acknowledged any more. */
export class DiskShare {
  /** Resolves to the first failure of any log; never when the disk holds. */
  readonly failed: Promise<LogdriveError>
  readonly #pendingBytesMax: number
  readonly #syncsMax: number
  #pendingBytes = 0
  #syncs = 0
  #failure: LogdriveError | null = null
  #fullUntil = Number.NEGATIVE_INFINITY
  readonly #waiting: (() => void)[] = []
  readonly #resolveFailed: (error: LogdriveError) => void
  readonly #clock: Clock

  constructor(limits: { readonly pendingBytesAllMax: number; readonly syncsMax: number }, clock: Clock) {
    this.#clock = clock
    this.#pendingBytesMax = limits.pendingBytesAllMax
    this.#syncsMax = limits.syncsMax
    const { promise, resolve } = Promise.withResolvers<LogdriveError>()
    this.failed = promise
    this.#resolveFailed = resolve
  }

  get failure(): LogdriveError | null {
    return this.#failure
  }

  /** A write was refused for want of room a moment ago. */
  get isDiskFull(): boolean {
    return this.#clock.monotonic() < this.#fullUntil
  }

  get pendingBytes(): number {
    return this.#pendingBytes
  }

  get isFull(): boolean {
    return this.#pendingBytes >= this.#pendingBytesMax
  }

  take(bytes: number): void {
    this.#pendingBytes += bytes
  }

  give(bytes: number): void {
    this.#pendingBytes -= bytes
  }

  /** A write that was refused, whatever for. */
  refused(error: unknown): void {
    if (isCode(error, 'DISK_FULL')) this.#fullUntil = this.#clock.monotonic() + fullMs
  }

  fail(error: LogdriveError): void {
    if (this.#failure !== null) return
    this.#failure = error
    this.#resolveFailed(error)
  }

  /** Runs a sync when fewer than `syncsMax` others do; first come, first served. */
  async sync(work: () => Promise<void>): Promise<void> {
    if (this.#syncs >= this.#syncsMax) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    else this.#syncs += 1
    try {
      await work()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#syncs -= 1
      else next()
    }
  }
}

/** Too much waits for the disk: the sender should come back. */
export function overloaded(what: string): LogdriveError {
  return new LogdriveError('OVERLOADED', `${what}: too much waits for the disk`, {
    hint: 'Send again after a while.',
    details: { retryAfterMs: overloadedRetryMs },
  })
}
