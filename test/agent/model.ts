// A model of log files and of what an agent owes their writers: plays a history and says what did not come of it.
import { gzipSync } from 'node:zlib'
import type { Action, History, OnFile } from './histories.ts'
import { Content, type Line } from './model-content.ts'
import { answerJson } from './receiver.ts'
import { logsInput, type Stage, stage, startCollector } from './simulated.ts'

/** Plays a history to its end and says what is not as it was promised; nothing when all is. */
export async function play(history: History): Promise<readonly string[]> {
  const { seed, limits, globs, deleteAfterMs, actions } = history
  const at = stage(
    seed,
    { partialMs: 1e9, checkpointMs: 300, graceMs: 5000, retryMsMax: 2000, ...limits },
    { reuseInodes: true },
  )
  const model = new Model(at)
  const paths = globs.map((glob) => `/logs/${glob}`)
  const input = { ...logsInput, paths, ...(deleteAfterMs === null ? {} : { deleteAfterMs }) }
  at.startAgent({ inputs: [input] })
  // Each file is seen once: what comes and goes while nobody looks is beyond any agent.
  for (const each of [0, 1, 2]) model.lines(each, 1, 5)
  await at.arrived(3)
  await at.world.runFor(1500)
  for (const action of actions) await act(model, action)
  await model.settle()
  return model.problems()
}

/** Three log files, what was written to them, and what of it has to arrive. */
class Model {
  readonly stage: Stage
  /** No trouble yet: a new file is written down as soon as the collector has said that it knows nothing of it. */
  isCalm = true
  readonly #all: Line[] = []
  readonly #contents = new Map<string, Content>()
  readonly #everyContent: Content[] = []
  readonly #orphans = new Set<Content>()
  readonly #unfinished = new Map<number, string>()
  readonly #away = new Map<number, number>()
  #next = 0

  readonly #problems: string[] = []

  constructor(of: Stage) {
    this.stage = of
    of.files.beforeUnlink = (path) => this.#removed(path)
  }

