// Outage: the collector is away while files grow and are rotated and deleted; what is not in the topic has to be in the ledger, exactly.
// `node test/agent/outage.ts --seconds 600 --mb-per-second 5`
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, statSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { AgentStatus } from '../../agent/status.ts'
import { askStatus } from '../../cli/agent-socket.ts'
import { descriptors, memoryMb } from '../integration/proc.ts'
import { answers, freePorts, node, Running, temporaryFolder, until } from '../integration/processes.ts'
import { parseScript } from '../script.ts'
import { LineTally } from './line-tally.ts'
import { ledgerOf } from './loss-ledger.ts'
import { lineBytes } from './outage-writer.ts'

/** Descriptors that are no log files: sockets, the state, watches, what node has for itself. */
const otherDescriptorsMax = 64
/** Memory goes up and down with collections of garbage by so much. */
const flatMb = 24
const sampleMs = 500

/** What the writer tells at its end. */
export interface FromOutageWriter {
  /** Lines of each file. */
  readonly counts: Readonly<Record<string, number>>
  readonly rotations: number
  readonly deletedBytes: number
}

export interface OutageOptions {
  readonly awaySeconds: number
  readonly megabytesPerSecond: number
  readonly files: number
  readonly rotateSeconds: number
  readonly openFilesMax: number
  /** The collector is back for so long before the writer ends. */
  readonly backSeconds: number
  /** Between two tries of the agent at most. */
  readonly retryMsMax: number
}

/** Of the agent while the collector is away. */
interface Footprint {
  readonly rssMbMax: number
  /** Means of the first and of the last third of the time. */
  readonly rssMbFirst: number
  readonly rssMbLast: number
  readonly descriptorsMax: number
  /** Deleted files that still take disk because the agent has them open. */
  readonly heldMbMax: number
}

export interface OutageReport extends Footprint {
  readonly writtenLines: number
  readonly rotations: number
  /** Deleted by the writer, read before or not. */
  readonly deletedBytes: number
  /** Lines that are not in the topic, as bytes. */
  readonly missingBytes: number
  readonly doubledLines: number
  readonly wrongLines: number
  /** Bytes in the loss ledger by reason. */
  readonly ledger: Readonly<Record<string, number>>
  readonly seconds: number
}

/** Runs it to its end. Throws when the agent does not catch up. */
export async function runOutage(options: OutageOptions): Promise<OutageReport> {
  const started = performance.now()
  await using folder = await temporaryFolder()
  const [port = 0] = await freePorts(1)
  const url = `http://127.0.0.1:${port}`
  const logs = join(folder.path, 'logs')
  const stateFolder = join(folder.path, 'agent-state')
  await mkdir(logs)
  const yaml = (name: string) => join(folder.path, name)
  await writeFile(yaml('collector.yaml'), collectorYaml(folder.path, port))
  await writeFile(yaml('agent.yaml'), agentYaml(folder.path, url, options))
  await using collector = new Running(['collector', '-c', yaml('collector.yaml')])
  await until('the collector answers', 60, () => answers(`${url}/healthz`))
  await using agent = new Running(['agent', '-c', yaml('agent.yaml')])
  // What is rotated out of the globs before the agent's first scan is not looked for.
  await until('the agent answers', 60, () => look(stateFolder))
  const { files, megabytesPerSecond, rotateSeconds } = options
  const writerArguments = [logs, files, megabytesPerSecond, rotateSeconds].map(String)
  const writer = fork(join(import.meta.dirname, 'outage-writer.ts'), writerArguments, { execPath: node })
  const written = once(writer, 'message') as Promise<[FromOutageWriter]>
  try {
    await until('lines arrive', 60, async () => (await linesKept(url)) > 0 || null)
    await collector.kill()
    const footprint = await watch(agent.pid, options.awaySeconds)
    collector.restart()
    await until('the collector answers again', 60, () => answers(`${url}/healthz`))
    await delay(options.backSeconds * 1000)
    writer.send('over')
    const [{ counts, rotations, deletedBytes }] = await written
    await caughtUp(stateFolder, url, () => agent.output)
    const losses = Object.entries(await ledgerOf(yaml('agent.yaml')))
    const ledger = Object.fromEntries(losses.map(([reason, { bytes }]) => [reason, bytes]))
    const found = await readBack(url, counts)
    const writtenLines = Object.values(counts).reduce((sum, count) => sum + count, 0)
    const seconds = Math.round((performance.now() - started) / 1000)
    return { ...footprint, writtenLines, rotations, deletedBytes, ...found, ledger, seconds }
  } finally {
    writer.kill('SIGKILL')
  }
}

/** What must not be, in words; none when all is well. */
export function violations(report: OutageReport, { openFilesMax }: OutageOptions): string[] {
  const { missingBytes, doubledLines, wrongLines, ledger } = report
  const ledgerBytes = Object.values(ledger).reduce((sum, bytes) => sum + bytes, 0)
  const reasons = Object.keys(ledger).filter((reason) => reason !== 'missing')
  const grownMb = report.rssMbLast - report.rssMbFirst
  return [
    ...(doubledLines > 0 ? [`${doubledLines} lines are there twice`] : []),
    ...(wrongLines > 0 ? [`${wrongLines} lines were never written`] : []),
    ...(missingBytes === ledgerBytes
      ? []
      : [`${missingBytes} bytes are missing, the ledger has ${ledgerBytes}`]),
    ...(reasons.length > 0 ? [`the ledger has ${reasons.join(', ')}`] : []),
    ...(missingBytes > report.deletedBytes ? ['more is missing than was deleted'] : []),
    ...(grownMb > flatMb ? [`memory grew by ${grownMb} MB`] : []),
    ...(report.descriptorsMax > openFilesMax + otherDescriptorsMax
      ? [`${report.descriptorsMax} descriptors`]
      : []),
  ]
}

