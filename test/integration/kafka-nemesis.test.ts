// The Kafka workload over real processes: kill -9, SIGSTOP, a full disk, clock jumps, a failed fsync; then the checker over
// what clients saw.
//
// Short by default; LOGDRIVE_TEST_RUNS=full goes on for longer. The disk is a tmpfs of 256 MiB where that can be mounted.
// Clocks jump by libfaketime, which changes what the collector is told of the time of day; fdatasync fails by a library that
// gcc builds. Both are installed where Debian's apt-get may; what cannot be done is said, with the reason.
import { existsSync, mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Kafka, logLevel } from 'kafkajs'
import { expect, test } from 'vitest'
import type { Runtime } from '../../core/runtime.ts'
import { nodeRuntime } from '../../runtime/node.ts'
import { check, forbidden } from '../checker/check.ts'
import { checkCopies } from '../checker/copies.ts'
import { checkGroups } from '../checker/groups.ts'
import { send } from '../checker/history.ts'
import { debianPackages } from '../interop/debian.ts'
import { type Audit, runAudit } from '../kafka-workload/audit.ts'
import {
  clientProgram,
  type Hands,
  runReader,
  runSender,
  runTransactor,
  type Workload,
} from '../kafka-workload/clients.ts'
import { runCopier, runGroupReader, runStaticReader } from '../kafka-workload/group-clients.ts'
import { Recorder } from '../kafka-workload/recorder.ts'
import { runs } from '../runs.ts'
import { SeededRandom } from '../sim/random.ts'
import { FailingSync } from './power-cut/failing-sync.ts'
import { mountTmpfs } from './power-cut/images.ts'
import { answers, freePorts, Running, temporaryFolder, until } from './processes.ts'

const chaosMs = runs(30_000, 15_000)
const seed = 7
const faketime = '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1'
const mebibyte = 1024 * 1024

const cast: readonly (readonly [name: string, work: (hands: Hands) => Promise<void>])[] = [
  ['sender', runSender],
  ['transactor', runTransactor],
  ['reader', runReader('read_committed')],
  ['peeper', runReader('read_uncommitted')],
  ['copier-1', runCopier],
  ['copier-2', runCopier],
  ['member-1', runGroupReader],
  ['member-2', runGroupReader],
  ['static-member', runStaticReader],
]

test('clients of a real collector see no forbidden anomaly through kills, stops, a full disk, clock jumps and failed fsyncs', async () => {
  await using nemesis = await Nemesis.start()
  const { workload } = nemesis
  const stop = new AbortController()
  const running = new Map(cast.map(([name, work]) => [name, nemesis.client(name, work, stop.signal)]))
  const foreign = runKafkajs(nemesis)
  await nemesis.chaos(chaosMs)
  workload.isSendingOver = true
  await Promise.all([running.get('sender'), running.get('transactor'), foreign])
  // Sessions and transactions of those who were cut off are over.
  await delay(8_000)
  const audit = await nemesis.settled(120)
  workload.isOver = true
  await Promise.all(running.values())
  stop.abort()
  const { recorder } = workload
  recorder.close()
  const anomalies = check(recorder.operations, { readToEnd: true, idempotent: true })
  console.info(`kafka nemesis: ${recorder.operations.length} operations, ${nemesis.told()}`)
  expect(nemesis.missing).toEqual([])
  expect(
    recorder.operations.filter(({ verb, outcome }) => verb === 'send' && outcome === 'ok').length,
  ).toBeGreaterThan(20)
  expect([
    ...recorder.troubles,
    ...nemesis.wrongEnds,
    ...forbidden(anomalies).map(({ name, what }) => `${name}: ${what}`),
    ...checkGroups(recorder.groupEvents),
    ...checkCopies(audit.inputs, audit.copied, true),
  ]).toEqual([])
})

/** A collector in trouble, and the workload around it. */
class Nemesis implements AsyncDisposable {
  readonly workload: Workload
  readonly runtime: Runtime = nodeRuntime({ level: 'silent' })
  readonly #collector: Running
  readonly #folder: string
  readonly #disk: (Disposable & { readonly path: string }) | null
  readonly #failing: FailingSync | null
  readonly #readyUrl: string
  readonly #random = new SeededRandom(seed, 'nemesis')
  readonly #counts = new Map<string, number>()
  /** The last words of collectors that ended by themselves. */
  readonly #ends: string[] = []
  /** Sentences about collectors that did not end as they should after a failed fsync. */
  readonly wrongEnds: string[] = []
  readonly #dispose: () => PromiseLike<void>

