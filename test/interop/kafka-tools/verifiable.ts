// kafka-verifiable-producer and kafka-verifiable-consumer as a client of the matrix; both tell what they do by JSON lines.
import type { Client } from '../case.ts'
import { CommandDriver, type Workplace } from '../command-driver.ts'
import type { ConsumeJob, Done, Job, MemberJob, ProduceJob } from '../job.ts'
import { base64 } from '../samples.ts'
import { consumed, consumerSettings, outputOf, startConsumer } from './tool-runs.ts'
import { noAdministration, settingsFile, type Toolbox, targetOf } from './toolbox.ts'

const own = 'it writes numbers of its own'
const untold = 'it does not tell them'

/** The verifiable tools of a version. */
export function verifiableTools(name: string, toolbox: Toolbox): Client {
  const lacks = {
    ...{ keys: own, headers: own, timestamps: untold },
    ...noAdministration,
    transactions: 'it has no transactions',
    'binary values': 'it tells values as text',
  }
  const driver = () => new CommandDriver((job, place) => perform(toolbox, job, place))
  return { name, version: toolbox.version, shapes: 'lines', lacks, driver }
}

async function perform(toolbox: Toolbox, job: Job, place: Workplace): Promise<Done> {
  if (job.op === 'produce') return produce(toolbox, job, place)
  if (job.op === 'consume') return consume(toolbox, job, place)
  if (job.op === 'member') return member(toolbox, job, place)
  throw new Error(`the verifiable tools do not ${job.op}`)
}

/** Numbers from 0 on, with keys that begin anew after ten. */
async function produce(toolbox: Toolbox, job: ProduceJob, place: Workplace): Promise<Done> {
  const file = settingsFile(job, place, {
    'compression.type': job.codec ?? 'none',
    'enable.idempotence': String(job.idempotent ?? false),
    'max.block.ms': '20000',
    retries: '10',
  })
  const args = [
    ...[...targetOf(job), toolbox.producerConfig, file],
    ...['--max-messages', String(job.records.length), '--repeating-keys', '10'],
  ]
  const lines = await outputOf(toolbox, 'org.apache.kafka.tools.VerifiableProducer', args)
  const told = eventsIn(lines.join('\n'), 'producer_send_success')
  const sorted = told.toSorted((a, b) => Number(a.value) - Number(b.value))
  return {
    written: sorted.map(({ key, value }) => ({ key: bytesOf(key), value: bytesOf(value) })),
    acks: sorted.map(({ partition, offset }) => [Number(partition), Number(offset)]),
  }
}

async function consume(toolbox: Toolbox, job: ConsumeJob, place: Workplace): Promise<Done> {
  const policy = job.from === 'end' ? 'latest' : 'earliest'
  const file = await consumerSettings(toolbox, job, place)
  const bounds = ['--max-messages', String(job.count), '--reset-policy', policy]
  return read(toolbox, job, place, [toolbox.consumerConfig, file, ...bounds])
}

async function member(toolbox: Toolbox, job: MemberJob, place: Workplace): Promise<Done> {
  const { assignor = 'RangeAssignor', sessionTimeoutMs = 10_000 } = job
  // By itself it does not commit again what it could not commit because of a rebalance.
  const file = settingsFile(job, place, { 'heartbeat.interval.ms': '1000', 'auto.commit.interval.ms': '200' })
  const strategy = ['--assignment-strategy', `org.apache.kafka.clients.consumer.${assignor}`]
  const session = ['--session-timeout', String(sessionTimeoutMs)]
  const settings = [toolbox.consumerConfig, file, '--enable-autocommit']
  return read(toolbox, job, place, [...settings, ...strategy, ...session])
}

async function read(
  toolbox: Toolbox,
  job: ConsumeJob | MemberJob,
  place: Workplace,
  more: readonly string[],
): Promise<Done> {
  const where = [...targetOf(job), '--group-id', job.group]
  let rest = ''
  const decoder = new TextDecoder()
  const onOutput = (chunk: Buffer) => {
    const text = rest + decoder.decode(chunk, { stream: true })
    const whole = text.lastIndexOf('\n') + 1
    rest = text.slice(whole)
    for (const event of eventsIn(text.slice(0, whole), 'record_data')) {
      place.records.push({
        partition: Number(event.partition),
        offset: Number(event.offset),
        timestamp: -1,
        key: bytesOf(event.key),
        value: bytesOf(event.value),
        headers: [],
      })
    }
  }
  const mainClass = 'org.apache.kafka.tools.VerifiableConsumer'
  await consumed(await startConsumer(toolbox, mainClass, [...where, '--verbose', ...more], place, onOutput))
  return {}
}

function eventsIn(text: string, name: string): Readonly<Record<string, unknown>>[] {
  const lines = text.split('\n').filter((line) => line.includes(`"name":"${name}"`))
  return lines.map((line) => JSON.parse(line))
}

function bytesOf(text: unknown): string | null {
  return typeof text === 'string' ? base64(text) : null
}
