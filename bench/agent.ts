// Benchmark: one cached log from disk to an HTTP server that answers at once, against zstd alone and a bare loop over the same bytes.
//
// Every subject runs in a child of its own, the receiving server on the second core; rounds are interleaved. A child is
// started as cli/bin.js starts an agent: its flags, its malloc, types stripped before. RSS is the most it ever had.
//   agent   the whole agent: discover, read, frame, encode, pack, post, checkpoint after the answer; after it shipped
//           another small file: loading modules and connecting are no part of the figure.
//           As the command runs it: packing happens in the thread pool, on whatever core is free, the server's included
//   agent1  the same bound to one core, packing in between; it and all below have one core and no more
//   agent-nginx, agent-json  as agent1, with `parse: nginx`; with `parse: json` on JSON lines with the same in them
//   zstd    the same bytes through zstd level 1 in 1 MiB blocks, nothing else: what an agent cannot beat on one core
//   read    reading 1 MiB blocks;  frame: reading and finding line ends and encoding RecordBatches without packing
//   bare    reading, framing, encoding and packing in one loop: all that an agent has to do to the bytes. The goals of an
//           agent by CPU are shares of it: 250, 100 and 150 MB a CPU second where this loop was measured with 390
import { type ChildProcess, fork, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import http from 'node:http'
import module from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { startAgent } from '../agent/agent.ts'
import { type AgentLimits, defaultLimits } from '../agent/options.ts'
import { lineRanges, splitLines } from '../agent/tail/lines.ts'
import { encodeLines } from '../protocol/batch-encode.ts'
import { compress, zstdLater } from '../protocol/compression.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { makeJsonLog, makeNginxLog } from './data.ts'
import { median, printResult } from './result.ts'

const rounds = Number(process.env.ROUNDS ?? 5)
const lines = Number(process.env.LINES ?? 1_100_000)
const subjects = ['read', 'frame', 'zstd', 'bare', 'agent1', 'agent-nginx', 'agent-json', 'agent'] as const
type Subject = (typeof subjects)[number]
type AgentSubject = Extract<Subject, `agent${string}`>
const blockBytes = 1024 * 1024
/** Lines that the agent ships before its clock starts. */
const warmLines = 50_000
/** As cli/bin.js starts an agent. */
const agentFlags = ['--single-threaded-gc', '--max-semi-space-size=1']

/** What a subject is called in the table, and its goal as a share of `bare`. */
const cases: Partial<Record<Subject, { readonly text: string; readonly goal: number }>> = {
  agent1: { text: 'nginx log, file to HTTP, zstd 1, bound to one core', goal: 0.64 },
  'agent-nginx': { text: 'nginx log, parsed, file to HTTP, zstd 1, bound to one core', goal: 0.26 },
  'agent-json': { text: 'JSON log, parsed, file to HTTP, zstd 1, bound to one core', goal: 0.38 },
  agent: { text: 'nginx log, file to HTTP, zstd 1', goal: 0.64 },
}

interface Measured {
  readonly ms: number
  readonly cpuMs: number
  readonly rssMb: number
}

const [role, file = '', url = ''] = process.argv.slice(2)
if (role === 'sink') serve()
else if (role === 'strip') module.flushCompileCache()
else if (role !== undefined) process.send?.(await measure(role as Subject))
else await compare()

/** Takes batches and says it has them; looks at nothing but the headers. */
function serve(): void {
  const server = http.createServer((request, response) => {
    request.on('data', () => undefined)
    request.on('end', () => {
      const { headers } = request
      const body = request.method === 'POST' ? kept(headers) : '{"positions":[]}'
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length })
      response.end(body)
    })
  })
  server.listen(0, '127.0.0.1', () => {
    const address = server.address()
    process.send?.({ port: typeof address === 'object' && address !== null ? address.port : 0 })
  })
  process.on('disconnect', () => process.exit())
}

function kept(headers: http.IncomingHttpHeaders): string {
  const [epoch, to] = [Number(headers['logdrive-epoch']), Number(headers['logdrive-to'])]
  return JSON.stringify({ partition: 0, epoch, to, duplicate: false })
}

