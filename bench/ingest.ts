// Ingest: one JSON event of 500 bytes a request, acknowledged after fsync, against a bare node:http server that reads the body.
//
//   node bench/ingest.ts [rounds] [seconds]
//
// Server and load are processes of their own; the rounds of both servers are interleaved. Pinned to a core each where
// taskset is there. Profile the server with: node --cpu-prof bench/ingest.ts server ours
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import http from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openBroker } from '../collector/broker/broker.ts'
import { defaultHttpLimits } from '../collector/http/server.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { serviceOf } from '../test/collector/http/fixture.ts'
import { parseScript } from '../test/script.ts'
import { median, printResult } from './result.ts'

const connections = 64
const path = '/v1/topics/events/records'
const warmUpMs = 2_000

interface Round {
  readonly requestsPerSecond: number
  readonly cpuUsPerRequest: number
  /** Of the main thread: what bounds the rate where other cores do the rest. */
  readonly threadUsPerRequest: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly bad: number
}

type Kind = (typeof kinds)[number]
const kinds = ['bare', 'ours'] as const

const { positionals } = parseScript(import.meta.filename, { allowPositionals: true })
const [role, ...rest] = positionals
if (role === 'server') await serve(rest[0] ?? 'ours')
else if (role === 'load') await load(Number(rest[0]), Number(rest[1]))
else await compare(Number(role ?? 5), Number(rest[0] ?? 3))

async function compare(rounds: number, seconds: number): Promise<void> {
  const pairs: Record<Kind, Round>[] = []
  for (let round = 0; round < rounds; round += 1) {
    const pair: Partial<Record<Kind, Round>> = {}
    // In turns: what else the machine does meanwhile favours neither.
    for (const kind of round % 2 === 0 ? kinds : kinds.toReversed()) {
      const one = await measure(kind, seconds)
      pair[kind] = one
      console.log(
        `${round + 1} ${kind}: ${one.requestsPerSecond.toFixed(0)} req/s, ${one.cpuUsPerRequest.toFixed(1)} us CPU a request (${one.threadUsPerRequest.toFixed(1)} of the main thread), p50 ${one.p50Ms.toFixed(2)} ms, p99 ${one.p99Ms.toFixed(2)} ms, not 200: ${one.bad}`,
      )
    }
    pairs.push(pair as Record<Kind, Round>)
  }
  const middle = (pick: (pair: Record<Kind, Round>) => number) => median(pairs.map(pick))
  const rate = (kind: Kind) => middle((pair) => pair[kind].requestsPerSecond)
  printResult({
    subject: 'ingest',
    goal: 0.6,
    case: 'one event of 500 bytes a request, after fdatasync',
    unit: 'requests/s',
    figure: rate('ours'),
    limit: rate('bare'),
    limitIs: 'bare node:http that reads the body, no fsync',
    // Of each pair: a round in which others took the cores is slow for both.
    ratio: middle(({ ours, bare }) => ours.requestsPerSecond / bare.requestsPerSecond),
  })
  const cpu = (kind: Kind) => middle((pair) => pair[kind].cpuUsPerRequest)
  printResult({
    subject: 'ingest',
    case: 'CPU of all threads for such a request (ratio: theirs over ours)',
    unit: 'us',
    figure: cpu('ours'),
    limit: cpu('bare'),
    limitIs: 'bare node:http',
    ratio: middle(({ ours, bare }) => bare.cpuUsPerRequest / ours.cpuUsPerRequest),
  })
}

async function measure(kind: string, seconds: number): Promise<Round> {
  const server = start(0, ['server', kind])
  try {
    const port = Number(await firstLine(server))
    const loading = start(1, ['load', String(port), String(seconds)])
    // It has warmed up: the CPU of compiling and of the first connections does not count.
    await firstLine(loading)
    server.stdin?.write('count\n')
    const answer = await firstLine(loading)
    const report = JSON.parse(answer) as Omit<Round, 'cpuUsPerRequest' | 'threadUsPerRequest'> & {
      readonly requests: number
    }
    const done = new Promise<string>((resolve) => {
      server.stdout?.once('data', (data) => resolve(String(data)))
    })
    server.stdin?.end()
    const cpu = JSON.parse(await done) as { readonly all: number; readonly thread: number }
    const { requests } = report
    return { ...report, cpuUsPerRequest: cpu.all / requests, threadUsPerRequest: cpu.thread / requests }
  } finally {
    server.stdin?.end()
    // It removes its data before it ends.
    if (server.exitCode === null) await new Promise((resolve) => server.once('exit', resolve))
  }
}

