// The end-to-end simulation: applications, agent, network, collector and sink, with crashes at any step.
import type { AgentStatus } from '../../agent/status.ts'
import { Application } from './application.ts'
import type { Bug } from './bugs.ts'
import { SimulatedFiles } from './files.ts'
import { differences, type StoredRow } from './ledger.ts'
import type { LoggedLine } from './logger.ts'
import { loseSync } from './lost-sync.ts'
import type { Process } from './process.ts'
import { type AgentWatch, agentProgram, archive, collectorProgram, isExpected, topic } from './programs.ts'
import type { SeededRandom } from './random.ts'
import { SimulatedWarehouse } from './warehouse.ts'
import { World } from './world.ts'

export interface ScenarioOptions {
  readonly seed: number
  readonly bug: Bug
  /** How long faults last, in virtual ms. */
  readonly chaosMs: number
}

export interface ScenarioReport {
  readonly seed: number
  readonly events: number
  readonly virtualMs: number
  readonly lines: number
  readonly faults: ReadonlyMap<string, number>
  /** How what is stored differs from what was written; empty is good. */
  readonly differences: readonly string[]
  readonly trace: string
  /** What the agent knew when its time to drain was up; null when it drained. */
  readonly agent: AgentStatus | null
  /** The last warnings and errors of all processes. */
  readonly log: readonly LoggedLine[]
}

/** How long a healed system may take to store everything, in virtual ms. */
const drainMs = 60_000

/** Runs one seed to its end and says what is wrong with the outcome. */
export async function runScenario(options: ScenarioOptions): Promise<ScenarioReport> {
  return await new Scenario(options).run()
}

/** Kinds of trouble; every seed has some of them. */
const troubles = [
  'collector',
  'agent',
  'network',
  'partition',
  'disk',
  'sync',
  'full',
  'clock',
  'warehouse',
] as const
type Trouble = (typeof troubles)[number]

class Scenario {
  readonly #options: ScenarioOptions
  readonly #world: World
  readonly #files: SimulatedFiles
  readonly #warehouse: SimulatedWarehouse
  readonly #collector: Process
  readonly #agent: Process
  readonly #applications: readonly Application[]
  readonly #watch: AgentWatch = { acknowledged: new Set(), agent: null }
  readonly #random: SeededRandom
  readonly #enabled: readonly Trouble[]
  readonly #found: string[] = []
  readonly #archived = new Map<string, readonly StoredRow[]>()
  #chaos = true
  #stopping = false
  #status: AgentStatus | null = null

