// Bench: single 500-byte events published one by one, gathered into shared batches, every one acknowledged after fdatasync.
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { openBroker } from '../collector/broker/broker.ts'
import type { NewRecord } from '../core/records.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { printResult } from './result.ts'

const signal = new AbortController().signal
const encoder = new TextEncoder()

interface Round {
  readonly name: string
  readonly inFlight: number
  readonly partitions: number
  readonly withSource: boolean
}

const rounds: readonly Round[] = [
  { name: '256 in flight, 1 partition', inFlight: 256, partitions: 1, withSource: false },
  { name: '256 in flight, 1 partition, sources', inFlight: 256, partitions: 1, withSource: true },
  { name: '256 in flight, 4 partitions, sources', inFlight: 256, partitions: 4, withSource: true },
  { name: '1 in flight', inFlight: 1, partitions: 1, withSource: false },
]

const folder = fs.mkdtempSync(path.join(process.env.BENCH_FOLDER ?? os.tmpdir(), 'logdrive-publish-'))
const table: Record<string, string | number>[] = []
try {
  table.push(await limit(Number(process.env.BENCH_SECONDS ?? 3) * 1000))
  for (const round of rounds) table.push(await run(round, Number(process.env.BENCH_SECONDS ?? 3) * 1000))
} finally {
  fs.rmSync(folder, { recursive: true, force: true })
}
console.table(table)
const [disk, ...published] = table
const diskRate = Number(disk?.['records/s'])
for (const row of published) {
  const figure = Number(row['records/s'])
  const common = {
    subject: 'publish',
    case: `${row.round}, acknowledged after fdatasync`,
    figure,
    unit: 'records/s',
  }
  // One in flight waits for one sync a record: 256 a sync is no limit for that.
  const isOne = row.round === '1 in flight'
  const limit = { limit: diskRate, limitIs: '256 raw events a write and fdatasync', ratio: figure / diskRate }
  printResult(isOne ? common : { ...common, ...limit })
}

async function run(round: Round, forMs: number) {
  const config = { partitions: round.partitions }
  const home = path.join(folder, round.name.replaceAll(/\W+/g, '-'))
  await using broker = await openBroker({ folder: home, config }, nodeRuntime({ level: 'error' }))
  await broker.createTopic('events', {})
  const values = Array.from({ length: 256 }, (_, i) => eventOf(i))
  const latencies: number[] = []
  const started = performance.now()
  const cpu = process.cpuUsage()
  let count = 0
  const publisher = async (id: number) => {
    const source = `tab-${id}-0192aef0-1234-7abc-8def-0123456789ab`
    const key = encoder.encode(`visitor-${id}`)
    for (let n = 1; performance.now() - started < forMs; n += 1) {
      const before = performance.now()
      const record: NewRecord = {
        key,
        value: values[n & 255] as Uint8Array,
        timestamp: 1_763_690_000_000 + n,
        headers: [],
        source: round.withSource ? { source, epoch: 0, position: n } : null,
      }
      await broker.publish('events', [record], signal)
      count += 1
      if ((n & 63) === 0) latencies.push(performance.now() - before)
    }
  }
  await Promise.all(Array.from({ length: round.inFlight }, (_, id) => publisher(id)))
  const tookS = (performance.now() - started) / 1000
  const { user, system } = process.cpuUsage(cpu)
  latencies.sort((a, b) => a - b)
  const at = (share: number) => (latencies[Math.floor(latencies.length * share)] ?? 0).toFixed(2)
  return {
    round: round.name,
    'records/s': Math.round(count / tookS),
    'CPU us/record': Number(((user + system) / count).toFixed(2)),
    'p50 ms': at(0.5),
    'p99 ms': at(0.99),
  }
}

/** What the disk allows: 256 events as they are, one write, one fdatasync, again and again. */
async function limit(forMs: number) {
  const { storage } = nodeRuntime({ level: 'error' })
  await using file = await storage.open(path.join(folder, 'limit'), 'write')
  const events = [Buffer.concat(Array.from({ length: 256 }, (_, i) => eventOf(i)))]
  const started = performance.now()
  const cpu = process.cpuUsage()
  const latencies: number[] = []
  let position = 0
  while (performance.now() - started < forMs) {
    const before = performance.now()
    await file.write(position, events)
    await file.sync()
    position += events[0]?.length ?? 0
    latencies.push(performance.now() - before)
  }
  const count = position / 500
  const { user, system } = process.cpuUsage(cpu)
  latencies.sort((a, b) => a - b)
  return {
    round: 'limit: 256 raw events, write, fdatasync',
    'records/s': Math.round(count / ((performance.now() - started) / 1000)),
    'CPU us/record': Number(((user + system) / count).toFixed(2)),
    'p50 ms': (latencies[Math.floor(latencies.length * 0.5)] ?? 0).toFixed(2),
    'p99 ms': (latencies[Math.floor(latencies.length * 0.99)] ?? 0).toFixed(2),
  }
}

/** A page view of about 500 bytes, no two alike. */
function eventOf(i: number): Uint8Array {
  const event = {
    event_id: `0192aef0-0000-7000-8000-${String(i * 7919).padStart(12, '0')}`,
    ts: 1_763_690_000_000 + i,
    site_id: 'shop',
    anonymous_id: `visitor-${i % 97}`,
    session_id: `0192aef0-1111-7000-8000-${String(i).padStart(12, '0')}`,
    url: `https://shop.example/product/${i * 31}?ref=${i % 13}`,
    title: `Product number ${i * 31}`,
    referrer: 'https://search.example/?q=shoes',
    browser: 'Firefox',
    os: 'Linux',
    screen: [1920, 1080],
    locale: 'en-GB',
    props: { navigation_type: 'navigate', value: i },
  }
  return encoder.encode(JSON.stringify(event).padEnd(500, ' ').slice(0, 500))
}
