// Follower: one file from its tail to the collector: pump, and what to do when positions differ or the way is blocked.
import { isCode, LogdriveError } from '../../core/errors.ts'
import { type PumpEvent, pump } from '../../core/flow.ts'
import type { Logger, Runtime } from '../../core/runtime.ts'
import { Scope } from '../../core/scope.ts'
import { quiet } from '../quiet.ts'
import { Ahead } from '../ship/ahead.ts'
import type { Quarantine } from '../ship/quarantine.ts'
import type { PackedBatch, Shipper } from '../ship/shipper.ts'
import type { Kept, Uplink } from '../ship/uplink.ts'
import { Lag } from './lag.ts'
import type { Life, Lives } from './lives.ts'
import type { FilePast } from './resting.ts'
import type { Sighting } from './sighting.ts'
import type { Tail } from './tail.ts'

/** Batches of one turn while other files wait for theirs. */
const turnBatchesMax = 4

export interface FollowerOptions {
  readonly input: string
  readonly topic: string
  readonly retryMsMin: number
  readonly retryMsMax: number
  /** No checkpoint tells where the file stands, but the collector may know. */
  readonly ask: boolean
  /** What is counted of the file goes on from here. */
  readonly past: FilePast
}

export interface FollowerDeps {
  readonly runtime: Pick<Runtime, 'clock' | 'random'>
  readonly logger: Logger
  readonly quarantine: Quarantine
  readonly uplink: Uplink
  /** An acknowledgement moved the position. */
  acknowledged(follower: Follower): void
  /** The collector said where the file stands: kept before anything is shipped, so that a crash does not forget the file. */
  asked(follower: Follower): Promise<void>
  /** What there was to ship is shipped, or cannot be now. */
  shipped(follower: Follower): void
}

export class Follower {
  readonly options: FollowerOptions
  readonly tail: Tail
  readonly shipper: Shipper
  readonly lag = new Lag()
  readonly #deps: FollowerDeps
  #ended = false
  #leftAt: number | null = null
  #life: Life | null = null
  #sighting: Sighting
  #retries: number
  #shippedBytes: number
  #shippedLines: number
  /** Conflicts since the last write that worked. */
  #conflicts = 0
  /** Scans in a row that did not see the file. */
  missed = 0
  /** Found under a name that no glob means: read to its end, never looked for. */
  adopted = false

  /** Of a file as it was seen now. */
  constructor(
    { sighting, ...options }: FollowerOptions & { readonly sighting: Sighting },
    tail: Tail,
    shipper: Shipper,
    deps: FollowerDeps,
  ) {
    this.options = options
    this.tail = tail
    this.shipper = shipper
    this.#deps = deps
    this.#sighting = sighting
    this.#retries = options.past.retries
    this.#shippedBytes = options.past.shippedBytes
    this.#shippedLines = options.past.shippedLines
  }

  /** The file as a scan saw it last. */
  get sighting(): Sighting {
    return this.#sighting
  }

