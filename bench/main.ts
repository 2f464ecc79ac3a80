// npm run bench: runs the benches, each in a process of its own, and writes docs/benchmarks.md from what they report.
//
//   node bench/main.ts [SUBJECT...] [--quick] [--out FILE]
//
// A bench prints a table for people and `RESULT {json}` lines (bench/result.ts). One that fails is reported as failed.
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseScript } from '../test/script.ts'
import type { ResultRow } from './result.ts'

interface Outcome {
  readonly subject: string
  readonly about: string
  readonly rows: readonly ResultRow[]
  readonly seconds: number
  /** Why there is no result; null when there is. */
  readonly failure: string | null
}

/** Files beside the benches that are none. */
const helpers = new Set(['main', 'data', 'result'])
/** Too long for a run of everything, and with a page of its own: only when named (npm run bench:broker). */
const onlyByName = new Set(['broker'])
const timeoutMs = 60 * 60_000
/** Benches take their size from these; arguments where they take it from there. */
const quickEnv = { BENCH_QUICK: '1', ROUNDS: '2', ROWS: '100000', LINES: '300000', BENCH_SECONDS: '1' }
const quickArguments: Readonly<Record<string, readonly string[]>> = {
  records: ['--rounds', '2'],
  ingest: ['5', '1'],
}

const subjects = readdirSync(import.meta.dirname)
  .filter((name) => name.endsWith('.ts'))
  .map((name) => name.slice(0, -3))
  .filter((name) => !helpers.has(name))
  .sort()
const { values: flags, positionals } = parseScript(
  import.meta.filename,
  {
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      out: { type: 'string', default: path.join(import.meta.dirname, '../docs/benchmarks.md') },
    },
  },
  `subjects: ${subjects.join(' ')}`,
)
const unknown = positionals.filter((name) => !subjects.includes(name))
if (unknown.length > 0) {
  console.error(`there is no bench ${unknown.join(', ')}; there are: ${subjects.join(' ')}`)
  process.exit(2)
}

const outcomes: Outcome[] = []
const usual = subjects.filter((name) => !onlyByName.has(name))
for (const subject of positionals.length > 0 ? positionals : usual) {
  console.log(`\n== ${subject}`)
  outcomes.push(await run(subject))
}
writeFileSync(flags.out, document(outcomes))
console.log(`\n${path.relative('.', flags.out)} written`)
const failed = outcomes.filter(({ failure }) => failure !== null)
for (const { subject, failure } of failed) console.log(`${subject} FAILED: ${failure}`)
process.exitCode = failed.length > 0 ? 1 : 0

/** Runs one bench; what it prints goes through. */
async function run(subject: string): Promise<Outcome> {
  const file = path.join(import.meta.dirname, `${subject}.ts`)
  const about = /^\/\/ (?:Bench(?:mark)?: |Bench of )?(.*)$/m.exec(readFileSync(file, 'utf8'))?.[1] ?? subject
  const started = performance.now()
  const args = [file, ...(flags.quick ? (quickArguments[subject] ?? []) : [])]
  const env = { ...process.env, ...(flags.quick ? quickEnv : {}) }
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'], detached: true })
  const rows: ResultRow[] = []
  const problems: string[] = []
  let rest = ''
  child.stdout.setEncoding('utf8')
  child.stdout.on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) take(line, rows, problems)
  })
  // The whole group: benches have children of their own.
  const late = setTimeout(() => killGroup(child.pid), timeoutMs)
  const ended = await new Promise<string | null>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('close', (code, signal) => {
      resolve(code === 0 ? null : signal === null ? `it ended with ${code}` : `it ended by ${signal}`)
    })
  })
  clearTimeout(late)
  killGroup(child.pid)
  take(rest, rows, problems)
  const none = rows.length === 0 ? 'it reported no result' : null
  const failure = ended ?? problems[0] ?? none
  return { subject, about, rows, seconds: (performance.now() - started) / 1000, failure }
}

function take(line: string, rows: ResultRow[], problems: string[]): void {
  if (!line.startsWith('RESULT ')) {
    if (line !== '') console.log(line)
    return
  }
  const row: unknown = JSON.parse(line.slice('RESULT '.length))
  if (isRow(row)) rows.push(row)
  else problems.push(`a result that is none: ${line.slice(0, 200)}`)
}

function isRow(value: unknown): value is ResultRow {
  if (typeof value !== 'object' || value === null) return false
  const row = value as Partial<Record<keyof ResultRow, unknown>>
  const texts = [row.subject, row.case, row.unit].every((text) => typeof text === 'string')
  return texts && typeof row.figure === 'number' && Number.isFinite(row.figure)
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // Nobody is left.
  }
}

function document(all: readonly Outcome[]): string {
  const pages = all.map((outcome) => {
    const title = `## ${outcome.subject}\n\n${outcome.about}\n`
    const failed = outcome.failure === null ? '' : `\n**Failed: ${outcome.failure}.**\n`
    return `${title}${failed}${outcome.rows.length === 0 ? '' : `\n${table(outcome.rows)}`}`
  })
  return `# Benchmarks

Written by \`npm run bench${positionals.length > 0 ? ` -- ${positionals.join(' ')}` : ''}\`${flags.quick ? ' with `--quick`: short runs, rough figures' : ''}. Do not edit.

${machine().join('\n')}

Figures move by 30 % from run to run on a shared machine; ratios are taken in one run, with rounds interleaved. \`limit\`
is the same work by the cheapest path there is. A goal is for the ratio where there is one, else for the figure.

${pages.join('\n')}`
}

function machine(): readonly string[] {
  const model = os.cpus()[0]?.model ?? 'unknown processor'
  const load = os.loadavg()[0] ?? 0
  const memory = Math.round(os.totalmem() / 2 ** 30)
  return [
    `- ${new Date().toISOString().slice(0, 10)}, node ${process.version}, ${os.type()} ${os.release()}`,
    `- ${os.cpus().length} x ${model}, ${memory} GiB`,
    `- load average at the end ${load.toFixed(1)}${load > os.cpus().length * 1.5 ? ': other work wanted the cores' : ''}`,
    ...(existsSync('/usr/bin/taskset') ? [] : ['- taskset is missing: nothing was pinned to a core']),
  ]
}

function table(rows: readonly ResultRow[]): string {
  const head = '| case | figure | unit | limit | ratio | goal | met | CPU s | RSS MiB |'
  const lines = rows.map((row) => {
    const limit =
      row.limit === undefined
        ? ''
        : `${short(row.limit)}${row.limitIs === undefined ? '' : ` (${row.limitIs})`}`
    const cells = [
      row.case,
      short(row.figure),
      row.unit,
      limit,
      row.ratio?.toFixed(2) ?? '',
      row.goal === undefined ? '' : String(row.goal),
      met(row),
      row.cpuSeconds?.toFixed(2) ?? '',
      row.rssMb?.toFixed(0) ?? '',
    ]
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  })
  return `${head}\n${'|---'.repeat(9)}|\n${lines.join('\n')}\n`
}

function met(row: ResultRow): string {
  if (row.goal === undefined) return ''
  return (row.ratio ?? row.figure) >= row.goal ? 'yes' : '**no**'
}

function short(value: number): string {
  if (value >= 1000) return Math.round(value).toLocaleString('en-US')
  return value >= 10 ? value.toFixed(0) : value.toFixed(2)
}