async function measure(subject: Subject): Promise<Measured> {
  if (isAgent(subject)) {
    await runOnce(smallOf(file), subject)
  }
  const before = process.cpuUsage()
  const started = performance.now()
  if (isAgent(subject)) await runOnce(file, subject)
  else plain(subject)
  const ms = performance.now() - started
  const { user, system } = process.cpuUsage(before)
  return { ms, cpuMs: (user + system) / 1000, rssMb: process.resourceUsage().maxRSS / 1024 }
}

function isAgent(subject: Subject): subject is AgentSubject {
  return subject.startsWith('agent')
}

async function runOnce(log: string, subject: AgentSubject): Promise<void> {
  const stateFolder = `${log}.state`
  fs.rmSync(stateFolder, { recursive: true, force: true })
  const { size } = fs.statSync(log)
  const input = {
    name: 'bench',
    exclude: [],
    topic: 'logs',
    start: 'beginning',
    lineBytesMax: 2 ** 20,
    ...(subject === 'agent-nginx' ? { parse: { type: 'nginx' as const } } : {}),
    ...(subject === 'agent-json' ? { parse: { type: 'json' as const } } : {}),
  } as const
  const options = {
    collectors: [url],
    key: null,
    stateFolder,
    host: 'bench',
    ...(subject === 'agent' ? { zstd: zstdLater } : {}),
    inputs: [{ ...input, paths: [log] }],
    limits: limitsOf(process.env.LIMITS),
  }
  await using agent = await startAgent(options, nodeRuntime({ level: 'error' }), new AbortController().signal)
  while (agent.status().files[0]?.position !== size) await new Promise((resolve) => setTimeout(resolve, 2))
}

/** Other bounds to try, such as LIMITS=batchBytesMax=4194304. */
function limitsOf(text = ''): Partial<AgentLimits> {
  const pairs = text.split(',').filter((pair) => (pair.split('=')[0] ?? '') in defaultLimits)
  return Object.fromEntries(pairs.map((pair) => [pair.split('=')[0], Number(pair.split('=')[1])]))
}

function plain(subject: 'read' | 'frame' | 'zstd' | 'bare'): void {
  const fd = fs.openSync(file, 'r')
  const block = Buffer.allocUnsafeSlow(blockBytes)
  const ranges = lineRanges(64 * 1024)
  let at = 0
  for (;;) {
    const filled = fs.readSync(fd, block, 0, blockBytes, at)
    if (filled === 0) break
    if (subject === 'zstd') compress('zstd', block.subarray(0, filled))
    if (subject === 'read' || subject === 'zstd') at += filled
    else {
      splitLines(block, 0, filled, blockBytes, ranges)
      const { valueFrom, valueTo, count } = ranges
      encodeLines({
        bytes: block,
        starts: valueFrom,
        ends: valueTo,
        count,
        timestampMs: 1,
        codec: subject === 'bare' ? 'zstd' : 'none',
      })
      at += ranges.end
    }
  }
  fs.closeSync(fd)
}

async function compare(): Promise<void> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'logdrive-bench-'))
  const log = path.join(folder, 'access.log')
  const json = path.join(folder, 'app.log')
  const bytes = { nginx: makeNginxLog(log, lines, 1).bytes, json: makeJsonLog(json, lines, 1).bytes }
  makeNginxLog(smallOf(log), warmLines, 2)
  makeJsonLog(smallOf(json), warmLines, 2)
  process.env.NODE_COMPILE_CACHE = path.join(folder, 'stripped')
  process.env.MALLOC_ARENA_MAX = '1'
  process.env.MALLOC_MMAP_THRESHOLD_ = '65536'
  await once(child(['strip'], null), 'exit')
  const sink = child(['sink'], 1)
  const { port } = await message<{ port: number }>(sink)
  const results = new Map<Subject, Measured[]>(subjects.map((subject) => [subject, []]))
  try {
    for (let round = 0; round < rounds; round += 1) {
      for (const subject of subjects) {
        const one = child(
          [subject, subject === 'agent-json' ? json : log, `http://127.0.0.1:${port}`],
          subject === 'agent' ? null : 0,
        )
        results.get(subject)?.push(await message<Measured>(one))
        one.kill()
      }
    }
  } finally {
    sink.kill()
    fs.rmSync(folder, { recursive: true, force: true })
  }
  report(bytes, results)
}

