// Consuming side by side: kafka-consumer-perf-test against one broker and the other in turns, each pair a ratio.
//
//   node bench/broker/consume.ts [--pairs 15] [--megabytes 1000] [--record-bytes 1000] [--partitions 1]
//                                [--compression lz4]
//
// What slows a minute down slows both of a pair: so the figure is the median of the pairs' ratios, with its quartiles.
import { cpuSeconds } from '../../test/integration/proc.ts'
import { parseScript } from '../../test/script.ts'
import { pairedRatio } from '../result.ts'
import { type Cell, perfConsume, perfProduce } from './perf-tools.ts'
import { createTopics, type Subject, startSideBySide, theirs } from './subjects.ts'

/** Of one broker, a value for each run. */
export interface ConsumeFigures {
  readonly mbPerSecond: readonly number[]
  /** Of the broker. */
  readonly cpuPerGb: readonly number[]
}

/** Reads a topic that all of them have from its beginning, so many times, who begins changing each time. */
export async function consumeInTurns(
  subjects: readonly Subject[],
  cell: Cell,
  runs: number,
): Promise<ReadonlyMap<string, ConsumeFigures>> {
  const figures = new Map(
    subjects.map(({ name }) => [name, { mbPerSecond: [] as number[], cpuPerGb: [] as number[] }]),
  )
  for (let run = 0; run < runs; run += 1) {
    for (const { name, port, pid } of run % 2 === 0 ? subjects : subjects.toReversed()) {
      const before = cpuSeconds(pid)
      const rate = await perfConsume(port, cell)
      const own = figures.get(name)
      own?.mbPerSecond.push(rate)
      own?.cpuPerGb.push((cpuSeconds(pid) - before) / ((cell.records * cell.recordBytes) / 1e9))
    }
  }
  return figures
}

async function main(): Promise<void> {
  const { values } = parseScript(import.meta.filename, {
    options: {
      pairs: { type: 'string', default: '15' },
      megabytes: { type: 'string', default: '1000' },
      'record-bytes': { type: 'string', default: '1000' },
      partitions: { type: 'string', default: '1' },
      compression: { type: 'string', default: 'none' },
    },
  })
  const recordBytes = Number(values['record-bytes'])
  const records = Math.ceil((Number(values.megabytes) * 1e6) / recordBytes)
  const { compression } = values
  if (compression !== 'none' && compression !== 'lz4')
    throw new Error(`--compression is none or lz4, not "${compression}"`)
  const cell: Cell = { topic: 'consumed', records, recordBytes, compression }
  await using brokers = await startSideBySide()
  const { subjects } = brokers
  for (const { port } of subjects) {
    await createTopics(port, [cell.topic], Number(values.partitions))
    await perfProduce(port, cell)
  }
  // The first of each warms up.
  await consumeInTurns(subjects, cell, 1)
  const figures = await consumeInTurns(subjects, cell, Number(values.pairs))
  const other = figures.get(theirs)
  for (const [name, own] of figures) {
    const text = (values: readonly number[], digits: number) =>
      values.map((one) => one.toFixed(digits)).join(' ')
    console.log(`${name}: MB/s ${text(own.mbPerSecond, 0)}; CPU s/GB ${text(own.cpuPerGb, 2)}`)
    if (other === undefined || own === other) continue
    const speed = pairedRatio(own.mbPerSecond, other.mbPerSecond)
    const cpu = pairedRatio(other.cpuPerGb, own.cpuPerGb)
    console.log(`  against ${theirs}: ${speed.text}; CPU of the broker, times less: ${cpu.text}`)
  }
}

if (import.meta.main) {
  await main()
  process.exit(0)
}
