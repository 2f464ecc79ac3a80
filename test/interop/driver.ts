// A client under test: a program that takes jobs (job.ts). One process does its jobs one after the other.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { boundToUs } from './commands.ts'
import type { ConsumedRecord, Done, DriverEvent, Job } from './job.ts'

/** What the cases speak to. `started` resolves with the first `ready`; `finished` rejects with the client's error. */
export interface Driver extends AsyncDisposable {
  run(job: Job): RunningJob
}

export interface RunningJob {
  readonly ready: Promise<void>
  readonly finished: Promise<Done>
  readonly records: readonly ConsumedRecord[]
  /** Partitions that a member holds now, null before the first assignment. */
  readonly assigned: readonly number[] | null
}

/** Longest time that one job may take; longer means that the client hangs. */
export const jobMsMax = 90_000

/** A driver program. It is started with the first job, and anew after a kill. */
export class ProgramDriver implements Driver {
  readonly #program: string
  readonly #args: readonly string[]
  readonly #env: Readonly<Record<string, string>>
  #child: ChildProcessWithoutNullStreams | undefined
  #current: ProgramJob | undefined
  #stderr = ''

  constructor(program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.#program = program
    this.#args = args
    this.#env = env
  }

  run(job: Job): RunningJob {
    if (this.#current !== undefined && !this.#current.over) throw new Error('the driver is busy')
    const child = this.#child ?? this.#start()
    const current = new ProgramJob(() => {
      this.#child = undefined
      child.kill('SIGKILL')
    })
    this.#current = current
    child.stdin.write(`${JSON.stringify(job)}\n`)
    return current
  }

  /** Ends the process; SIGTERM lets a member leave its group, SIGKILL does not. Resolves when it is gone. */
  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const gone = new Promise((resolve) => child.once('close', resolve))
    const timer = setTimeout(() => child.kill('SIGKILL'), 15_000)
    child.kill(signal)
    await gone
    clearTimeout(timer)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.end('SIGKILL')
  }

  #start(): ChildProcessWithoutNullStreams {
    this.#stderr = ''
    const child = spawn(boundToUs.program, [...boundToUs.words, this.#program, ...this.#args], {
      env: { ...process.env, ...this.#env },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    child.stdin.on('error', () => {})
    child.stderr.on('data', (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString('utf8')).slice(-4000)
    })
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line.startsWith('{')) this.#current?.hear(JSON.parse(line) as DriverEvent)
    })
    child.on('error', (error) => this.#current?.fail(String(error)))
    child.on('close', (code, signal) => {
      if (this.#child === child) this.#child = undefined
      this.#current?.fail(
        `the client's process ended (${code ?? signal}): ${this.#stderr.trim().slice(-1500)}`,
      )
    })
    this.#child = child
    return child
  }
}

class ProgramJob implements RunningJob {
  readonly ready: Promise<void>
  readonly finished: Promise<Done>
  readonly records: ConsumedRecord[] = []
  assigned: readonly number[] | null = null
  over = false
  readonly #ready = Promise.withResolvers<void>()
  readonly #finished = Promise.withResolvers<Done>()
  readonly #timer: NodeJS.Timeout

  constructor(giveUp: () => void) {
    this.ready = this.#ready.promise
    this.finished = this.#finished.promise
    // Members are killed on purpose: nobody need look at these then.
    this.ready.catch(() => {})
    this.finished.catch(() => {})
    this.#timer = setTimeout(() => {
      this.fail(`no end after ${jobMsMax / 1000} s`)
      giveUp()
    }, jobMsMax)
  }

  hear(event: DriverEvent): void {
    if (event.ev === 'ready') this.#ready.resolve()
    else if (event.ev === 'assigned') this.assigned = event.partitions
    else if (event.ev === 'error') this.fail(event.message)
    else if (event.ev === 'done') this.#end(event)
    else this.records.push(event)
  }

  fail(message: string): void {
    if (this.over) return
    this.#over()
    const error = new Error(message)
    this.#ready.reject(error)
    this.#finished.reject(error)
  }

  #end(done: Done): void {
    this.#over()
    this.#ready.resolve()
    this.#finished.resolve(done)
  }

  #over(): void {
    this.over = true
    clearTimeout(this.#timer)
  }
}
