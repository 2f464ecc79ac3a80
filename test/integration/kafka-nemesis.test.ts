// The Kafka workload over real processes: kill -9, SIGSTOP, a full disk, clock jumps; then the checker over what clients saw.
//
// Short by default; LOGDRIVE_TEST_RUNS=full goes on for a minute. The disk is a tmpfs of 256 MiB where that can be mounted;
// clocks jump where libfaketime is installed (Debian: libfaketime), which changes what the collector is told of the time of day.
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
import { type Audit, runAudit } from '../kafka-workload/audit.ts'
import {
  clientProgram,
  type Hands,
  runReader,
  runSender,
  runTransactor,
  type Workload,
} from '../kafka-workload/clients.ts'
import { runCopier, runGroupReader } from '../kafka-workload/group-clients.ts'
import { Recorder } from '../kafka-workload/recorder.ts'
import { runs } from '../runs.ts'
import { SeededRandom } from '../sim/random.ts'
import { mountTmpfs } from './power-cut/images.ts'
import { freePorts, Running, temporaryFolder, until } from './processes.ts'

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
]

test('clients of a real collector see no forbidden anomaly through kills, stops, a full disk and clock jumps', async () => {
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
  expect(
    recorder.operations.filter(({ verb, outcome }) => verb === 'send' && outcome === 'ok').length,
  ).toBeGreaterThan(20)
  expect([
    ...recorder.troubles,
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
  readonly #random = new SeededRandom(seed, 'nemesis')
  readonly #counts = new Map<string, number>()
  /** The last words of collectors that ended by themselves. */
  readonly #ends: string[] = []
  readonly #dispose: () => PromiseLike<void>

  private constructor(
    folder: { readonly path: string } & AsyncDisposable,
    disk: (Disposable & { readonly path: string }) | null,
    port: number,
  ) {
    this.#folder = folder.path
    this.#disk = disk
    this.#dispose = () => folder[Symbol.asyncDispose]()
    const clock = join(folder.path, 'clock')
    writeFileSync(clock, '+0')
    const fake = {
      LD_PRELOAD: faketime,
      FAKETIME_TIMESTAMP_FILE: clock,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    }
    const env: Readonly<Record<string, string>> = existsSync(faketime) ? fake : {}
    this.#collector = new Running(['collector', '-c', join(folder.path, 'collector.yaml')], env)
    this.workload = {
      recorder: new Recorder(),
      address: { host: '127.0.0.1', port },
      topics: { plain: 2, in: 2, out: 1 },
      now: () => performance.now(),
      isSendingOver: false,
      isOver: false,
    }
  }

  static async start(): Promise<Nemesis> {
    const folder = await temporaryFolder()
    const [http = 0, port = 0] = await freePorts(2)
    const disk = smallDisk()
    const data = join(disk?.path ?? folder.path, 'data')
    mkdirSync(data)
    const topics = '  plain: { partitions: 2 }\n  in: { partitions: 2 }\n  out: { partitions: 1 }\n'
    const addresses = `  http: { listen: "127.0.0.1:${http}" }\n  kafka: { listen: "127.0.0.1:${port}" }\n`
    const yaml = `version: 1\ndata: ${data}\ncollector:\n${addresses}topics:\n${topics}`
    writeFileSync(join(folder.path, 'collector.yaml'), yaml)
    return new Nemesis(folder, disk, port)
  }

  /** Runs a client until it has had enough; what it throws fails the test. */
  async client(name: string, work: (hands: Hands) => Promise<void>, signal: AbortSignal): Promise<void> {
    await clientProgram(name, this.workload, work)(this.runtime, signal)
  }

  /** One trouble after the other; at the end all is well again. */
  async chaos(ms: number): Promise<void> {
    const random = this.#random
    const end = performance.now() + ms
    await delay(1_500)
    while (performance.now() < end) {
      const trouble = random.pick([...this.#troubles()])
      this.#counts.set(trouble, (this.#counts.get(trouble) ?? 0) + 1)
      await this.#make(trouble)
      await delay(random.next() * 1_500)
      this.#supervise()
    }
  }

  /** What systemd does: one that could not start on a full disk, or ended because of one, is started again. */
  #supervise(): void {
    if (!this.#collector.exited) return
    this.#counts.set('ended by itself', (this.#counts.get('ended by itself') ?? 0) + 1)
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
          audit = await runAudit(hands, true)
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
    return [...always, ...full, ...(existsSync(faketime) ? ['clock'] : [])]
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
