// Every Kafka client against every case, on our broker or on Apache Kafka; prints the matrix. A part of main.ts.
//
//   node test/interop/run-matrix.ts [--broker logdrive|apache] [--client NAME ...] [--case NAME ...] [--lanes N] [--json FILE]
//                                   [--onto FILE] [--write]
//
// --json keeps the result; with --onto the table has what an earlier run kept, but for the cells that were run anew.
import { readFileSync, writeFileSync } from 'node:fs'
import { parseScript } from '../script.ts'
import { brokerNamed } from './brokers.ts'
import { progress } from './cache.ts'
import type { Case, Client } from './case.ts'
import { adminCases } from './cases/admin.ts'
import { doorCases } from './cases/doors.ts'
import { groupCases } from './cases/groups.ts'
import { recordCases } from './cases/records.ts'
import { transactionCases } from './cases/transactions.ts'
import { clients, reference } from './clients.ts'
import { type Cell, runMatrix } from './matrix.ts'
import { type Kept, matrixPage, writePage } from './page.ts'

const cases: readonly Case[] = [
  ...recordCases,
  ...groupCases,
  ...adminCases,
  ...doorCases,
  ...transactionCases,
]

const { values: flags } = parseScript(import.meta.filename, {
  options: {
    broker: { type: 'string', default: 'logdrive' },
    client: { type: 'string', multiple: true, default: [] },
    case: { type: 'string', multiple: true, default: [] },
    lanes: { type: 'string', default: '2' },
    json: { type: 'string' },
    onto: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
})

const wantedClients = chosen(Object.keys(clients), flags.client, 'client')
const wantedCases = chosen(
  cases.map(({ name }) => name),
  flags.case,
  'case',
)

const installed: Client[] = []
const cells: Cell[] = []
for (const name of wantedClients) {
  try {
    const client = await clients[name]?.()
    if (client !== undefined) installed.push(client)
  } catch (error) {
    progress(`${name} cannot be installed: ${String(error)}`)
    cells.push({ client: name, case: 'install', outcome: 'FAIL', reason: String(error), seconds: 0 })
  }
}
await using broker = await brokerNamed(flags.broker)
progress(`${broker.name} ${broker.version} at ${broker.plain}`)
cells.push(
  ...(await runMatrix({
    broker,
    clients: installed,
    cases: cases.filter(({ name }) => wantedCases.includes(name)),
    reference: await reference(),
    lanes: Number(flags.lanes),
  })),
)
const kept = withEarlier({ clients: installed.map(({ name, version }) => ({ name, version })), cells })
const matrix = { broker, cases, ...kept }
console.log(`\n${matrixPage(matrix)}\n`)
if (flags.write) writePage(matrix)
const count = (outcome: Cell['outcome']) => cells.filter((cell) => cell.outcome === outcome).length
if (flags.json !== undefined) writeFileSync(flags.json, JSON.stringify(kept, null, 1))
for (const cell of cells) {
  if (cell.outcome === 'FAIL') console.log(`FAIL ${cell.client}, ${cell.case}: ${cell.reason}`)
}
console.log(`${count('n.a.')} cells do not apply`)
console.log(`${count('ok')} passed, ${count('FAIL')} failed`)
process.exitCode = count('FAIL') > 0 ? 1 : 0

/** This run's columns and cells, and those of the run that it goes onto. */
function withEarlier(now: Kept): Kept {
  if (flags.onto === undefined) return now
  const earlier = JSON.parse(readFileSync(flags.onto, 'utf8')) as Kept
  const isNew = (old: Cell) => now.cells.some((cell) => cell.client === old.client && cell.case === old.case)
  const columns = new Map([...earlier.clients, ...now.clients].map((column) => [column.name, column]))
  return {
    clients: Object.keys(clients).flatMap((name) => columns.get(name) ?? []),
    cells: [...earlier.cells.filter((cell) => !isNew(cell)), ...now.cells],
  }
}

/** Names that are what was asked for, or begin with it where none is; all when nothing was. */
function chosen(names: readonly string[], asked: readonly string[], what: string): readonly string[] {
  for (const word of asked) {
    if (!names.some((name) => name.startsWith(word))) {
      throw new Error(`no ${what} begins with "${word}"; there are: ${names.join(', ')}`)
    }
  }
  const isMeant = (name: string, word: string) =>
    names.includes(word) ? name === word : name.startsWith(word)
  return asked.length === 0 ? names : names.filter((name) => asked.some((word) => isMeant(name, word)))
}
