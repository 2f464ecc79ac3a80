// Kafka's command-line tools of one version: what they and their options are called, and their settings as a file.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Workplace } from '../command-driver.ts'
import { kafkaVersions } from '../java.ts'
import type { AdminJob, Job } from '../job.ts'

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

/** What every tool is pointed at. */
export function targetOf({ brokers, topic }: Exclude<Job, AdminJob>): readonly string[] {
  return ['--bootstrap-server', brokers, '--topic', topic]
}

/** Why cells do not apply to tools that only produce and consume. */
export const noAdministration = {
  'admin topics': 'it has no administration',
  'admin groups': 'it has no administration',
}
