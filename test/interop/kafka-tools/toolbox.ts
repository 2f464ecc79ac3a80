// Kafka's command-line tools of one version: their names and options, their settings as a file, how they are run in a job.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Workplace } from '../command-driver.ts'
import { kafkaVersions } from '../java.ts'
import { JavaTool } from '../java-tool.ts'
import type { AdminJob, ConsumeJob, Job } from '../job.ts'

/** What is called differently in the two versions. */
export interface Toolbox {
  readonly version: string
  readonly consoleProducer: string
  readonly producerConfig: string
  readonly consumerConfig: string
  readonly readerProperty: string
  readonly formatterProperty: string
  /** How many records kafka-consumer-perf-test is to read. */
  readonly count: string
}

export const toolboxes: Readonly<Record<'3.9' | '4.3', Toolbox>> = {
  '3.9': {
    version: kafkaVersions.old,
    consoleProducer: 'kafka.tools.ConsoleProducer',
    producerConfig: '--producer.config',
    consumerConfig: '--consumer.config',
    readerProperty: '--property',
    formatterProperty: '--property',
    count: '--messages',
  },
  '4.3': {
    version: kafkaVersions.server,
    consoleProducer: 'org.apache.kafka.tools.ConsoleProducer',
    producerConfig: '--command-config',
    consumerConfig: '--command-config',
    readerProperty: '--reader-property',
    formatterProperty: '--formatter-property',
    count: '--num-records',
  },
}

export const groupCommand = 'org.apache.kafka.tools.consumer.group.ConsumerGroupCommand'

/** For kafka-consumer-groups, which gives up after 5 s else. */
export const patience = ['--timeout', '30000']

const consumers = 'org.apache.kafka.clients.consumer.internals'

/** Classes of the consumer that log what it was assigned, and where it begins to read. */
const tellsPlaces = ['SubscriptionState', 'ConsumerRebalanceListenerInvoker', 'ConsumerUtils'].map(
  (name) => `${consumers}.${name}`,
)

/** What tools are told by a file: where the broker is, how to get in, and more. Returns its path. */
export function settingsFile(
  job: Job,
  { folder }: Workplace,
  more: Readonly<Record<string, string>> = {},
): string {
  const file = join(folder, 'tool.properties')
  const settings = { 'bootstrap.servers': job.brokers, ...waysIn(job), ...more }
  const escaped = (value: string) => value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${escaped(value)}\n`)
  writeFileSync(file, lines.join(''))
  return file
}

function waysIn({ security }: Job): Record<string, string> {
  if (security === undefined) return {}
  const { protocol, mechanism, username, password, ca, cert, key } = security
  const settings: Record<string, string> = { 'security.protocol': protocol.toUpperCase() }
  if (mechanism !== undefined) {
    const module = mechanism === 'PLAIN' ? 'plain.PlainLoginModule' : 'scram.ScramLoginModule'
    settings['sasl.mechanism'] = mechanism
    settings['sasl.jaas.config'] =
      `org.apache.kafka.common.security.${module} required username="${username}" password="${password}";`
  }
  const pem = (kind: 'truststore' | 'keystore', name: string, path: string) => {
    settings[`ssl.${kind}.type`] = 'PEM'
    settings[`ssl.${kind}.${name}`] = readFileSync(path, 'utf8')
  }
  if (ca !== undefined) pem('truststore', 'certificates', ca)
  if (cert !== undefined) pem('keystore', 'certificate.chain', cert)
  if (key !== undefined) pem('keystore', 'key', key)
  return settings
}

/** Runs a tool to its end and gives the lines that it printed. What it logs as an error is one, whatever its exit code. */
export async function outputOf(
  toolbox: Toolbox,
  mainClass: string,
  args: readonly string[],
  input = '',
): Promise<readonly string[]> {
  const log = { level: 'error', info: [] } as const
  await using tool = await JavaTool.start(mainClass, args, { version: toolbox.version, log })
  tool.stdin.end(input)
  const code = await tool.ended(60_000)
  const trouble = /^.*(ERROR|Exception).*$/m.exec(`${tool.errors}\n${tool.lines.join('\n')}`)?.[0]
  if (code === 0 && trouble === undefined) return tool.lines
  throw new Error(`${mainClass} ended with ${code}: ${trouble ?? tool.errors.slice(-500)}`)
}

/** Starts a consumer that tells its assignment by its log; `ready` is told when it knows where to begin in each partition. */
export async function startConsumer(
  toolbox: Toolbox,
  mainClass: string,
  args: readonly string[],
  place: Workplace,
  onOutput?: (chunk: Buffer) => void,
): Promise<JavaTool> {
  const held = new Set<string>()
  const placed = new Set<string>()
  const onError = (line: string) => {
    const list = (name: RegExp) => (name.exec(line)?.[1] ?? '').match(/[^\s[\],]+-\d+/g) ?? []
    for (const name of list(/Adding newly assigned partitions:? (.*)/)) held.add(name)
    for (const name of list(/(?:Revoke previously|Lost previously) assigned partitions:? (.*)/)) {
      held.delete(name)
      placed.delete(name)
    }
    for (const name of list(/(?:Resetting|Setting) offset for partition (\S+) to /)) placed.add(name)
    if (/assigned partitions/.test(line)) place.assigned([...held].map(partitionOf))
    if (held.size > 0 && [...held].every((name) => placed.has(name))) place.ready()
  }
  const tool = await JavaTool.start(mainClass, args, {
    version: toolbox.version,
    log: { level: 'error', info: tellsPlaces },
    onError,
    ...(onOutput === undefined ? {} : { onOutput }),
  })
  place.started({ end: (signal) => tool.end(signal, 15_000) })
  return tool
}

function partitionOf(name: string): number {
  return Number(name.slice(name.lastIndexOf('-') + 1))
}

/** Waits for a consumer to have read what it was asked to. A member goes on until it is sent a signal. */
export async function consumed(tool: JavaTool): Promise<void> {
  const code = await tool.ended(600_000)
  const trouble = /^.*(ERROR|Exception).*$/m.exec(tool.errors)?.[0]
  if (code !== 0 && code !== null && code !== 143) {
    throw new Error(`it ended with ${code}: ${trouble ?? tool.errors.slice(-500)}`)
  }
}

/** What every tool is pointed at. */
export function targetOf({ brokers, topic }: Exclude<Job, AdminJob>): readonly string[] {
  return ['--bootstrap-server', brokers, '--topic', topic]
}

/**
 * The settings of a consumer of a job. No tool begins at a time, but each begins where its group stands: that is moved
 * there by kafka-consumer-groups.
 */
export async function consumerSettings(toolbox: Toolbox, job: ConsumeJob, place: Workplace): Promise<string> {
  if (typeof job.from === 'object') {
    const time = new Date(job.from.time).toISOString()
    const args = [...targetOf(job), '--group', job.group, '--reset-offsets', '--to-datetime', time]
    await outputOf(toolbox, groupCommand, [...args, '--execute', ...patience])
  }
  return settingsFile(job, place, { 'isolation.level': job.isolation ?? 'read_uncommitted' })
}

/** Why cells do not apply to tools that only produce and consume. */
export const noAdministration = {
  'admin topics': 'it has no administration',
  'admin groups': 'it has no administration',
}
