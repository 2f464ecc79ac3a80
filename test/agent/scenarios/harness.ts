// Scenarios: what a writer and logrotate do to real files, told once, for the agent and for what it is compared with.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { rotateLog } from '../log-files.ts'
import type { AgentReader, AgentSetup } from './agent-reader.ts'

/** One of the scenarios of docs/agent-scenarios.md. */
export interface Scenario {
  /** Such as `31`, or `32 copytruncate daily` for a part of one. */
  readonly number: string
  readonly title: string
  /** What the agent is told, where it is not the usual. */
  readonly agent?: AgentSetup
  /** A tailer of the one file `a.log` can be put through the same steps. */
  readonly single?: boolean
  /** Lines are destroyed before anybody can read them: some may be missing, but none may be there twice. */
  readonly destroys?: boolean
  /** The steps. What was written and has not been read at the end is waited for behind them. */
  run(scene: Scene): Promise<void>
}

/** A line that was delivered. */
export interface Delivered {
  /** As latin1, so that any bytes can be compared. */
  readonly line: string
  /** Whatever the reader takes for one file. */
  readonly source: string
}

/** What follows the files of a scene. */
export interface Reader extends AsyncDisposable {
  readonly delivered: readonly Delivered[]
  start(): Promise<void>
  stop(): Promise<void>
  /** As kill -9: nothing is saved. */
  kill(): Promise<void>
  /** Resolves when it has looked at its files so many times, begun after the call. */
  looked(times: number): Promise<void>
  /** Resolves when so many lines were delivered, or it is clear that they will not be. */
  arrived(count: number): Promise<void>
}

/** A writer that keeps its file open, wherever that is renamed to. */
export interface Writer {
  write(...lines: readonly string[]): void
  close(): void
}

/** Real files in a folder of their own, what was written to them, and a reader of them. */
export class Scene implements AsyncDisposable {
  readonly folder: string
  /** Where the logs are; `<folder>/logs`. */
  readonly logs: string
  readonly #expected: string[] = []
  readonly #makeReader: (scene: Scene) => Promise<Reader>
  #reader: Reader | null = null

