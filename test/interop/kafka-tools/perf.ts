// kafka-producer-perf-test and kafka-consumer-perf-test as a client of the matrix: one counts up, the other only counts.
import type { Client } from '../case.ts'
import { CommandDriver, type Workplace } from '../command-driver.ts'
import type { ConsumeJob, Counted, Done, Job, JobRecord, ProduceJob, TransactJob } from '../job.ts'
import { base64 } from '../samples.ts'
import { consumed, consumerSettings, outputOf, startConsumer } from './tool-runs.ts'
import { noAdministration, settingsFile, type Toolbox, targetOf } from './toolbox.ts'

const own = 'it writes numbers of its own, without keys and headers'
const silent = 'it tells how many records it read, not which'

/** The performance tools of a version. */
export function perfTools(name: string, toolbox: Toolbox): Client {
  const lacks = {
    ...{ keys: own, headers: own, timestamps: silent },
    ...{ group: silent, 'group kill': silent, cooperative: silent },
    ...noAdministration,
    abort: 'kafka-producer-perf-test only commits',
  }
  const driver = () => new CommandDriver((job, place) => perform(toolbox, job, place))
  return { name, version: toolbox.version, shapes: 'lines', lacks, driver }
}

async function perform(toolbox: Toolbox, job: Job, place: Workplace): Promise<Done> {
  if (job.op === 'produce') return produce(toolbox, job, place)
  if (job.op === 'transact') return transact(toolbox, job, place)
  if (job.op === 'consume') return consume(toolbox, job, place)
  throw new Error(`the performance tools do not ${job.op}`)
}

async function produce(toolbox: Toolbox, job: ProduceJob, place: Workplace): Promise<Done> {
  const settings = {
    'compression.type': job.codec ?? 'none',
    'enable.idempotence': String(job.idempotent ?? false),
  }
  return { acks: null, ...(await write(toolbox, job, place, { count: job.records.length, settings })) }
}

/** One transaction: the tool commits what it has when its time is over, or at the end. */
async function transact(toolbox: Toolbox, job: TransactJob, place: Workplace): Promise<Done> {
  const count = job.transactions.flatMap(({ records }) => records).length
  const args = ['--transactional-id', job.transactionalId, '--transaction-duration-ms', '60000']
  return write(toolbox, job, place, { count, args })
}

interface Load {
  readonly count: number
  readonly settings?: Readonly<Record<string, string>>
  readonly args?: readonly string[]
}

async function write(
  toolbox: Toolbox,
  job: ProduceJob | TransactJob,
  place: Workplace,
  { count, settings = {}, args = [] }: Load,
): Promise<Done> {
  const file = settingsFile(job, place, { acks: 'all', 'max.block.ms': '20000', ...settings })
  const load = ['--num-records', String(count), '--throughput', '-1', '--payload-monotonic']
  const all = ['--topic', job.topic, ...load, toolbox.producerConfig, file, ...args]
  const lines = await outputOf(toolbox, 'org.apache.kafka.tools.ProducerPerformance', all)
  // It tells how far it is every five seconds, and the sum at the end.
  const sent = Number([...lines.join('\n').matchAll(/(\d+) records sent/g)].at(-1)?.[1])
  return { written: Array.from({ length: sent }, (_, index) => numbered(index)) }
}

function numbered(index: number): JobRecord {
  return { key: null, value: base64(String(index)) }
}

async function consume(toolbox: Toolbox, job: ConsumeJob, place: Workplace): Promise<Done> {
  const file = await consumerSettings(toolbox, job, place)
  const args = [
    ...[...targetOf(job), '--group', job.group, '--hide-header'],
    ...[toolbox.count, String(job.count), '--timeout', String(job.timeoutMs), toolbox.consumerConfig, file],
    ...(job.from === 'end' ? ['--from-latest'] : []),
  ]
  const tool = await startConsumer(toolbox, 'org.apache.kafka.tools.ConsumerPerformance', args, place)
  await consumed(tool)
  return { counted: countedIn(tool.lines) }
}

/** `start, end, MB, MB/s, records, records/s, ...` */
function countedIn(lines: readonly string[]): Counted {
  const row = lines.map((line) => line.split(', ')).findLast((words) => words.length > 5) ?? []
  return { megabytes: row[2] ?? '', records: Number(row[4]) }
}