  private constructor(
    folder: { readonly path: string } & AsyncDisposable,
    disk: (Disposable & { readonly path: string }) | null,
    { http, port }: { readonly http: number; readonly port: number },
  ) {
    this.#folder = folder.path
    this.#readyUrl = `http://127.0.0.1:${http}/readyz`
    this.#disk = disk
    this.#dispose = () => folder[Symbol.asyncDispose]()
    const clock = join(folder.path, 'clock')
    writeFileSync(clock, '+0')
    const fake = {
      FAKETIME_TIMESTAMP_FILE: clock,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    }
    this.#failing = failingSync(folder.path)
    const preload = existsSync(faketime) ? [faketime] : []
    const env = { LD_PRELOAD: preload.join(':'), ...fake, ...this.#failing?.env(...preload) }
    this.#collector = new Running(['collector', '-c', join(folder.path, 'collector.yaml')], env)
    this.workload = {
      recorder: new Recorder(),
      address: { host: '127.0.0.1', port },
      topics: { plain: 2, in: 2, out: 1 },
      protocols: { readers: 'consumer', copiers: 'consumer' },
      now: () => performance.now(),
      isSendingOver: false,
      isOver: false,
    }
  }

  static async start(): Promise<Nemesis> {
    await installed(['libfaketime', 'gcc', 'libc6-dev'])
    const folder = await temporaryFolder()
    const [http = 0, port = 0] = await freePorts(2)
    const disk = smallDisk()
    const data = join(disk?.path ?? folder.path, 'data')
    mkdirSync(data)
    const topics = '  plain: { partitions: 2 }\n  in: { partitions: 2 }\n  out: { partitions: 1 }\n'
    const addresses = `  http: { listen: "127.0.0.1:${http}" }\n  kafka: { listen: "127.0.0.1:${port}", groups: { session_timeout: 6s } }\n`
    const yaml = `version: 1\ndata: ${data}\ncollector:\n${addresses}topics:\n${topics}`
    writeFileSync(join(folder.path, 'collector.yaml'), yaml)
    return new Nemesis(folder, disk, { http, port })
  }

  /** Runs a client until it has had enough; what it throws fails the test. */
  async client(name: string, work: (hands: Hands) => Promise<void>, signal: AbortSignal): Promise<void> {
    await clientProgram(name, this.workload, work)(this.runtime, signal)
  }

  /** One trouble after the other, in rounds of all of them in any order: at least one round. At the end all is well again. */
  async chaos(ms: number): Promise<void> {
    const random = this.#random
    await this.#serves()
    const end = performance.now() + ms
    await delay(1_500)
    let waiting: string[] = []
    while (performance.now() < end || waiting.length > 0) {
      if (waiting.length === 0) waiting = [...this.#troubles()]
      const trouble = random.pick(waiting)
      waiting.splice(waiting.indexOf(trouble), 1)
      this.#count(trouble)
      await this.#make(trouble)
      // Now and then the next one comes while it still recovers.
      if (random.chance(0.7)) await this.#serves()
      await delay(random.next() * 1_500)
      this.#supervise()
    }
  }

  /** Resolves when the collector is well. */
  async #serves(): Promise<void> {
    const what = () => `the collector serves\n${this.#collector.output.slice(-2000)}`
    await until(what, 60, async () => {
      this.#supervise()
      return await answers(this.#readyUrl)
    })
  }

  #count(what: string): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1)
  }

  /** Troubles that this machine can make and that were not made. */
  get missing(): readonly string[] {
    return this.#troubles().filter((trouble) => !this.#counts.has(trouble))
  }

  /** What systemd does: one that could not start on a full disk, or ended because of one, is started again. */
  #supervise(): void {
    if (!this.#collector.exited) return
    this.#count('ended by itself')
    this.#ends.push(this.#collector.output.slice(-1_000))
    this.#collector.restart()
  }

  /** Audits until nothing is missing, the last time after a kill -9. */
  async settled(seconds: number): Promise<Audit> {
    let round = 0
    const audited = async () => {
      round += 1
      let audit: Audit | null = null
      await this.client(
        `auditor-${round}`,
        async (hands) => {
          audit = await runAudit(hands, { copiers: true, readers: true })
        },
        AbortSignal.timeout(60_000),
      )
      return (audit as Audit | null)?.missing === '' ? (audit as Audit | null) : null
    }
    await until(
      () => `everything is settled\n${this.#collector.output.slice(-2000)}`,
      seconds,
      audited,
      1_000,
    )
    await this.#collector.kill()
    this.#collector.restart()
    return await until(
      () => `the same after a kill -9\n${this.#collector.output.slice(-2000)}`,
      seconds,
      audited,
      1_000,
    )
  }

  told(): string {
    const counts = [...this.#counts].map(([trouble, times]) => `${trouble} ${times}`)
    return [counts.join(', '), ...this.#ends.slice(-3)].join('\n')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#signal('SIGCONT')
    await this.#collector.kill()
    this.#disk?.[Symbol.dispose]()
    await this.#dispose()
  }

  #troubles(): readonly string[] {
    const always = ['kill', 'kill', 'stop', 'pause']
    const full = this.#disk === null ? [] : ['full disk']
    const clock = existsSync(faketime) ? ['clock'] : []
    const sync = this.#failing === null ? [] : ['failed fsync', 'failed fsync, then kill']
    return [...always, ...full, ...clock, ...sync]
  }

  async #make(trouble: string): Promise<void> {
    const random = this.#random
    if (trouble === 'kill' || trouble === 'stop') {
      if (trouble === 'kill') await this.#collector.kill()
      else await this.#collector.stop()
      await delay(random.next() * 500)
      this.#collector.restart()
    } else if (trouble === 'pause') {
      this.#signal('SIGSTOP')
      await delay(500 + random.next() * 2_500)
      this.#signal('SIGCONT')
    } else if (trouble === 'full disk') await this.#fill()
    else if (trouble.startsWith('failed fsync')) await this.#failSync(trouble !== 'failed fsync')
    else writeFileSync(join(this.#folder, 'clock'), `${random.pick(['+', '-'])}${random.below(3_600)}`)
  }

  async #fill(): Promise<void> {
    if (this.#disk === null) return
    const { path } = this.#disk
    const { bavail, bsize } = statfsSync(path)
    const ballast = join(path, 'ballast')
    try {
      writeFileSync(ballast, Buffer.alloc(Math.max(0, bavail * bsize - 64 * 1024), 1))
      await delay(500 + this.#random.next() * 1_500)
    } finally {
      rmSync(ballast, { force: true })
    }
  }

  /**
   * The next fdatasync of any log fails, and what it was for is lost in half of the cases. The collector ends by itself,
   * or gets kill -9 before it has.
   */
  async #failSync(isKilled: boolean): Promise<void> {
    const failing = this.#failing
    if (failing === null) return
    const killAfterUs = isKilled ? this.#random.below(5_000) : null
    const loses = this.#random.chance(0.5)
    failing.arm({ of: '/topics/', killAfterUs, loses })
    try {
      const ended = async () => (this.#collector.exited ? true : null)
      await until('the collector has ended after a failed fsync', 15, ended)
    } catch (error) {
      this.wrongEnds.push(`${String(error)}; the failure ${failing.isArmed ? 'never came' : 'came'}`)
    }
    const { exitCode } = this.#collector
    this.#count(
      `ended by ${exitCode === null ? 'the kill' : `exit ${exitCode}`}, ${loses ? 'with' : 'without'} loss`,
    )
    if (exitCode !== (isKilled ? null : 75)) this.wrongEnds.push(`a failed fsync ended with ${exitCode}`)
    failing.disarm()
    if (this.#collector.exited) this.#collector.restart()
  }

  #signal(name: NodeJS.Signals): void {
    if (!this.#collector.exited) process.kill(this.#collector.pid, name)
  }
}

function smallDisk(): (Disposable & { readonly path: string }) | null {
  try {
    return mountTmpfs(256 * mebibyte)
  } catch (error) {
    console.info(`kafka nemesis: without a full disk, because: ${String(error)}`)
    return null
  }
}

/** Installs Debian packages where that can be done; says why where it cannot. */
async function installed(packages: readonly string[]): Promise<void> {
  try {
    await debianPackages(packages)
  } catch (error) {
    console.info(`kafka nemesis: ${String(error)}`)
  }
  if (!existsSync(faketime))
    console.info(`kafka nemesis: without clock jumps, because there is no ${faketime}`)
}

function failingSync(folder: string): FailingSync | null {
  try {
    return new FailingSync(folder)
  } catch (error) {
    console.info(`kafka nemesis: without failed fsyncs, because: ${String(error)}`)
    return null
  }
}

/** Somebody else's client in the middle of it: an idempotent kafkajs producer, one batch at a time. */
async function runKafkajs({ workload }: Nemesis): Promise<void> {
  const { recorder, address } = workload
  const retry = { retries: 10_000, initialRetryTime: 50, maxRetryTime: 500 }
  const brokers = [`${address.host}:${address.port}`]
  const kafka = new Kafka({
    clientId: 'kafkajs',
    brokers,
    retry,
    logLevel: logLevel.NOTHING,
    requestTimeout: 2_000,
  })
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  while (!workload.isSendingOver) {
    const values = [recorder.nextValue(), recorder.nextValue()]
    const steps = values.map((value) => send('plain-0', value, null))
    const pending = recorder.begin('kafkajs', 'send', steps)
    const messages = values.map((value) => ({ partition: 0, value: `${value} kafkajs` }))
    try {
      const [sent] = await producer.send({ topic: 'plain', acks: -1, messages })
      const base = Number(sent?.baseOffset ?? -1)
      const placed = values.map((value, index) => send('plain-0', value, base < 0 ? null : base + index))
      recorder.end(pending, 'ok', placed)
    } catch {
      // Its sequences are not known any more, so neither is what became of the batch.
      recorder.end(pending, 'info')
      break
    }
    await delay(20)
  }
  await producer.disconnect()
}
