// Chaos: kill -9 of agent and collector while 20 files are written, renamed, truncated and packed; every line is in ClickHouse once.
// `node test/agent/chaos.ts --agent-kills 200 --collector-kills 50`
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type LocalSystem, startSystem } from '../integration/local-system.ts'
import { node, Running, until } from '../integration/processes.ts'
import { linesInClickHouse } from '../integration/stored-lines.ts'
import { parseScript } from '../script.ts'
import { isKept, lineOf, recordsYaml, storedRecordOf } from './chaos-lines.ts'
import { LineTally } from './line-tally.ts'
import { ledgerOf } from './loss-ledger.ts'

/** Files of records of several lines, which are joined, parsed and transformed. */
const recordFiles = 4

/** Lines of each file that are stored. */
export interface ToWriter {
  readonly stored: Readonly<Record<string, number>>
  readonly isOver: boolean
}

/** Lines of each file that were written. */
export interface FromWriter {
  readonly counts: Readonly<Record<string, number>>
  readonly rotations: number
}

export interface ChaosOptions {
  readonly agentKills: number
  readonly collectorKills: number
  readonly files: number
}

interface Findings {
  readonly rows: number
  readonly lost: number
  readonly doubled: number
  /** Never written like this. */
  readonly wrong: number
}

export interface ChaosReport {
  readonly kills: { readonly agent: number; readonly collector: number }
  readonly rotations: number
  readonly lines: Findings & { readonly written: number }
  /** `written`: those that are not left out on the way. */
  readonly records: Findings & { readonly written: number }
  /** The loss ledger of the agent, over all its lives. */
  readonly ledger: unknown
  readonly seconds: number
}

/** Runs it to its end. Throws when the lines do not arrive within two minutes after the last kill. */
export async function runChaos({ agentKills, collectorKills, files }: ChaosOptions): Promise<ChaosReport> {
  const started = performance.now()
  await using system = await startSystem({
    command: ['collector'],
    topics: ['web_logs', 'app_records'],
    more: () => 'topics:\n  web_logs: { partitions: 4 }\n  app_records: { partitions: 4 }\n',
  })
  const agentYamlPath = join(system.folder, 'agent.yaml')
  await writeFile(agentYamlPath, agentYaml(system))
  await using agent = new Running(['agent', '-c', agentYamlPath])
  await until('the first lines are asked for', 60, async () => (await storedIn(system)) && true)
  const writerArguments = [join(system.folder, 'logs'), String(files), String(recordFiles)]
  const writer = fork(join(import.meta.dirname, 'chaos-writer.ts'), writerArguments, { execPath: node })
  const written = once(writer, 'message') as Promise<[FromWriter]>
  const outputs = () =>
    `agent: ${agent.output.slice(-3000)}\ncollector: ${system.running.output.slice(-3000)}`
  try {
    let isOver = false
    const telling = (async () => {
      while (!isOver) {
        const stored = await storedIn(system).catch(() => null)
        if (stored !== null) writer.send({ stored, isOver: false } satisfies ToWriter)
        await delay(200)
      }
    })()
    // Each file is seen once: what is rotated out of the globs before any agent ran is not looked for.
    let seen: readonly string[] = []
    const areSeen = async () => {
      seen = Object.keys(await storedIn(system))
      return seen.length === files + recordFiles || null
    }
    await until(() => `lines of every file; there are ${seen.join()}\n${outputs()}`, 60, areSeen)
    await Promise.all([killOften(agent, agentKills, 900), killOften(system.running, collectorKills, 4000)])
    isOver = true
    await telling
    writer.send({ stored: {}, isOver: true } satisfies ToWriter)
    const [{ counts, rotations }] = await written
    const lines = await found(system, linesOf(counts), outputs)
    const records = await found(system, recordsOf(counts), outputs)
    const kills = { agent: agentKills, collector: collectorKills }
    const ledger = await ledgerOf(agentYamlPath)
    const seconds = Math.round((performance.now() - started) / 1000)
    return { kills, rotations, lines, records, ledger, seconds }
  } finally {
    writer.kill('SIGKILL')
  }
}

