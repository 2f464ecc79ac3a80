// Benchmark: the agent command over 20,000 files: what it costs at rest, and how soon it sees a write to a file at rest.
//
// A collector stub takes the batches in this process, and looks at no more of them than the path in their first record. Files are made in 20 directories and
// shipped once; then the agent is left alone until its handles are closed. BENCH_QUICK=1: 2,000 files, shorter.
//   rest      CPU of the agent's process over a minute without writes, its memory, its open descriptors
//   active    CPU with 20 of the files written once a second
//   latency   from the write to a file at rest until the stub has the request with its line
import { type ChildProcess, spawn } from 'node:child_process'
import fs from 'node:fs'
import http from 'node:http'
import os from 'node:os'
import path from 'node:path'
import { openEnvelope } from '../collector/http/source-envelope.ts'
import { headerKeys } from '../core/records.ts'
import { firstRecord } from '../protocol/batch-decode.ts'
import { defaultLimits } from '../protocol/batch-header.ts'
import { cpuSeconds, descriptors, memoryMb } from '../test/integration/proc.ts'
import { printResult } from './result.ts'

const quick = process.env.BENCH_QUICK === '1'
const files = Number(process.env.FILES ?? (quick ? 2_000 : 20_000))
const restSeconds = Number(process.env.BENCH_SECONDS ?? 60)
const writes = quick ? 50 : 300
const latencySecondsMax = 60
/** After the handles are closed the agent gives its memory back: what rests for an hour does that once. */
const settleMs = 120_000
const directories = 20
const active = 20
const startMsMax = 180_000

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'logdrive-bench-'))
/** How far the stub has each file, by path. */
const arrived = new Map<string, number>()
let onArrival: (file: string) => void = () => undefined
const server = http.createServer(take)
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
const logs = makeFiles()
const agent = startAgent()
try {
  await measure(agent.pid ?? 0)
} finally {
  agent.kill('SIGKILL')
  server.close()
  server.closeAllConnections()
  fs.rmSync(folder, { recursive: true, force: true })
}

/** Answers as a collector that had nothing before, and notes which file has arrived. */
function take(request: http.IncomingMessage, response: http.ServerResponse): void {
  const parts: Buffer[] = []
  request.on('data', (part: Buffer) => parts.push(part))
  request.on('end', () => {
    const answer =
      request.method === 'POST' ? taken(request.headers, Buffer.concat(parts)) : { positions: [] }
    const body = JSON.stringify(answer)
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length })
    response.end(body)
  })
}

function taken(headers: http.IncomingHttpHeaders, body: Buffer): object {
  const number = (name: string) => Number(headers[`logdrive-${name}`])
  if (headers['content-type'] !== 'application/vnd.logdrive.sources')
    return keep({ epoch: number('epoch'), to: number('to') }, body)
  const results = openEnvelope(body).map(({ range, bytes }) => ({ status: 200, ...keep(range, bytes) }))
  return { results }
}

function keep({ epoch, to }: { readonly epoch: number; readonly to: number }, batch: Uint8Array): object {
  const { headers } = firstRecord(batch, 0, defaultLimits)
  const file = Buffer.from(headers.find(({ key }) => key === headerKeys.path)?.value ?? []).toString()
  arrived.set(file, to)
  onArrival(file)
  return { partition: 0, epoch, to, duplicate: false }
}

function makeFiles(): readonly string[] {
  return Array.from({ length: files }, (_, n) => {
    const directory = path.join(folder, 'logs', `service-${n % directories}`)
    if (n < directories) fs.mkdirSync(directory, { recursive: true })
    const file = path.join(directory, `instance-${n}.log`)
    fs.writeFileSync(file, `2026-11-21T00:00:00Z info instance ${n} started\n`)
    return file
  })
}

