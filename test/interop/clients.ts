// The clients of the matrix: how each is installed and started, and what it cannot do, with the reason for the table.
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { cachedFolder } from './cache.ts'
import { type Client, newerGroups } from './case.ts'
import { run } from './commands.ts'
import { debianPackages, versionOf } from './debian.ts'
import { ProgramDriver } from './driver.ts'
import { kafkaClassPath, kafkaVersions } from './java.ts'
import { consoleTools } from './kafka-tools/console.ts'
import { perfTools } from './kafka-tools/perf.ts'
import { toolboxes } from './kafka-tools/toolbox.ts'
import { verifiableTools } from './kafka-tools/verifiable.ts'
import { kcatDriver } from './kcat.ts'
import { nodeRdkafka } from './node-rdkafka.ts'
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
      'read committed': 'kafka-python 2.0 has no transactions',
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
    node(
      '@platformatic/kafka',
      'platformatic-driver.ts',
      { cooperative: '@platformatic/kafka has no cooperative assignor' },
      [newerGroups],
    ),
  'node-rdkafka': nodeRdkafka,
  rsyslog,
  'syslog-ng': syslogNg,
  'ClickHouse (chDB)': clickhouse,
  'Java 3.9': async () => java('Java 3.9', kafkaVersions.old),
  'Java 4.3': async () => java('Java 4.3', kafkaVersions.server),
  ...toolsOf('3.9'),
  ...toolsOf('4.3'),
}

/** Kafka's command-line tools of a version; Java and the jars come with its Java clients. */
function toolsOf(version: keyof typeof toolboxes): Readonly<Record<string, () => Promise<Client>>> {
  const box = toolboxes[version]
  const named = {
    'kafka-console-*': consoleTools,
    'kafka-*-perf-test': perfTools,
    'kafka-verifiable-*': verifiableTools,
  }
  return Object.fromEntries(
    Object.entries(named).map(([kind, client]) => [
      `${kind} ${version}`,
      async () => client(`${kind} ${version}`, box),
    ]),
  )
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

/** What CI does with Kafka's command-line tools, each run of which starts a JVM: arguments of run-matrix.ts. */
export const quickTools: readonly string[] = [
  ...['kafka-console-* 4.3', 'kafka-*-perf-test 4.3', 'kafka-verifiable-* 4.3'].flatMap((name) => [
    '--client',
    name,
  ]),
  ...['produce', 'consume beginning', 'group', 'transactions'].flatMap((name) => ['--case', name]),
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
    driver: kcatDriver,
  }
}

/** The Kafka table engine of the ClickHouse that Logdrive embeds; reading is by a group, writing without keys. */
async function clickhouse(): Promise<Client> {
  const program = join(import.meta.dirname, '../../node_modules/.bin/node')
  const version = 'SELECT version()'
  const code = `import('chdb').then(({ query }) => console.log(query(${JSON.stringify(version)}, 'TSV')))`
  const said = (await run(program, ['-e', code], { cwd: import.meta.dirname })).trim()
  const bySettings = 'the engine takes certificates from the configuration of a server only'
  const rows = 'rows of a table'
  const noOpenssl = 'chDB is built without OpenSSL in its librdkafka'
  const lacks = {
    ...{
      tls: bySettings,
      mtls: bySettings,
      'sasl-tls': bySettings,
      'scram-256': noOpenssl,
      'scram-512': noOpenssl,
    },
    ...{ 'null values': 'reads no rows of these', 'empty values': 'reads no rows of these' },
    ...{
      'consume end': 'its group begins at the beginning',
      'consume time': 'its group begins at the beginning',
    },
    ...{ keys: rows, headers: rows, idempotent: rows, transactions: rows, cooperative: rows },
    ...{ group: 'it does not tell its assignment', 'group kill': 'it does not tell its assignment' },
    ...{ 'admin topics': 'it has no administration', 'admin groups': 'it has no administration' },
  }
  const driver = () => new ProgramDriver(program, [join(drivers, 'chdb-driver.ts')])
  return { name: 'ClickHouse (chDB)', version: said, shapes: 'lines', lacks, driver }
}

async function node(
  name: string,
  file: string,
  lacks: Client['lacks'],
  speaks: readonly string[] = [],
): Promise<Client> {
  const { default: manifest } = (await import(`../../node_modules/${name}/package.json`, {
    with: { type: 'json' },
  })) as { default: { version: string } }
  const program = join(import.meta.dirname, '../../node_modules/.bin/node')
  const driver = () => new ProgramDriver(program, [join(drivers, file)])
  return { name, version: manifest.version, shapes: 'any', lacks, speaks, driver }
}

/** Java clients of a version, with the driver compiled against them. */
export async function java(name: string, version: string): Promise<Client> {
  const classPath = await kafkaClassPath(version)
  const classes = await javaDriver(version, classPath)
  const args = ['-Xmx256m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-cp', `${classes}:${classPath}`]
  const quiet = '-Dorg.slf4j.simpleLogger.defaultLogLevel=error'
  const driver = () => new ProgramDriver('java', [...args, quiet, 'JavaDriver'])
  const speaks = version === kafkaVersions.old ? [] : [newerGroups]
  return { name, version, shapes: 'any', lacks: {}, speaks, driver }
}

async function javaDriver(version: string, classPath: string): Promise<string> {
  const source = join(drivers, 'JavaDriver.java')
  const hash = createHash('sha256').update(readFileSync(source)).digest('hex').slice(0, 16)
  return cachedFolder(`java-driver-${version}`, hash, async (aside) => {
    mkdirSync(aside, { recursive: true })
    await run('javac', ['-nowarn', '-cp', classPath, '-d', aside, source])
  })
}
