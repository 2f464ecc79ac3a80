// The Kafka simulation: a broker and its clients through crashes, cuts and full disks, then the checker over what they saw.
import { check, forbidden } from '../checker/check.ts'
import { checkCopies } from '../checker/copies.ts'
import { checkGroups, type GroupEvent } from '../checker/groups.ts'
import { type Audit, runAudit, type Waiting } from '../kafka-workload/audit.ts'
import {
  clientProgram,
  type Hands,
  runReader,
  runRival,
  runSender,
  runTransactor,
  transactionTimeoutMs,
  type Workload,
} from '../kafka-workload/clients.ts'
import {
  runCopier,
  runGroupReader,
  runStaticReader,
  sessionTimeoutMs,
} from '../kafka-workload/group-clients.ts'
import { Recorder } from '../kafka-workload/recorder.ts'
import { brokerProgram } from './kafka-broker.ts'
import type { KafkaBug } from './kafka-bugs.ts'
import type { LoggedLine } from './logger.ts'
import { loseSync } from './lost-sync.ts'
import type { Process } from './process.ts'
import { isExpected } from './programs.ts'
import type { SeededRandom } from './random.ts'
import { World } from './world.ts'

export interface KafkaScenarioOptions {
  readonly seed: number
  readonly bug: KafkaBug
  /** How long faults last, in virtual ms. */
  readonly chaosMs: number
}

export interface KafkaReport {
  readonly seed: number
  readonly events: number
  readonly virtualMs: number
  readonly faults: ReadonlyMap<string, number>
  /** Anomalies that are forbidden, and other sentences about what must not be; empty is good. */
  readonly differences: readonly string[]
  /** Operations by verb and outcome: a run in which nothing succeeds proves nothing. */
  readonly outcomes: ReadonlyMap<string, number>
  /** Anomalies that Kafka allows, by name. */
  readonly allowed: ReadonlyMap<string, number>
  readonly trace: string
  /** The last warnings and errors of the broker. */
  readonly log: readonly LoggedLine[]
}

const port = 9092
/** How long a healed system may take to end everything, in virtual ms. */
const settleMs = 90_000
const troubles = [
  'broker',
  'client',
  'network',
  'slow',
  'partition',
  'disk',
  'sync',
  'full',
  'clock',
] as const
type Trouble = (typeof troubles)[number]

/** Who may take part; the first three always do. */
const cast: readonly (readonly [name: string, work: (hands: Hands) => Promise<void>])[] = [
  ['sender', runSender],
  ['reader', runReader('read_committed')],
  ['transactor', runTransactor],
  ['peeper', runReader('read_uncommitted')],
  ['copier-1', runCopier],
  ['copier-2', runCopier],
  ['member-1', runGroupReader],
  ['member-2', runGroupReader],
  ['static-member', runStaticReader],
  ['second-sender', runSender],
  ['second-transactor', runTransactor],
  ['rival-transactor', runRival],
]
const castMin = 3
const castMax = 6

/** Runs one seed to its end and says what is wrong with what the clients saw. */
export async function runKafkaScenario(options: KafkaScenarioOptions): Promise<KafkaReport> {
  return await new KafkaScenario(options).run()
}

class KafkaScenario {
  readonly #options: KafkaScenarioOptions
  readonly #world: World
  readonly #random: SeededRandom
  readonly #enabled: readonly Trouble[]
  readonly #recorder = new Recorder()
  readonly #workload: Workload
  readonly #broker: Process
  readonly #clients: readonly Process[]
  readonly #found: string[] = []
  #chaos = true
  #stopping = false