/** The log that an agent ships before its clock starts. */
function smallOf(log: string): string {
  return `${log}.small`
}

/** Bytes of the logs. */
interface Sizes {
  readonly nginx: number
  readonly json: number
}

function report(sizes: Sizes, results: ReadonlyMap<Subject, readonly Measured[]>): void {
  const cpu = os.cpus()[0]?.model
  const logs = `${(sizes.nginx / 1e6).toFixed(0)} MB nginx log, ${(sizes.json / 1e6).toFixed(0)} MB JSON log`
  console.log(`${logs}, ${rounds} rounds, node ${process.version}, ${cpu}`)
  console.log('subject      MB/s median (min-max)   CPU s   MB per CPU s   RSS MB   of bare by CPU')
  const seen = [...results].map(([subject, measured]) => summary(subject, sizes, measured))
  const bare = seen.find(({ subject }) => subject === 'bare')
  const zstd = seen.find(({ subject }) => subject === 'zstd')
  if (bare === undefined || zstd === undefined) throw new Error('the limits were not measured')
  for (const one of seen) {
    const speeds = `${one.speed.toFixed(0).padStart(6)} (${one.slowest.toFixed(0)}-${one.fastest.toFixed(0)})`
    console.log(
      `${one.subject.padEnd(11)}  ${speeds}`.padEnd(36),
      `${one.cpuSeconds.toFixed(2).padStart(6)}  ${one.perCpu.toFixed(0).padStart(12)}  ${one.rssMb.toFixed(0).padStart(7)}`,
      (one.perCpu / bare.perCpu).toFixed(2).padStart(10),
    )
  }
  for (const one of seen) {
    const what = cases[one.subject]
    if (what === undefined) continue
    const { subject, cpuSeconds, rssMb } = one
    const shared = { subject: 'agent', cpuSeconds, rssMb }
    if (subject !== 'agent-nginx' && subject !== 'agent-json') {
      const limit = { limit: zstd.speed, limitIs: 'zstd level 1 alone, one core, 1 MiB blocks' }
      const figure = { figure: one.speed, unit: 'MB/s', ratio: one.speed / zstd.speed, goal: 0.5 }
      printResult({ ...shared, case: what.text, ...figure, ...limit })
    }
    const limit = { limit: bare.perCpu, limitIs: 'read, frame, encode, zstd in one loop' }
    const figure = {
      figure: one.perCpu,
      unit: 'MB a CPU s',
      ratio: one.perCpu / bare.perCpu,
      goal: what.goal,
    }
    printResult({ ...shared, case: `${what.text}, by CPU`, ...figure, ...limit })
  }
}

function summary(subject: Subject, sizes: Sizes, measured: readonly Measured[]) {
  const bytes = subject === 'agent-json' ? sizes.json : sizes.nginx
  const speeds = measured.map(({ ms }) => bytes / 1000 / ms)
  const cpuMs = median(measured.map((one) => one.cpuMs))
  return {
    subject,
    speed: median(speeds),
    slowest: Math.min(...speeds),
    fastest: Math.max(...speeds),
    cpuSeconds: cpuMs / 1000,
    perCpu: bytes / 1000 / cpuMs,
    rssMb: Math.max(...measured.map(({ rssMb }) => rssMb)),
  }
}

/** A child on one core where taskset is there. */
function child(args: string[], core: number | null): ChildProcess {
  const execArgv = args[0]?.startsWith('agent') === true ? agentFlags : []
  const one = fork(fileURLToPath(import.meta.url), args, {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    execArgv,
  })
  if (core !== null && one.pid !== undefined) {
    spawnSync('taskset', ['-a', '-p', '-c', String(core), String(one.pid)], { stdio: 'ignore' })
  }
  return one
}

function message<T>(from: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    from.once('message', (value) => resolve(value as T))
    from.once('exit', (code) => reject(new Error(`a child ended with ${code}`)))
  })
}
