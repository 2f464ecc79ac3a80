// The power goes 60 times under a live collector: every acknowledged record is there, and without fsync it would not be.
// Images of real file systems (root, loop mounts, XFS with reflink); elsewhere a simulated disk, and the test says so.
// LOGDRIVE_TEST_POWER_CUT=simulated asks for the latter. LOGDRIVE_TEST_CUTS sets how many.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { openBroker } from '../../collector/broker/broker.ts'
import { LogdriveError } from '../../core/errors.ts'
import type { Storage } from '../../core/runtime.ts'
import { nodeRuntime } from '../../runtime/node.ts'
import { nodeStorage } from '../../runtime/storage.ts'
import { SeededRandom } from '../sim/random.ts'
import { goOn, type LiveCollector, startCollector } from './power-cut/collector.ts'
import { Images, type PowerCut } from './power-cut/images.ts'
import {
  acknowledgedIn,
  type BatchEntry,
  check,
  type Entry,
  type Findings,
  LedgerReader,
} from './power-cut/ledger.ts'
import { cutSimulated } from './power-cut/simulated.ts'
import { tearTails } from './power-cut/tear.ts'
import { findMutants, installTools, type Mutant } from './power-cut/tools.ts'
import { node, until } from './processes.ts'

const cuts = Number(process.env.LOGDRIVE_TEST_CUTS ?? 60)
/** Then a new collector begins with an empty folder: young logs are cut as well, and reading back stays short. */
const cutsOfLife = 15
const mutantCuts = 9
const firstSeed = 20261121
const never = new AbortController().signal

const found = findImages()
const scratch = mkdtempSync('/dev/shm/logdrive-power-cut-')
afterAll(() => {
  if (found.images !== null) found.images[Symbol.dispose]()
  rmSync(scratch, { recursive: true, force: true })
})

if (found.images === null) {
  console.info(`power cut: on a simulated disk, because: ${found.reason}`)

  test(`${cuts} power cuts on a simulated disk lose no acknowledged record`, async () => {
    const total = newTotal()
    for (let cut = 1; cut <= cuts; cut += 1) add(total, await cutSimulated(cut, false))
    console.info(`power cut, simulated: ${JSON.stringify(total)}`)
    expectNothingLost(total)
  })

  test('the same cuts lose acknowledged records when the sync of a segment does nothing', async () => {
    const total = newTotal()
    for (let cut = 1; cut <= cuts; cut += 1) add(total, await cutSimulated(cut, true))
    console.info(`power cut, simulated, mutant: ${JSON.stringify(total)}`)
    expect(total.losingCuts).toBeGreaterThan(cuts / 2)
  })
} else {
  const { images } = found
  const mutants = findMutants(scratch)
  console.info(
    `power cut: on ext4 in an image; mutants: ${mutants.map(({ name }) => name).join(', ') || 'none'}`,
  )

  test(`${cuts} power cuts under a live collector lose no acknowledged record`, async () => {
    const total = newTotal()
    for (let life = 0; total.cuts < cuts; life += 1) {
      await using system = await System.start(images, `life-${life}`, firstSeed + life)
      await cutLife(system, Math.min(cutsOfLife, cuts - total.cuts), total, true)
    }
    console.info(`power cut, ext4: ${JSON.stringify(total)}`)
    expectNothingLost(total)
    expect(total.acknowledged).toBeGreaterThan(cuts * 100)
  })

  test.for(mutants)(
    'with $name that does not sync the same cuts lose acknowledged records',
    async (mutant) => {
      await using system = await System.start(images, mutant.name.replace(' ', '-'), firstSeed, mutant)
      const total = newTotal()
      // What is there so far reaches the disk: a log that opens and has lost its end is harder to notice than none.
      await system.syncOnce()
      await cutLife(system, mutantCuts, total, false)
      console.info(`power cut, ${mutant.name}: ${JSON.stringify(total)}`)
      expect(total.losingCuts).toBeGreaterThan(mutantCuts / 2)
    },
  )

  test('there is a mutant to hold the rig against', () => {
    expect(mutants.length).toBeGreaterThan(0)
  })
}

/** Cuts the power under one collector, again and again. */
async function cutLife(system: System, times: number, total: Total, goesOn: boolean): Promise<void> {
  for (let cut = 1; cut <= times; cut += 1) {
    const { ledger, crash } = await system.cut()
    using disk = crash
    const folder = system.folderOn(disk.path)
    if (cut % 3 === 0) total.torn += tearTails(folder, system.random)
    // Some recoveries are a process of its own, which goes on from there; then the log is read back.
    const known = cut % 10 === 7 && goesOn ? await goOnThere(folder, ledger) : ledger
    add(total, await recover(folder, known))
  }
  system.expectAlive()
}

/** A live collector on the inner image and the load that writes to it. */
class System implements AsyncDisposable {
  readonly random: SeededRandom
  readonly #name: string
  readonly #images: Images
  readonly #collector: LiveCollector
  readonly #load: ChildProcess
  readonly #ledger: LedgerReader
  #loadErrors = ''

