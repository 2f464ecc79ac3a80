// What can be wrong around Logdrive: ports, locks, rights, a ClickHouse that is not there. Each is said; nothing is lost.
import { type ChildProcess, spawn } from 'node:child_process'
import { chmod, chown, mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { type LocalSystem, type SystemOptions, startSystem } from './local-system.ts'
import { freePorts, node, Running, temporaryFolder, until } from './processes.ts'
import { ask } from './stored-lines.ts'

const engine = join(import.meta.dirname, '../../sinks/clickhouse/embedded/process.ts')

test('the port is taken: exit code 1, the port and the key of the YAML', async () => {
  await using first = await started()
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'second.yaml')
  await writeFile(
    file,
    `version: 1\ndata: ${folder.path}/data\ncollector:\n  http: { listen: "127.0.0.1:${first.httpPort}" }\n`,
  )
  await using second = new Running(['up', '-c', file])
  expect(await second.ended()).toBe(1)
  tell('port taken', second.output)
  expect(second.output).toContain(`127.0.0.1:${first.httpPort} is already in use`)
  expect(second.output).toContain('collector.http.listen')
  await first.sendAndFind(10)
})

test.each(['collector', 'up'])(
  'the port of ClickHouse is taken: %s ends with exit code 1, the port and the key of the YAML',
  async (command) => {
    await using first = await started()
    await using folder = await temporaryFolder()
    const [port] = await freePorts(1)
    const file = join(folder.path, 'second.yaml')
    const sink = `{ type: clickhouse, topics: [notes], port: ${first.clickhousePort} }`
    await writeFile(
      file,
      `version: 1\ndata: ${folder.path}/data\ncollector:\n  http: { listen: "127.0.0.1:${port}" }\nsinks:\n  house: ${sink}\n`,
    )
    await using second = new Running([command, '-c', file])
    expect(await second.ended()).toBe(1)
    tell('port of ClickHouse taken', second.output)
    expect(second.output).toContain(`sink house: Port ${first.clickhousePort} on 127.0.0.1 is taken`)
    expect(second.output).toContain('`sinks.house.port`')
    await first.sendAndFind(10)
  },
)

test('the data folder is in use: exit code 1, and by whom', async () => {
  await using first = await started()
  const [port] = await freePorts(1)
  const file = join(first.folder, 'second.yaml')
  await writeFile(
    file,
    `version: 1\ndata: ${first.folder}/data\ncollector:\n  http: { listen: "127.0.0.1:${port}" }\n`,
  )
  await using second = new Running(['up', '-c', file])
  expect(await second.ended()).toBe(1)
  tell('data folder in use', second.output)
  expect(second.output).toContain(`${first.folder}/data is in use by process ${first.running.pid} on `)
  await first.sendAndFind(10)
})

test.runIf(process.getuid?.() === 0)(
  'a file that may not be read: said once, the others go on, and it is read after chmod',
  async () => {
    await using system = await started(['web_logs'])
    await using folder = await temporaryFolder()
    await using agent = await startAsNobody(folder.path, system.url)
    const secret = join(folder.path, 'logs', 'secret.log')
    await writeFile(secret, 'secret one\n', { mode: 0o600 })
    await writeFile(join(folder.path, 'logs', 'open.log'), 'open one\n', { mode: 0o644 })
    const bodies = 'SELECT arraySort(groupArray(body)) FROM logdrive.web_logs FORMAT JSONCompactEachRow'
    await system.untilAnswer(bodies, JSON.stringify([['open one']]), 20)
    await until(
      () => `a word about ${secret}\n${agent.output}`,
      20,
      async () => (agent.output.includes(secret) ? true : null),
    )
    await writeFile(join(folder.path, 'logs', 'open.log'), 'open two\n', { flag: 'a' })
    await system.untilAnswer(bodies, JSON.stringify([['open one', 'open two']]), 20)
    // A file is found by a look at the folder, which looks at all that are there.
    const seen = ['open one', 'open two']
    for (const name of ['later', 'latest']) {
      await writeFile(join(folder.path, 'logs', `${name}.log`), `${name}\n`, { mode: 0o644 })
      seen.unshift(name)
      await system.untilAnswer(bodies, JSON.stringify([seen.toSorted()]), 20)
    }
    const told = agent.output.split('\n').filter((line) => line.includes('secret.log'))
    tell('file that may not be read', ...told)
    expect(told).toHaveLength(1)
    expect(told[0]).toMatch(/permission|EACCES|may not/i)
    await chmod(secret, 0o644)
    await system.untilAnswer(bodies, JSON.stringify([[...seen, 'secret one'].toSorted()]), 30)
  },
)