async function watch(pid: number, seconds: number): Promise<Footprint> {
  const rss: number[] = []
  let descriptorsMax = 0
  let heldBytesMax = 0
  for (const end = performance.now() + seconds * 1000; performance.now() < end; ) {
    await delay(sampleMs)
    rss.push(memoryMb(pid).now)
    descriptorsMax = Math.max(descriptorsMax, descriptors(pid))
    heldBytesMax = Math.max(heldBytesMax, heldBytes(pid))
  }
  const third = Math.ceil(rss.length / 3)
  return {
    rssMbMax: Math.round(Math.max(...rss)),
    rssMbFirst: mean(rss.slice(0, third)),
    rssMbLast: mean(rss.slice(-third)),
    descriptorsMax,
    heldMbMax: Math.round(heldBytesMax / 1e6),
  }
}

/** Bytes of deleted files that a process has open. */
function heldBytes(pid: number): number {
  let bytes = 0
  for (const descriptor of readdirSync(`/proc/${pid}/fd`)) {
    const stat = statSync(`/proc/${pid}/fd/${descriptor}`, { throwIfNoEntry: false })
    if (stat?.isFile() && stat.nlink === 0) bytes += stat.size
  }
  return bytes
}

function mean(values: readonly number[]): number {
  return Math.round(values.reduce((sum, value) => sum + value, 0) / values.length)
}

/** Nothing is left to ship, and nothing has changed for three seconds. */
async function caughtUp(stateFolder: string, url: string, output: () => string): Promise<void> {
  let last = ''
  let rested = 0
  const isSettled = async () => {
    const { lagBytes, lossesEver, missing } = await look(stateFolder)
    const now = JSON.stringify([lagBytes, lossesEver, missing, await linesKept(url)])
    rested = lagBytes === 0 && now === last ? rested + 1 : 0
    last = now
    return rested >= 3 || null
  }
  await until(() => `all is shipped: ${last}\n${output().slice(-3000)}`, 300, isSettled, 1000)
}

/** Without a process for each look. */
async function look(stateFolder: string): Promise<AgentStatus> {
  return (await askStatus(stateFolder, AbortSignal.timeout(10_000))) as AgentStatus
}

async function linesKept(url: string): Promise<number> {
  const response = await fetch(`${url}/v1/topics/web_logs`)
  const { partitions } = (await response.json()) as { partitions: readonly { end_offset: number }[] }
  return partitions.reduce((sum, { end_offset }) => sum + end_offset, 0)
}

/** Reads the whole topic and compares it with what was written, by the numbers of the lines. */
async function readBack(
  url: string,
  counts: FromOutageWriter['counts'],
): Promise<Pick<OutageReport, 'missingBytes' | 'doubledLines' | 'wrongLines'>> {
  const tally = new LineTally(counts)
  const response = await fetch(`${url}/v1/tail?topic=web_logs&from=beginning&follow=0`)
  const decoder = new TextDecoder()
  let rest = ''
  for await (const piece of response.body ?? []) {
    const events = (rest + decoder.decode(piece, { stream: true })).split('\n')
    rest = events.pop() ?? ''
    for (const event of events) {
      if (!event.startsWith('data:') || event.endsWith('{}')) continue
      const { value } = JSON.parse(event.slice('data:'.length))
      const [, name = '', number = ''] = /^(f\d\d) (\d+) /.exec(value) ?? []
      tally.see(name, Number(number), value.length === lineBytes - 1)
    }
  }
  return { missingBytes: tally.lost() * lineBytes, doubledLines: tally.doubled, wrongLines: tally.wrong }
}

function collectorYaml(folder: string, port: number): string {
  return `version: 1
data: ${folder}/data
collector:
  http: { listen: "127.0.0.1:${port}" }
  kafka: off
topics:
  web_logs: { partitions: 4 }
`
}

function agentYaml(folder: string, url: string, { openFilesMax, retryMsMax }: OutageOptions): string {
  return `version: 1
agent:
  collector: "${url}"
  state: ${folder}/agent-state
  max_open_files: ${openFilesMax}
  requests: { wait_max: ${retryMsMax}ms }
  inputs:
    app: { type: file, paths: ["${folder}/logs/*.log"], topic: web_logs }
`
}

if (import.meta.main) {
  const { values } = parseScript(import.meta.filename, {
    options: {
      seconds: { type: 'string', default: '600' },
      'mb-per-second': { type: 'string', default: '5' },
      files: { type: 'string', default: '4' },
      'rotate-seconds': { type: 'string', default: '2' },
      'max-open-files': { type: 'string', default: '512' },
    },
  })
  const options: OutageOptions = {
    awaySeconds: Number(values.seconds),
    megabytesPerSecond: Number(values['mb-per-second']),
    files: Number(values.files),
    rotateSeconds: Number(values['rotate-seconds']),
    openFilesMax: Number(values['max-open-files']),
    backSeconds: 5,
    retryMsMax: 30_000,
  }
  const report = await runOutage(options)
  const { ledger, ...figures } = report
  console.table({ ...figures, ledgerBytes: Object.values(ledger).reduce((sum, bytes) => sum + bytes, 0) })
  const found = violations(report, options)
  console.log(found.length === 0 ? 'all is well' : found.join('\n'))
  if (found.length > 0) process.exitCode = 1
}
