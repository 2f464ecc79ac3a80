// The sink of docs/sinks.md, run for real: a broker on disk, a web hook that fails, refuses and takes.
// Also the runner's own promises: retries, dead letters, one sink not holding up another.
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import http from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { type Broker, openBroker } from '../../collector/broker/broker.ts'
import { webhookSink } from '../../examples/sink-webhook.ts'
import { nodeRuntime } from '../../runtime/node.ts'
import { runSinks, type SinkSpec } from '../../sinks/run.ts'

const never = new AbortController().signal
const runtime = nodeRuntime({ level: 'silent' })
const cleanups: (() => PromiseLike<unknown>)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

test('every record arrives once per id, however often the hook fails', async () => {
  const hook = await startHook((calls) => (calls % 3 === 0 ? 200 : 503))
  const broker = await openTemporaryBroker()
  start(broker, [sink('hook', hook.url)])
  for (let from = 0; from < 100; from += 20) await publish(broker, from, 20)
  await until(() => numbers(hook.taken).length >= 100)
  expect(numbers(hook.taken)).toEqual(Array.from({ length: 100 }, (_, index) => index))
  expect(new Set(hook.taken.map(({ id }) => id)).size).toBe(hook.taken.length)
})

test('what the hook refuses for good becomes a dead letter with the reason, and the rest goes on', async () => {
  const hook = await startHook((_, body) => (body.includes('"n":7}') ? 400 : 200))
  const broker = await openTemporaryBroker()
  const sinks = start(broker, [sink('hook', hook.url, 1)])
  for (let number = 0; number < 12; number += 1) await publish(broker, number, 1)
  await until(() => numbers(hook.taken).length >= 11)
  await until(() => sinks.status()[0]?.refused === 1)
  const letters = []
  for await (const record of broker.tail(
    { topics: ['things.dead-letter'], start: 'beginning', follow: false },
    never,
  )) {
    expect(text(record.value)).toBe('{"n":7}')
    letters.push(Object.fromEntries(record.headers.map(({ key, value }) => [key, text(value)])))
  }
  expect(letters).toMatchObject([
    { 'ld-reason': 'webhook answered 400', 'ld-topic': 'things', 'ld-offset': '7' },
  ])
})

test('a sink whose other side is away says so, and does not hold up the others', async () => {
  const hook = await startHook(() => 200)
  const broker = await openTemporaryBroker()
  const sinks = start(broker, [sink('away', 'http://127.0.0.1:1/'), sink('hook', hook.url)])
  await publish(broker, 0, 5)
  await until(() => numbers(hook.taken).length >= 5)
  await until(() => sinks.status()[0]?.state === 'retrying')
  expect(sinks.status()[0]?.lastError?.message).toMatch(/ECONNREFUSED/)
  await until(() => sinks.status()[1]?.rows === 5)
  expect(sinks.status()[1]?.state).toBe('running')
})

test('docs/sinks.md shows this very file', () => {
  const root = join(import.meta.dirname, '../..')
  const page = readFileSync(join(root, 'docs/sinks.md'), 'utf8')
  expect(page).toContain(readFileSync(join(root, 'examples/sink-webhook.ts'), 'utf8'))
})

interface Taken {
  readonly id: string
  readonly rows: readonly { n: number }[]
}

/** A web hook that answers what `answer` says and keeps what it took. */
async function startHook(answer: (calls: number, body: string) => number) {
  const taken: Taken[] = []
  let calls = 0
  const server = http.createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    calls += 1
    const status = answer(calls, body)
    if (status === 200) taken.push({ id: String(request.headers['idempotency-key']), rows: JSON.parse(body) })
    response.writeHead(status).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  cleanups.push(async () => server.close())
  const { port } = server.address() as { port: number }
  return { url: `http://127.0.0.1:${port}/`, taken }
}

async function openTemporaryBroker(): Promise<Broker> {
  const folder = await mkdtemp(join(tmpdir(), 'logdrive-test-'))
  cleanups.push(() => rm(folder, { recursive: true }))
  const broker = await openBroker({ folder, config: { partitions: 1 } }, runtime)
  cleanups.push(() => broker[Symbol.asyncDispose]())
  return broker
}

function start(broker: Broker, specs: readonly SinkSpec[]) {
  const sinks = runSinks(broker, specs, runtime, never)
  cleanups.push(() => sinks[Symbol.asyncDispose]())
  return sinks
}

function sink(name: string, url: string, rows = 8): SinkSpec {
  const config = webhookSink.config.parse({ url, rows })
  const waits = { retryMsMin: 1, retryMsMax: 20 }
  return { name, type: webhookSink, config, topics: ['things'], folder: '/nowhere', ...waits }
}

async function publish(broker: Broker, from: number, count: number): Promise<void> {
  const records = Array.from({ length: count }, (_, index) => ({
    key: null,
    value: Buffer.from(`{"n":${from + index}}`),
    timestamp: 1_763_700_000_000,
    headers: [],
    source: null,
  }))
  await broker.publish('things', records, never)
}

function numbers(taken: readonly Taken[]): number[] {
  return taken.flatMap(({ rows }) => rows.map(({ n }) => n))
}

function text(bytes: Uint8Array | null): string {
  return Buffer.from(bytes ?? []).toString('utf8')
}

async function until(isTrue: () => boolean): Promise<void> {
  const deadline = performance.now() + 20_000
  while (!isTrue()) {
    if (performance.now() > deadline) throw new Error('not within 20 s')
    await delay(10)
  }
}
