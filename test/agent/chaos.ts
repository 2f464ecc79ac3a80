// Chaos: kill -9 of agent and collector while 20 files are written, renamed, truncated and packed; every line is in ClickHouse once.
// `node test/agent/chaos.ts --agent-kills 200 --collector-kills 50`
import { execFile, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { freePorts, node, Running, temporaryFolder, until } from '../integration/processes.ts'
import { ask, linesInClickHouse } from '../integration/stored-lines.ts'
import { parseScript } from '../script.ts'

const cli = join(import.meta.dirname, '../../cli/bin.js')

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

export interface ChaosReport {
  readonly kills: { readonly agent: number; readonly collector: number }
  readonly rotations: number
  readonly written: number
  readonly rows: number
  readonly lost: number
  readonly doubled: number
  readonly wrong: number
  /** The loss ledger of the agent, over all its lives. */
  readonly ledger: unknown
  readonly seconds: number
}

/** Runs it to its end. Throws when the lines do not arrive within two minutes after the last kill. */
export async function runChaos({ agentKills, collectorKills, files }: ChaosOptions): Promise<ChaosReport> {
  const started = performance.now()
  await using folder = await temporaryFolder()
  const [http = 0, clickhouse = 0] = await freePorts(2)
  const logs = join(folder.path, 'logs')
  await mkdir(logs)
  const yaml = (name: string) => join(folder.path, name)
  await writeFile(yaml('collector.yaml'), collectorYaml(folder.path, http, clickhouse))
  await writeFile(yaml('agent.yaml'), agentYaml(folder.path, http))
  await using collector = new Running(['collector', '-c', yaml('collector.yaml')])
  await using agent = new Running(['agent', '-c', yaml('agent.yaml')])
  const table = `http://127.0.0.1:${clickhouse}`
  await until('the first lines are asked for', 60, async () => (await storedIn(table)) && true)
  const writer = fork(join(import.meta.dirname, 'chaos-writer.ts'), [logs, String(files)], { execPath: node })
  const written = once(writer, 'message') as Promise<[FromWriter]>
  try {
    let isOver = false
    const telling = (async () => {
      while (!isOver) {
        const stored = await storedIn(table).catch(() => null)
        if (stored !== null) writer.send({ stored, isOver: false } satisfies ToWriter)
        await delay(200)
      }
    })()
    // Each file is seen once: what is rotated out of the globs before any agent ran is not looked for.
    const areSeen = async () => Object.keys(await storedIn(table)).length === files || null
    await until('lines of every file', 60, areSeen)
    await Promise.all([killOften(agent, agentKills, 900), killOften(collector, collectorKills, 4000)])
    isOver = true
    await telling
    writer.send({ stored: {}, isOver: true } satisfies ToWriter)
    const [{ counts, rotations }] = await written
    const all = Object.values(counts).reduce((sum, count) => sum + count, 0)
    const count = async () => Number(await ask(table, 'SELECT count() FROM logdrive.web_logs')) >= all || null
    const outputs = () =>
      `${all} rows\nagent: ${agent.output.slice(-3000)}\ncollector: ${collector.output.slice(-3000)}`
    await until(outputs, 120, count, 250)
    const found = await check(table, counts)
    const kills = { agent: agentKills, collector: collectorKills }
    const ledger = await ledgerOf(yaml('agent.yaml'))
    const seconds = Math.round((performance.now() - started) / 1000)
    return { kills, rotations, written: all, ...found, ledger, seconds }
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

async function storedIn(clickhouse: string): Promise<Record<string, number>> {
  const text = await ask(
    clickhouse,
    'SELECT substring(body, 1, 3) AS f, count() FROM logdrive.web_logs GROUP BY f FORMAT JSONCompactEachRow',
  )
  const rows = text.split('\n').filter((line) => line !== '')
  return Object.fromEntries(
    rows.map((line) => JSON.parse(line)).map(([name, count]) => [name, Number(count)]),
  )
}

async function check(
  clickhouse: string,
  counts: FromWriter['counts'],
): Promise<Pick<ChaosReport, 'rows' | 'lost' | 'doubled' | 'wrong'>> {
  const seen = new Map(Object.entries(counts).map(([name, count]) => [name, new Uint8Array(count)]))
  const found = { rows: 0, lost: 0, doubled: 0, wrong: 0 }
  for await (const { body } of linesInClickHouse(clickhouse, 'web_logs')) {
    const [, name = '', number = ''] = /^(f\d\d) (\d+) \.*$/.exec(body) ?? []
    const flags = seen.get(name)
    found.rows += 1
    if (flags === undefined || Number(number) >= flags.length) found.wrong += 1
    else if (flags[Number(number)] === 1) found.doubled += 1
    else flags[Number(number)] = 1
  }
  for (const flags of seen.values()) found.lost += flags.filter((flag) => flag === 0).length
  return found
}

async function ledgerOf(agentYamlPath: string): Promise<unknown> {
  const status = async () => {
    const words = [cli, 'agent', 'status', '-c', agentYamlPath, '--json']
    // A few thousand rotated files are a long answer.
    const { stdout } = await promisify(execFile)(node, words, { maxBuffer: 1 << 28 })
    return JSON.parse(stdout).losses_ever
  }
  return until('the status of the agent', 30, status, 500)
}

function collectorYaml(folder: string, http: number, clickhouse: number): string {
  return `version: 1
data: ${folder}/data
collector:
  http: { listen: "127.0.0.1:${http}" }
  kafka: off
topics:
  web_logs: { partitions: 4 }
sinks:
  warehouse:
    type: clickhouse
    topics: [web_logs]
    server: embedded
    port: ${clickhouse}
    batch: { rows: 100k, bytes: 32MiB, age: 300ms }
`
}

function agentYaml(folder: string, http: number): string {
  return `version: 1
agent:
  collector: "http://127.0.0.1:${http}"
  state: ${folder}/agent-state
  inputs:
    app: { type: file, paths: ["${folder}/logs/*.log"], topic: web_logs }
`
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
  if (report.lost + report.doubled + report.wrong > 0) process.exitCode = 1
}