  /** What is counted of the file since the start of the agent. */
  get past(): FilePast {
    return { retries: this.#retries, shippedBytes: this.#shippedBytes, shippedLines: this.#shippedLines }
  }

  /** Nothing is to be done and nothing is under way: it may be made anew when there is. */
  get isAsleep(): boolean {
    const isElsewhere = this.missed > 0 || this.adopted || this.#leftAt !== null
    return !isElsewhere && this.#life === null && this.tail.isAsleep
  }

  /** Takes over how a scan saw the file. */
  observe(sighting: Sighting): void {
    this.#sighting = sighting
    this.tail.observe(sighting.stat, sighting.path)
  }

  /** When it was told to leave its file to others, monotonic ms; null while it follows it. */
  get leftAt(): number | null {
    return this.#leftAt
  }

  /** Its input is gone or another: ends where it is, its position is kept. What is under way may finish, until `kill`. */
  leave(): void {
    if (this.#leftAt !== null) return
    this.#leftAt = this.#deps.runtime.clock.monotonic()
    this.end()
  }

  kill(): void {
    this.#life?.kill.abort()
  }

  /** The tail is at its end for good: `run` returns. */
  end(): void {
    this.#ended = true
    this.#life?.stop.abort()
    this.tail.poke()
  }

  /**
   * Ships until the file ends or the lives are stopped. One that waits for its file to grow has no signals and no pump.
   * Rejects only when our own disk fails, or for a bug.
   */
  async run(lives: Lives): Promise<void> {
    try {
      if (this.options.ask) await this.#live(lives, (life) => this.#ask(life.stop.signal))
      while (!lives.stopped && !this.#ended) {
        await this.tail.work()
        if (lives.stopped || this.#ended) return
        const leave = await lives.turn()
        try {
          await this.#live(lives, (life) => this.#ship(lives, life, leave))
        } finally {
          leave()
        }
        this.#deps.shipped(this)
      }
    } finally {
      await this.tail[Symbol.asyncDispose]()
    }
  }

  async #live(lives: Lives, work: (life: Life) => Promise<void>): Promise<void> {
    const life = lives.begin()
    this.#life = life
    try {
      await work(life)
    } finally {
      this.#life = null
      lives.end(life)
    }
  }

  /** Ships what there is; after trouble, leaves its turn and mends it. */
  async #ship(lives: Lives, life: Life, leave: () => void): Promise<void> {
    const stop = life.stop.signal
    const stopped = await this.#pumpUntilTrouble(lives, stop, life.kill.signal)
    if (stopped.kind === 'resting') return
    this.tail.rewind()
    leave()
    this.#deps.shipped(this)
    if (stopped.kind === 'conflict') await this.#resolve(stopped.kept, stop)
    else await this.#deps.runtime.clock.sleep(stopped.waitMs, stop)
  }

  /** Pumps until positions differ, or until the way is blocked for long: then its memory is for others to use. */
  async #pumpUntilTrouble(lives: Lives, stop: AbortSignal, kill: AbortSignal): Promise<Stopped> {
    const { clock, random } = this.#deps.runtime
    const { topic, retryMsMin, retryMsMax } = this.options
    await using run = new Scope(kill)
    await using reading = new Scope(stop)
    await using feed = new Ahead(
      this.#counted(lives),
      (batch, after) => this.shipper.pack(batch, after),
      reading.signal,
    )
    let waitMs = 0
    const observe = (event: PumpEvent<PackedBatch>) => {
      if (event.kind === 'written') return
      this.#retries += 1
      if (!(event.error instanceof LogdriveError) || event.error.details.blocked !== true) return
      // Spread, so that a thousand files do not all come back at once.
      waitMs = event.waitMs * (0.5 + random.next())
      run.cancel()
    }
    const options = {
      retryMsMin,
      retryMsMax,
      triesMax: Number.POSITIVE_INFINITY,
      setAside: (packed: PackedBatch, refusals: Parameters<Quarantine['keep']>[2], signal: AbortSignal) =>
        this.#deps.quarantine.keep(topic, packed.batch, refusals, signal),
      observe,
    }
    try {
      await pump(feed, this.shipper, options, { clock, random, logger: quiet(this.#deps.logger) }, run.signal)
      return { kind: 'blocked', waitMs }
    } catch (error) {
      if (isCode(error, 'POSITION_CONFLICT'))
        return { kind: 'conflict', kept: error.details.kept as Kept | null }
      if (error === resting) return { kind: 'resting' }
      if (stop.aborted && error === stop.reason) return { kind: 'blocked', waitMs: 0 }
      throw error
    } finally {
      // What is being read ahead is waited for when the feed is disposed: it must not wait for the file to grow.
      reading.cancel(stop.reason)
    }
  }

  /** The tail, counting what is acknowledged. */
  #counted(lives: Lives): ConstructorParameters<typeof Ahead>[0] {
    let taken = 0
    return {
      next: async (signal) => {
        if (taken >= turnBatchesMax && lives.isCrowded) throw resting
        taken += 1
        const batch = await this.tail.take(signal)
        if (batch === null) throw resting
        return batch
      },
      commit: async (batch, signal) => {
        await this.tail.commit(batch, signal)
        this.#conflicts = 0
        this.#shippedBytes += batch.to - batch.from
        this.#shippedLines += batch.count
        this.#deps.acknowledged(this)
      },
      [Symbol.asyncDispose]: async () => {},
    }
  }

  /** Begins where the collector stands, when it knows the file. */
  async #ask(signal: AbortSignal): Promise<void> {
    const { tail, shipper } = this
    const { runtime, uplink, logger } = this.#deps
    let waitMsMax = this.options.retryMsMin
    while (!signal.aborted) {
      try {
        const kept = await uplink.kept(tail.source, this.options.topic, signal)
        if (kept === null || kept.to === 0) return await this.#deps.asked(this)
        logger.info(
          { path: tail.path, source: tail.source, kept },
          'the collector knows this file; going on there',
        )
        // With neither a birth time nor a guard it may be another file by now: rather twice than never.
        if (tail.locator.birthtimeNs === 0n && kept.guard === undefined) await tail.restart(kept.epoch + 1)
        else await this.#untilDone(() => tail.seek(kept.to, kept.epoch, kept.guard), signal)
        shipper.believe(kept)
        return await this.#deps.asked(this)
      } catch (error) {
        if (signal.aborted) return
        if (!(error instanceof LogdriveError) || error.code === 'DISK_FAILED') throw error
        this.#retries += 1
        await runtime.clock.sleep(Math.ceil(runtime.random.next() * waitMsMax), signal)
        waitMsMax = Math.min(this.options.retryMsMax, waitMsMax * 2)
      }
    }
  }

  /** Goes on where the collector stands. */
  async #resolve(kept: Kept | null, signal: AbortSignal): Promise<void> {
    const { tail, shipper } = this
    const { logger, runtime } = this.#deps
    const before = shipper.kept
    this.#conflicts += 1
    const fields = { path: tail.path, source: tail.source, epoch: tail.epoch, position: before.to, kept }
    if (this.#conflicts > 2) {
      // The same answer again and again: another agent with the same state, or a bug. Slowly, and loudly.
      logger.error(
        fields,
        'positions differ again and again; does another agent use a copy of the state folder?',
      )
      await runtime.clock.sleep(Math.min(this.options.retryMsMax, 1000 * this.#conflicts), signal)
    }
    // No range ends at 0: that is what a collector says that knows nothing of the source.
    if (kept === null || kept.to === 0) {
      logger.warn(fields, 'the collector no longer knows this file; going on behind what it had acknowledged')
      shipper.allowGap()
      return
    }
    logger.info(fields, 'the collector has another position; going on there')
    await this.#untilDone(async () => {
      if (kept.epoch >= tail.epoch) await tail.seek(kept.to, kept.epoch, kept.guard)
      else await tail.seek(0, tail.epoch, undefined)
    }, signal)
    shipper.believe(kept)
  }

  /** The file may be closed, and opening it may fail for a while. */
  async #untilDone(step: () => Promise<void>, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        return await step()
      } catch (error) {
        if (!(error instanceof LogdriveError) || error.code === 'DISK_FAILED') throw error
        this.#deps.logger.debug({ err: error, path: this.tail.path }, 'file cannot be opened now')
        await this.#deps.runtime.clock.sleep(1000, signal)
      }
    }
  }
}

/** Thrown by the feed of a file that has nothing more to read now: it ends the pump, for a while. */
const resting = new Error('nothing to read now')

type Stopped =
  | { readonly kind: 'resting' }
  | { readonly kind: 'conflict'; readonly kept: Kept | null }
  | { readonly kind: 'blocked'; readonly waitMs: number }