  constructor(options: ScenarioOptions) {
    const { seed } = options
    this.#options = options
    this.#world = new World({ seed })
    const world = this.#world
    this.#warehouse = new SimulatedWarehouse(world)
    this.#random = world.random('chaos')
    const random = this.#random
    this.#enabled = troubles.filter(() => random.chance(0.7))
    this.#files = new SimulatedFiles({
      random: world.random('files'),
      now: () => world.startMs + world.now,
      reuseInodes: random.chance(0.5),
    })
    this.#files.hintsLost = random.chance(0.3) ? 1 : 0.2
    const diskMode = random.chance(0.5) ? 'hostile' : 'ordered'
    this.#collector = world.process('collector', { diskMode })
    this.#agent = world.process('agent', { diskMode, files: this.#files })
    this.#files.makeDirectory('/logs')
    this.#applications = ['web', 'api', 'cron'].map(
      (name) =>
        new Application({
          name,
          directory: '/logs',
          files: this.#files,
          random: world.random(`application/${name}`),
          isAcknowledged: (line) => this.#watch.acknowledged.has(line),
          count: (action) => world.count(action),
        }),
    )
  }

  async run(): Promise<ScenarioReport> {
    const { seed, bug, chaosMs } = this.#options
    const world = this.#world
    this.#collector.start(collectorProgram(bug, this.#warehouse))
    this.#agent.start(agentProgram(bug, this.#watch))
    for (const application of this.#applications) this.#stepLater(application)
    this.#troubleLater()
    await world.runFor(chaosMs)
    this.#heal()
    const total = this.#applications.reduce((sum, each) => sum + linesOf(each).length, 0)
    const deadline = world.now + drainMs
    const drained = () => Math.min(this.#stored().length, this.#warehouse.rows(topic).length)
    while (drained() < total && world.now < deadline) await world.runFor(250)
    if (drained() < total) {
      this.#found.push(`not drained: ${drained()} of ${total} lines are stored`)
      this.#status = this.#watch.agent?.status() ?? null
    }
    // Time for what is too much to show up.
    await world.runFor(3_000)
    this.#stopping = true
    this.#collector.stop()
    this.#agent.stop()
    await world.runFor(15_000)
    this.#checkStopped(this.#collector)
    this.#checkStopped(this.#agent)
    const written = this.#applications.flatMap((application) => application.stretches)
    this.#found.push(...differences(written, this.#stored()))
    for (const each of differences(written, this.#warehouse.rows(topic))) this.#found.push(`table: ${each}`)
    return {
      seed,
      events: world.events,
      virtualMs: Math.round(world.now),
      lines: total,
      faults: world.faults,
      differences: this.#found,
      trace: world.trace,
      agent: this.#status,
      log: [...this.#collector.lines, ...this.#agent.lines].filter((line) => line.level !== 'debug'),
    }
  }

  #stepLater(application: Application): void {
    this.#world.schedule('application', this.#random.next() * 60, () => {
      if (!this.#chaos) return
      application.step()
      this.#stepLater(application)
    })
  }

  #troubleLater(): void {
    this.#world.schedule('trouble', 20 + this.#random.next() * 1_500, () => {
      if (!this.#chaos) return
      for (const process of [this.#collector, this.#agent]) this.#supervise(process)
      if (this.#enabled.length > 0) this.#make(this.#random.pick(this.#enabled))
      this.#troubleLater()
    })
  }

  /** What systemd does: a process that is gone comes back after a while. */
  #supervise(process: Process): void {
    if (process.running) return
    const { failure } = process
    if (failure !== null && !isExpected(failure.error)) {
      this.#found.push(`${process.name} died: ${String(failure.error)} ${stackOf(failure.error)}`)
    }
    // After a failed sync the cache holds bytes that the disk does not: now and then a reboot shows that at once.
    if (failure !== null && this.#random.chance(0.5)) process.crash({ power: true })
    process.restart()
  }

  #make(trouble: Trouble): void {
    const random = this.#random
    const { network } = this.#world
    if (trouble === 'collector' || trouble === 'agent') {
      const process = trouble === 'collector' ? this.#collector : this.#agent
      if (random.chance(0.2)) {
        this.#world.count(`${process.name} stopped`)
        process.stop()
      } else this.#crash(process)
    } else if (trouble === 'network') {
      const bad = random.chance(0.6)
      network.faults = bad ? { requestLost: 0.1, responseLost: 0.2, slow: 0.05 } : calm
    } else if (trouble === 'partition') {
      network.partition('agent', 'collector', random.chance(0.4))
    } else if (trouble === 'disk') {
      for (const process of [this.#collector, this.#agent]) {
        process.disk.faults = random.chance(0.5) ? { read: 0, write: 0.002, sync: 0.03 } : noFaults
      }
    } else if (trouble === 'sync') {
      loseSync(random.pick([this.#collector, this.#agent]), random, () => !this.#chaos)
    } else if (trouble === 'warehouse') {
      const bad = random.chance(0.6)
      this.#warehouse.faults = bad ? { lost: 0.1, answerLost: 0.2, busy: 0.1 } : soundWarehouse
    } else if (trouble === 'full') {
      const { disk } = this.#collector
      const used = disk.paths().reduce((sum, path) => sum + (disk.readLive(path)?.byteLength ?? 0), 0)
      disk.capacityBytes = random.chance(0.5) ? used + random.below(5_000) : Number.POSITIVE_INFINITY
    } else {
      this.#world.count('clock jump')
      const process = random.pick([this.#collector, this.#agent])
      process.clockOffsetMs = (random.next() - 0.5) * 7_200_000
    }
  }

  /** At once, or in the middle of one of the next calls to the disk. */
  #crash(process: Process): void {
    const random = this.#random
    const power = random.chance(0.6)
    if (random.chance(0.5)) {
      process.crash({ power })
      return
    }
    const at = process.disk.calls + 1 + random.below(40)
    process.disk.intercept = (call) => {
      if (call.number < at) return 'go'
      process.disk.intercept = null
      process.crash({ power })
      return 'go'
    }
  }

  #heal(): void {
    this.#chaos = false
    this.#world.network.heal()
    this.#warehouse.faults = soundWarehouse
    for (const process of [this.#collector, this.#agent]) {
      process.disk.intercept = null
      process.disk.faults = noFaults
      process.disk.capacityBytes = Number.POSITIVE_INFINITY
    }
    for (const application of this.#applications) application.end()
    this.#superviseLater()
  }

  #superviseLater(): void {
    for (const process of [this.#collector, this.#agent]) this.#supervise(process)
    this.#world.schedule('supervisor', 500, () => {
      if (!this.#stopping) this.#superviseLater()
    })
  }

  #checkStopped(process: Process): void {
    if (process.running) this.#found.push(`${process.name} does not stop`)
    else if (process.failure !== null) {
      this.#found.push(`${process.name} failed at its stop: ${String(process.failure.error)}`)
    }
  }

  /** Rows in the archive as anybody would read them: whole files only. Nothing crashes any more: files stay. */
  #stored(): readonly StoredRow[] {
    const { disk } = this.#collector
    for (const path of disk.paths()) {
      if (!path.startsWith(archive) || !path.endsWith('.ndjson') || this.#archived.has(path)) continue
      this.#archived.set(path, rowsOf(disk.readLive(path) ?? new Uint8Array(0)))
    }
    return [...this.#archived.values()].flat()
  }
}

function rowsOf(file: Uint8Array): readonly StoredRow[] {
  const lines = Buffer.from(file).toString().split('\n')
  return lines
    .filter((line) => line !== '')
    .map((line, index) => {
      try {
        const { _partition, _offset, body } = JSON.parse(line)
        return { partition: _partition, offset: _offset, line: body }
      } catch {
        // A file that shows itself torn: the ledger will not know this line.
        return { partition: -1, offset: index, line: `torn: ${line}` }
      }
    })
}

const calm = { requestLost: 0, responseLost: 0, slow: 0 }
const soundWarehouse = { lost: 0, answerLost: 0, busy: 0 }
const noFaults = { read: 0, write: 0, sync: 0 }

function linesOf(application: Application): readonly string[] {
  return application.stretches.flatMap((stretch) => stretch.lines)
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? '').split('\n').slice(1, 4).join(' ') : ''
}
