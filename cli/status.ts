// logdrive status: the health of a collector, its topics, agents, sinks, lag and losses.

import { collectorOf, field, listIn } from './client.ts'
import { type Command, collectorOptions, exitCodes, jsonOption, usage } from './command.ts'
import {
  type Cell,
  colour,
  escapeForTerminal,
  factLines,
  humanSize,
  humanTime,
  jsonText,
  type Output,
  table,
} from './output.ts'

/** Exit code 1 when the collector answers and says that something is missing. */
export const status: Command = {
  name: 'status',
  summary: 'Shows health, topics, agents, sinks and lag of a collector',
  usage: '[options]',
  examples: [
    'logdrive status',
    'logdrive status --json | jq .sinks',
    'logdrive status --url http://collector:8750',
  ],
  options: { ...collectorOptions, ...jsonOption },
  async run(args, io, signal) {
    if (args.positionals.length > 0) throw usage('there is nothing to name')
    const collector = collectorOf(args, io)
    const answer = await collector.request({ method: 'GET', path: '/v1/status' }, signal)
    if (args.has('json')) await io.stdout.write(jsonText(answer, io.stdout))
    else await io.stdout.write(statusText(collector.url, answer, io.stdout))
    return isWell(answer) ? exitCodes.good : exitCodes.failed
  },
}

/** Lists that are shown as tables of their own, and the columns that come first. */
const sections: readonly (readonly [string, readonly string[]])[] = [
  ['missing', ['name', 'reason']],
  ['sinks', ['name', 'type', 'state']],
  ['topics', ['name', 'partitions', 'records', 'bytes']],
  ['agents', ['name', 'address', 'silent_ms']],
  ['groups', ['group', 'topic', 'partition', 'lag_records', 'lag_ms']],
  ['losses', []],
]

type Fact = readonly [name: string, value: string]

function statusText(url: string, answer: unknown, output: Output): string {
  const health = escapeForTerminal(String(field(answer, 'health')))
  const shown = colour(health, isWell(answer) ? 'green' : 'red', output)
  const facts = Object.entries(typeof answer === 'object' && answer !== null ? answer : {})
    .filter(([name]) => name !== 'health' && !sections.some(([section]) => section === name))
    .flatMap(([name, value]) => factsOf(name, value))
  const tables = sections.flatMap(([name, first]) => {
    // The loss ledger is two lists: what was lost in all, and lately.
    const list = name === 'losses' ? listIn(field(answer, name), 'totals') : listIn(answer, name)
    const rows = list.filter((row) => typeof row === 'object' && row !== null)
    return rows.length === 0 ? [] : [`\n${name}\n${sectionTable(rows, first)}`]
  })
  return `${factLines([['collector', `${url}: ${shown}`], ...facts])}${tables.join('')}`
}

/** One for a plain value, one for each value of a map of plain values. */
function factsOf(name: string, value: unknown): readonly Fact[] {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    const inner = Object.entries(value)
    return inner.flatMap(([key, one]) => (typeof one === 'object' ? [] : [fact(`${name}.${key}`, key, one)]))
  }
  if (Array.isArray(value))
    return value.length === 0 ? [] : [fact(name, name, value.map(shortText).join(', '))]
  if (value === null) return []
  return [fact(name, name, value)]
}

function fact(label: string, key: string, value: unknown): Fact {
  return [escapeForTerminal(label.replace(/_(ms|bytes)$/, '')), factText(key, value)]
}

function sectionTable(rows: readonly unknown[], first: readonly string[]): string {
  const keys = new Set(rows.flatMap((row) => Object.keys(row as object)))
  const plain = [...keys].filter((key) => rows.every((row) => isPlain(field(row, key))))
  const columns = [
    ...first.filter((key) => plain.includes(key)),
    ...plain.filter((key) => !first.includes(key)),
  ]
  const cells = rows.map((row) =>
    columns.map((key): Cell => {
      const value = field(row, key)
      return typeof value === 'number' && !/(^|_)(ms|bytes)$/.test(key) ? value : factText(key, value)
    }),
  )
  // The unit stands behind the value.
  const headings = columns.map((key) => key.replace(/_(ms|bytes)$/, ''))
  return table(headings, cells)
}

function factText(key: string, value: unknown): string {
  if (value === undefined || value === null) return ''
  if (typeof value === 'number' && key.endsWith('_ms')) return humanTime(value)
  if (typeof value === 'number' && /(^|_)bytes$/.test(key)) return humanSize(value)
  return escapeForTerminal(String(value))
}

function shortText(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

function isPlain(value: unknown): boolean {
  return typeof value !== 'object' || value === null
}

function isWell(answer: unknown): boolean {
  return field(answer, 'health') === 'ok'
}
