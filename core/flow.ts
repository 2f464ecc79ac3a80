// Feed, Sink and pump: the idea of the whole system. A feed is pulled, a sink is pushed, a pump joins them.
import { LogdriveError } from './errors.ts'
import type { Runtime } from './runtime.ts'

/** Read in order; nothing is forgotten until it was committed. */
export interface Feed<T> extends AsyncDisposable {
  /** The next item; waits for one. Rejects with the signal's reason when it aborts. */
  next(signal: AbortSignal): Promise<T>
  /** Everything up to and including the item is done, for good. */
  commit(item: T, signal: AbortSignal): Promise<void>
}

/** Resolves once the item is safe on the other side; throws Rejected when it never will be. */
export interface Sink<T> extends AsyncDisposable {
  /** Resolves to what the other side refused for good out of the item; the rest is safe. */
  write(item: T, signal: AbortSignal): Promise<readonly Refusal[]>
}

/** One record of an item that the other side refused, and why. */
export interface Refusal {
  readonly offset: number
  readonly reason: string
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
}

/** Thrown by a sink: this item will never go through, set it aside and go on. Any other error means: try again. */
export class Rejected extends Error {
  override readonly name = 'Rejected'
  readonly refusals: readonly Refusal[]

  constructor(message: string, refusals: readonly Refusal[] = [], options?: { cause: unknown }) {
    super(message, options)
    this.refusals = refusals
  }
}

export interface PumpOptions<T> {
  /** First wait after a failure; doubles up to `retryMsMax`, full jitter. */
  readonly retryMsMin: number
  readonly retryMsMax: number
  /** Gives up and throws the last error after so many tries in a row; Infinity for never. */
  readonly triesMax: number
  /** Puts what was refused somewhere safe; the item is committed only after it resolved. */
  setAside(item: T, refusals: readonly Refusal[], signal: AbortSignal): Promise<void>
  /** Told of each item and each failure: for counters and for showing state. */
  observe?(event: PumpEvent<T>): void
}

export type PumpEvent<T> =
  | { readonly kind: 'written'; readonly item: T; readonly tookMs: number; readonly refused: number }
  | { readonly kind: 'failed'; readonly item: T; readonly error: unknown; readonly waitMs: number }

/** Codes that trying the same item again never mends: the pump stops and its owner decides. */
const fatalCodes = new Set(['DISK_FAILED', 'POSITION_CONFLICT', 'POSITION_STALE'])

/**
 * Moves items from feed to sink, one at a time and in order, until the signal aborts; then it returns. A failed
 * write is tried again with full jitter; a Rejected one is set aside. Commits follow writes, in order.
 */
export async function pump<T>(
  feed: Feed<T>,
  sink: Sink<T>,
  options: PumpOptions<T>,
  runtime: Pick<Runtime, 'clock' | 'random' | 'logger'>,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const item = await orAborted(feed.next(signal), signal)
    if (item === aborted) return
    const started = runtime.clock.monotonic()
    const refusals = await persist(() => writeOnce(sink, item, signal), item, options, runtime, signal)
    if (refusals === aborted) return
    if (refusals.length > 0) {
      const kept = await persist(
        () => options.setAside(item, refusals, signal),
        item,
        options,
        runtime,
        signal,
      )
      if (kept === aborted) return
    }
    const done = await persist(() => feed.commit(item, signal), item, options, runtime, signal)
    if (done === aborted) return
    const tookMs = runtime.clock.monotonic() - started
    options.observe?.({ kind: 'written', item, tookMs, refused: refusals.length })
  }
}

const aborted = Symbol('aborted')

async function writeOnce<T>(sink: Sink<T>, item: T, signal: AbortSignal): Promise<readonly Refusal[]> {
  try {
    return await sink.write(item, signal)
  } catch (error) {
    if (!(error instanceof Rejected)) throw error
    const whole: Refusal = { offset: -1, reason: error.message, key: null, value: null }
    return error.refusals.length > 0 ? error.refusals : [whole]
  }
}

/** Tries a step until it works, the signal aborts, it fails for good, or the tries are used up. */
async function persist<T, R>(
  step: () => Promise<R>,
  item: T,
  options: PumpOptions<T>,
  runtime: Pick<Runtime, 'clock' | 'random' | 'logger'>,
  signal: AbortSignal,
): Promise<R | typeof aborted> {
  let waitMsMax = options.retryMsMin
  for (let tries = 1; ; tries += 1) {
    try {
      return await step()
    } catch (error) {
      if (signal.aborted) return aborted
      if (error instanceof LogdriveError && fatalCodes.has(error.code)) throw error
      if (tries >= options.triesMax) throw error
      const waitMs = retryAfterMs(error) ?? Math.ceil(runtime.random.next() * waitMsMax)
      runtime.logger.warn({ err: error, tries, waitMs }, 'step failed; will retry')
      options.observe?.({ kind: 'failed', item, error, waitMs })
      await runtime.clock.sleep(waitMs, signal)
      if (signal.aborted) return aborted
      waitMsMax = Math.min(options.retryMsMax, waitMsMax * 2)
    }
  }
}

/** What the other side asked for with Retry-After, when the error carries it. */
function retryAfterMs(error: unknown): number | null {
  if (!(error instanceof LogdriveError)) return null
  const asked = error.details.retryAfterMs
  return typeof asked === 'number' && asked >= 0 ? asked : null
}

async function orAborted<R>(promise: Promise<R>, signal: AbortSignal): Promise<R | typeof aborted> {
  try {
    return await promise
  } catch (error) {
    if (signal.aborted) return aborted
    throw error
  }
}
