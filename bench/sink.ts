// Bench: the ClickHouse sink (log, feed, rows, HTTP, embedded engine) against the engine reading the same rows from a file.
//
// ROUNDS (5), ROWS (400000), BATCH_ROWS (100k), BATCH_BYTES (32MiB), --only events|web_logs: JSON events and raw log lines, rounds interleaved, one engine process, one table a kind.
//   sink    a log of 4 partitions to the table, through runSinks as the collector runs it
//   file    the bytes the sink makes of it, as one file in /dev/shm: INSERT ... SELECT FROM file(), one statement
//   blocks  the same in files of about the sink's batches, one after the other: what a block at a time costs by itself

import { once } from 'node:events'
import { createWriteStream, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { generateLine } from '../cli/demo-log.ts'
import { type Broker, openBroker } from '../collector/broker/broker.ts'
import { encodeLines } from '../protocol/batch-encode.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { type EmbeddedServer, startEmbedded } from '../sinks/clickhouse/embedded/watchdog.ts'
import { lineColumns, readRows } from '../sinks/clickhouse/rows.ts'
import { clickhouseSink } from '../sinks/clickhouse/sink.ts'
import { createDatabaseSql, createTableSql } from '../sinks/clickhouse/tables.ts'
import { runSinks } from '../sinks/run.ts'
import { parseScript } from '../test/script.ts'
import { seededDice } from './data.ts'
import { median, printResult } from './result.ts'

const { values: flags } = parseScript(import.meta.filename, { options: { only: { type: 'string' } } })
const rounds = Number(process.env.ROUNDS ?? 5)
const rows = Number(process.env.ROWS ?? 400_000)
const partitions = 4
const goal = 0.7
/** The sink's defaults. */
const batch = {
  rows: process.env.BATCH_ROWS ?? '100k',
  bytes: process.env.BATCH_BYTES ?? '32MiB',
  age: '50ms',
}
const eventColumns = '_log, _partition, _offset, event_id, ts, anonymous_id, url, title, event, value'
const never = new AbortController().signal
const runtime = nodeRuntime({ level: 'error' })
const ways = ['sink', 'file', 'blocks'] as const
type Way = (typeof ways)[number]

interface Kind {
  readonly name: string
  readonly topic: string
  readonly format: 'JSONEachRow' | 'TabSeparated'
  readonly columns: readonly string[] | null
  fill(broker: Broker): Promise<void>
}

interface Measured {
  readonly seconds: number
  readonly ownCpu: number
  readonly engineCpu: number
}

const kinds: readonly Kind[] = [
  { name: 'JSON events', topic: 'events', format: 'JSONEachRow', columns: null, fill: fillEvents },
  { name: 'raw lines', topic: 'web_logs', format: 'TabSeparated', columns: lineColumns, fill: fillLines },
]

const folder = mkdtempSync(path.join(os.tmpdir(), 'logdrive-bench-'))
const spool = mkdtempSync('/dev/shm/bench-sink-')
const dice = seededDice(7)
for (const name of ['SIGTERM', 'SIGINT'] as const) {
  process.once(name, () => {
    cleanUp()
    process.exit(1)
  })
}
try {
  await using engine = await startEmbedded(
    { dataFolder: path.join(folder, 'clickhouse'), port: 0, logger: runtime.logger, clock: runtime.clock },
    never,
  )
  console.log(`${rows} rows, ${rounds} rounds, node ${process.version}, ${os.cpus()[0]?.model}`)
  for (const kind of kinds) {
    if (flags.only === undefined || kind.topic === flags.only) await compare(kind, engine)
  }
} finally {
  cleanUp()
}

function cleanUp(): void {
  for (const each of [folder, spool]) rmSync(each, { recursive: true, force: true })
}

async function compare(kind: Kind, engine: EmbeddedServer): Promise<void> {
  await using broker = await openBroker(
    { folder: path.join(folder, kind.topic), config: { partitions } },
    runtime,
  )
  await kind.fill(broker)
  await ask(engine, createDatabaseSql('logdrive'))
  await ask(engine, createTableSql(kind.topic, { database: 'logdrive', embedded: true, ttlMs: null }))
  const files = await writeFiles(kind, broker)
  const structure = await structureOf(kind, engine)
  const measured = new Map<Way, Measured[]>(ways.map((way) => [way, []]))
  const contents = new Set<string>()
  // Round 0 warms up and is not counted.
  for (let round = 0; round <= rounds; round += 1) {
    for (const way of round % 2 === 0 ? ways : ways.toReversed()) {
      await ask(engine, `TRUNCATE TABLE logdrive.${kind.topic}`)
      const one = await timed(engine, () => {
        if (way === 'sink') return drain(kind, broker, engine, round)
        return load(kind, engine, structure, way === 'file' ? [files.whole] : files.blocks)
      })
      if (round > 0) measured.get(way)?.push(one)
      // Not all columns: some are made from the time of the insert.
      const compared = kind.columns?.join(', ') ?? eventColumns
      const sql = `SELECT count(), sum(cityHash64(${compared})) FROM logdrive.${kind.topic}`
      const found = await ask(engine, sql)
      contents.add(found)
    }
  }
  if (contents.size !== 1) throw new Error(`the ways left different rows: ${[...contents].join(' | ')}`)
  report(kind, measured, files.bytes)
}

/** The sink as the collector runs it, until every row is there. */
async function drain(kind: Kind, broker: Broker, engine: EmbeddedServer, round: number): Promise<void> {
  const config = clickhouseSink.config.parse({
    server: { url: engine.url },
    batch,
  })
  const name = `bench-${kind.topic}-${round}`
  const stopping = new AbortController()
  const spec = {
    name,
    type: clickhouseSink,
    config,
    topics: [kind.topic],
    folder,
    retryMsMin: 100,
    retryMsMax: 1000,
  }
  await using sinks = runSinks(broker, [spec], runtime, stopping.signal)
  for (;;) {
    const [status] = sinks.status()
    if (status === undefined || status.refused > 0 || status.lastError !== null) {
      throw new Error(`the sink failed: ${JSON.stringify(status)}`)
    }
    if (status.rows >= rows) break
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  stopping.abort()
}

async function load(
  kind: Kind,
  engine: EmbeddedServer,
  structure: string,
  files: readonly string[],
): Promise<void> {
  const names = kind.columns === null ? '' : ` (${kind.columns.join(', ')})`
  const chosen = kind.columns === null ? structureNames(structure) : kind.columns.join(', ')
  for (const file of files) {
    const target = `logdrive.${kind.topic}${names === '' ? ` (${chosen})` : names}`
    const settings =
      "date_time_input_format = 'best_effort', input_format_skip_unknown_fields = 1, input_format_import_nested_json = 0"
    const source = `file('${file}', '${kind.format}', '${structure.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}')`
    await ask(engine, `INSERT INTO ${target} SELECT ${chosen} FROM ${source} SETTINGS ${settings}`)
  }
}

async function timed(engine: EmbeddedServer, work: () => Promise<void>): Promise<Measured> {
  const own = process.cpuUsage()
  const engineBefore = cpuSecondsOf(engine.pid)
  const started = performance.now()
  await work()
  const seconds = (performance.now() - started) / 1000
  const { user, system } = process.cpuUsage(own)
  return { seconds, ownCpu: (user + system) / 1e6, engineCpu: cpuSecondsOf(engine.pid) - engineBefore }
}

/** User and system time of another process, all threads: fields 14 and 15 of /proc/pid/stat, in ticks of 10 ms. */
function cpuSecondsOf(pid: number | null): number {
  if (pid === null || !existsSync(`/proc/${pid}/stat`)) return Number.NaN
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}

/** The very bytes the sink would send, whole and in pieces of its batches. */
async function writeFiles(kind: Kind, broker: Broker) {
  const whole = path.join(spool, `${kind.topic}.all`)
  const stream = createWriteStream(whole)
  const blocks: string[] = []
  let [bytes, count] = [0, 0]
  for (let partition = 0; partition < partitions; partition += 1) {
    const limits = { rowsMax: 100_000, bytesMax: 32 * 2 ** 20, ageMs: 50 }
    const place = { group: 'files', topic: kind.topic, partition, start: 'beginning' } as const
    await using feed = await broker.feed({ ...place, ...limits })
    const end = broker.describeTopic(kind.topic).partitions[partition]?.highWatermark ?? 0
    for (let offset = 0; offset < end; ) {
      const batch = await feed.next(never)
      const { bodies } = await readRows(batch, 'trusting', never)
      for (const body of bodies) {
        if (body.format !== kind.format) throw new Error(`rows came as ${body.format}`)
        const block = path.join(spool, `${kind.topic}.${blocks.length}`)
        const file = createWriteStream(block)
        file.end(body.bytes)
        await once(file, 'close')
        blocks.push(block)
        if (!stream.write(Buffer.from(body.bytes))) await once(stream, 'drain')
        bytes += body.bytes.byteLength
        count += body.ends.length
      }
      await feed.commit(batch, never)
      offset = batch.lastOffset + 1
    }
  }
  stream.end()
  await once(stream, 'close')
  if (count !== rows) throw new Error(`${count} rows in the files, not ${rows}`)
  return { whole, blocks, bytes }
}

/** The table's columns as the engine's own insert declares them, defaults included. */
async function structureOf(kind: Kind, engine: EmbeddedServer): Promise<string> {
  const text = await ask(engine, `DESCRIBE TABLE logdrive.${kind.topic} FORMAT JSONCompactEachRow`)
  const declared = text
    .split('\n')
    .map((line) => JSON.parse(line) as [string, string, string, string])
    .filter(([, , how]) => how === '' || how === 'DEFAULT')
    .map(([name, type, , expression]) => ({
      name,
      text: `${name} ${type}${expression === '' ? '' : ` DEFAULT ${expression}`}`,
    }))
  // TabSeparated has no names: the order of the fields counts.
  const chosen = kind.columns?.map((wanted) => declared.find(({ name }) => name === wanted)) ?? declared
  return chosen.map((column) => column?.text).join(', \n')
}

function structureNames(structure: string): string {
  return structure
    .split(', \n')
    .map((column) => column.split(' ')[0])
    .join(', ')
}

async function ask(engine: EmbeddedServer, sql: string): Promise<string> {
  const response = await fetch(`${engine.url}/`, { method: 'POST', body: sql })
  const text = await response.text()
  if (response.status !== 200) throw new Error(`${sql.slice(0, 200)}: ${text.slice(0, 500)}`)
  return text.trim()
}

/** Custom events of about 500 bytes, rows of the events table as the collector writes them. */
async function fillEvents(broker: Broker): Promise<void> {
  const topic = 'events'
  for (let first = 0; first < rows; first += 5_000) {
    const records = Array.from({ length: Math.min(5_000, rows - first) }, (_, index) => {
      const n = first + index
      return {
        key: Buffer.from(`visitor-${n % 9973}`),
        value: Buffer.from(JSON.stringify(eventOf(n))),
        timestamp: 1_763_690_000_000 + n,
        headers: [],
        source: null,
      }
    })
    await broker.publish(topic, records, never)
  }
}

function eventOf(n: number) {
  const id = (part: number) =>
    `0192aef0-${String(part % 10_000).padStart(4, '0')}-7000-8000-${String(n).padStart(12, '0')}`
  const product = Math.floor(dice.next() * 5000)
  return {
    event_id: id(1),
    ts: new Date(1_763_690_000_000 + n * 3).toISOString(),
    client_ts: new Date(1_763_690_000_000 + n * 3).toISOString(),
    received_at: new Date(1_763_690_000_120 + n * 3).toISOString(),
    skew_ms: 12,
    site_id: 'shop',
    anonymous_id: id(n % 9973),
    session_id: id(2),
    page_view_id: id(3),
    seq: n % 40,
    url: `https://shop.example/product/${product}?ref=${n % 13}`,
    hostname: 'shop.example',
    path: `/product/${product}`,
    title: `Product number ${product}`,
    browser: 'Firefox',
    os: 'Linux',
    locale: 'en-GB',
    event: 'add_to_cart',
    category: 'cart',
    value: product / 100,
  }
}

/** nginx lines of eight sources, in batches of 1000 as an agent packs them. */
async function fillLines(broker: Broker): Promise<void> {
  const linesOfBatch = 1000
  const sent = Array.from({ length: 8 }, () => 0)
  for (let first = 0, turn = 0; first < rows; first += linesOfBatch, turn += 1) {
    const count = Math.min(linesOfBatch, rows - first)
    const source = turn % sent.length
    const from = sent[source] ?? 0
    const lines = Array.from({ length: count }, (_, i) =>
      generateLine(dice, 1_763_690_000_000 + (first + i) * 10),
    )
    const bytes = Buffer.from(lines.join('\n'))
    const range = { source: `bench-${source}`, epoch: 0, from, to: from + bytes.length, gap: false }
    sent[source] = range.to
    const ends: number[] = []
    for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, end + 1)) ends.push(end)
    ends.push(bytes.length)
    const facts = {
      'ld-source': range.source,
      'ld-epoch': '0',
      'ld-from': String(from),
      'ld-to': String(range.to),
      'ld-host': 'web-1',
      'ld-path': `/var/log/nginx/${source}.log`,
    }
    const firstHeaders = Object.entries(facts).map(([key, value]) => ({ key, value: Buffer.from(value) }))
    const batch = encodeLines({
      bytes,
      ends,
      count,
      timestampMs: 1_763_690_000_000 + first * 10,
      codec: 'zstd',
      firstHeaders,
    })
    await broker.append({ topic: 'web_logs', bytes: batch, range }, never)
  }
}