function startAgent(): ChildProcess {
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const config = path.join(folder, 'agent.yaml')
  const yaml = `version: 1
agent:
  collector: http://127.0.0.1:${port}
  state: ${folder}/state
  inputs:
    app: { type: file, paths: ["${folder}/logs/**/*.log"] }
`
  fs.writeFileSync(config, yaml)
  const command = path.join(import.meta.dirname, '../cli/bin.js')
  const args = [command, 'agent', '-c', config, '--log-level', 'warn']
  return spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] })
}

async function measure(pid: number): Promise<void> {
  const started = performance.now()
  await until('all files are shipped', () => arrived.size === files)
  const shippedSeconds = (performance.now() - started) / 1000
  const startCpu = cpuSeconds(pid)
  const openMax = descriptors(pid)
  console.log(`${files} files shipped after ${shippedSeconds.toFixed(1)} s, ${startCpu.toFixed(1)} s of CPU`)
  const memoryAtStart = memoryMb(pid).peak
  await until('the handles are closed', () => descriptors(pid) < 200)
  await pause(quick ? 10_000 : settleMs)
  const before = cpuSeconds(pid)
  await pause(restSeconds * 1000)
  const rest = ((cpuSeconds(pid) - before) / restSeconds) * 100
  const memory = memoryMb(pid).now
  const latencies = await latenciesOf(writes)
  const busy = await activeCpu(pid, Math.min(restSeconds, 20))
  const open = Math.max(openMax, descriptors(pid))
  console.log(
    `peak memory while starting ${memoryAtStart.toFixed(0)} MB; 20 active files: ${busy.toFixed(2)} % CPU`,
  )
  report(`CPU at rest, ${files} files`, rest, '% of a core', 1)
  report('memory at rest', memory, 'MB', 120)
  report('open descriptors, at most', open, 'descriptors', 600)
  report('write to a file at rest, median', latencies[latencies.length >> 1] ?? Number.NaN, 'ms', 250)
  report(
    'write to a file at rest, p99',
    latencies[Math.floor(latencies.length * 0.99)] ?? Number.NaN,
    'ms',
    250,
  )
  report(`CPU, ${active} files written once a second`, busy, '% of a core')
}

/** Sorted, in ms; each of another file, one after the other. */
async function latenciesOf(count: number): Promise<readonly number[]> {
  const found: number[] = []
  const end = performance.now() + latencySecondsMax * 1000
  for (let n = 0; n < count && performance.now() < end; n += 1) {
    const file = logs[(n * 7919) % logs.length] ?? ''
    const seen = new Promise<number>((resolve) => {
      onArrival = (other) => {
        if (other === file) resolve(performance.now())
      }
    })
    const written = performance.now()
    fs.appendFileSync(file, `2026-11-21T00:00:00Z info line ${n}\n`)
    found.push((await seen) - written)
    await pause(20 + ((n * 37) % 100))
  }
  return found.toSorted((a, b) => a - b)
}

async function activeCpu(pid: number, seconds: number): Promise<number> {
  const before = cpuSeconds(pid)
  for (let second = 0; second < seconds; second += 1) {
    for (let n = 0; n < active; n += 1) {
      fs.appendFileSync(logs[n * 3] ?? '', '2026-11-21T00:00:00Z info one of many\n')
      await pause(1000 / active)
    }
  }
  return ((cpuSeconds(pid) - before) / seconds) * 100
}

async function until(what: string, isDone: () => boolean): Promise<void> {
  for (const end = performance.now() + startMsMax; !isDone(); await pause(50)) {
    if (performance.now() > end) throw new Error(`not so after ${startMsMax} ms: ${what}`)
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

function report(text: string, figure: number, unit: string, atMost?: number): void {
  const goal = atMost === undefined ? '' : `  at most ${atMost}: ${figure <= atMost ? 'met' : 'NOT MET'}`
  console.log(`${text.padEnd(45)} ${figure.toFixed(2).padStart(9)} ${unit}${goal}`)
  const bound = { limit: atMost ?? 0, limitIs: 'at most', ratio: (atMost ?? 0) / figure, goal: 1 }
  printResult({ subject: 'agent-files', case: text, figure, unit, ...(atMost === undefined ? {} : bound) })
}
