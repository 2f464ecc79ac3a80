// A simulated machine with one program: incarnations that crash, whose promises then never settle, and its disk.
import type { Clock, Runtime } from '../../core/runtime.ts'
import type { SimulatedFiles } from './files.ts'
import { noFiles } from './files.ts'
import { type LoggedLine, MemoryLogger } from './logger.ts'
import type { SeededRandom } from './random.ts'
import { type DiskCall, type DiskVerb, SimulatedDisk } from './storage.ts'
import type { World } from './world.ts'

export interface ProcessOptions {
  readonly diskMode?: 'ordered' | 'hostile'
  /** Other people's files on this machine; they survive everything. */
  readonly files?: SimulatedFiles
  /** The wall clock here is off by so many ms. */
  readonly clockOffsetMs?: number
}

/** What runs: resolves when it ended by itself or by its signal, rejects when it failed. */
export type Program = (runtime: Runtime, signal: AbortSignal) => Promise<void>

/** Waits for its turn in the world; never resolves once the incarnation is dead. */
export type Turn = (label: string, ms: number) => Promise<void>

/** One life of a process. */
export interface Incarnation {
  alive: boolean
  readonly process: Process
  readonly turn: Turn
}

/** A machine by name: its disk outlives its incarnations. */
export class Process {
  readonly name: string
  readonly world: World
  readonly disk: SimulatedDisk
  /** The last lines logged, over all incarnations. */
  readonly lines: LoggedLine[] = []
  /** Changes with clock jumps. */
  clockOffsetMs: number
  /** What the program of the current incarnation threw, if it did. */
  failure: { readonly error: unknown } | null = null
  starts = 0
  readonly #files: SimulatedFiles | null
  readonly #random: SeededRandom
  #program: Program | null = null
  #incarnation: Incarnation
  #stop = new AbortController()
  #running: Promise<void> | null = null

  constructor(world: World, name: string, options: ProcessOptions) {
    this.world = world
    this.name = name
    this.clockOffsetMs = options.clockOffsetMs ?? 0
    this.#files = options.files ?? null
    this.#random = world.random(`process/${name}`)
    const latency = world.random(`latency/${name}`)
    this.disk = new SimulatedDisk({
      random: world.random(`disk/${name}`),
      mode: options.diskMode ?? 'ordered',
      wait: (call) => this.#diskTurn(call, latency),
      count: (fault) => world.count(fault),
    })
    this.#incarnation = this.#born()
  }

  /** The program runs: it has neither ended nor failed nor been crashed. */
  get running(): boolean {
    return this.#running !== null
  }

  /** A Runtime of the current incarnation; for tests that drive parts without a program. */
  get runtime(): Runtime {
    return this.#view(this.#incarnation)
  }

  /** Starts the program in the current incarnation. */
  start(program: Program): void {
    if (this.#running !== null) throw new Error(`${this.name} runs already`)
    this.starts += 1
    this.failure = null
    this.#program = program
    this.#stop = new AbortController()
    const incarnation = this.#incarnation
    const ended = (failure: { readonly error: unknown } | null) => {
      if (!incarnation.alive) return
      this.failure = failure
      this.#running = null
    }
    const { signal } = this.#stop
    const runtime = this.#view(incarnation)
    // A step later: a crash at the program's very first call must find the process running.
    this.#running = Promise.resolve()
      .then(() => program(runtime, signal))
      .then(
        () => ended(null),
        (error: unknown) => ended({ error }),
      )
  }

  /** The power goes, or with `power: false` only the process (kill -9): the page cache stays. */
  crash(options: { readonly power: boolean } = { power: true }): void {
    this.world.count(options.power ? `${this.name} power cut` : `${this.name} killed`)
    this.world.note(`crash ${this.name}`)
    this.#end()
    if (options.power) this.disk.crash()
    else this.disk.kill()
  }

  /** Starts the last program again, over the same disk. */
  restart(): void {
    if (this.#program === null) throw new Error(`${this.name} was never started`)
    // A program that failed by itself leaves an incarnation behind whose timers must not fire any more.
    this.#end()
    this.disk.kill()
    this.start(this.#program)
  }

  /** Asks the program to stop; the caller runs the world until `running` is false. */
  stop(): void {
    this.#stop.abort()
  }

  #end(): void {
    this.#incarnation.alive = false
    this.#running = null
    this.world.network.drop(this.#incarnation)
    this.#files?.release()
    this.#incarnation = this.#born()
  }

  #born(): Incarnation {
    const incarnation: Incarnation = {
      alive: true,
      process: this,
      turn: (label, ms) =>
        new Promise((resolve) => {
          this.world.schedule(label, ms, () => {
            if (incarnation.alive) resolve()
          })
        }),
    }
    return incarnation
  }

  #view(incarnation: Incarnation): Runtime {
    return {
      clock: this.#clock(incarnation),
      random: { next: () => this.#random.next(), uuid: () => this.#random.uuid() },
      storage: this.disk.storage(),
      files: this.#files?.view(incarnation.turn) ?? noFiles,
      http: this.world.network.http(incarnation),
      transport: this.world.network.sockets.transport(incarnation),
      logger: new MemoryLogger(this.lines, { process: this.name }),
    }
  }

  #clock(incarnation: Incarnation): Clock {
    const { world } = this
    const started = world.now
    return {
      now: () => Math.floor(world.startMs + world.now + this.clockOffsetMs),
      monotonic: () => world.now - started,
      sleep: (ms, signal) => {
        if (signal.aborted) return Promise.resolve()
        return new Promise((resolve) => {
          const wake = () => {
            cancel()
            signal.removeEventListener('abort', wake)
            if (incarnation.alive) resolve()
          }
          const cancel = world.schedule(`${this.name} wakes`, ms, wake)
          signal.addEventListener('abort', wake, { once: true })
        })
      },
    }
  }

  /** Syncs are slow and sometimes stall; the rest comes from the page cache. */
  #diskTurn(call: DiskCall, random: SeededRandom): Promise<void> {
    const slow = call.verb === 'sync' || call.verb === 'syncDirectory'
    let ms = slow ? 0.2 + random.next() * 4 : random.next() * 0.2
    if (slow && random.chance(0.005)) {
      ms += random.next() * 2_000
      this.world.count('disk stall')
    }
    const label: `${string} ${DiskVerb}` = `${this.name} ${call.verb}`
    return new Promise((resolve) => {
      this.world.schedule(label, ms, resolve)
    })
  }
}