test('ClickHouse is down at the start, stands still and dies in the middle: no row is lost, none is there twice', async () => {
  await using folder = await temporaryFolder()
  const [port = 0] = await freePorts(1)
  await using system = await startSystem({
    sinks: () => `  warehouse:
    type: clickhouse
    topics: [notes]
    server: { url: "http://127.0.0.1:${port}" }
    retry: { wait_min: 100ms, wait_max: 1s }
`,
  })
  const missing = await notReady(system, /warehouse/)
  tell('ClickHouse down at the start', missing)
  expect(missing).toMatch(/ECONNREFUSED|refused/i)
  expect(missing).toContain(String(port))
  expect(await send(system, 0, 100)).toBe(200)

  const clickhouse = new Engine(join(folder.path, 'clickhouse'), port)
  await using _engine = clickhouse
  clickhouse.start()
  await system.ready()
  await clickhouse.untilNotes(100)

  let sent = 100
  for (const harm of ['SIGSTOP', 'SIGKILL', 'SIGSTOP'] as const) {
    // Batches on their way: some before, some in the middle, some after.
    const before = await sinkOf(system)
    sent = await sendBatches(system, sent, 8)
    await untilSink(system, 'writes', ({ rows }) => rows > before.rows)
    sent = await sendBatches(system, sent, 1)
    clickhouse.signal(harm)
    sent = await sendBatches(system, sent, 11)
    if (harm === 'SIGSTOP') {
      // Longer than a batch waits for more: some are under way.
      await untilSink(system, 'lags', ({ lagMs }) => lagMs > 2_000)
      clickhouse.signal('SIGCONT')
    } else {
      await untilSink(system, 'tries again', ({ retries }) => retries > before.retries)
      clickhouse.start()
    }
    await clickhouse.untilNotes(sent)
  }
  const { retries, last_error } = await sinkOf(system)
  tell(`ClickHouse stood still twice and was killed once; ${retries} retries`, `${last_error?.message}`)
})

test('kill -9 of the embedded ClickHouse under load: it is started again, each row is there once', async () => {
  await using system = await started()
  let sent = 0
  for (let kill = 0; kill < 4; kill += 1) {
    const { rows, details } = await sinkOf(system)
    sent = await sendBatches(system, sent, 4 + kill)
    await untilSink(system, 'writes', (now) => now.rows > rows)
    sent = await sendBatches(system, sent, 1)
    process.kill(details.pid ?? Number.NaN, 'SIGKILL')
    sent = await sendBatches(system, sent, 7 - kill)
    const isAnother = (now: SinkFacts) =>
      typeof now.details.pid === 'number' && now.details.pid !== details.pid
    await untilSink(system, 'has another ClickHouse', isAnother)
  }
  await system.untilAnswer(
    'SELECT count(), uniqExact(body) FROM logdrive.notes FORMAT TSV',
    `${sent}\t${sent}`,
    60,
  )
  // What was committed is not written again.
  await untilSink(system, 'has committed all', ({ lagRecords }) => lagRecords === 0)
  expect(await system.ask('SELECT count() FROM logdrive.notes')).toBe(String(sent))
})

type Started = LocalSystem & { sendAndFind(count: number): Promise<void> }

/** A system that is ready, and a way to see that it still does all of its work. */
async function started(topics: readonly string[] = ['notes'], more: SystemOptions = {}): Promise<Started> {
  const system = await startSystem({ topics, ...more })
  await system.ready()
  return Object.assign(system, {
    async sendAndFind(count: number) {
      expect(await send(system, 0, count)).toBe(200)
      await system.untilAnswer('SELECT count() FROM logdrive.notes', String(count), 15)
    },
  })
}

