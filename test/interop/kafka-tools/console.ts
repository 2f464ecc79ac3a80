// kafka-console-producer and kafka-console-consumer, with kafka-topics and its sisters for administration, as a client of the matrix.
import type { Client } from '../case.ts'
import { CommandDriver, type Workplace } from '../command-driver.ts'
import type { ConsumedRecord, ConsumeJob, Done, Job, JobRecord, MemberJob, ProduceJob } from '../job.ts'
import { administer } from './administration.ts'
import { consumed, consumerSettings, outputOf, startConsumer } from './tool-runs.ts'
import { settingsFile, type Toolbox, targetOf } from './toolbox.ts'

/** Stand between fields and after lines of what the consumer prints: values may hold any byte but these. */
const field = '~|field|~'
const end = '~|end|~\n'
const nothing = '~|null|~'
const nextHeader = '~|header|~'

const printed = ['timestamp', 'partition', 'offset', 'headers', 'key', 'value']

/** The console tools of a version. */
export function consoleTools(name: string, toolbox: Toolbox): Client {
  const lacks = {
    transactions: 'kafka-console-producer has no transactions',
    'binary values': 'kafka-console-producer writes lines of text',
  }
  const driver = () => new CommandDriver((job, place) => perform(toolbox, job, place))
  return { name, version: toolbox.version, shapes: 'text', lacks, driver }
}

async function perform(toolbox: Toolbox, job: Job, place: Workplace): Promise<Done> {
  switch (job.op) {
    case 'produce':
      return produce(toolbox, job, place)
    case 'consume':
      return consume(toolbox, job, place)
    case 'member':
      return member(toolbox, job, place)
    case 'admin':
      return { results: await administer(toolbox, job, place) }
    case 'transact':
      throw new Error('kafka-console-producer has no transactions')
  }
}

async function produce(toolbox: Toolbox, job: ProduceJob, place: Workplace): Promise<Done> {
  const file = settingsFile(job, place, { 'enable.idempotence': String(job.idempotent ?? false) })
  const parsed = ['parse.key=true', 'parse.headers=true', `null.marker=${nothing}`]
  const args = [
    ...[...targetOf(job), toolbox.producerConfig, file],
    ...['--compression-codec', job.codec ?? 'none', '--max-block-ms', '20000'],
    ...parsed.flatMap((one) => [toolbox.readerProperty, one]),
  ]
  await outputOf(toolbox, toolbox.consoleProducer, args, job.records.map(lineOf).join(''))
  return { acks: null }
}

/** `name:value,name:value`, tab, key, tab, value: as its documents have it. */
function lineOf({ headers = [], key, value }: JobRecord): string {
  const text = (bytes: string | null) => (bytes === null ? nothing : Buffer.from(bytes, 'base64').toString())
  const all = headers.map(([name, bytes]) => `${name}:${text(bytes)}`).join(',')
  return `${all === '' ? nothing : all}\t${text(key)}\t${text(value)}\n`
}

async function consume(toolbox: Toolbox, job: ConsumeJob, place: Workplace): Promise<Done> {
  const file = await consumerSettings(toolbox, job, place)
  const bounds = ['--max-messages', String(job.count), '--timeout-ms', String(job.timeoutMs)]
  const from = job.from === 'beginning' ? ['--from-beginning'] : []
  return read(toolbox, job, place, [toolbox.consumerConfig, file, ...bounds, ...from])
}

async function member(toolbox: Toolbox, job: MemberJob, place: Workplace): Promise<Done> {
  const { assignor, sessionTimeoutMs = 10_000 } = job
  const name = 'org.apache.kafka.clients.consumer'
  const file = settingsFile(job, place, {
    'session.timeout.ms': String(sessionTimeoutMs),
    'heartbeat.interval.ms': '1000',
    'auto.commit.interval.ms': '200',
    ...(assignor === undefined ? {} : { 'partition.assignment.strategy': `${name}.${assignor}` }),
  })
  return read(toolbox, job, place, [toolbox.consumerConfig, file, '--from-beginning'])
}

async function read(
  toolbox: Toolbox,
  job: ConsumeJob | MemberJob,
  place: Workplace,
  more: readonly string[],
): Promise<Done> {
  const texts = [`key.separator=${field}`, `line.separator=${end}`, `null.literal=${nothing}`]
  const shown = [...printed.map((one) => `print.${one}=true`), ...texts, `headers.separator=${nextHeader}`]
  const args = [
    ...[...targetOf(job), '--group', job.group, ...more],
    ...shown.flatMap((one) => [toolbox.formatterProperty, one]),
  ]
  let rest = Buffer.alloc(0)
  const onOutput = (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk])
    for (let at = rest.indexOf(end); at !== -1; at = rest.indexOf(end)) {
      place.records.push(recordOf(rest.subarray(0, at)))
      rest = rest.subarray(at + end.length)
    }
  }
  const mainClass = 'org.apache.kafka.tools.consumer.ConsoleConsumer'
  await consumed(await startConsumer(toolbox, mainClass, args, place, onOutput))
  return {}
}

/** `CreateTime:1`, `Partition:0`, `Offset:2`, headers, key, value. */
function recordOf(line: Buffer): ConsumedRecord {
  const fields: Buffer[] = []
  for (let from = 0; from <= line.length; ) {
    const at = line.indexOf(field, from)
    const stop = at === -1 ? line.length : at
    fields.push(line.subarray(from, stop))
    from = stop + field.length
  }
  const [time = '', partition = '', offset = '', headers = Buffer.alloc(0), key, value] = fields
  const number = (text: Buffer | string) => Number(text.toString().split(':')[1])
  return {
    timestamp: number(time),
    partition: number(partition),
    offset: number(offset),
    headers: headersOf(headers.toString()),
    key: bytesOf(key),
    value: bytesOf(value),
  }
}

function bytesOf(bytes: Buffer | undefined): string | null {
  return bytes === undefined || bytes.equals(Buffer.from(nothing)) ? null : bytes.toString('base64')
}

function headersOf(text: string): [string, string | null][] {
  if (text === 'NO_HEADERS') return []
  return text.split(nextHeader).map((header) => {
    const [name = '', value = ''] = header.split(/:(.*)/s)
    return [name, bytesOf(Buffer.from(value))]
  })
}
