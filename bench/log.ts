// Bench: the log's append and sync against writev and fdatasync of the same bytes, in turns in one process.
//
// Run: node bench/log.ts [--rounds N]. `raw` is the limit: the same pieces at explicit positions into one file. `log` is
// collector/log over the real storage, rolls included; `broker` is the whole partition, sources and group commit included.
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { openBroker } from '../collector/broker/broker.ts'
import { openLog } from '../collector/log/log.ts'
import type { LogBatch } from '../collector/log/segment.ts'
import { encodeLines } from '../protocol/batch-encode.ts'
import { readHeader, stampBatch } from '../protocol/batch-header.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { parseScript } from '../test/script.ts'
import { printResult } from './result.ts'

const mebibyte = 1024 * 1024
const { values } = parseScript(import.meta.filename, {
  options: { rounds: { type: 'string', default: '5' } },
})
const rounds = Number(values.rounds)
const runtime = nodeRuntime({ level: 'error' })
const encoder = new TextEncoder()
const signal = new AbortController().signal

interface Shape {
  readonly name: string
  readonly batchBytes: number
  /** Batches of one write and one sync. */
  readonly perSync: number
  readonly totalBytes: number
}

const shapes: readonly Shape[] = [
  { name: '16 x 64 KiB a sync', batchBytes: 64 * 1024, perSync: 16, totalBytes: 256 * mebibyte },
  { name: '64 x 32 KiB a sync', batchBytes: 32 * 1024, perSync: 64, totalBytes: 256 * mebibyte },
  { name: '1 x 1 MiB a sync', batchBytes: mebibyte, perSync: 1, totalBytes: 256 * mebibyte },
  { name: '1 x 4 KiB a sync', batchBytes: 4096, perSync: 1, totalBytes: 4 * mebibyte },
]

const folder = fs.mkdtempSync(path.join(process.env.BENCH_FOLDER ?? os.tmpdir(), 'logdrive-log-'))
const table: Record<string, string>[] = []
try {
  for (const shape of shapes) table.push(await compare(shape))
} finally {
  fs.rmSync(folder, { recursive: true, force: true })
}
console.table(table)

async function compare(shape: Shape): Promise<Record<string, string>> {
  const speeds = { raw: [] as number[], log: [] as number[], broker: [] as number[] }
  for (let round = 0; round < rounds; round += 1) {
    speeds.raw.push(await timed(shape, () => raw(shape)))
    speeds.log.push(await timed(shape, () => viaLog(shape)))
    speeds.broker.push(await timed(shape, () => viaBroker(shape)))
  }
  for (const kind of ['log', 'broker'] as const) {
    const [figure, limit] = [median(speeds[kind]), median(speeds.raw)]
    const common = { subject: 'log', unit: 'MB/s', limitIs: 'writev and fdatasync of the same bytes' }
    printResult({ ...common, case: `${kind}, ${shape.name}`, figure, limit, ratio: figure / limit })
  }
  const ratios = (mine: readonly number[]) => mine.map((speed, i) => speed / (speeds.raw[i] as number))
  return {
    shape: shape.name,
    'raw MB/s': median(speeds.raw).toFixed(0),
    'log MB/s': median(speeds.log).toFixed(0),
    'log : raw': spread(ratios(speeds.log)),
    'broker MB/s': median(speeds.broker).toFixed(0),
    'broker : raw': spread(ratios(speeds.broker)),
  }
}

async function timed(shape: Shape, work: () => Promise<number>): Promise<number> {
  const tookMs = await work()
  return shape.totalBytes / 1e6 / (tookMs / 1000)
}

async function raw(shape: Shape): Promise<number> {
  const target = path.join(folder, `raw-${Math.random()}`)
  const pieces = batchesOf(shape, 0, 's')
  const file = await runtime.storage.open(target, 'write')
  const started = performance.now()
  for (let position = 0; position < shape.totalBytes; position += shape.batchBytes * shape.perSync) {
    await file.write(position, pieces)
    await file.sync()
  }
  const tookMs = performance.now() - started
  await file[Symbol.asyncDispose]()
  fs.rmSync(target)
  return tookMs
}

