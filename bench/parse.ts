// Bench of the agent's parsers: lines of each format to records, against JSON.parse and JSON.stringify of the same lines as objects.
//
// One process, one core, rounds interleaved. The limit is what a program would do at least that makes an object of each
// line: for JSON lines their own text; for the others the record that comes out, read and written again.

import { compileParser } from '../agent/parse/compile.ts'
import type { ParseOptions } from '../agent/parse/options.ts'
import { RecordMaker } from '../agent/parse/records.ts'
import { lineRanges, splitLines } from '../agent/tail/lines.ts'
import { median, printResult } from './result.ts'

const rounds = Number(process.env.ROUNDS ?? 7)
const count = 5_000
const readAt = Date.parse('2026-11-21T07:00:00Z')
const agentString =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/148.0.0.0 Safari/537.36'

interface Case {
  readonly options: ParseOptions
  line(n: number): string
}

const two = (n: number) => String(Math.floor(n) % 60).padStart(2, '0')
const access = (n: number) =>
  `203.0.113.${n % 256} - - [21/Nov/2026:06:${two(n / 60)}:${two(n)} +0000] "GET /demo/product?id=${n} HTTP/2.0" 200 ${n * 7} "https://shop.example/demo/" "${agentString}"`

const cases: Readonly<Record<string, Case>> = {
  json: {
    options: { type: 'json' },
    line: (n) =>
      JSON.stringify({
        time: `2026-11-21T06:00:${two(n)}.123Z`,
        level: 'info',
        msg: `request ${n} done`,
        status: 200,
        duration_ms: n / 8,
        ok: true,
        http: { method: 'GET', path: `/demo/product/${n}`, agent: agentString },
      }),
  },
  'json, body is the message': {
    options: { type: 'json', keepRaw: false },
    line: (n) =>
      JSON.stringify({
        time: `2026-11-21T06:00:${two(n)}.123Z`,
        level: 'info',
        msg: `request ${n} done ${agentString}`,
        status: 200,
      }),
  },
  logfmt: {
    options: { type: 'logfmt' },
    line: (n) =>
      `ts=2026-11-21T06:00:${two(n)}.123Z level=info msg="request ${n} done" status=200 duration=${n / 8} path=/demo/product/${n} agent="${agentString}"`,
  },
  nginx: { options: { type: 'nginx' }, line: access },
  apache: { options: { type: 'apache' }, line: access },
  'syslog 3164': {
    options: { type: 'syslog' },
    line: (n) =>
      `<30>Nov 21 06:00:${two(n)} web-1 kernel[${n}]: [UFW BLOCK] IN=eth0 OUT= MAC=00 SRC=203.0.113.9 LEN=${n}`,
  },
  'syslog 5424': {
    options: { type: 'syslog' },
    line: (n) =>
      `<165>1 2026-11-21T06:00:${two(n)}.003Z web-1.example app ${n} ID47 [ex@32473 iut="3" src="App"] event ${n}`,
  },
  cri: {
    options: { type: 'cri' },
    line: (n) => `2026-11-21T06:00:${two(n)}.123456789Z stdout F request ${n} done by ${agentString}`,
  },
  'cri, json inside': {
    options: { type: 'cri', inside: { type: 'json' } },
    line: (n) =>
      `2026-11-21T06:00:${two(n)}.123456789Z stdout F {"level":"info","msg":"request ${n} done","status":200}`,
  },
  docker: {
    options: { type: 'docker' },
    line: (n) =>
      JSON.stringify({
        log: `request ${n} done by ${agentString}\n`,
        stream: 'stdout',
        time: `2026-11-21T06:00:${two(n)}.123456789Z`,
      }),
  },
  klog: {
    options: { type: 'klog' },
    line: (n) =>
      `I1121 06:00:${two(n)}.123456    1234 controller.go:42] synced ${n} pods in ${n}ms for ${agentString}`,
  },
  regex: {
    options: {
      type: 'regex',
      pattern: '^(?<time>\\S+) \\[(?<level>[A-Z]+)\\] (?<logger>\\S+): (?<message>.*)$',
    },
    line: (n) => `2026-11-21T06:00:${two(n)}.123Z [INFO] shop.cart: request ${n} done by ${agentString}`,
  },
  csv: {
    options: { type: 'csv', columns: ['time', 'user', 'action', 'amount', 'agent'] },
    line: (n) => `2026-11-21T06:00:${two(n)}Z,user-${n},buy,${n / 4},"${agentString}"`,
  },
}

interface Prepared {
  readonly name: string
  readonly bytes: number
  readonly make: () => void
  readonly objects: () => void
  readonly makeMs: number[]
  readonly objectsMs: number[]
}

/** What was made is used, so that it has to be made. */
let written = 0

function prepare(name: string, { options, line }: Case): Prepared {
  const lines = Array.from({ length: count }, (_, n) => line(n))
  const bytes = Buffer.from(lines.map((one) => `${one}\n`).join(''))
  const ranges = lineRanges(count)
  splitLines(bytes, 0, bytes.length, 1024 * 1024, ranges)
  const block = { bytes, starts: ranges.valueFrom, ends: ranges.valueTo, count: ranges.count }
  const maker = new RecordMaker(compileParser(options))
  const made = maker.make(block, readAt)
  if (made.tally.unparsed.size > 0) throw new Error(`${name}: ${[...made.tally.unparsed.keys()]}`)
  const isJson = options.type === 'json' || options.type === 'docker'
  const texts = isJson
    ? lines
    : Array.from({ length: count }, (_, n) =>
        Buffer.from(made.bytes.subarray(made.starts[n], made.ends[n])).toString(),
      )
  return {
    name,
    bytes: bytes.length,
    make: () => void maker.make(block, readAt),
    objects: () => {
      for (const text of texts) written += JSON.stringify(JSON.parse(text)).length
    },
    makeMs: [],
    objectsMs: [],
  }
}

function time(work: () => void): number {
  const started = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(started)
  return (user + system) / 1000
}

const all = Object.entries(cases).map(([name, one]) => prepare(name, one))
for (let round = -2; round < rounds; round += 1) {
  for (const one of all) {
    const [makeMs, objectsMs] = [time(one.make), time(one.objects)]
    if (round < 0) continue
    one.makeMs.push(makeMs)
    one.objectsMs.push(objectsMs)
  }
}
if (written === 0) throw new Error('nothing was written')
console.log('format                      klines/s   MB/s  bytes/line  against JSON.parse + JSON.stringify')
for (const { name, bytes, makeMs, objectsMs } of all) {
  const perSecond = (count / median(makeMs)) * 1000
  const limit = (count / median(objectsMs)) * 1000
  const megabytes = (perSecond * bytes) / count / 1e6
  console.log(
    `${name.padEnd(27)} ${(perSecond / 1000).toFixed(0).padStart(8)} ${megabytes.toFixed(0).padStart(6)}  ${(bytes / count).toFixed(0).padStart(10)}  ${(perSecond / limit).toFixed(2)}`,
  )
  printResult({
    subject: 'parse',
    case: name,
    figure: perSecond,
    unit: 'lines/s of CPU',
    limit,
    limitIs: 'JSON.parse + JSON.stringify',
    ratio: perSecond / limit,
    goal: 1,
  })
}