  constructor(makeReader: (scene: Scene) => Promise<Reader>) {
    this.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'logdrive-scenario-'))
    this.logs = path.join(this.folder, 'logs')
    fs.mkdirSync(this.logs)
    this.#makeReader = makeReader
  }

  get reader(): Reader {
    assert(this.#reader !== null, 'open the scene first')
    return this.#reader
  }

  /** The reader as the agent it is; for scenarios that only an agent takes part in. */
  get agent(): AgentReader {
    return this.reader as AgentReader
  }

  /** Every line that has to be delivered, once, in the order of writing. */
  get expected(): readonly string[] {
    return this.#expected
  }

  /** Text of what was delivered. */
  get texts(): readonly string[] {
    return this.reader.delivered.map(({ line }) => line)
  }

  /** The file that a line was delivered from. */
  sourceOf(line: string): string | undefined {
    return this.reader.delivered.find((each) => each.line === line)?.source
  }

  async open(): Promise<this> {
    this.#reader = await this.#makeReader(this)
    return this
  }

  /** The path of a log by its name. */
  path(name = 'a.log'): string {
    return path.join(this.logs, name)
  }

  /** W: appends whole lines and expects them. */
  write(name: string, ...lines: readonly string[]): void {
    this.append(name, lines.map((line) => `${line}\n`).join(''))
    this.expect(...lines)
  }

  /** W: appends bytes; what is to come of them is said with `expect`. */
  append(name: string, bytes: string | Uint8Array): void {
    fs.mkdirSync(path.dirname(this.path(name)), { recursive: true })
    fs.appendFileSync(this.path(name), bytes)
  }

  /** Lines that have to be delivered, once each. */
  expect(...lines: readonly string[]): void {
    for (const line of lines) this.#expected.push(Buffer.from(line).toString('latin1'))
  }

  /** Lines that nobody can have read: taken from the expected ones again. */
  forget(...lines: readonly string[]): void {
    for (const line of lines) this.#expected.splice(this.#expected.indexOf(line), 1)
  }

  /** R: `name.1` becomes `name.2` and so on, `name` becomes `name.1`; a new empty `name` unless told otherwise. */
  rotate(name = 'a.log', create = true): void {
    rotateLog(this.path(name))
    if (create) fs.writeFileSync(this.path(name), '')
  }

  /** CT: the content goes to `copy`, outside of the globs unless it is named so, and the file is emptied. */
  copyTruncate(name = 'a.log', copy = `${name}.copy`): void {
    fs.copyFileSync(this.path(name), this.path(copy))
    fs.truncateSync(this.path(name))
  }

  rename(from: string, to: string): void {
    fs.mkdirSync(path.dirname(this.path(to)), { recursive: true })
    fs.renameSync(this.path(from), this.path(to))
  }

  remove(name = 'a.log'): void {
    fs.rmSync(this.path(name), { recursive: true })
  }

  /** A writer with a handle of its own; `flags` as in fs.open. */
  writer(name = 'a.log', flags = 'a'): Writer {
    const descriptor = fs.openSync(this.path(name), flags)
    return {
      write: (...lines) => {
        fs.writeSync(descriptor, lines.map((line) => `${line}\n`).join(''))
        this.expect(...lines)
      },
      close: () => fs.closeSync(descriptor),
    }
  }

  /** Starts the reader. */
  start(): Promise<void> {
    return this.reader.start()
  }

  /** As `write`, with a reader that is started then and has read it all. */
  async begin(name: string, ...lines: readonly string[]): Promise<void> {
    this.write(name, ...lines)
    await this.start()
    await this.caughtUp()
  }

  /** S: a clean stop. */
  stop(): Promise<void> {
    return this.reader.stop()
  }

  /** K: kill -9. */
  kill(): Promise<void> {
    return this.reader.kill()
  }

  /** U: all that was written is waited for. */
  caughtUp(): Promise<void> {
    return this.reader.arrived(this.#expected.length)
  }

  /** The reader has looked at its files so many times from now on. */
  looked(times = 1): Promise<void> {
    return this.reader.looked(times)
  }

  /** Everything is read, and looking again brings nothing more; where content was destroyed, what is left of it. */
  async settled(destroys = false): Promise<void> {
    if (!destroys) await this.caughtUp()
    for (let before = -1; before !== this.reader.delivered.length; ) {
      before = this.reader.delivered.length
      await this.looked(3)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reader?.[Symbol.asyncDispose]()
    fs.rmSync(this.folder, { recursive: true, force: true })
  }
}

/** What became of the lines of a scene. */
export interface Outcome {
  readonly lost: readonly string[]
  readonly doubled: readonly string[]
  /** Delivered, but never written like this: glued, cut, or of somewhere else. */
  readonly wrong: readonly string[]
  /** Delivered behind a line of the same file that was written later. */
  readonly disordered: readonly string[]
}

/** Compares what was delivered with what was to be. */
export function outcomeOf(expected: readonly string[], delivered: readonly Delivered[]): Outcome {
  const wanted = new Map<string, number>()
  for (const line of expected) wanted.set(line, (wanted.get(line) ?? 0) + 1)
  const places = new Map(expected.map((line, index) => [line, index]))
  const last = new Map<string, number>()
  const outcome = {
    lost: [] as string[],
    doubled: [] as string[],
    wrong: [] as string[],
    disordered: [] as string[],
  }
  const unique = places.size === expected.length
  for (const { line, source } of delivered) {
    const place = places.get(line)
    if (place === undefined) {
      outcome.wrong.push(line)
      continue
    }
    const left = wanted.get(line) ?? 0
    wanted.set(line, left - 1)
    if (left <= 0) outcome.doubled.push(line)
    else if (unique && place < (last.get(source) ?? -1)) outcome.disordered.push(line)
    last.set(source, Math.max(place, last.get(source) ?? -1))
  }
  for (const [line, left] of wanted) for (let count = 0; count < left; count += 1) outcome.lost.push(line)
  return outcome
}

/** Asks every few milliseconds until the answer is yes; false when it is not within `ms`. */
export async function isWithin(ms: number, ask: () => boolean): Promise<boolean> {
  for (const deadline = performance.now() + ms; !ask(); ) {
    if (performance.now() > deadline) return false
    await delay(3)
  }
  return true
}
