// The inputs that are no files, as they run: each with a stop of its own, so that a reload can end one and keep another.
import type { Clock } from '../core/runtime.ts'
import type { Scope } from '../core/scope.ts'
import { InputCounts, type InputStatus } from './input-counts.ts'
import type { Source, SourceParts, SourceStatus } from './source.ts'
import type { Losses } from './state/losses.ts'

interface Running {
  readonly source: Source
  readonly stop: AbortController
  readonly kill: AbortController
  /** Resolves when it ended, however it did. */
  readonly ended: Promise<void>
}

export interface RunningSourcesOptions {
  /** What all of them are lent; each counts for itself. */
  readonly parts: Omit<SourceParts, 'losses' | 'counts'>
  readonly losses: Losses
  readonly clock: Clock
  /** How long requests under way may take at a stop, in ms. */
  readonly drainMs: number
  /** Owns the sources; its end kills them. */
  readonly scope: Scope
  /** Stops all of them. */
  readonly stop: AbortSignal
  /** All of them came to their end by themselves. */
  exhausted(): void
}

export class RunningSources {
  readonly #options: RunningSourcesOptions
  readonly #running = new Set<Running>()
  /** What is to run; what is begun anew waits until the old ones have let go of their ports and pipes. */
  #wanted: readonly Source[] = []
  /** Of what began last under a name. */
  readonly #counts = new Map<string, InputCounts>()

  constructor(options: RunningSourcesOptions) {
    this.#options = options
    options.stop.addEventListener('abort', () => this.#stop(this.#running), { once: true })
  }

  /** Of those that are to run, by name. */
  status(): Readonly<Record<string, SourceStatus & InputStatus>> {
    const entries = this.#wanted.map((source) => {
      const counts = this.#counts.get(source.name) ?? new InputCounts()
      return [source.name, { ...source.status?.(), ...counts.status() }] as const
    })
    return Object.fromEntries(entries)
  }

  start(sources: readonly Source[]): void {
    this.#wanted = sources
    for (const source of sources) this.#begin(source)
  }

  /** Ends those that are not `unchanged` and begins the new ones. */
  replace(sources: readonly Source[], unchanged: ReadonlySet<string>): void {
    const { scope } = this.#options
    const leaving = [...this.#running].filter(({ source }) => !unchanged.has(source.name))
    const kept = this.#wanted.filter(({ name }) => unchanged.has(name))
    const added = sources.filter(({ name }) => !unchanged.has(name))
    this.#wanted = [...kept, ...added]
    this.#stop(leaving)
    scope.spawn(async (kill) => {
      await this.#drain(leaving, kill)
      // Another reload may have come meanwhile.
      for (const source of added) if (this.#wanted.includes(source)) this.#begin(source)
    })
  }

  #begin(source: Source): void {
    const { scope, parts, losses, stop } = this.#options
    if (stop.aborted) return
    const ended = Promise.withResolvers<void>()
    const running = { source, stop: new AbortController(), kill: new AbortController(), ended: ended.promise }
    this.#running.add(running)
    const counts = new InputCounts()
    this.#counts.set(source.name, counts)
    const own = { ...parts, losses: counts.ledger(losses), counts }
    scope.spawn(async (kill) => {
      const killed = () => running.kill.abort(kill.reason)
      kill.addEventListener('abort', killed, { once: true })
      try {
        await source.run(own, running.stop.signal, running.kill.signal)
      } finally {
        kill.removeEventListener('abort', killed)
        this.#running.delete(running)
        ended.resolve()
      }
      if (!running.stop.signal.aborted && this.#running.size === 0) this.#options.exhausted()
    })
  }

  #stop(some: Iterable<Running>): void {
    for (const { stop } of some) stop.abort(new Error('stopping'))
  }

  async #drain(leaving: readonly Running[], signal: AbortSignal): Promise<void> {
    const { clock, drainMs } = this.#options
    const drained = new AbortController()
    const abort = () => drained.abort()
    signal.addEventListener('abort', abort, { once: true })
    const all = Promise.all(leaving.map(({ ended }) => ended)).finally(abort)
    await Promise.race([all, clock.sleep(drainMs, drained.signal)])
    for (const { kill } of leaving) kill.abort(new Error('not done in time'))
    await all
    signal.removeEventListener('abort', abort)
  }
}
