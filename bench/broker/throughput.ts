// Throughput and latency of brokers side by side: the same perf tools, rounds interleaved, CPU and memory by pid.
import { cpuSeconds, memoryMb } from '../../test/integration/proc.ts'
import { median, pairedRatio, printResult } from '../result.ts'
import { consumeInTurns } from './consume.ts'
import { type Cell, type ProduceFigures, perfConsume, perfProduce } from './perf-tools.ts'
import { createTopics, deleteTopic, type Subject, theirs } from './subjects.ts'

export interface ThroughputOptions {
  readonly rounds: number
  /** Bytes of records a run. */
  readonly runBytes: number
  /** How often what a round produced is consumed. */
  readonly consumesPerRound: number
  readonly cells: readonly CellShape[]
}

export interface CellShape {
  readonly recordBytes: number
  readonly partitions: number
  readonly compression: 'none' | 'lz4'
}

/** Figures of one subject in one cell. */
interface Measured {
  readonly produced: ProduceFigures[]
  readonly consumed: number[]
  readonly cpuPerGb: number[]
  readonly consumeCpuPerGb: number[]
}

const warmUpSeconds = 5
/** What ours has to reach against theirs. */
const produceGoals: Readonly<Record<string, number>> = { 'logdrive (os)': 1, 'logdrive (commit)': 0.7 }

/** One throw-away run for each, then every cell for all of them in turns. Gives theirs' median MB/s by cell name. */
export async function compareThroughput(
  subjects: readonly Subject[],
  options: ThroughputOptions,
): Promise<ReadonlyMap<string, number>> {
  const rates = new Map<string, number>()
  for (const subject of subjects) await warmUp(subject)
  for (const shape of options.cells) {
    const name = `${shape.recordBytes} B, ${shape.partitions} partition${shape.partitions === 1 ? '' : 's'}, ${shape.compression}`
    const all = new Map(
      subjects.map(({ name }): [string, Measured] => [
        name,
        { produced: [], consumed: [], cpuPerGb: [], consumeCpuPerGb: [] },
      ]),
    )
    for (let round = 0; round < options.rounds; round += 1) {
      const cell: Cell = {
        ...shape,
        topic: `cell-${round}`,
        records: Math.ceil(options.runBytes / shape.recordBytes),
      }
      const turns = round % 2 === 0 ? subjects : subjects.toReversed()
      for (const subject of turns) await produce(subject, shape, cell, all.get(subject.name))
      // A run of the consumer is short, and most of it is a JVM that warms up: so more of them, in turns.
      for (const [name, figures] of await consumeInTurns(subjects, cell, options.consumesPerRound)) {
        all.get(name)?.consumed.push(...figures.mbPerSecond)
        all.get(name)?.consumeCpuPerGb.push(...figures.cpuPerGb)
      }
      for (const subject of turns) await deleteTopic(subject.port, cell.topic)
    }
    rates.set(name, tell(name, all))
  }
  return rates
}

export interface LatencyOptions {
  /** A rate that all of them sustain. */
  readonly mbPerSecond: number
  readonly rounds: number
  readonly seconds: number
}

/** How long a record waits for its acknowledgement at a steady rate, once client and partition are warm. */
export async function compareLatency(
  subjects: readonly Subject[],
  { mbPerSecond, rounds, seconds }: LatencyOptions,
): Promise<void> {
  const perSecond = Math.round((mbPerSecond * 1e6) / 1000)
  const all = new Map<string, ProduceFigures[]>(subjects.map(({ name }) => [name, []]))
  for (let round = 0; round < rounds; round += 1) {
    const cell: Cell = {
      topic: `latency-${round}`,
      records: perSecond * (warmUpSeconds + seconds),
      warmUpRecords: perSecond * warmUpSeconds,
      recordBytes: 1000,
      compression: 'none',
    }
    for (const { name, port } of round % 2 === 0 ? subjects : subjects.toReversed()) {
      await createTopics(port, [cell.topic], 1)
      all.get(name)?.push(await perfProduce(port, cell, perSecond))
      await deleteTopic(port, cell.topic)
    }
  }
  const limits = all.get(theirs)
  for (const [name, measured] of all) {
    const pairs = (['p50', 'p99'] as const).map((what) => ({
      what,
      ours: measured.map((figures) => figures[`${what}Ms`]),
      others: (limits ?? []).map((figures) => figures[`${what}Ms`]),
    }))
    const told = pairs.map(({ what, ours }) => `${what} ${median(ours)} ms`).join(', ')
    console.log(`${name}: ${told} at ${perSecond} records of 1 KB a second`)
    if (name === theirs || limits === undefined) continue
    for (const { what, ours, others } of pairs) {
      printResult({
        subject: 'broker',
        case: `${name}: produce ${what} at ${perSecond} x 1 KB a second (half of Kafka's most)`,
        figure: median(ours),
        unit: 'ms',
        limit: median(others),
        limitIs: theirs,
        // The tool counts whole milliseconds.
        ratio: median(ours.map((own, round) => Math.max(1, others[round] ?? 0) / Math.max(1, own))),
        ...(what === 'p99' ? { goal: 1 } : {}),
      })
    }
  }
}

