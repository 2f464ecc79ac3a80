// What bench:broker compares: our broker in both flush modes, Apache Kafka, and the bare loop; started, asked, measured by pid.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { Runtime } from '../../core/runtime.ts'
import { nodeRuntime } from '../../runtime/node.ts'
import { freePorts, Running } from '../../test/integration/processes.ts'
import { startApacheKafka } from '../../test/interop/apache-kafka.ts'
import { KafkaClient, throwCode } from '../../test/kafka-client/client.ts'
import { KafkaProducer } from '../../test/kafka-client/producer.ts'

export const runtime: Runtime = nodeRuntime({ level: 'error' })
const never = new AbortController().signal

/** A broker that runs. */
export interface Subject extends AsyncDisposable {
  readonly name: string
  readonly port: number
  readonly pid: number
  /** From the start of the process to the first acknowledged record, which made its topic. */
  readonly startMs: number
}

/** Who ours is held against. */
export const theirs = 'Apache Kafka'

export type Flush = 'commit' | 'os'

/** A data folder of its own under BENCH_FOLDER, removed at the end. */
export function benchFolder(name: string): { readonly path: string } & Disposable {
  const made = mkdtempSync(path.join(process.env.BENCH_FOLDER ?? os.tmpdir(), `logdrive-bench-${name}-`))
  return { path: made, [Symbol.dispose]: () => rmSync(made, { recursive: true, force: true }) }
}

/** The package as npm installs it, and its name here. */
export interface Installed {
  readonly name: string
  readonly program: readonly string[]
}

/** Our broker as the command line starts it: that of this checkout, or an installed one. */
export async function startOurs(
  folder: string,
  flush: Flush,
  installed?: Installed,
): Promise<Subject & { readonly running: Running }> {
  const [http = 0, port = 0] = await freePorts(2)
  const yaml = path.join(folder, `collector-${flush}.yaml`)
  writeFileSync(
    yaml,
    `version: 1
data: ${folder}/data
collector:
  http: { listen: "127.0.0.1:${http}" }
  kafka: { listen: "127.0.0.1:${port}" }
  flush: ${flush}
`,
  )
  const began = performance.now()
  const running = new Running(['collector', '-c', yaml], {}, [], installed?.program)
  await firstProduce(port, () => {
    if (running.exited) throw new Error(`our broker ended:\n${running.output.slice(-2000)}`)
  })
  const startMs = performance.now() - began
  const stop = () => running[Symbol.asyncDispose]()
  return {
    name: `${installed?.name ?? 'logdrive'} (${flush})`,
    port,
    pid: running.pid,
    startMs,
    running,
    [Symbol.asyncDispose]: stop,
  }
}

/** Apache Kafka with 1 GB of heap and what its own single-node configuration says. */
export async function startKafka(folder: string): Promise<Subject> {
  const [port = 0] = await freePorts(1)
  const kafka = await startApacheKafka({ folder, port, heap: '1g' })
  const accepted = performance.now()
  await firstProduce(port, () => undefined)
  const startMs = kafka.startMs + performance.now() - accepted
  return {
    name: theirs,
    port,
    pid: kafka.pid,
    startMs,
    [Symbol.asyncDispose]: () => kafka.stop('SIGKILL'),
  }
}

/** Ours with each way to flush, and theirs: all three run, on folders that go with them; only the one that is asked works. */
export async function startSideBySide(): Promise<
  AsyncDisposable & { readonly subjects: readonly Subject[] }
> {
  await using started = new AsyncDisposableStack()
  const place = (name: string) => started.use(benchFolder(name)).path
  const commit = started.use(await startOurs(place('commit'), 'commit'))
  const osFlush = started.use(await startOurs(place('os'), 'os'))
  const kafka = started.use(await startKafka(place('kafka')))
  const owned = started.move()
  return { subjects: [commit, osFlush, kafka], [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

/** The bare loop over files of a folder. */
export async function startBare(folder: string): Promise<Subject> {
  const program = path.join(import.meta.dirname, 'bare-broker.ts')
  const child = spawn(process.execPath, [program, folder], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const port = await new Promise<number>((resolve, reject) => {
    child.stdout.once('data', (text: Buffer) => resolve(Number(text.toString())))
    child.once('exit', () => reject(new Error('the bare broker ended')))
  })
  const end = async () => {
    child.stdin.end()
  }
  return { name: 'bare loop', port, pid: child.pid ?? 0, startMs: 0, [Symbol.asyncDispose]: end }
}

export function clientOf(port: number, requestMs = 10_000): KafkaClient {
  const options = { address: { host: '127.0.0.1', port }, clientId: 'bench', requestMs }
  return new KafkaClient(options, runtime, never)
}

/** Asks again and again until a record is acknowledged. */
async function firstProduce(port: number, check: () => void): Promise<void> {
  const until = performance.now() + 60_000
  for (;;) {
    check()
    const client = clientOf(port, 2_000)
    try {
      const topics = [{ topicId: '00000000-0000-0000-0000-000000000000', name: 'first' }]
      const metadata = await client.request('Metadata', { topics, allowAutoTopicCreation: true })
      throwCode(metadata.topics[0]?.errorCode ?? -1, 'Metadata')
      const producer = new KafkaProducer(client, {
        transactionalId: null,
        transactionTimeoutMs: 60_000,
        patienceMs: 0,
      })
      await producer.init()
      const [sent] = await producer.send({ topic: 'first', partition: 0 }, [['first']])
      if (sent?.outcome === 'ok') return
    } catch (error) {
      if (performance.now() > until) throw error
    } finally {
      client.close()
    }
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** Makes a topic. */
export async function createTopics(
  port: number,
  names: readonly string[],
  partitions: number,
): Promise<void> {
  const client = clientOf(port, 60_000)
  for (let from = 0; from < names.length; from += 100) {
    const topics = names.slice(from, from + 100).map((name) => ({
      name,
      numPartitions: partitions,
      replicationFactor: 1,
      assignments: [],
      configs: [],
    }))
    const answer = await client.request('CreateTopics', { topics, timeoutMs: 60_000, validateOnly: false })
    for (const { errorCode } of answer.topics) throwCode(errorCode, 'CreateTopics')
  }
  client.close()
}

export async function deleteTopic(port: number, name: string): Promise<void> {
  const client = clientOf(port, 60_000)
  const topics = [{ name, topicId: '00000000-0000-0000-0000-000000000000' }]
  await client.request('DeleteTopics', { topics, topicNames: [name], timeoutMs: 60_000 })
  client.close()
}
