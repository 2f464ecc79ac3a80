// logdrive sql: asks ClickHouse over its HTTP interface; the collector says where it is.

import { LogdriveError } from '../core/errors.ts'
import { baseUrl, collectorOf, field, listIn } from './client.ts'
import { type Arguments, type Command, collectorOptions, exitCodes, type Io, usage } from './command.ts'
import { escapeForTerminal } from './output.ts'

const queryBytesMax = 1024 * 1024
const errorCharactersMax = 4000
/** ClickHouse's number for UNKNOWN_TABLE. */
const unknownTable = '60'

/** The answer is streamed as it comes; ClickHouse's own error is printed with exit code 1. */
export const sql: Command = {
  name: 'sql',
  summary: 'Asks the ClickHouse behind the first clickhouse sink',
  usage: '"SELECT ..." [options]',
  examples: [
    'logdrive sql "SELECT path, count() FROM page_views GROUP BY path ORDER BY 2 DESC LIMIT 10"',
    'logdrive sql "SELECT * FROM logs LIMIT 5" --format JSONEachRow',
    'logdrive sql --clickhouse http://127.0.0.1:8123 < report.sql',
  ],
  options: {
    format: {
      value: 'F',
      about: 'a ClickHouse format (default PrettyCompact on a terminal, else TabSeparated)',
    },
    json: { about: 'the same as --format JSON' },
    sink: { value: 'NAME', about: 'the clickhouse sink to ask (default: the first)' },
    clickhouse: { value: 'URL', about: 'ask this server and no collector' },
    database: { value: 'NAME', about: 'the database (default logdrive)' },
    user: {
      value: 'NAME',
      about:
        'a user of ClickHouse (or LOGDRIVE_CLICKHOUSE_USER; the password is LOGDRIVE_CLICKHOUSE_PASSWORD)',
    },
    ...collectorOptions,
  },
  async run(args, io, signal) {
    const query = await queryOf(args, io)
    const target = await targetOf(args, io, signal)
    const format = args.text('format') ?? (args.has('json') ? 'JSON' : undefined)
    if (format !== undefined && !/^\w{1,64}$/.test(format))
      throw usage('--format takes the name of a ClickHouse format')
    const parameters = new URLSearchParams({
      database: args.text('database') ?? target.database,
      default_format: format ?? (io.stdout.isTerminal ? 'PrettyCompact' : 'TabSeparated'),
    })
    const response = await ask(`${target.url}/?${parameters}`, query, args.text('user'), io, signal)
    if (!response.ok) throw await refusal(response, target)
    if (response.body !== null) await print(response.body, io, signal)
    return exitCodes.good
  },
}

async function queryOf(args: Arguments, io: Io): Promise<string> {
  const [text, more] = args.positionals
  if (more !== undefined) throw usage('put the query in quotes: it is one argument')
  if (text !== undefined && text !== '-') return text
  const pieces: Uint8Array[] = []
  let bytes = 0
  for await (const piece of io.stdin) {
    pieces.push(piece)
    bytes += piece.length
    if (bytes > queryBytesMax) throw usage('a query over 1 MiB')
  }
  const query = Buffer.concat(pieces).toString('utf8')
  if (query.trim() === '') throw usage('the query is missing')
  return query
}

interface Target {
  /** The name of the sink behind which it is, as far as it is known. */
  readonly sink: string
  readonly url: string
  readonly database: string
}

async function targetOf(args: Arguments, io: Io, signal: AbortSignal): Promise<Target> {
  const given = args.text('clickhouse')
  if (given !== undefined) return { sink: 'NAME', url: baseUrl(given, '--clickhouse'), database: 'logdrive' }
  const collector = collectorOf(args, io)
  const status = await collector.request({ method: 'GET', path: '/v1/status' }, signal)
  const wanted = args.text('sink')
  for (const sink of listIn(status, 'sinks')) {
    const url = field(field(sink, 'clickhouse'), 'url')
    const name = field(sink, 'name')
    if (typeof url !== 'string' || (wanted !== undefined && name !== wanted)) continue
    const database = field(field(sink, 'clickhouse'), 'database')
    return {
      sink: typeof name === 'string' ? name : 'NAME',
      url: baseUrl(url, `the ClickHouse of ${collector.url}`),
      database: typeof database === 'string' ? database : 'logdrive',
    }
  }
  const which = wanted === undefined ? 'no clickhouse sink' : `no clickhouse sink named "${wanted}"`
  throw new LogdriveError('NOT_FOUND', `the collector has ${which}`, {
    hint: 'name a server with --clickhouse URL',
  })
}

async function ask(
  url: string,
  query: string,
  named: string | undefined,
  io: Io,
  signal: AbortSignal,
): Promise<Response> {
  const user = named ?? io.variable('LOGDRIVE_CLICKHOUSE_USER')
  const password = io.variable('LOGDRIVE_CLICKHOUSE_PASSWORD')
  const headers = {
    'content-type': 'text/plain; charset=utf-8',
    ...(user === undefined ? {} : { 'x-clickhouse-user': user }),
    ...(password === undefined ? {} : { 'x-clickhouse-key': password }),
  }
  try {
    return await fetch(url, { method: 'POST', headers, body: query, signal })
  } catch (error) {
    if (signal.aborted) throw error
    throw new LogdriveError('UNAVAILABLE', `no ClickHouse answers at ${new URL(url).origin}`, {
      hint: 'is the collector running with a clickhouse sink? "logdrive doctor" looks',
      cause: error,
    })
  }
}

async function print(body: AsyncIterable<Uint8Array>, io: Io, signal: AbortSignal): Promise<void> {
  const decoder = new TextDecoder()
  for await (const piece of body) {
    if (signal.aborted) return
    // Bytes for a pipe (formats may be binary); for a terminal, text that cannot steer it.
    if (io.stdout.isTerminal) await io.stdout.write(forTerminal(decoder.decode(piece, { stream: true })))
    else await io.stdout.write(piece)
  }
}

/** Tabs stay: they stand between columns. */
function forTerminal(text: string): string {
  return escapeForTerminal(text).replaceAll('\\u0009', '\t')
}

async function refusal(response: Response, { sink }: Target): Promise<LogdriveError> {
  const text = (await response.text()).trim().slice(0, errorCharactersMax)
  const code = response.headers.get('x-clickhouse-exception-code')
  return new LogdriveError('SINK_REFUSED', text === '' ? `ClickHouse answered ${response.status}` : text, {
    details: { status: response.status, code },
    ...(code === unknownTable
      ? { hint: `a topic has a table once a sink names it: add it to sinks.${sink}.topics of the collector` }
      : {}),
  })
}