  lines(file: number, count: number, length: number): void {
    this.finish(file)
    const texts = Array.from({ length: count }, () => this.#text(file, length))
    this.#append(file, texts.map((text) => `${text}\n`).join(''), texts)
  }

  piece(file: number): void {
    this.finish(file)
    const text = this.#text(file, 20)
    this.#append(file, text.slice(0, text.length >> 1), [])
    this.#unfinished.set(file, text)
  }

  finish(file: number): void {
    const text = this.#unfinished.get(file)
    if (text === undefined) return
    this.#unfinished.delete(file)
    this.#append(file, `${text.slice(text.length >> 1)}\n`, [text])
  }

  rotate(file: number): void {
    if (!this.#isThere(file)) return
    const path = pathOf(file)
    const old = this.#rotated(path)
    for (const [index, name] of [...old.entries()].reverse())
      this.#rename(name, `${path}.${index + 2}${name.endsWith('.gz') ? '.gz' : ''}`)
    this.#rename(path, `${path}.1`)
  }

  /** What logrotate's compress does to the newest rotated file, and delaycompress to the one before it: written beside it, in pieces. */
  async compress(file: number, delayed: boolean, ms: number): Promise<void> {
    const { files, world } = this.stage
    const plain = this.#rotated(pathOf(file))
      .slice(delayed ? 1 : 0)
      .find((name) => !name.endsWith('.gz'))
    if (plain === undefined) return
    const packed = `${plain}.gz`
    const bytes = gzipSync(files.content(plain) ?? '')
    files.append(packed, bytes.subarray(0, bytes.length >> 1))
    await world.runFor(ms)
    files.append(packed, bytes.subarray(bytes.length >> 1))
    // Its reader may have removed it meanwhile, which gzip would not mind.
    if (files.content(plain) !== null) files.remove(plain)
    const content = this.#contents.get(plain)
    if (content === undefined) return
    this.#contents.delete(plain)
    this.#contents.set(packed, content)
  }

  moveOut(file: number): void {
    if (!this.#isThere(file) || this.#away.has(file)) return
    this.#next += 1
    this.#away.set(file, this.#next)
    this.#leave(pathOf(file))
    this.#rename(pathOf(file), `/elsewhere/${this.#next}`)
  }

  moveBack(file: number): void {
    const away = this.#away.get(file)
    if (away === undefined || this.stage.files.content(pathOf(file)) !== null) return
    this.#away.delete(file)
    this.#rename(`/elsewhere/${away}`, pathOf(file))
    const content = this.#contents.get(pathOf(file)) as Content
    content.isOrphan = false
    this.#orphans.delete(content)
  }

  truncate(file: number, copy: boolean): void {
    if (!this.#isThere(file)) return
    const path = pathOf(file)
    if (copy) this.stage.files.copyTruncate(path, `/copies/${file}`)
    else this.stage.files.truncate(path)
    const content = this.#contents.get(path) as Content
    content.isCut = true
    this.#lose(content)
    this.#contents.delete(path)
    this.#contentOf(path)
  }

  delete(file: number): void {
    if (!this.#isThere(file)) return
    this.#leave(pathOf(file))
    this.stage.files.remove(pathOf(file))
    this.#contents.delete(pathOf(file))
  }

  /** The agent is gone, and with it the handles of files that nothing else leads to. */
  died(): void {
    for (const content of this.#orphans) this.#lose(content)
    this.#orphans.clear()
    for (const content of this.#everyContent) content.agentDied(this.isCalm ? this.#now : null)
  }

  /** The faults end, and everything that can still come has time to. */
  async settle(): Promise<void> {
    const { world, files, receiver, agent } = this.stage
    world.network.heal()
    files.readFaults = 0
    files.hintsLost = 0
    receiver.intercept = null
    if (!agent.running) agent.restart()
    // Written once more: what was rotated away at a path that nothing is at is looked for when there is something again.
    for (const each of [0, 1, 2]) this.lines(each, 1, 5)
    const owed = () => this.#owed().length === 0
    await world.runUntil(owed, 300_000).catch(() => undefined)
    await world.runFor(12_000)
  }

  problems(): readonly string[] {
    const { receiver, agent } = this.stage
    const found = [...this.#problems, ...this.#owed().map((text) => `lost: ${text}`)]
    if (agent.failure !== null) found.push(`the agent failed: ${String(agent.failure.error)}`)
    const written = new Set(this.#all.map(({ text }) => text))
    const seen = new Set<string>()
    const last = new Map<string, number>()
    for (const { line, source } of receiver.lines) {
      if (!written.has(line)) found.push(`never written: ${line}`)
      if (seen.has(line)) found.push(`doubled: ${line}`)
      seen.add(line)
      const number = Number(line.split(':')[1])
      if (number < (last.get(source) ?? 0)) found.push(`out of order: ${line}`)
      last.set(source, number)
    }
    return [...found, ...this.#ledgerProblems()]
  }

  /** The ledger has what is missing of all that the agent has seen: no byte less, no byte more. */
  #ledgerProblems(): readonly string[] {
    const { lossesEver, missing } = this.stage.status()
    const { truncated, ...others } = lossesEver
    const problems = Object.keys(others).map((reason) => `a loss of another kind: ${reason}`)
    const arrived = new Set(this.stage.receiver.texts)
    const missingOf = this.#everyContent.map((content) => content.missing(arrived, this.#now))
    const least = missingOf.reduce((sum, each) => sum + each.least, 0)
    const most = missingOf.reduce((sum, each) => sum + each.most, 0)
    const ledger = missing.bytes + (truncated?.bytes ?? 0)
    const isCut = this.#everyContent.some((content) => content.isCut)
    if (truncated !== undefined && !isCut) problems.push('the ledger has a truncation that was none')
    // How much a truncation cut off nobody knows for sure: what was seen of it may have been written behind it.
    if (ledger > most || (ledger < least && !isCut))
      problems.push(`the ledger has ${ledger} bytes, ${least} to ${most} are missing`)
    return problems
  }

  get #now(): number {
    const { world } = this.stage
    return world.startMs + world.now
  }

  #owed(): readonly string[] {
    const seen = new Set(this.stage.receiver.texts)
    return this.#all.filter(({ text, lost }) => !lost && !seen.has(text)).map(({ text }) => text)
  }

  /** `<file:number:filler:number>`: unique at both ends, as lines with times are, and recognisable when cut or glued. */
  #text(file: number, length: number): string {
    this.#next += 1
    return `<${file}:${this.#next}:${'x'.repeat(length)}:${this.#next}>`
  }

  #append(file: number, bytes: string, texts: readonly string[]): void {
    const path = pathOf(file)
    this.stage.files.append(path, bytes)
    const content = this.#contentOf(path)
    this.#all.push(...content.append(bytes, texts))
  }

  /** What is at a path, where there is a file. */
  #contentOf(path: string): Content {
    const there = this.#contents.get(path)
    if (there !== undefined) return there
    const content = new Content(this.stage.files.looks(path))
    this.#contents.set(path, content)
    this.#everyContent.push(content)
    return content
  }

  /** What is cut in the middle of a line would look glued: that line is ended first. */
  #isThere(file: number): boolean {
    this.finish(file)
    return this.stage.files.content(pathOf(file)) !== null
  }

  /** The paths of rotated files, the newest first. */
  #rotated(path: string): readonly string[] {
    const paths: string[] = []
    for (let number = 1; ; number += 1) {
      const name = [`${path}.${number}`, `${path}.${number}.gz`].find((each) => this.#contents.has(each))
      if (name === undefined) return paths
      paths.push(name)
    }
  }

  /** The agent removes a file: all of it must have arrived. */
  #removed(path: string): void {
    const seen = new Set(this.stage.receiver.texts)
    for (const { text } of this.#contents.get(path)?.lines ?? [])
      if (!seen.has(text)) this.#problems.push(`removed before it arrived: ${text} of ${path}`)
    this.#contents.delete(path)
  }

  #rename(from: string, to: string): void {
    this.stage.files.rename(from, to)
    const content = this.#contents.get(from)
    this.#contents.delete(from)
    if (content !== undefined) this.#contents.set(to, content)
  }

  /** No path that the agent looks at leads to it any more. */
  #leave(path: string): void {
    const content = this.#contents.get(path) as Content
    content.isOrphan = true
    if (this.stage.agent.running && this.stage.files.isOpen(path)) this.#orphans.add(content)
    else this.#lose(content)
  }

  #lose(content: Content): void {
    const seen = new Set(this.stage.receiver.texts)
    for (const line of content.lines) if (!seen.has(line.text)) line.lost = true
  }
}