  private constructor(images: Images, name: string, seed: number, collector: LiveCollector) {
    this.random = new SeededRandom(seed, 'cuts')
    this.#name = name
    this.#images = images
    this.#collector = collector
    const ledger = join(scratch, `${name}.ledger`)
    writeFileSync(ledger, '')
    this.#ledger = new LedgerReader(ledger)
    const script = join(import.meta.dirname, 'power-cut/load.ts')
    this.#load = spawn(node, [script, collector.url, ledger, String(seed)], {
      stdio: ['ignore', 'inherit', 'pipe'],
    })
    this.#load.stderr?.on('data', (chunk: Buffer) => {
      this.#loadErrors = `${this.#loadErrors}${chunk}`.slice(-2000)
    })
  }

  static async start(images: Images, name: string, seed: number, mutant?: Mutant): Promise<System> {
    const preload = mutant === undefined ? {} : { LD_PRELOAD: mutant.library, UV_USE_IO_URING: '0' }
    return new System(images, name, seed, await startCollector(join(images.data, name), preload))
  }

  /** The data folder as the cut left it. */
  folderOn(disk: string): string {
    return join(disk, this.#name)
  }

  /** Waits for more acknowledgements, then reads the ledger, then cuts: what is in the ledger must be on the copy. */
  async cut(): Promise<{ ledger: readonly Entry[]; crash: PowerCut }> {
    const wantedBytes = 1_000 + this.random.below(12_000)
    await until(
      () =>
        `${wantedBytes} more bytes of ledger\n${this.#loadErrors}\n${this.#collector.process.output.slice(-3000)}`,
      20,
      async () => (this.#isDead() || this.#ledger.waitingBytes >= wantedBytes ? true : null),
      5,
    )
    this.expectAlive()
    const ledger = this.#ledger.read()
    return { ledger, crash: this.#images.cut() }
  }

  #isDead(): boolean {
    return this.#load.exitCode !== null || this.#collector.process.exited
  }

  /** Lets some records come, then does what the kernel does by itself now and then. */
  async syncOnce(): Promise<void> {
    await until('the first acknowledgements', 20, async () =>
      this.#ledger.waitingBytes > 50_000 ? true : null,
    )
    spawnSync('sync', ['-f', this.#images.data])
  }

  expectAlive(): void {
    if (this.#load.exitCode !== null) throw new Error(`the load ended: ${this.#loadErrors}`)
    if (this.#collector.process.exited)
      throw new Error(`the collector ended: ${this.#collector.process.output.slice(-3000)}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#load.exitCode === null) {
      const gone = new Promise((resolve) => this.#load.once('exit', resolve))
      this.#load.kill('SIGKILL')
      await gone
    }
    this.#ledger[Symbol.dispose]()
    await this.#collector[Symbol.asyncDispose]()
    rmSync(join(this.#images.data, this.#name), { recursive: true, force: true })
  }
}

/** A fresh collector process on what the cut left goes on with every source, then dies by kill -9. */
async function goOnThere(dataFolder: string, ledger: readonly Entry[]): Promise<readonly Entry[]> {
  await using collector = await startCollector(dataFolder)
  const last = new Map<string, BatchEntry>()
  for (const entry of ledger) if (entry.kind === 'batch') last.set(entry.writer, entry)
  const more: Entry[] = []
  for (const entry of last.values()) {
    const result = await goOn(collector.url, entry, 1_000_000_000)
    if (typeof result === 'string') throw new Error(result)
    more.push(result)
  }
  return [...ledger, ...more]
}

/** The real recovery, in process, and everything read back. A log that does not open has lost all of it. */
async function recover(dataFolder: string, ledger: readonly Entry[]): Promise<Findings> {
  const runtime = { ...nodeRuntime({ level: 'silent' }), storage: unsynced }
  try {
    await using broker = await openBroker({ folder: dataFolder, config: {} }, runtime)
    return await check(broker, ledger, never)
  } catch (error) {
    if (!(error instanceof LogdriveError)) throw error
    const acknowledged = acknowledgedIn(ledger)
    const unopened = `${error.code}: ${error.message}`
    console.info(`the log does not open: ${unopened}`)
    return { records: 0, acknowledged, lost: acknowledged, doubled: 0, gaps: 0, wrong: 0, positions: 0 }
  }
}

/** The copy is thrown away: what its recovery writes need not reach the disk, and 60 times that is most of the time. */
const unsynced: Storage = {
  ...nodeStorage,
  syncDirectory: async () => undefined,
  async open(path, mode) {
    const file = await nodeStorage.open(path, mode)
    Object.defineProperty(file, 'sync', { value: async () => undefined })
    return file
  },
}

interface Total extends Findings {
  cuts: number
  /** Cuts that lost at least one acknowledged record. */
  losingCuts: number
  /** Tails that were torn on the copies. */
  torn: number
}

function newTotal(): Total {
  const findings = { records: 0, acknowledged: 0, lost: 0, doubled: 0, gaps: 0, wrong: 0, positions: 0 }
  return { cuts: 0, losingCuts: 0, torn: 0, ...findings }
}

function add(total: Total, findings: Findings): void {
  total.cuts += 1
  if (findings.lost > 0) total.losingCuts += 1
  for (const key of ['records', 'acknowledged', 'lost', 'doubled', 'gaps', 'wrong', 'positions'] as const) {
    total[key] += findings[key]
  }
}

function expectNothingLost(total: Total): void {
  const { lost, doubled, gaps, wrong, positions } = total
  expect({ lost, doubled, gaps, wrong, positions }).toEqual({
    lost: 0,
    doubled: 0,
    gaps: 0,
    wrong: 0,
    positions: 0,
  })
}

function findImages(): { images: Images; reason: '' } | { images: null; reason: string } {
  if (process.env.LOGDRIVE_TEST_POWER_CUT === 'simulated') return { images: null, reason: 'asked for' }
  try {
    installTools()
    return { images: new Images(), reason: '' }
  } catch (error) {
    return { images: null, reason: error instanceof Error ? error.message : String(error) }
  }
}