async function warmUp(subject: Subject): Promise<void> {
  await createTopics(subject.port, ['warm-up'], 4)
  const cell: Cell = { topic: 'warm-up', records: 300_000, recordBytes: 100, compression: 'none' }
  await perfProduce(subject.port, cell)
  await perfConsume(subject.port, cell)
  await deleteTopic(subject.port, 'warm-up')
}

async function produce(
  { port, pid }: Subject,
  shape: CellShape,
  cell: Cell,
  into: Measured | undefined,
): Promise<void> {
  await createTopics(port, [cell.topic], shape.partitions)
  const before = cpuSeconds(pid)
  into?.produced.push(await perfProduce(port, cell))
  into?.cpuPerGb.push((cpuSeconds(pid) - before) / ((cell.records * cell.recordBytes) / 1e9))
}

/** Prints the cell; gives theirs' produce rate. */
function tell(name: string, all: ReadonlyMap<string, Measured>): number {
  const rate = (measured: Measured | undefined) =>
    median((measured?.produced ?? []).map((each) => each.mbPerSecond))
  const other = all.get(theirs)
  for (const [subject, measured] of all) {
    const [produced, consumed, cpu] = [rate(measured), median(measured.consumed), median(measured.cpuPerGb)]
    const consumeCpu = median(measured.consumeCpuPerGb)
    console.log(
      `${name}: ${subject}: produce ${produced.toFixed(0)} MB/s, ${cpu.toFixed(2)} CPU s/GB, consume ${consumed.toFixed(0)} MB/s, ${consumeCpu.toFixed(2)} CPU s/GB`,
    )
    if (subject === theirs || other === undefined) continue
    const common = { subject: 'broker', unit: 'MB/s', limitIs: theirs }
    const goal = produceGoals[subject]
    printResult({
      ...common,
      case: `${subject}: produce ${name}`,
      figure: produced,
      limit: rate(other),
      ratio: produced / rate(other),
      ...(goal === undefined ? {} : { goal }),
    })
    const { ratio, text } = pairedRatio(measured.consumed, other.consumed)
    console.log(`  consume against ${theirs}: ${text}`)
    printResult({
      ...common,
      case: `${subject}: consume ${name}`,
      figure: consumed,
      limit: median(other.consumed),
      ratio,
      goal: 1,
    })
    for (const [what, ours, limit] of [
      ['produce', cpu, median(other.cpuPerGb)],
      ['consume', consumeCpu, median(other.consumeCpuPerGb)],
    ] as const) {
      printResult({
        ...common,
        case: `${subject}: broker's CPU, ${what} ${name} (ratio: how many times less)`,
        figure: ours,
        unit: 's/GB',
        limit,
        ratio: limit / ours,
      })
    }
  }
  return rate(other)
}

/** Resident memory after all that. */
export function compareFootprint(subjects: readonly Subject[]): void {
  const other = subjects.find(({ name }) => name === theirs)
  if (other === undefined) return
  const peak = memoryMb(other.pid).peak
  for (const subject of subjects) {
    const mine = memoryMb(subject.pid)
    console.log(`${subject.name}: RSS ${mine.now.toFixed(0)} MiB, highest ${mine.peak.toFixed(0)} MiB`)
    if (subject === other) continue
    printResult({
      subject: 'broker',
      limitIs: theirs,
      case: `${subject.name}: highest RSS (ratio: how many times less)`,
      figure: mine.peak,
      unit: 'MiB',
      limit: peak,
      ratio: peak / mine.peak,
      goal: 4,
    })
  }
}
