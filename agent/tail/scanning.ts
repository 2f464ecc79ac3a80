// Scanning: when to look at what. A scan of everything is the truth; change hints say what to look at meanwhile.
import path from 'node:path'
import type { Runtime } from '../../core/runtime.ts'
import type { AgentLimits } from '../options.ts'
import type { Discovery, Scan } from './discover.ts'
import type { Roster } from './roster.ts'
import { Changes, Watching } from './watching.ts'

/** After a look the rest is so many times as long: at most a fifth of the time goes into looking. */
const restFactor = 4
/**
 * A scan of everything costs some 15 us a file; as long as hints miss nothing half a percent of the time goes into scans.
 * Counted in files, not measured: on a busy machine scans would be rare for no good.
 */
const trustedRestMsPerFile = 3
/** But never rarer than this. */
const trustedRestMsMax = 60_000

/** Scans what an agent follows, for as long as it runs. */
export class Scanning {
  #discovery: Discovery
  readonly #roster: Roster
  readonly #limits: Pick<AgentLimits, 'scanMs' | 'hintMs'>
  readonly #runtime: Pick<Runtime, 'clock' | 'files'>
  #last: { readonly scan: Scan; readonly tookMs: number } | null = null
  #changes = new Changes()
  #wake: (() => void) | null = null
  /** When the last scan of everything was done. */
  #scannedAt = Number.NEGATIVE_INFINITY
  /** Changes that a scan found before their hint. */
  #suspects = new Set<string>()
  #trusted = false

  constructor(
    discovery: Discovery,
    roster: Roster,
    limits: Pick<AgentLimits, 'scanMs' | 'hintMs'>,
    runtime: Pick<Runtime, 'clock' | 'files'>,
  ) {
    this.#discovery = discovery
    this.#roster = roster
    this.#limits = limits
    this.#runtime = runtime
  }

  /** The last scan of everything, and how long it took; null before the first. */
  get last(): { readonly scan: Scan; readonly tookMs: number } | null {
    return this.#last
  }

  /** Looks for the files of other inputs from now on. */
  replace(discovery: Discovery): void {
    this.#discovery = discovery
    this.#scannedAt = Number.NEGATIVE_INFINITY
    this.#wake?.()
  }

  /** Until the signal aborts; rejects when our own disk fails. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, files } = this.#runtime
    await using watching = new Watching(files, (directory, name) => this.#hint(directory, name))
    /** Directories that began to give hints after they were looked at. */
    let stale: readonly string[] = []
    while (!signal.aborted) {
      const began = clock.monotonic()
      try {
        const isDue = this.#isDue(began)
        const seen = isDue
          ? await this.#scan(this.#discovery, signal)
          : await this.#look([...stale, ...watching.blind], signal)
        stale = seen === null ? [] : await watching.watch(seen.directories)
        await this.#roster.tick()
        // How long a scan took is for the next scan: hints that came meanwhile have waited long enough.
        await this.#rest(isDue ? 0 : clock.monotonic() - began, stale.length > 0, signal)
      } catch (error) {
        if (!signal.aborted) throw error
      }
    }
  }

  #isDue(now: number): boolean {
    // The hints of what a scan found had their time to come.
    if (this.#suspects.size > 0) this.#trusted = false
    if (this.#last === null) return true
    const { tookMs, scan } = this.#last
    const trustedMs = Math.min(trustedRestMsMax, scan.files.size * trustedRestMsPerFile)
    const restMs = Math.max(tookMs * restFactor, this.#trusted ? trustedMs : 0)
    return now - this.#scannedAt >= Math.max(this.#limits.scanMs, restMs)
  }

  /** Null when there are other inputs by now: what was seen may belong to nobody any more. */
  async #scan(discovery: Discovery, signal: AbortSignal): Promise<Scan | null> {
    const { clock } = this.#runtime
    const began = clock.monotonic()
    const hinted = this.#take()
    const scan = await discovery.scan(signal)
    if (discovery !== this.#discovery) return null
    const tookMs = clock.monotonic() - began
    await this.#roster.take(scan)
    const unhinted = scan.changed.filter((file) => !hinted.has(file) && !this.#changes.has(file))
    this.#suspects = new Set(unhinted)
    this.#trusted = unhinted.length === 0
    this.#scannedAt = clock.monotonic()
    this.#last = { scan, tookMs }
    return scan
  }

  /** Looks at what changed, and at all of directories that give no hints; null when no file came or went. */
  async #look(blind: readonly string[], signal: AbortSignal): Promise<Scan | null> {
    const changes = this.#take()
    const { missing } = this.#roster
    for (const file of missing) changes.add(path.dirname(file), null)
    const discovery = this.#discovery
    const seen = await discovery.look(changes, blind, signal)
    if (discovery !== this.#discovery) return null
    const isScan = 'directories' in seen
    if (!isScan && missing.length === 0) {
      this.#roster.observe(seen.files)
      return null
    }
    const scan = isScan ? seen : seen.all
    await this.#roster.take(scan)
    return scan
  }

  #take(): Changes {
    const changes = this.#changes
    this.#changes = new Changes()
    return changes
  }

  #hint(directory: string, name: string | null): void {
    this.#changes.add(directory, name)
    if (name !== null) this.#suspects.delete(path.join(directory, name))
    this.#wake?.()
  }

  /** Until a hint, or the time of the next scan; looking that takes long is done less often, hints and all. */
  async #rest(tookMs: number, isStale: boolean, signal: AbortSignal): Promise<void> {
    const { clock } = this.#runtime
    const { scanMs, hintMs } = this.#limits
    const restMs = Math.max(hintMs, tookMs * restFactor)
    const began = clock.monotonic()
    if (this.#changes.isEmpty && !isStale) {
      const early = new AbortController()
      const abort = () => early.abort()
      this.#wake = abort
      signal.addEventListener('abort', abort, { once: true })
      await clock.sleep(Math.max(scanMs, restMs), early.signal)
      signal.removeEventListener('abort', abort)
      this.#wake = null
    }
    await clock.sleep(Math.max(0, restMs - (clock.monotonic() - began)), signal)
  }
}