function report(kind: Kind, measured: ReadonlyMap<Way, readonly Measured[]>, bytes: number): void {
  const rate = (way: Way) => median((measured.get(way) ?? []).map(({ seconds }) => rows / seconds))
  const cpu = (way: Way, which: 'ownCpu' | 'engineCpu') =>
    median((measured.get(way) ?? []).map((one) => one[which]))
  console.log(`\n${kind.name}: ${(bytes / rows).toFixed(0)} bytes a row as inserted`)
  console.log('way      rows/s (min-max)             own CPU s  engine CPU s  of file')
  for (const way of ways) {
    const rates = (measured.get(way) ?? []).map(({ seconds }) => rows / seconds)
    const range = `${rate(way).toFixed(0)} (${Math.min(...rates).toFixed(0)}-${Math.max(...rates).toFixed(0)})`
    const [own, theirs] = [cpu(way, 'ownCpu'), cpu(way, 'engineCpu')]
    const ratio = rate(way) / rate('file')
    console.log(
      `${way.padEnd(8)} ${range.padEnd(28)} ${own.toFixed(2).padStart(9)} ${theirs.toFixed(2).padStart(13)} ${ratio.toFixed(2).padStart(8)}`,
    )
  }
  const cpuSeconds = cpu('sink', 'ownCpu') + cpu('sink', 'engineCpu')
  const limit = rate('file')
  const common = { subject: 'sink', unit: 'rows/s', cpuSeconds, goal }
  const of = (way: Way) => ({ limit: rate(way), ratio: rate('sink') / rate(way) })
  printResult({
    ...common,
    case: kind.name,
    figure: rate('sink'),
    ...of('file'),
    limitIs: 'the engine reading one file',
  })
  const { goal: _, ...rest } = common
  printResult({
    ...rest,
    case: `${kind.name}, batch by batch`,
    figure: rate('sink'),
    ...of('blocks'),
    limitIs: 'the engine reading a file a batch',
  })
  if (!(limit > 0)) throw new Error('nothing was measured')
}
