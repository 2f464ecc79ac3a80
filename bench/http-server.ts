// Benchmark: our HTTP server adapter against bare node:http doing the same work, in one run.
//
// The handler reads a 500-byte body and answers 200. Each server runs in a child of its own on one core; the load
// (kept-alive connections over node:net, one request in flight on each, no pipelining) runs here on the other.
import { type ChildProcess, fork, spawnSync } from 'node:child_process'
import http from 'node:http'
import net from 'node:net'
import os from 'node:os'
import { fileURLToPath } from 'node:url'
import { nodeHttp } from '../runtime/http.ts'
import { createLogger } from '../runtime/logger.ts'
import { printResult } from './result.ts'

const rounds = Number(process.env.ROUNDS ?? 7)
const roundMs = 2_000
const connections = 32
const bodyBytes = 500
const subjects = ['bare', 'ours'] as const
type Subject = (typeof subjects)[number]

interface Measured {
  readonly requestsPerSecond: number
  readonly cpuMicroseconds: number
}

const role = process.argv[2]
if (role === 'bare' || role === 'ours') await serve(role)
else await compare()

/** Runs one of the servers and tells the parent its port; answers every message with its CPU time so far. */
async function serve(subject: Subject): Promise<void> {
  const port = subject === 'bare' ? await serveBare() : await serveOurs()
  process.on('message', () => {
    const { user, system } = process.cpuUsage()
    process.send?.({ cpu: user + system })
  })
  process.on('disconnect', () => process.exit())
  process.send?.({ port })
}

function serveBare(): Promise<number> {
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)
      const answer = `{"bytes":${body?.length}}`
      response.writeHead(200, {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(answer),
      })
      response.end(answer)
    })
  })
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : 0)
    })
  })
}

async function serveOurs(): Promise<number> {
  const server = await nodeHttp(createLogger('warn')).serve(
    { host: '127.0.0.1', port: 0 },
    async (request) => {
      const body = await request.body(1024 * 1024)
      return {
        status: 200,
        headers: { 'content-type': 'application/json' },
        body: `{"bytes":${body.byteLength}}`,
      }
    },
    { headersMs: 10_000, requestMs: 30_000, connectionsMax: 1_000, headerBytesMax: 16_384 },
  )
  return server.address.port
}

/** Interleaves the servers, prints medians, spread and the ratio. */
async function compare(): Promise<void> {
  const servers = new Map<Subject, Server>()
  for (const subject of subjects) servers.set(subject, await start(subject))
  pin(process.pid, 1)
  const results = new Map<Subject, Measured[]>(subjects.map((subject) => [subject, []]))
  for (const subject of subjects) await load(must(servers.get(subject)), roundMs)
  for (let round = 0; round < rounds; round += 1) {
    const order = round % 2 === 0 ? subjects : [...subjects].reverse()
    for (const subject of order) {
      results.get(subject)?.push(await load(must(servers.get(subject)), roundMs))
    }
  }
  for (const server of servers.values()) server.child.disconnect()
  print(results)
}

interface Server {
  readonly child: ChildProcess
  readonly port: number
}

async function start(subject: Subject): Promise<Server> {
  const child = fork(fileURLToPath(import.meta.url), [subject])
  if (child.pid !== undefined) pin(child.pid, 0)
  const { port } = await answerOf<{ port: number }>(child)
  return { child, port }
}

function answerOf<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve) => {
    child.once('message', (message) => resolve(message as T))
  })
}

async function cpuOf(child: ChildProcess): Promise<number> {
  const answer = answerOf<{ cpu: number }>(child)
  child.send('cpu')
  return (await answer).cpu
}

/** Keeps every connection busy for `ms`. */
async function load(server: Server, ms: number): Promise<Measured> {
  const head = `POST /v1/e HTTP/1.1\r\nhost: 127.0.0.1:${server.port}\r\ncontent-type: text/plain\r\n`
  const request = Buffer.from(`${head}content-length: ${bodyBytes}\r\n\r\n${'x'.repeat(bodyBytes)}`)
  const cpuBefore = await cpuOf(server.child)
  const started = performance.now()
  const end = started + ms
  let done = 0
  await Promise.all(
    Array.from({ length: connections }, () => {
      return new Promise<void>((resolve, reject) => {
        const socket = net.connect(server.port, '127.0.0.1', () => socket.write(request))
        socket.setNoDelay(true)
        socket.on('error', reject)
        socket.on('data', (chunk) => {
          // Answers are shorter than a segment and end with the brace of their body.
          if (chunk.at(-1) !== 0x7d) return
          done += 1
          if (performance.now() < end) socket.write(request)
          else {
            socket.destroy()
            resolve()
          }
        })
      })
    }),
  )
  const tookMs = performance.now() - started
  const cpu = (await cpuOf(server.child)) - cpuBefore
  return { requestsPerSecond: (done / tookMs) * 1000, cpuMicroseconds: cpu / done }
}

function print(results: ReadonlyMap<Subject, readonly Measured[]>): void {
  const medians = new Map<Subject, Measured>()
  console.log(`node ${process.version}, ${os.cpus()[0]?.model}, ${rounds} rounds of ${roundMs} ms`)
  console.log(`POST ${bodyBytes} B -> 200, ${connections} kept-alive connections, no pipelining`)
  for (const [subject, measured] of results) {
    const rates = measured.map((each) => each.requestsPerSecond).sort((a, b) => a - b)
    const cpu = measured.map((each) => each.cpuMicroseconds).sort((a, b) => a - b)
    const median = { requestsPerSecond: middle(rates), cpuMicroseconds: middle(cpu) }
    medians.set(subject, median)
    const spread = `${Math.round(rates[0] ?? 0)}-${Math.round(rates.at(-1) ?? 0)}`
    const rate = Math.round(median.requestsPerSecond)
    console.log(
      `${subject}\t${rate} req/s (${spread})\t${median.cpuMicroseconds.toFixed(1)} us CPU a request`,
    )
  }
  const [bare, ours] = [must(medians.get('bare')), must(medians.get('ours'))]
  const rate = ours.requestsPerSecond / bare.requestsPerSecond
  const cpu = bare.cpuMicroseconds / ours.cpuMicroseconds
  printResult({
    subject: 'http-server',
    case: `POST of ${bodyBytes} bytes, ${connections} connections`,
    figure: ours.requestsPerSecond,
    unit: 'requests/s',
    limit: bare.requestsPerSecond,
    limitIs: 'bare node:http doing the same',
    ratio: rate,
    goal: 0.9,
  })
  console.log(`ours / bare\t${rate.toFixed(3)} by rate, ${cpu.toFixed(3)} by server CPU (goal >= 0.9)`)
}

function middle(sorted: readonly number[]): number {
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

/** Ties a process to a core where the system can. */
function pin(pid: number, core: number): void {
  spawnSync('taskset', ['-a', '-cp', String(core), String(pid)], { stdio: 'ignore' })
}

function must<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('missing')
  return value
}
