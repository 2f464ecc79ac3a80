// Bench: our Kafka broker side by side with Apache Kafka under Kafka's own perf tools, and against a bare Node loop.
//
//   npm run bench:broker [-- --quick]     needs Java and Maven Central once; BENCH_FOLDER says on which disk,
//                                         BENCH_PARTS=latency,limit which parts of starts, throughput, latency, limit, scale
//                                         BENCH_ROUNDS=1 BENCH_MEGABYTES=100 how long the throughput takes (all: over an hour)
//                                         BENCH_CELLS=1000/1/none,100/16/lz4 which of its cells: record bytes, partitions, codec
import { compareWithLimit } from './broker/limit.ts'
import { measureScale } from './broker/scale.ts'
import { compareStarts } from './broker/starts.ts'
import { benchFolder, startBare, startOurs, startSideBySide } from './broker/subjects.ts'
import { type CellShape, compareFootprint, compareLatency, compareThroughput } from './broker/throughput.ts'

const isQuick = process.env.BENCH_QUICK === '1'
const cells: readonly CellShape[] = [100, 1000].flatMap((recordBytes) =>
  [1, 16].flatMap((partitions) =>
    (['none', 'lz4'] as const).map((compression) => ({ recordBytes, partitions, compression })),
  ),
)
const quickCells = cells.filter(({ compression, partitions }) => compression === 'none' && partitions === 1)
const wanted = process.env.BENCH_CELLS?.split(',')
const chosen = (isQuick ? quickCells : cells).filter((cell) => wanted?.includes(nameOf(cell)) ?? true)

const parts = (process.env.BENCH_PARTS ?? 'starts,throughput,latency,limit,scale').split(',')

if (parts.includes('starts')) await compareStarts(isQuick ? 3 : 7)
if (parts.includes('throughput') || parts.includes('latency')) await sideBySide()
if (parts.includes('limit')) await againstLimit()
if (parts.includes('scale')) {
  using folder = benchFolder('scale')
  const size = { topics: 1_000, connections: 2_000, groups: 200 }
  await measureScale(folder.path, { ...size, idleSeconds: isQuick ? 5 : 15 })
}
process.exit(0)

async function sideBySide(): Promise<void> {
  await using brokers = await startSideBySide()
  const { subjects } = brokers
  const rates = await compareThroughput(subjects, {
    rounds: countFrom('BENCH_ROUNDS', isQuick ? 1 : 3),
    runBytes: 1e6 * countFrom('BENCH_MEGABYTES', isQuick ? 100 : 400),
    consumesPerRound: isQuick ? 3 : 5,
    cells: parts.includes('throughput') ? chosen : [],
  })
  const most = rates.get('1000 B, 1 partition, none') ?? 20
  if (parts.includes('latency')) {
    await compareLatency(subjects, {
      mbPerSecond: most / 2,
      rounds: isQuick ? 1 : 3,
      seconds: isQuick ? 5 : 20,
    })
  }
  compareFootprint(subjects)
}

async function againstLimit(): Promise<void> {
  using folders = new DisposableStack()
  const place = (name: string) => folders.use(benchFolder(name)).path
  await using osFlush = await startOurs(place('os'), 'os')
  await using commit = await startOurs(place('commit'), 'commit')
  await using bare = await startBare(place('bare'))
  await compareWithLimit([osFlush, commit, bare], { rounds: isQuick ? 1 : 3, seconds: isQuick ? 1 : 3 })
}

/** As `BENCH_CELLS` names it. */
function nameOf({ recordBytes, partitions, compression }: CellShape): string {
  return `${recordBytes}/${partitions}/${compression}`
}

/** A whole number from 1 on of the environment. */
function countFrom(variable: string, usual: number): number {
  const given = process.env[variable]
  if (given === undefined) return usual
  if (!/^[1-9]\d{0,5}$/.test(given))
    throw new Error(`${variable} is a whole number from 1 on, not "${given}"`)
  return Number(given)
}
