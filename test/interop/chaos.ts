// Java's verifiable producer and consumer and the transactional copier while the broker is killed: nothing lost, nothing twice.
//
//   node test/interop/chaos.ts [--broker logdrive|apache] [--kills 30] [--seconds-max 3] [--log FILE]
//
// A producer writes numbers into two partitions, a group of each protocol reads them, and for each partition a copier copies
// them by transactions into an output topic, now and then aborting on purpose. Meanwhile the broker gets kill -9 again and
// again; halfway a member of the newer group gets it too.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseScript } from '../script.ts'
import { startApacheKafka } from './apache-kafka.ts'
import { progress } from './cache.ts'
import { done } from './case.ts'
import { reference } from './clients.ts'
import type { Driver } from './driver.ts'
import { JavaTool } from './java-tool.ts'
import type { ConsumedRecord } from './job.ts'
import { groupsYaml, startLogdrive } from './logdrive-broker.ts'

const { values: flags } = parseScript(import.meta.filename, {
  options: {
    broker: { type: 'string', default: 'logdrive' },
    kills: { type: 'string', default: '30' },
    'seconds-max': { type: 'string', default: '3' },
    log: { type: 'string' },
  },
})

const kills = Number(flags.kills)
const partitions = [0, 1] as const
const classic = ['--group-id', 'chaos', '--session-timeout', '10000']
const newerProtocol = ['--group-id', 'chaos-newer', '--group-protocol', 'consumer']
const folder = mkdtempSync(join(tmpdir(), 'logdrive-chaos-'))
let passed = 0
let failed = 0
try {
  await using victim = await startVictim()
  await using java = (await reference()).driver()
  await underFire(victim, java)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed > 0 ? 1 : 0

interface Victim extends AsyncDisposable {
  readonly brokers: string
  /** kill -9, then the same again; resolves when it accepts connections. */
  kill(): Promise<void>
}

async function startVictim(): Promise<Victim> {
  if (flags.broker === 'logdrive') {
    const ours = await startLogdrive({ kafka: groupsYaml })
    const kill = async () => {
      await ours.running.kill()
      ours.running.restart()
      await ours.ready()
    }
    return { brokers: ours.brokers, kill, [Symbol.asyncDispose]: () => ours[Symbol.asyncDispose]() }
  }
  const data = join(folder, 'apache')
  let kafka = await startApacheKafka({ folder: data })
  const port = Number(kafka.bootstrap.split(':')[1])
  const kill = async () => {
    await kafka.stop('SIGKILL')
    kafka = await startApacheKafka({ folder: data, port })
  }
  return { brokers: kafka.bootstrap, kill, [Symbol.asyncDispose]: () => kafka.stop('SIGKILL') }
}

async function underFire(victim: Victim, java: Driver): Promise<void> {
  const { brokers } = victim
  const topics = ['chaos-input', 'chaos-output'] as const
  const [input, output] = topics
  const steps = topics.map((topic) => ['createTopic', topic, partitions.length, {}] as const)
  const { results } = await done(java, { op: 'admin', brokers, steps })
  assert.deepEqual(results, ['ok', 'ok'])

  await using producer = await startProducer(brokers, input)
  await using consumer = await startConsumer(brokers, input, classic)
  await using newer = await startConsumer(brokers, input, newerProtocol)
  await using twin = await startConsumer(brokers, input, newerProtocol)
  // The kills come closer together than a new group takes to form: it is formed first.
  const isReading = (one: JavaTool) => one.events('record_data').length > 0
  await settled(() => [consumer, newer, twin].every(isReading))
  let over = false
  const copiers = partitions.map((partition) =>
    copyAll({ brokers, input, output, partition, over: () => over }),
  )
  for (let count = 1; count <= kills; count++) {
    await delay(500 + Math.random() * 1000 * Number(flags['seconds-max']))
    await victim.kill()
    if (count === Math.ceil(kills / 2)) await twin.end('SIGKILL', 10_000)
    progress(
      `kill ${count}: ${producer.lines.length} lines of the producer, ${consumer.lines.length} of the consumer`,
    )
  }
  await delay(2000)
  await producer.end('SIGTERM', 60_000)
  over = true
  const restarts = await Promise.all(copiers)
  progress(`the producer has ended; the copiers were started ${restarts.join(' and ')} times`)

  const acked = producer.events('producer_send_success')
  const refused = producer.events('producer_send_error')
  const written = await everything(java, brokers, input)
  check(`${acked.length} records acknowledged, ${refused.length} refused`, () => assert(acked.length > 100))
  check('every acknowledged record lies at its offset, once', () => assertAcked(acked, written))
  check('no value is there twice', () => assertOnce(written))
  await readAll('the group', written, [consumer])
  await readAll('the group with group.protocol=consumer', written, [newer, twin])
  const copied = await everything(java, brokers, output)
  for (const partition of partitions) {
    check(`partition ${partition} of the output is an exact copy`, () =>
      assert.deepEqual(valuesOf(copied, partition), valuesOf(written, partition)),
    )
  }
}

async function readAll(
  group: string,
  written: readonly ConsumedRecord[],
  members: readonly JavaTool[],
): Promise<void> {
  const read = () => members.flatMap((member) => member.events('record_data'))
  await settled(() => new Set(read().map((one) => place(one))).size >= written.length)
  check(`${group} read every record (${read().length} reads of ${written.length})`, () =>
    assertRead(read(), written),
  )
}

/** Numbers, idempotent, tried again for as long as it takes. */
async function startProducer(brokers: string, topic: string): Promise<JavaTool> {
  const config = join(folder, 'producer.properties')
  writeFileSync(
    config,
    'enable.idempotence=true\nacks=all\nretries=2147483647\ndelivery.timeout.ms=300000\nrequest.timeout.ms=5000\nlinger.ms=5\n',
  )
  const args = [
    '--bootstrap-server',
    brokers,
    '--topic',
    topic,
    '--throughput',
    '300',
    '--max-messages',
    '-1',
  ]
  return JavaTool.start('org.apache.kafka.tools.VerifiableProducer', [...args, '--command-config', config])
}

async function startConsumer(brokers: string, topic: string, group: readonly string[]): Promise<JavaTool> {
  const args = ['--bootstrap-server', brokers, '--topic', topic, '--reset-policy', 'earliest', '--verbose']
  return JavaTool.start('org.apache.kafka.tools.VerifiableConsumer', [...args, ...group])
}

interface Copying {
  readonly brokers: string
  readonly input: string
  readonly output: string
  readonly partition: number
  /** Whether the input is complete. */
  over(): boolean
}

/** Runs copiers of a partition one after the other until one that began after the input was complete has copied all. */
async function copyAll({ brokers, input, output, partition, over }: Copying): Promise<number> {
  for (let runs = 1; runs <= 500; runs++) {
    const complete = over()
    const args = [
      ...['--broker-list', brokers, '--input-topic', input, '--input-partition', String(partition)],
      ...['--output-topic', output, '--transaction-size', '20', '--transactional-id', `copier-${partition}`],
      ...['--transaction-timeout', '20000', '--consumer-group', `copiers-${partition}`],
      '--enable-random-aborts',
    ]
    await using copier = await JavaTool.start('org.apache.kafka.tools.TransactionalMessageCopier', args)
    const code = await copier.ended(120_000)
    const last = copier.lines.at(-1) ?? ''
    progress(
      `copier ${partition} ended with ${code}: ${last.slice(0, 200)} ${code === 0 ? '' : copier.errors.slice(-300)}`,
    )
    if (complete && code === 0) return runs
    await delay(200)
  }
  throw new Error(`the copier of partition ${partition} never came to the end`)
}

/** All committed records of a topic, to its end as it is now. */
async function everything(java: Driver, brokers: string, topic: string): Promise<ConsumedRecord[]> {
  const { records } = await done(java, {
    op: 'consume',
    brokers,
    topic,
    from: 'beginning',
    count: 1_000_000_000,
    timeoutMs: 8000,
    isolation: 'read_committed',
    group: 'nobody',
  })
  return [...records].sort((a, b) => a.partition - b.partition || a.offset - b.offset)
}

type Told = Readonly<Record<string, unknown>>

function place(one: Told): string {
  return `${one.partition}@${one.offset}`
}

function text(record: ConsumedRecord): string {
  return Buffer.from(record.value ?? '', 'base64').toString('utf8')
}

function valuesOf(records: readonly ConsumedRecord[], partition: number): string[] {
  return records.filter((record) => record.partition === partition).map(text)
}

function assertAcked(acked: readonly Told[], written: readonly ConsumedRecord[]): void {
  assert(written.length >= acked.length, `${written.length} records for ${acked.length} acks`)
  const found = new Map(written.map((record) => [`${record.partition}@${record.offset}`, text(record)]))
  const wrong = acked.filter((one) => found.get(place(one)) !== one.value)
  const shown = wrong
    .slice(0, 5)
    .map((one) => `${place(one)}=${one.value}, there is ${found.get(place(one))}`)
  assert.equal(wrong.length, 0, `${wrong.length} are not: ${shown.join('; ')}`)
}

function assertOnce(written: readonly ConsumedRecord[]): void {
  const values = written.map(text)
  assert.equal(new Set(values).size, values.length)
}

function assertRead(read: readonly Told[], written: readonly ConsumedRecord[]): void {
  const seen = new Map(read.map((one) => [place(one), one.value]))
  const missing = written.filter(
    (record) => seen.get(`${record.partition}@${record.offset}`) !== text(record),
  )
  assert.equal(missing.length, 0, `${missing.length} were not read, the first is ${missing[0]?.offset}`)
}

async function settled(holds: () => boolean): Promise<void> {
  const until = performance.now() + 60_000
  while (!holds() && performance.now() < until) await delay(100)
}

function check(what: string, assertion: () => void): void {
  try {
    assertion()
    passed += 1
    console.log(`ok   ${what}`)
  } catch (error) {
    failed += 1
    console.log(`FAIL ${what}: ${error instanceof Error ? error.message.slice(0, 1500) : String(error)}`)
  }
}
