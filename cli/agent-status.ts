// logdrive agent status: what the agent of a state folder is doing, file by file.

import type { ParsingStatus } from '../agent/parsing.ts'
import type { AgentStatus, FileStatus } from '../agent/status.ts'
import { LogdriveError } from '../core/errors.ts'
import { askStatus } from './agent-socket.ts'
import { type Arguments, exitCodes, type Io, usage } from './command.ts'
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

/**
 * Prints it; the exit code is 1 when something keeps the agent from shipping or from keeping its positions. `readFolder` finds
 * the state folder in the configuration.
 */
export async function printAgentStatus(
  args: Arguments,
  readFolder: () => Promise<string | undefined>,
  io: Io,
  signal: AbortSignal,
): Promise<number> {
  const named = args.text('state')
  if (named !== undefined && args.text('config') !== undefined)
    throw usage('-c FILE or --state DIR, not both')
  const folder = named ?? (await readFolder())
  if (folder === undefined)
    throw new LogdriveError('CONFIG_INVALID', 'the configuration has no agent section')
  const status = (await askStatus(folder, signal)) as AgentStatus
  if (args.has('json')) await io.stdout.write(jsonText(snakeKeys(status), io.stdout))
  else await io.stdout.write(statusText(status, io.stdout))
  return isWell(status) ? exitCodes.good : exitCodes.failed
}

function isWell({ uplink, stateTrouble }: AgentStatus): boolean {
  return uplink.state === 'good' && stateTrouble === null
}

function statusText(status: AgentStatus, output: Output): string {
  return [
    facts(status, output),
    section('files', filesTable(status.files)),
    section('cannot be looked at', status.unobservable.length === 0 ? '' : unobservableTable(status)),
    section('inputs', inputsTable(status)),
    section('parsing', parsingTable(status)),
    section('lost', lossesTable(status)),
  ].join('')
}

function facts(status: AgentStatus, output: Output): string {
  const { uplink } = status
  const shown = colour(uplink.state, uplink.state === 'good' ? 'green' : 'red', output)
  const other = uplink.isPreferred ? '' : ', not the preferred one'
  const ago = uplink.lastErrorAt === null ? '' : ` (${new Date(uplink.lastErrorAt).toISOString()})`
  const lines: readonly (readonly [string, string | null])[] = [
    ['agent', `${status.agent} on ${status.host}`],
    ['started', new Date(status.startedAt).toISOString()],
    ['collector', `${uplink.collector}: ${shown}${other}`],
    ['trouble', status.trouble],
    ['last error', uplink.lastError === null ? null : `${uplink.lastError}${ago}`],
    ['state folder', status.stateTrouble],
    [
      'requests',
      `${uplink.requests}, ${uplink.retries} failed, ${uplink.requestsInFlight} open of ${uplink.requestsLimit}`,
    ],
    ['in flight', `${status.batchesInFlight} batches, ${humanSize(uplink.bytesInFlight)} on their way`],
    ['sent', humanSize(uplink.bytesSent)],
    ['lag', `${humanSize(status.lagBytes)}, ${humanTime(status.lagMs)}`],
    ['open files', String(status.openFiles)],
    ['last scan', humanTime(status.scanMs)],
    ['removed', deletionsText(status)],
    ['missing', missingText(status)],
  ]
  return factLines(
    lines
      .filter((line): line is [string, string] => line[1] !== null)
      .map(([name, value]) => [name, name === 'collector' ? value : escapeForTerminal(value)]),
  )
}

/** Files that were removed after they were shipped, and why others were not; null where there are none. */
function deletionsText({ deletions: { files, bytes, failures } }: AgentStatus): string | null {
  const failed = countsText(failures)
  if (files === 0 && failed === '') return null
  const inVain = failed === '' ? '' : `; in vain: ${failed}`
  return `${files} files, ${humanSize(bytes)}${inVain}`
}

/** Files that went before all of them was read, unless there are none. */
function missingText({ missing: { times, bytes } }: AgentStatus): string | null {
  return times === 0 ? null : `${humanSize(bytes)} of ${times} files that are gone`
}

