// A real Apache Kafka 4.x (KRaft, one node) on free ports in a temporary folder: the reference for the rig and the benches.
//
//   node test/interop/apache-kafka.ts [--port 9092] [--folder DIR] [--heap 1g] [--property key=value ...]
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseScript } from '../script.ts'
import { boundToUs, run } from './commands.ts'
import { kafkaClassPath, kafkaVersions } from './java.ts'

/** How to start it. Everything that is not named is Kafka's default. */
export interface ApacheKafkaOptions {
  /** Data and log of the server; a new temporary folder when not named. Kept when named. */
  readonly folder?: string
  /** Port of the plain listener; a free one when not named. */
  readonly port?: number
  /** Java's -Xmx and -Xms. */
  readonly heap?: string
  /** More lines of server.properties; these win over what this file sets. */
  readonly properties?: Readonly<Record<string, string>>
  /** More listeners, such as `{ SASL: 'SASL_PLAINTEXT' }`; their free ports are in `ports`. */
  readonly listeners?: Readonly<Record<string, string>>
  /** More arguments for `kafka-storage format`, such as `--add-scram`. */
  readonly format?: readonly string[]
}

/** The running server. Disposal kills it and removes its folder (if it was not named). */
export interface ApacheKafka extends AsyncDisposable {
  readonly bootstrap: string
  readonly ports: Readonly<Record<string, number>>
  readonly folder: string
  readonly pid: number
  /** From the start of the process to the first accepted connection. */
  readonly startMs: number
  /** Asks it to stop, and waits. */
  stop(signal?: NodeJS.Signals): Promise<void>
}

/** Formats the storage when it is new, starts the server, and waits until it accepts connections. */
export async function startApacheKafka(options: ApacheKafkaOptions = {}): Promise<ApacheKafka> {
  const classPath = await kafkaClassPath(kafkaVersions.server)
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'logdrive-apache-kafka-'))
  mkdirSync(folder, { recursive: true })
  const names = ['PLAINTEXT', 'CONTROLLER', ...Object.keys(options.listeners ?? {})]
  const ports: Record<string, number> = {}
  for (const name of names) ports[name] = await freePort()
  if (options.port !== undefined) ports.PLAINTEXT = options.port
  const file = join(folder, 'server.properties')
  writeFileSync(file, serverProperties(folder, ports, options))
  const clusterId = 'bG9nZHJpdmUtaW50ZXJvcA'
  const format = ['format', '--ignore-formatted', '-t', clusterId, '-c', file, ...(options.format ?? [])]
  await run('java', ['-cp', classPath, 'kafka.tools.StorageTool', ...format])
  const began = performance.now()
  const heap = options.heap ?? '1g'
  const output = openSync(join(folder, 'server.log'), 'w')
  const child = spawn(
    boundToUs.program,
    [...boundToUs.words, 'java', `-Xmx${heap}`, `-Xms${heap}`, '-cp', classPath, 'kafka.Kafka', file],
    {
      stdio: ['ignore', output, output],
      cwd: folder,
    },
  )
  await accepting(child, ports.PLAINTEXT ?? 0, folder)
  const startMs = performance.now() - began
  const stop = async (signal: NodeJS.Signals = 'SIGTERM') => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill(signal)
    await gone
  }
  return {
    bootstrap: `127.0.0.1:${ports.PLAINTEXT}`,
    ports,
    folder,
    pid: child.pid ?? -1,
    startMs,
    stop,
    [Symbol.asyncDispose]: async () => {
      await stop('SIGKILL')
      if (options.folder === undefined) rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** A port on 127.0.0.1 that nobody listens on now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      server.close(() => resolve(port))
    })
  })
}

/** Whether somebody accepts connections there. */
export function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const end = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('connect', () => end(true))
    socket.once('error', () => end(false))
  })
}

function serverProperties(
  folder: string,
  ports: Readonly<Record<string, number>>,
  options: ApacheKafkaOptions,
): string {
  const protocols: Readonly<Record<string, string>> = {
    PLAINTEXT: 'PLAINTEXT',
    CONTROLLER: 'PLAINTEXT',
    ...options.listeners,
  }
  const open = Object.keys(protocols).map((name) => `${name}://127.0.0.1:${ports[name]}`)
  const lines: Readonly<Record<string, string>> = {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@127.0.0.1:${ports.CONTROLLER}`,
    listeners: open.join(','),
    'advertised.listeners': open.filter((listener) => !listener.startsWith('CONTROLLER')).join(','),
    'listener.security.protocol.map': Object.entries(protocols)
      .map(([name, protocol]) => `${name}:${protocol}`)
      .join(','),
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'log.dirs': join(folder, 'data'),
    // One node: what Kafka's own config/server.properties says for that.
    'offsets.topic.replication.factor': '1',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
    ...options.properties,
  }
  return Object.entries(lines)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('')
}

async function accepting(child: ChildProcess, port: number, folder: string): Promise<void> {
  const until = performance.now() + 120_000
  while (!(await accepts(port))) {
    const ended = child.exitCode !== null || child.signalCode !== null
    if (ended || performance.now() > until) {
      child.kill('SIGKILL')
      const said = readFileSync(join(folder, 'server.log'), 'utf8').slice(-3000)
      throw new Error(`Apache Kafka did not start:\n${said}`)
    }
    await delay(20)
  }
}

if (import.meta.main) {
  const { values } = parseScript(import.meta.filename, {
    options: {
      port: { type: 'string', default: '9092' },
      folder: { type: 'string' },
      heap: { type: 'string', default: '1g' },
      property: { type: 'string', multiple: true, default: [] },
    },
  })
  const properties = Object.fromEntries(values.property.map((line) => line.split(/=(.*)/s).slice(0, 2)))
  const kafka = await startApacheKafka({
    port: Number(values.port),
    heap: values.heap,
    properties,
    ...(values.folder === undefined ? {} : { folder: values.folder }),
  })
  console.log(
    `Apache Kafka ${kafkaVersions.server} at ${kafka.bootstrap}, pid ${kafka.pid}, in ${kafka.folder}`,
  )
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => kafka[Symbol.asyncDispose]().then(() => process.exit(0)))
  }
}