function start(core: number, args: readonly string[]): ChildProcess {
  const command = [process.execPath, import.meta.filename, ...args]
  const pinned = existsSync('/usr/bin/taskset')
    ? ['/usr/bin/taskset', '-c', String(core), ...command]
    : command
  return spawn(pinned[0] as string, pinned.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] })
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    const take = (data: Buffer) => {
      text += data.toString()
      if (!text.includes('\n')) return
      child.stdout?.off('data', take)
      resolve(text.slice(0, text.indexOf('\n')))
    }
    child.stdout?.on('data', take)
    child.once('exit', (code) => reject(new Error(`the process ended with ${code}: ${text}`)))
  })
}

/** Prints its port, serves until its stdin ends, prints the CPU in us that it and its main thread took since a word came in. */
async function serve(kind: string): Promise<void> {
  const stop = kind === 'bare' ? await serveBare() : await serveOurs()
  let [before, threadBefore] = [process.cpuUsage(), process.threadCpuUsage()]
  process.stdin.on('data', () => {
    before = process.cpuUsage()
    threadBefore = process.threadCpuUsage()
  })
  await new Promise((resolve) => {
    process.stdin.once('end', resolve)
  })
  const all = process.cpuUsage(before)
  const thread = process.threadCpuUsage(threadBefore)
  console.log(JSON.stringify({ all: all.user + all.system, thread: thread.user + thread.system }))
  await stop()
  process.exit(0)
}

async function serveBare(): Promise<() => Promise<void>> {
  const server = http.createServer((request, response) => {
    let bytes = 0
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length
    })
    request.on('end', () => response.writeHead(200, { 'content-length': '2' }).end(bytes > 0 ? 'ok' : 'no'))
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  console.log((server.address() as AddressInfo).port)
  return async () => server.closeAllConnections()
}

async function serveOurs(): Promise<() => Promise<void>> {
  const runtime = nodeRuntime({ level: 'warn' })
  const folder = await mkdtemp(join(tmpdir(), 'logdrive-bench-ingest-'))
  const broker = await openBroker({ folder, config: {} }, runtime)
  const service = serviceOf(broker, runtime)
  const server = await runtime.http.serve({ host: '127.0.0.1', port: 0 }, service.handler, defaultHttpLimits)
  console.log(server.address.port)
  return async () => {
    await server[Symbol.asyncDispose]()
    await broker[Symbol.asyncDispose]()
    await rm(folder, { recursive: true })
  }
}

/** Sockets with one request each in flight; parses no more of an answer than its status and length. */
async function load(port: number, seconds: number): Promise<void> {
  const event = {
    event_id: '0192f1d4-7b1a-7c3e-8f21-000000000001',
    type: 'page_view',
    ts: 1763690000000,
    pad: '',
  }
  event.pad = 'x'.repeat(500 - JSON.stringify(event).length)
  const body = JSON.stringify(event)
  const request = Buffer.from(
    `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  )
  const latencies: number[] = []
  let bad = 0
  let counting = false
  let ending = false
  const run = () =>
    new Promise<void>((resolve, reject) => {
      const socket = connect(port, '127.0.0.1')
      socket.setNoDelay(true)
      let sentAt = 0
      let text = ''
      const send = () => {
        sentAt = performance.now()
        socket.write(request)
      }
      socket.on('connect', send)
      socket.on('error', reject)
      socket.on('data', (data: Buffer) => {
        text += data.toString('latin1')
        const head = text.indexOf('\r\n\r\n')
        if (head === -1) return
        const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0)
        if (text.length < head + 4 + length) return
        if (counting) {
          latencies.push(performance.now() - sentAt)
          if (!text.startsWith('HTTP/1.1 200')) bad += 1
        }
        text = ''
        if (!ending) return send()
        socket.destroy()
        resolve()
      })
    })
  const running = Array.from({ length: connections }, run)
  await new Promise((resolve) => setTimeout(resolve, warmUpMs))
  console.log('counting')
  counting = true
  const started = performance.now()
  await new Promise((resolve) => setTimeout(resolve, seconds * 1_000))
  counting = false
  const took = (performance.now() - started) / 1_000
  ending = true
  await Promise.all(running)
  latencies.sort((a, b) => a - b)
  const at = (part: number) => latencies[Math.floor(latencies.length * part)] ?? Number.NaN
  const requests = latencies.length
  console.log(
    JSON.stringify({
      requestsPerSecond: latencies.length / took,
      requests,
      p50Ms: at(0.5),
      p99Ms: at(0.99),
      bad,
    }),
  )
}