function section(name: string, text: string): string {
  return text === '' ? '' : `\n${name}\n${text}`
}

/** Those with the longest lag first. */
function filesTable(files: readonly FileStatus[]): string {
  if (files.length === 0) return 'none yet\n'
  const ordered = [...files].sort(
    (one, other) =>
      other.lagMs - one.lagMs || other.lagBytes - one.lagBytes || (one.path < other.path ? -1 : 1),
  )
  const rows = ordered.map((file): readonly Cell[] => [
    file.path,
    file.input,
    file.topic,
    file.position,
    file.size,
    humanSize(file.lagBytes),
    humanTime(file.lagMs),
    file.state,
    file.retries,
  ])
  const headings = ['path', 'input', 'topic', 'position', 'size', 'lag', 'lag for', 'state', 'retries']
  return table(headings, rows)
}

function unobservableTable({ unobservable }: AgentStatus): string {
  return table(
    ['path', 'reason'],
    unobservable.map(({ path, reason }) => [path, reason]),
  )
}

/** Of the inputs that are no files. */
function inputsTable({ sources }: AgentStatus): string {
  const rows = Object.entries(sources).map(([input, status]): readonly Cell[] => {
    const { runs, starts, timeouts, exits = {}, datagrams, connections, malformed } = status
    const ends = Object.entries(exits).map(([code, count]) => [`ended with ${code}`, count] as const)
    const more = { runs, starts, timeouts, ...Object.fromEntries(ends), datagrams, connections, malformed }
    return [input, status.records, humanSize(status.bytes), countsText(status.lost), countsText(more)]
  })
  return rows.length === 0 ? '' : table(['input', 'records', 'bytes', 'lost', 'more'], rows)
}

/** Of all inputs that make records of lines; what transforms do has columns only where they did something. */
function parsingTable({ parsing, sources }: AgentStatus): string {
  const all = Object.entries<Partial<ParsingStatus>>({ ...parsing, ...sources })
  const rows = all.flatMap(([input, one]) => {
    const { lines, unparsed, filtered, sampled, redacted, transformErrors } = one
    if (lines === undefined) return []
    const cells = [filtered ?? 0, sampled ?? 0, countsText(redacted), countsText(transformErrors)]
    return [[input, lines, countsText(unparsed), ...cells] satisfies Cell[]]
  })
  const headings = ['input', 'lines', 'unparsed', 'filtered', 'sampled', 'redacted', 'transform errors']
  const shown = headings.map((_, column) => column < 3 || rows.some((row) => row[column]))
  const visible = <T>(cells: readonly T[]) => cells.filter((_, column) => shown[column])
  return rows.length === 0 ? '' : table(visible(headings), rows.map(visible))
}

/** `reason: 2, other: 1`; what did not happen is left out. */
function countsText(counts: Readonly<Record<string, number | undefined>> = {}): string {
  const happened = Object.entries(counts).filter(([, count]) => (count ?? 0) > 0)
  return happened.map(([name, count]) => `${name}: ${count}`).join(', ')
}

function lossesTable({ losses, lossesEver }: AgentStatus): string {
  const rows = Object.entries(lossesEver).map(([reason, ever]): readonly Cell[] => {
    const now = losses[reason] ?? { times: 0, bytes: 0 }
    return [reason, now.times, humanSize(now.bytes), ever.times, humanSize(ever.bytes)]
  })
  return rows.length === 0 ? '' : table(['reason', 'times', 'bytes', 'times ever', 'bytes ever'], rows)
}

/** Keys as all JSON of Logdrive has them. Names of inputs, reasons and signals have no capitals behind small letters. */
function snakeKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(snakeKeys)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(([key, inner]) => [
    key.replace(/(?<=[a-z])[A-Z]/g, (capital) => `_${capital.toLowerCase()}`),
    snakeKeys(inner),
  ])
  return Object.fromEntries(entries)
}
