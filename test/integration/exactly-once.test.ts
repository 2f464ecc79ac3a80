// The promise, on real parts: lines of a growing nginx log are in ClickHouse and in files exactly once, in order,
// through kill -9 of agent, collector and ClickHouse, a rename rotation and a truncation.
// Needs: npm packages only (chdb). LOGDRIVE_TEST_LINES and LOGDRIVE_TEST_KILLS set the size.
import { createHash } from 'node:crypto'
import { appendFile, mkdir, rename, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { generateLine } from '../../cli/demo-log.ts'
import { answers, freePorts, Running, temporaryFolder, until } from './processes.ts'
import { ask, linesInClickHouse, linesInFiles, type StoredLine } from './stored-lines.ts'

const lines = Number(process.env.LOGDRIVE_TEST_LINES ?? 1_000_000)
const kills = Number(process.env.LOGDRIVE_TEST_KILLS ?? 20)

test(`${lines} lines of a finished file are in ClickHouse and in files, each once, in order`, async () => {
  await using system = await System.prepare()
  const log = new LogWriter(system.logPath)
  await log.append(lines)
  system.start()
  await system.untilStored(log.count, 240)
  await system.expectExactly(log)
})

test(`${lines} lines survive ${kills} kills, a rename rotation and a truncation: none lost, none doubled`, async () => {
  await using system = await System.prepare()
  const log = new LogWriter(system.logPath)
  system.start()
  const random = seeded(20261121)
  const pieces = 100
  const killAt = new Map(
    Array.from({ length: kills }, (_, kill) => [Math.floor(((kill + 0.5) * pieces) / kills), kill]),
  )
  for (let piece = 0; piece < pieces; piece += 1) {
    await log.append(lines / pieces, random() < 0.3)
    if (piece === 33) await log.rotate()
    if (piece === 66) {
      // What a truncation destroys before anybody read it cannot be kept by anyone: let the agent catch up first.
      await log.endLine()
      await system.untilStored(log.count, 240)
      await log.truncate()
    }
    const kill = killAt.get(piece)
    if (kill !== undefined) await system.killOne(kill, random)
    await delay(random() * 400)
  }
  await log.endLine()
  await system.untilStored(log.count, 300)
  await system.expectExactly(log)
  console.info(`kills: ${JSON.stringify(system.killed)}; rows ${log.count}; generations ${log.generations}`)
})

/** Writes numbered nginx lines and remembers them; a generation is the life of one content of the file. */
class LogWriter {
  readonly #path: string
  readonly #digests: string[] = []
  readonly #starts = [0]
  readonly #random = { next: seeded(7) }
  #open = false

  constructor(path: string) {
    this.#path = path
  }

  get count(): number {
    return this.#digests.length
  }

  get generations(): number {
    return this.#starts.length
  }

  /** Appends lines; `partial` leaves the last one without its newline until the next call. */
  async append(count: number, partial = false): Promise<void> {
    await this.endLine()
    let text = ''
    for (let index = 0; index < count; index += 1) {
      const line = `${generateLine(this.#random, 1_763_700_000_000 + this.count * 7)} rid=${this.count}`
      this.#digests.push(digest(line))
      text += `${line}\n`
      if (text.length > 1 << 20) {
        await appendFile(this.#path, text)
        text = ''
      }
    }
    this.#open = partial && text.length > 0
    await appendFile(this.#path, this.#open ? text.slice(0, -1) : text)
  }

  async endLine(): Promise<void> {
    if (this.#open) await appendFile(this.#path, '\n')
    this.#open = false
  }

  async rotate(): Promise<void> {
    await this.endLine()
    await rename(this.#path, `${this.#path}.1`)
    this.#starts.push(this.count)
  }

  async truncate(): Promise<void> {
    await truncate(this.#path, 0)
    this.#starts.push(this.count)
  }

  /** Compares what is stored with what was written: text, once each, and the order within a generation. */
  async check(stored: AsyncIterable<StoredLine>): Promise<Findings> {
    const seen = new Uint8Array(this.count)
    const last = new Map<string, number>()
    const findings = { rows: 0, doubled: 0, wrong: 0, disordered: 0, missing: 0 }
    const byNumber: string[] = []
    for await (const { partition, body } of stored) {
      const number = Number(/ rid=(\d+)$/.exec(body)?.[1] ?? -1)
      const text = digest(body)
      findings.rows += 1
      if (this.#digests[number] !== text) {
        findings.wrong += 1
        continue
      }
      if (seen[number] === 1) findings.doubled += 1
      seen[number] = 1
      byNumber[number] = text
      const generation = this.#starts.findLastIndex((start) => start <= number)
      const line = `${partition}/${generation}`
      if ((last.get(line) ?? -1) >= number) findings.disordered += 1
      last.set(line, number)
    }
    findings.missing = seen.reduce((sum, flag) => sum + (flag === 0 ? 1 : 0), 0)
    return { ...findings, hash: digest(byNumber.join('\n')), expectedHash: digest(this.#digests.join('\n')) }
  }
}

interface Findings {
  readonly rows: number
  readonly doubled: number
  readonly wrong: number
  readonly disordered: number
  readonly missing: number
  readonly hash: string
  readonly expectedHash: string
}

/** A collector with embedded ClickHouse and a file sink, and an agent: three kinds of process to kill. */
class System implements AsyncDisposable {
  readonly folder: string
  readonly logPath: string
  readonly killed = { agent: 0, collector: 0, clickhouse: 0 }
  readonly #url: string
  readonly #clickhouse: string
  readonly #collector: () => Running
  readonly #agent: () => Running
  readonly #dispose: () => PromiseLike<void>
  #running: { collector: Running; agent: Running } | null = null

  private constructor(folder: string, ports: readonly number[], dispose: () => PromiseLike<void>) {
    this.folder = folder
    this.logPath = join(folder, 'logs', 'access.log')
    this.#url = `http://127.0.0.1:${ports[0]}`
    this.#clickhouse = `http://127.0.0.1:${ports[1]}`
    this.#collector = () => new Running(['collector', '-c', join(folder, 'collector.yaml')])
    this.#agent = () => new Running(['agent', '-c', join(folder, 'agent.yaml')])
    this.#dispose = dispose
  }

  static async prepare(): Promise<System> {
    const folder = await temporaryFolder()
    const ports = await freePorts(2)
    await mkdir(join(folder.path, 'logs'))
    await writeFile(join(folder.path, 'collector.yaml'), collectorYaml(folder.path, ports))
    await writeFile(join(folder.path, 'agent.yaml'), agentYaml(folder.path, ports))
    return new System(folder.path, ports, () => folder[Symbol.asyncDispose]())
  }

  start(): void {
    this.#running = { collector: this.#collector(), agent: this.#agent() }
  }

  /** Kills one of the three at random; the agent and the collector are started again, ClickHouse by its watchdog. */
  async killOne(kill: number, random: () => number): Promise<void> {
    const { collector, agent } = this.#live()
    const victim = (['agent', 'collector', 'clickhouse'] as const)[kill % 3] ?? 'agent'
    this.killed[victim] += 1
    await delay(random() * 300)
    if (victim === 'clickhouse') {
      const pid = await this.#clickhousePid().catch(() => null)
      if (pid !== null) process.kill(pid, 'SIGKILL')
      return
    }
    const process_ = victim === 'agent' ? agent : collector
    await process_.kill()
    await delay(random() * 300)
    process_.restart()
  }

  async untilStored(count: number, seconds: number): Promise<void> {
    let [rows, files] = [0, 0]
    const what = () => `${count} rows; ClickHouse has ${rows}, files have ${files}\n${this.#outputs()}`
    await until(
      what,
      seconds,
      async () => {
        rows = Number(await ask(this.#clickhouse, 'SELECT count() FROM logdrive.web_logs'))
        return rows >= count ? true : null
      },
      250,
    )
    await until(
      what,
      60,
      async () => {
        files = 0
        for await (const _ of linesInFiles(join(this.folder, 'archive'))) files += 1
        return files >= count ? true : null
      },
      500,
    )
  }

  async expectExactly(log: LogWriter): Promise<void> {
    expect(await answers(`${this.#url}/readyz`)).toBe(true)
    for (const stored of [
      linesInClickHouse(this.#clickhouse, 'web_logs'),
      linesInFiles(join(this.folder, 'archive')),
    ]) {
      const { hash, expectedHash, ...counts } = await log.check(stored)
      expect(counts).toEqual({ rows: log.count, doubled: 0, wrong: 0, disordered: 0, missing: 0 })
      expect(hash).toBe(expectedHash)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running?.agent.kill()
    await this.#running?.collector.stop()
    await this.#dispose()
  }

  #live(): { collector: Running; agent: Running } {
    if (this.#running === null) throw new Error('not started')
    return this.#running
  }

  #outputs(): string {
    const { collector, agent } = this.#live()
    return `collector: ${collector.output.slice(-3000)}\nagent: ${agent.output.slice(-3000)}`
  }

  async #clickhousePid(): Promise<number | null> {
    const answer = await fetch(`${this.#url}/v1/status`, { signal: AbortSignal.timeout(2000) })
    const status = (await answer.json()) as { sinks: { name: string; details: { pid?: number } }[] }
    return status.sinks.find((sink) => sink.name === 'warehouse')?.details.pid ?? null
  }
}

function collectorYaml(folder: string, [http, clickhouse]: readonly number[]): string {
  return `version: 1
data: ${folder}/data
collector:
  http: { listen: "127.0.0.1:${http}" }
  kafka: off
topics:
  web_logs: { partitions: 4 }
sinks:
  warehouse:
    type: clickhouse
    topics: [web_logs]
    server: embedded
    port: ${clickhouse}
    batch: { rows: 100k, bytes: 32MiB, age: 500ms }
  archive:
    type: file
    topics: [web_logs]
    path: ${folder}/archive/{topic}/{partition}
    format: ndjson
    rotate: { rows: 200k, bytes: 64MiB, age: 2s }
`
}

function agentYaml(folder: string, [http]: readonly number[]): string {
  return `version: 1
agent:
  collector: "http://127.0.0.1:${http}"
  state: ${folder}/agent-state
  inputs:
    nginx: { type: file, paths: ["${folder}/logs/access.log*"], topic: web_logs }
`
}

function digest(text: string): string {
  return createHash('sha1').update(text).digest('base64')
}

/** mulberry32: a small seeded generator, so that a failing run can be made again. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