async function killOften(victim: Running, times: number, lifeMsMax: number): Promise<void> {
  for (let kill = 0; kill < times; kill += 1) {
    await delay(100 + Math.random() * lifeMsMax)
    await victim.kill()
    await delay(Math.random() * 200)
    victim.restart()
  }
}

/** Rows of each file; of records those that were kept. */
async function storedIn({ ask }: LocalSystem): Promise<Record<string, number>> {
  const text = await ask(
    `SELECT substring(body, 1, 3) AS f, count() FROM logdrive.web_logs GROUP BY f
    UNION ALL SELECT attrs_string['file'] AS f, count() FROM logdrive.app_records GROUP BY f FORMAT JSONCompactEachRow`,
  )
  const rows = text.split('\n').filter((line) => line !== '')
  return Object.fromEntries(
    rows.map((line) => JSON.parse(line)).map(([name, count]) => [name, Number(count)]),
  )
}

/** What has to be in a table. */
interface Wanted {
  readonly table: string
  readonly counts: FromWriter['counts']
  readonly isWanted: (number: number) => boolean
  readonly textOf: (name: string, number: number) => string
  /** Where a text has its file and number. */
  readonly place: RegExp
}

function linesOf(counts: FromWriter['counts']): Wanted {
  const place = /^(f\d\d) (\d+) /
  return { table: 'web_logs', counts: only('f', counts), isWanted: () => true, textOf: lineOf, place }
}

function recordsOf(counts: FromWriter['counts']): Wanted {
  const place = /\[(r\d\d) (\d+)\]/
  return { table: 'app_records', counts: only('r', counts), isWanted: isKept, textOf: storedRecordOf, place }
}

function only(letter: string, counts: FromWriter['counts']): FromWriter['counts'] {
  return Object.fromEntries(Object.entries(counts).filter(([name]) => name.startsWith(letter)))
}

/** Waits until all of it is there, and compares every text. */
async function found(
  { ask, clickhouse }: LocalSystem,
  { table, counts, isWanted, textOf, place }: Wanted,
  outputs: () => string,
): Promise<ChaosReport['lines']> {
  const tally = new LineTally(counts)
  const written = tally.lost((_, number) => isWanted(number))
  const count = async () => Number(await ask(`SELECT count() FROM logdrive.${table}`)) >= written || null
  await until(() => `${written} rows of ${table}\n${outputs()}`, 120, count, 250)
  for await (const { body } of linesInClickHouse(clickhouse, table)) {
    const [, name = '', digits = ''] = place.exec(body) ?? []
    const number = Number(digits)
    tally.see(name, number, isWanted(number) && body === textOf(name, number))
  }
  const { rows, doubled, wrong } = tally
  return { written, rows, lost: tally.lost((_, number) => isWanted(number)), doubled, wrong }
}

function agentYaml({ folder, url }: LocalSystem): string {
  return `version: 1
agent:
  collector: "${url}"
  state: ${folder}/agent-state
  inputs:
    app: { type: file, paths: ["${folder}/logs/f*.log"], topic: web_logs }
    records:
      type: file
      paths: ["${folder}/logs/r*.log"]
      ${recordsYaml}`
}

if (import.meta.main) {
  const { values } = parseScript(import.meta.filename, {
    options: {
      'agent-kills': { type: 'string', default: '200' },
      'collector-kills': { type: 'string', default: '50' },
      files: { type: 'string', default: '20' },
    },
  })
  const report = await runChaos({
    agentKills: Number(values['agent-kills']),
    collectorKills: Number(values['collector-kills']),
    files: Number(values.files),
  })
  console.log(JSON.stringify(report, null, 2))
  const bad = [report.lines, report.records].map(({ lost, doubled, wrong }) => lost + doubled + wrong)
  if (Math.max(...bad) > 0) process.exitCode = 1
}
