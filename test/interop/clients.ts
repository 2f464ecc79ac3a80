// The clients of the matrix: how each is installed and started, and what it cannot do, with the reason for the table.
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
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
  'node-rdkafka': nodeRdkafka,
  rsyslog,
  'syslog-ng': syslogNg,
  'Java 3.9': async () => java('Java 3.9', kafkaVersions.old),
  'Java 4.3': async () => java('Java 4.3', kafkaVersions.server),
}

/** One of each kind, without what takes long to install: for CI. */
export const quickClients: readonly string[] = [
  'kcat',
  'confluent-kafka (PyPI)',
  'kafka-python (Debian)',
  'kafkajs',
  '@platformatic/kafka',
  'rsyslog',
  'syslog-ng',
  'Java 4.3',
]

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

/** node-rdkafka compiles librdkafka when it is installed: three minutes the first time. */
async function nodeRdkafka(): Promise<Client> {
  const version = '3.6.1'
  await debianPackages(['build-essential', 'python3', 'libssl-dev', 'zlib1g-dev'])
  const folder = await cachedFolder('node-rdkafka', version, async (aside) => {
    const allowScripts = { 'node-rdkafka': true, [`node-rdkafka@${version}`]: true }
    writeFileSync(join(aside, 'package.json'), JSON.stringify({ private: true, allowScripts }))
    await run('npm', ['install', '--no-audit', '--no-fund', `node-rdkafka@${version}`], { cwd: aside })
  })
  const librdkafka = '2.12.0'
  const program = join(import.meta.dirname, '../../node_modules/.bin/node')
  const lacks = { cooperative: 'its rebalance callback assigns eagerly' }
  const file = join(drivers, 'rdkafka-driver.ts')
  const driver = () => new ProgramDriver(program, [file], { NODE_RDKAFKA: folder })
  return {
    name: 'node-rdkafka',
    version: `${version} librdkafka ${librdkafka}`,
    shapes: 'any',
    lacks,
    driver,
  }
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
  const hash = createHash('sha256').update(readFileSync(source)).digest('hex').slice(0, 16)
  return cachedFolder(`java-driver-${version}`, hash, async (aside) => {
    mkdirSync(aside, { recursive: true })
    await run('javac', ['-nowarn', '-cp', classPath, '-d', aside, source])
  })
}