function pathOf(file: number): string {
  return `/logs/${file}.log`
}

async function act(model: Model, action: Action): Promise<void> {
  const { world } = model.stage
  switch (action.kind) {
    case 'lines':
      return model.lines(action.file, action.count, action.length)
    case 'pause':
      return world.runFor(action.ms)
    case 'kill':
    case 'power':
    case 'stop':
      return end(model, action.kind, action.downMs)
    case 'compress':
      return model.compress(action.file, action.delayed, action.ms)
    case 'piece':
    case 'rotate':
    case 'moveOut':
    case 'moveBack':
    case 'truncate':
    case 'copyTruncate':
    case 'delete':
    case 'recreate':
      change(model, action.kind, action.file)
      // Birth times of the simulated files have the resolution of their clock.
      return world.runFor(0.01)
    default:
      model.isCalm = false
      return trouble(model.stage, action)
  }
}

function change(model: Model, kind: OnFile, file: number): void {
  if (kind === 'truncate' || kind === 'copyTruncate') model.truncate(file, kind === 'copyTruncate')
  else if (kind === 'recreate') {
    model.delete(file)
    model.lines(file, 3, 50)
  } else model[kind](file)
}

/** The agent ends and is started again, at once or when it was away for a while. */
async function end(model: Model, kind: 'kill' | 'power' | 'stop', downMs: number): Promise<void> {
  const { agent, world } = model.stage
  if (!agent.running) return
  if (kind === 'stop') {
    agent.stop()
    await world.runUntil(() => !agent.running, 30_000)
  } else agent.crash({ power: kind === 'power' })
  model.died()
  // What comes next is done while it is away.
  if (downMs > 0) world.schedule('the agent is started again', downMs, () => agent.restart())
  else agent.restart()
}

async function trouble(
  at: Stage,
  action: Extract<
    Action,
    { kind: 'collector' | 'nack' | 'jump' | 'network' | 'ackDelay' | 'hints' | 'reads' }
  >,
): Promise<void> {
  const { world, collector, receiver, agent, files } = at
  const { faults } = world.network
  switch (action.kind) {
    case 'collector':
      collector.crash({ power: false })
      await world.runFor(action.ms)
      return startCollector(collector, receiver)
    case 'nack':
      receiver.intercept = () => answerJson(503, { error: { code: 'OVERLOADED' } })
      world.schedule('the collector takes again', action.ms, () => {
        receiver.intercept = null
      })
      return
    case 'jump':
      agent.clockOffsetMs += action.ms
      return
    case 'network':
      world.network.faults = {
        ...faults,
        ...(faults.requestLost > 0
          ? { requestLost: 0, responseLost: 0 }
          : { requestLost: 0.2, responseLost: 0.3 }),
      }
      return
    case 'ackDelay':
      world.network.faults = { ...faults, slow: faults.slow > 0 ? 0 : 0.5 }
      return
    case 'hints':
      files.hintsLost = files.hintsLost > 0 ? 0 : 0.7
      return
    case 'reads':
      files.readFaults = files.readFaults > 0 ? 0 : 0.1
  }
}
