// Python clients: Debian's packages (old ones, as people have them) and the newest wheels from PyPI.
import { join } from 'node:path'
import { cachedFolder } from './cache.ts'
import { type Client, newerGroups } from './case.ts'
import { run } from './commands.ts'
import { debianPackages } from './debian.ts'
import { ProgramDriver } from './driver.ts'

const drivers = join(import.meta.dirname, 'drivers')

interface Python {
  readonly program: string
  readonly env: Readonly<Record<string, string>>
}

/** Debian's own Python with Debian's clients. */
export async function debianPython(): Promise<Python> {
  const codecs = ['python3-lz4', 'python3-snappy', 'python3-zstandard']
  await debianPackages(['python3', 'python3-kafka', 'python3-confluent-kafka', ...codecs])
  return { program: '/usr/bin/python3', env: {} }
}

/** The python3 of the PATH with wheels in a folder of the cache. */
export async function wheels(name: string, packages: readonly string[]): Promise<Python> {
  const folder = await cachedFolder(`python-${name}`, packages.join(' '), async (aside) => {
    await run('python3', ['-m', 'pip', '--version']).catch(() => debianPackages(['python3', 'python3-pip']))
    await run('python3', [
      '-m',
      'pip',
      'install',
      '-q',
      '--root-user-action=ignore',
      '--target',
      aside,
      ...packages,
    ])
  })
  return { program: 'python3', env: { PYTHONPATH: folder } }
}

/** confluent-kafka: librdkafka in Python. */
export async function confluent(name: string, python: Python, lacks: Client['lacks']): Promise<Client> {
  const version = await said(
    python,
    'import confluent_kafka as c; print(c.version()[0] if type(c.version()) is tuple else c.version(), "librdkafka", c.libversion()[0])',
  )
  const [major = 0, minor = 0] = (/librdkafka (\d+)\.(\d+)/.exec(version) ?? []).slice(1).map(Number)
  const speaks = major > 2 || (major === 2 && minor >= 12) ? [newerGroups] : []
  return { ...client(name, version, { python, file: 'confluent_driver.py', lacks }), speaks }
}

/** kafka-python: the protocol in Python itself. */
export async function kafkaPython(name: string, python: Python, lacks: Client['lacks']): Promise<Client> {
  const version = await said(python, 'import kafka; print(kafka.__version__)')
  return client(name, version, { python, file: 'kafka_python_driver.py', lacks })
}

function client(
  name: string,
  version: string,
  { python, file, lacks }: { python: Python; file: string; lacks: Client['lacks'] },
): Client {
  const driver = () => new ProgramDriver(python.program, [join(drivers, file)], python.env)
  return { name, version, shapes: 'any', lacks, driver }
}

async function said(python: Python, code: string): Promise<string> {
  return (await run(python.program, ['-c', code], { env: python.env })).trim()
}
