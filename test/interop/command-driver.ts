// A driver that does each job by programs that it starts: kcat, log shippers, Kafka's own command-line tools.
import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Driver, jobMsMax, type RunningJob } from './driver.ts'
import type { ConsumedRecord, Done, Job } from './job.ts'

/** What a job has at hand: where it tells what it sees, a folder that goes when it ends, who is to be ended with it. */
export interface Workplace {
  readonly folder: string
  readonly records: ConsumedRecord[]
  ready(): void
  assigned(partitions: readonly number[]): void
  started(program: Program): void
}

/** A program that the job goes on in. */
export interface Program {
  /** Sends the signal, and resolves when the program is gone. */
  end(signal: NodeJS.Signals): Promise<unknown>
}

export class CommandDriver implements Driver {
  readonly #perform: (job: Job, place: Workplace) => Promise<Done>
  readonly #programs = new Set<Program>()

  constructor(perform: (job: Job, place: Workplace) => Promise<Done>) {
    this.#perform = perform
  }

  run(job: Job): RunningJob {
    const ready = Promise.withResolvers<void>()
    const records: ConsumedRecord[] = []
    const running = { ready: ready.promise, records, assigned: null as readonly number[] | null }
    const finished = this.#within(job, {
      records,
      ready: ready.resolve,
      assigned: (partitions) => {
        running.assigned = partitions
      },
      started: (program) => this.#programs.add(program),
    })
    finished.then(() => ready.resolve(), ready.reject)
    ready.promise.catch(() => {})
    return Object.assign(running, { finished })
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    const programs = [...this.#programs]
    this.#programs.clear()
    await Promise.all(programs.map((program) => program.end(signal)))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.end('SIGKILL')
  }

  async #within(job: Job, place: Omit<Workplace, 'folder'>): Promise<Done> {
    const folder = mkdtempSync(join(tmpdir(), 'logdrive-driver-'))
    const tooLong = Promise.withResolvers<never>()
    const timer = setTimeout(() => tooLong.reject(new Error(`no end after ${jobMsMax / 1000} s`)), jobMsMax)
    try {
      return await Promise.race([this.#perform(job, { ...place, folder }), tooLong.promise])
    } finally {
      clearTimeout(timer)
      rmSync(folder, { recursive: true, force: true })
    }
  }
}

/** A child process as a program of a job. */
export function programOf(child: ChildProcess): Program {
  return {
    async end(signal) {
      if (child.exitCode !== null || child.signalCode !== null) return
      const gone = new Promise((resolve) => child.once('close', resolve))
      child.kill(signal)
      await gone
    },
  }
}