async function send(system: LocalSystem, first: number, count: number): Promise<number> {
  const body = Array.from({ length: count }, (_, index) => `{"body":"note ${first + index}"}`).join('\n')
  const response = await fetch(`${system.url}/v1/topics/notes/records`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body,
  })
  await response.arrayBuffer()
  return response.status
}

/** Sends batches of 50; returns how many notes were sent by then. */
async function sendBatches(system: LocalSystem, first: number, batches: number): Promise<number> {
  for (let batch = 0; batch < batches; batch += 1)
    expect(await send(system, first + batch * 50, 50)).toBe(200)
  return first + batches * 50
}

/** What /readyz says is missing, once it says so with these words. */
async function notReady(system: LocalSystem, words: RegExp): Promise<string> {
  let text = ''
  return await until(
    () => `503 with ${words}; last: ${text}\n${system.running.output}`,
    40,
    async () => {
      const response = await fetch(`${system.url}/readyz`)
      text = await response.text()
      return response.status === 503 && words.test(text) && !text.includes('being opened') ? text : null
    },
  )
}

interface SinkFacts {
  readonly rows: number
  readonly retries: number
  readonly last_error: { readonly message: string } | null
  readonly details: { readonly pid?: number | null }
  readonly lagRecords: number
  /** How old the oldest record is that it has not committed. */
  readonly lagMs: number
}

/** The only sink, and how far its group is behind. */
async function sinkOf(system: LocalSystem): Promise<SinkFacts> {
  const asked = async (path: string) => await (await fetch(`${system.url}${path}`)).json()
  const { sinks } = (await asked('/v1/sinks')) as { sinks: SinkFacts[] }
  const { groups } = (await asked('/v1/groups')) as { groups: { lag_records: number; lag_ms: number }[] }
  const [[sink], [group]] = [sinks, groups]
  if (sink === undefined || group === undefined) throw new Error('there is no sink')
  return { ...sink, lagRecords: group.lag_records, lagMs: group.lag_ms }
}

async function untilSink(
  system: LocalSystem,
  what: string,
  holds: (sink: SinkFacts) => boolean,
): Promise<void> {
  await until(
    () => `the sink ${what}\n${system.running.output}`,
    40,
    async () => (holds(await sinkOf(system)) ? true : null),
  )
}

/** An agent of a user who owns nothing but its own folder. */
async function startAsNobody(folder: string, url: string): Promise<Running> {
  const nobody = 65_534
  const state = join(folder, 'state')
  const file = join(folder, 'agent.yaml')
  await chmod(folder, 0o755)
  await mkdir(join(folder, 'logs'), { mode: 0o755 })
  await mkdir(state)
  await chown(state, nobody, nobody)
  await writeFile(
    file,
    `version: 1
agent:
  collector: ${url}
  state: ${state}
  inputs:
    nginx: { type: file, paths: ["${folder}/logs/*.log"], topic: web_logs }
`,
  )
  const before = ['setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups']
  return new Running(['agent', '-c', file], { HOME: folder }, before)
}

/** The embedded engine as a server of its own, to be stopped and killed. */
class Engine implements AsyncDisposable {
  readonly #folder: string
  readonly #port: number
  #child: ChildProcess | null = null

  constructor(folder: string, port: number) {
    this.#folder = folder
    this.#port = port
  }

  start(): void {
    this.#child = spawn(node, [engine, this.#folder, '127.0.0.1', String(this.#port)], { stdio: 'ignore' })
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT' | 'SIGKILL'): void {
    this.#child?.kill(signal)
  }

  async untilNotes(count: number): Promise<void> {
    let last = ''
    await until(
      () => `${count} notes once each: ${last}`,
      60,
      async () => {
        last = await ask(
          `http://127.0.0.1:${this.#port}`,
          'SELECT count(), uniqExact(body) FROM logdrive.notes FORMAT TSV',
        )
        return last === `${count}\t${count}` ? true : null
      },
      200,
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const child = this.#child
    if (child === null || child.exitCode !== null || child.signalCode !== null) return
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await gone
    await rm(dirname(this.#folder), { recursive: true, force: true })
  }
}

/** What a person would have seen; printed for the table of messages. */
function tell(what: string, ...seen: string[]): void {
  console.info(`${what}: ${seen.join('\n').slice(0, 1_500)}`)
}