async function viaLog(shape: Shape): Promise<number> {
  const directory = path.join(folder, `log-${Math.random()}`)
  const options = { segmentBytes: 128 * mebibyte, segmentAgeMs: Number.POSITIVE_INFINITY }
  const onFailure = (error: Error) => {
    throw error
  }
  const log = await openLog({ directory, options, clean: false, isSyncedLate: false, onFailure }, runtime)
  const pieces = batchesOf(shape, 0, 's')
  const started = performance.now()
  for (let bytes = 0; bytes < shape.totalBytes; bytes += shape.batchBytes * shape.perSync) {
    await log.append(stamped(pieces, log.endOffset))
    await log.sync()
  }
  const tookMs = performance.now() - started
  await log[Symbol.asyncDispose]()
  fs.rmSync(directory, { recursive: true })
  return tookMs
}

/** As many sources as batches in a sync, each waiting for its answer before it sends the next. */
async function viaBroker(shape: Shape): Promise<number> {
  const home = path.join(folder, `broker-${Math.random()}`)
  const broker = await openBroker({ folder: home, config: { partitions: 1 } }, runtime)
  await broker.createTopic('logs', {})
  const perSource = shape.totalBytes / shape.batchBytes / shape.perSync
  const sources = Array.from({ length: shape.perSync }, (_, id) => `source-${id}`)
  // Encoding is the agent's work, not the broker's: done before the clock runs, ranges patched by hand.
  const ready = sources.map((source) =>
    Array.from({ length: perSource }, (_, i) => batchesOf(shape, i, source, 1)[0]),
  )
  const started = performance.now()
  await Promise.all(
    sources.map(async (source, id) => {
      for (let i = 0; i < perSource; i += 1) {
        const range = { source, epoch: 0, from: i, to: i + 1, gap: false }
        const bytes = ready[id]?.[i] as Uint8Array
        const { outcome } = await broker.append({ topic: 'logs', bytes, range }, signal)
        if (outcome !== 'appended') throw new Error(outcome)
      }
    }),
  )
  const tookMs = performance.now() - started
  await broker[Symbol.asyncDispose]()
  fs.rmSync(home, { recursive: true })
  return tookMs
}

/** Batches of exactly `batchBytes`, uncompressed, with the headers of one source's range. */
function batchesOf(shape: Shape, from: number, source: string, count = shape.perSync): Uint8Array[] {
  const facts = { 'ld-source': source, 'ld-epoch': '0', 'ld-from': String(from), 'ld-to': String(from + 1) }
  const firstHeaders = Object.entries(facts).map(([key, value]) => ({ key, value: encoder.encode(value) }))
  const encode = (bytes: number) =>
    encodeLines({
      bytes: Buffer.alloc(bytes, 'x'),
      ends: [bytes],
      count: 1,
      timestampMs: 1,
      firstHeaders,
      codec: 'none',
    })
  let size = shape.batchBytes - 61 - 100
  for (let batch = encode(size); batch.length !== shape.batchBytes; batch = encode(size)) {
    size += shape.batchBytes - batch.length
  }
  return Array.from({ length: count }, () => encode(size))
}

function stamped(pieces: readonly Uint8Array[], endOffset: number): LogBatch[] {
  let baseOffset = endOffset
  return pieces.map((bytes) => {
    stampBatch(bytes, 0, baseOffset, 0)
    const { count, maxTimestamp } = readHeader(bytes, 0)
    baseOffset += count
    return { bytes, baseOffset: baseOffset - count, lastOffset: baseOffset - 1, timestampMax: maxTimestamp }
  })
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}

function spread(values: readonly number[]): string {
  const sorted = [...values].sort((a, b) => a - b)
  return `${median(values).toFixed(2)} (${sorted[0]?.toFixed(2)}-${sorted.at(-1)?.toFixed(2)})`
}
