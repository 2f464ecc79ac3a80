// The clients of the matrix: how each is installed and started, and what it cannot do, with the reason for the table.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { cachedFolder } from './cache.ts'
import type { Client } from './case.ts'
import { run } from './commands.ts'
import { debianPackages, versionOf } from './debian.ts'
import { ProgramDriver } from './driver.ts'
import { kafkaClassPath, kafkaVersions } from './java.ts'
import { KcatDriver } from './kcat.ts'
import { confluent, debianPython, kafkaPython, wheels } from './python.ts'
import { rsyslog, syslogNg } from './shippers.ts'

const drivers = join(import.meta.dirname, 'drivers')

/** Every client by its name in the table; `install` may take minutes the first time. */
export const clients: Readonly<Record<string, () => Promise<Client>>> = {
  kcat,
  'confluent-kafka (Debian)': async () => confluent('confluent-kafka (Debian)', await debianPython(), {}),
  'confluent-kafka (PyPI)': async () =>
    confluent('confluent-kafka (PyPI)', await wheels('confluent-kafka', ['confluent-kafka==2.16.1']), {}),
  'kafka-python (Debian)': async () =>
    kafkaPython('kafka-python (Debian)', await debianPython(), {
      idempotent: 'kafka-python 2.0 has no idempotent producer',
      transactions: 'kafka-python 2.0 has no transactions',
      cooperative: 'kafka-python has no cooperative assignor',
    }),
  'kafka-python (PyPI)': async () =>
    kafkaPython(
      'kafka-python (PyPI)',
      await wheels('kafka-python', ['kafka-python==3.0.12', 'lz4', 'python-snappy', 'zstandard', 'crc32c']),
      { cooperative: 'the driver uses its default assignors' },
    ),
  kafkajs: async () =>
    node('kafkajs', 'kafkajs-driver.ts', { cooperative: 'kafkajs has no cooperative assignor' }),
  '@platformatic/kafka': async () =>
    node('@platformatic/kafka', 'platformatic-driver.ts', {
      cooperative: '@platformatic/kafka has no cooperative assignor',
    }),
  rsyslog,
  'syslog-ng': syslogNg,
  'Java 3.9': async () => java('Java 3.9', kafkaVersions.old),
  'Java 4.3': async () => java('Java 4.3', kafkaVersions.server),
}

/** The client that the others are checked against: it writes what they read and reads what they wrote. */
export function reference(): Promise<Client> {
  return java('Java 4.3', kafkaVersions.server)
}

async function kcat(): Promise<Client> {
  await debianPackages(['kcat'])
  const librdkafka = (await run('kcat', ['-V'])).match(/librdkafka ([\d.]+)/)?.[1] ?? '?'
  return {
    name: 'kcat',
    version: `${versionOf('kcat')?.split('-')[0]} librdkafka ${librdkafka}`,
    shapes: 'any',
    lacks: {
      abort: 'kcat has no command to abort',
      cooperative: 'kcat assigns eagerly in its rebalance callback',
    },
    driver: () => new KcatDriver(),
  }
}

async function node(name: string, file: string, lacks: Client['lacks']): Promise<Client> {
  const { default: manifest } = (await import(`../../node_modules/${name}/package.json`, {
    with: { type: 'json' },
  })) as { default: { version: string } }
  const program = join(import.meta.dirname, '../../node_modules/.bin/node')
  const driver = () => new ProgramDriver(program, [join(drivers, file)])
  return { name, version: manifest.version, shapes: 'any', lacks, driver }
}

/** Java clients of a version, with the driver compiled against them. */
export async function java(name: string, version: string): Promise<Client> {
  const classPath = await kafkaClassPath(version)
  const classes = await javaDriver(version, classPath)
  const args = ['-Xmx256m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-cp', `${classes}:${classPath}`]
  const quiet = '-Dorg.slf4j.simpleLogger.defaultLogLevel=error'
  const driver = () => new ProgramDriver('java', [...args, quiet, 'JavaDriver'])
  return { name, version, shapes: 'any', lacks: {}, driver }
}

async function javaDriver(version: string, classPath: string): Promise<string> {
  const source = join(drivers, 'JavaDriver.java')
  const { createHash } = await import('node:crypto')
  const { readFileSync } = await import('node:fs')
  const hash = createHash('sha256').update(readFileSync(source)).digest('hex').slice(0, 16)
  return cachedFolder(`java-driver-${version}`, hash, async (aside) => {
    mkdirSync(aside, { recursive: true })
    await run('javac', ['-nowarn', '-cp', classPath, '-d', aside, source])
  })
}