  constructor(options: KafkaScenarioOptions) {
    this.#options = options
    const world = new World({ seed: options.seed })
    this.#world = world
    this.#random = world.random('chaos')
    const random = this.#random
    this.#enabled = troubles.filter(() => random.chance(0.6))
    const protocol = () => random.pick(['classic', 'consumer'] as const)
    this.#workload = {
      recorder: this.#recorder,
      address: { host: 'broker', port },
      topics: { plain: 2, in: 2, out: 1 },
      protocols: { readers: protocol(), copiers: protocol() },
      now: () => world.now,
      isSendingOver: false,
      isOver: false,
    }
    this.#broker = world.process('broker', { diskMode: random.chance(0.5) ? 'hostile' : 'ordered' })
    this.#broker.start(brokerProgram(this.#workload, options.bug))
    const others = cast.slice(castMin).filter(() => random.chance(0.5))
    this.#clients = [...cast.slice(0, castMin), ...others].slice(0, castMax).map(([name, work]) => {
      const client = world.process(name)
      client.start(clientProgram(name, this.#workload, work))
      return client
    })
  }

  async run(): Promise<KafkaReport> {
    const { chaosMs, seed } = this.#options
    const world = this.#world
    this.#troubleLater()
    await world.runFor(chaosMs)
    this.#heal()
    await this.#until('senders end', () =>
      this.#clients.every((client) => !isSender(client) || !client.running),
    )
    // What was left open is aborted, who went away is out of its group.
    await world.runFor(Math.max(transactionTimeoutMs, sessionTimeoutMs) + 6_000)
    const audit = await this.#audit()
    this.#workload.isOver = true
    await this.#until('clients end', () => this.#clients.every((client) => !client.running))
    this.#stopping = true
    this.#broker.stop()
    await world.runFor(15_000)
    if (this.#broker.running) this.#found.push('the broker does not stop')
    else if (this.#broker.failure !== null)
      this.#found.push(`the broker failed at its stop: ${String(this.#broker.failure.error)}`)
    return this.#report(seed, audit)
  }

  #report(seed: number, audit: Audit): KafkaReport {
    const recorder = this.#recorder
    recorder.close()
    const anomalies = check(recorder.operations, { readToEnd: audit.isComplete, idempotent: true })
    const allowed = counted(anomalies.filter((each) => each.allowed).map(({ name }) => name))
    return {
      seed,
      events: this.#world.events,
      virtualMs: Math.round(this.#world.now),
      outcomes: counted([
        ...recorder.operations.map(({ verb, outcome }) => `${verb} ${outcome}`),
        ...recorder.groupEvents.map(whatBefell),
      ]),
      faults: this.#world.faults,
      differences: [
        ...this.#found,
        ...recorder.troubles,
        ...forbidden(anomalies).map(({ name, what }) => `${name}: ${what}`),
        ...checkGroups(recorder.groupEvents),
        ...checkCopies(audit.inputs, audit.copied, audit.isComplete && this.#waitsFor.copiers),
      ],
      allowed,
      trace: this.#world.trace,
      log: this.#broker.lines.filter((line) => line.level !== 'debug'),
    }
  }

  get #waitsFor(): Waiting {
    const has = (what: string) => this.#clients.some(({ name }) => name.includes(what))
    return { copiers: has('copier'), readers: has('member') }
  }

  /** Reads everything, through a restart of the broker, until nothing is missing or the time is up. */
  async #audit(): Promise<Audit> {
    const world = this.#world
    const deadline = world.now + settleMs
    let audit: Audit = {
      inputs: [],
      copied: [],
      producers: '',
      isComplete: false,
      missing: 'nothing was read',
    }
    for (let round = 1; world.now < deadline; round += 1) {
      // The last look is at what a new process makes of the disk.
      if (round === 1 || audit.missing === '') {
        this.#broker.crash({ power: this.#random.chance(0.5) })
        this.#broker.restart()
      }
      const before = audit
      const auditor = world.process(`auditor-${round}`)
      auditor.start(
        clientProgram(auditor.name, this.#workload, async (hands) => {
          audit = await runAudit(hands, this.#waitsFor)
        }),
      )
      await this.#until('an audit', () => !auditor.running)
      if (auditor.failure !== null) this.#died(auditor)
      if (before.missing === '' && audit.missing === '') {
        if (before.producers !== audit.producers)
          this.#found.push(`producers were\n${before.producers}\nand are after a restart\n${audit.producers}`)
        return { ...audit, isComplete: true }
      }
      await world.runFor(1_000)
    }
    this.#found.push(`not settled: ${audit.missing}`)
    return audit
  }

  async #until(what: string, condition: () => boolean): Promise<void> {
    const deadline = this.#world.now + settleMs
    while (!condition() && this.#world.now < deadline) await this.#world.runFor(100)
    if (!condition()) this.#found.push(`not within ${settleMs} ms: ${what}`)
  }

  #troubleLater(): void {
    this.#world.schedule('trouble', 20 + this.#random.next() * 1_200, () => {
      if (!this.#chaos) return
      this.#supervise()
      if (this.#enabled.length > 0) this.#make(this.#random.pick(this.#enabled))
      this.#troubleLater()
    })
  }

  /** What systemd does; senders that ended by themselves are done. */
  #supervise(): void {
    for (const process of [this.#broker, ...this.#clients]) {
      if (process.running) continue
      if (process.failure !== null && (process !== this.#broker || !isExpected(process.failure.error)))
        this.#died(process)
      if (process === this.#broker) {
        // After a failed sync the cache holds bytes that the disk does not: now and then a reboot shows that at once.
        if (process.failure !== null && this.#random.chance(0.5)) process.crash({ power: true })
        process.restart()
      } else if (!(isSender(process) ? this.#workload.isSendingOver : this.#workload.isOver))
        process.restart()
    }
  }

  #died(process: Process): void {
    const error = process.failure?.error
    const stack =
      error instanceof Error ? (error.stack ?? '').split('\n').slice(0, 5).join(' ') : String(error)
    this.#found.push(`${process.name} died: ${stack}`)
  }

  #make(trouble: Trouble): void {
    const random = this.#random
    const { network } = this.#world
    const broker = this.#broker
    if (trouble === 'broker') this.#crashBroker()
    else if (trouble === 'client') {
      const client = random.pick(this.#clients)
      if (!client.running) return
      client.crash({ power: random.chance(0.3) })
      this.#recorder.crash(client.name)
    } else if (trouble === 'network') {
      network.sockets.faults = random.chance(0.6) ? { reset: 0.03, silence: 0.005 } : { reset: 0, silence: 0 }
    } else if (trouble === 'slow') network.delayMs = random.chance(0.5) ? [0.1, 300] : [0.1, 2]
    else if (trouble === 'partition') {
      network.partition('broker', random.pick(this.#clients).name, random.chance(0.5))
    } else if (trouble === 'disk') {
      broker.disk.faults = random.chance(0.5) ? { read: 0, write: 0.002, sync: 0.02 } : noFaults
    } else if (trouble === 'sync') {
      loseSync(broker, random, () => !this.#chaos)
    } else if (trouble === 'full') {
      const used = broker.disk
        .paths()
        .reduce((sum, path) => sum + (broker.disk.readLive(path)?.byteLength ?? 0), 0)
      broker.disk.capacityBytes = random.chance(0.5) ? used + random.below(5_000) : Number.POSITIVE_INFINITY
    } else {
      this.#world.count('clock jump')
      const process = random.chance(0.7) ? broker : random.pick(this.#clients)
      process.clockOffsetMs = (random.next() - 0.5) * 7_200_000
    }
  }

  /** At once, or in the middle of one of the next calls to the disk; now and then it is only asked to stop. */
  #crashBroker(): void {
    const random = this.#random
    const broker = this.#broker
    if (random.chance(0.15)) {
      this.#world.count('broker stopped')
      broker.stop()
      return
    }
    const power = random.chance(0.6)
    if (random.chance(0.4)) {
      broker.crash({ power })
      return
    }
    const at = broker.disk.calls + 1 + random.below(40)
    broker.disk.intercept = (call) => {
      if (call.number < at) return 'go'
      broker.disk.intercept = null
      broker.crash({ power })
      return 'go'
    }
  }

  #heal(): void {
    this.#chaos = false
    this.#workload.isSendingOver = true
    const { network } = this.#world
    network.heal()
    network.delayMs = [0.1, 2]
    this.#broker.disk.intercept = null
    this.#broker.disk.faults = noFaults
    this.#broker.disk.capacityBytes = Number.POSITIVE_INFINITY
    for (const process of [this.#broker, ...this.#clients]) process.clockOffsetMs = 0
    this.#superviseLater()
  }

  #superviseLater(): void {
    this.#supervise()
    this.#world.schedule('supervisor', 500, () => {
      if (!this.#stopping) this.#superviseLater()
    })
  }
}

function whatBefell(event: GroupEvent): string {
  if (event.kind === 'fetched') return 'offset fetched'
  return event.kind === 'assigned' ? `assigned ${event.protocol}` : `commit ${event.outcome}`
}

function counted(names: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return counts
}

function isSender(process: Process): boolean {
  return process.name.endsWith('sender') || process.name.endsWith('transactor')
}

const noFaults = { read: 0, write: 0, sync: 0 }
