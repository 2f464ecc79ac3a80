// Bench of the record format: lines to batches and back, against memcpy and zstd alone in the same run.
//
// Run: node bench/records.ts [--rounds N]. All figures are MB/s of raw log lines, one thread, median of the rounds
// (all cases take turns within a round). Compare ratios, not figures: the machine is shared.

import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { decodeBatch } from '../protocol/batch-decode.ts'
import { BatchBuilder, encodeLines } from '../protocol/batch-encode.ts'
import { defaultLimits, stampBatch, verifyBatch } from '../protocol/batch-header.ts'
import { type Codec, compress, decompress } from '../protocol/compression.ts'
import { crc32c } from '../protocol/crc32c.ts'
import { parseScript } from '../test/script.ts'
import { median, printResult } from './result.ts'

interface Block {
  readonly bytes: Buffer
  readonly ends: Int32Array
  readonly count: number
}

interface Case {
  readonly name: string
  /** The case whose speed this one is held against. */
  readonly limit: string
  readonly run: (block: Block, index: number) => number
}

const MEBIBYTE = 1024 * 1024
const TOTAL_BYTES = 32 * MEBIBYTE

/** Access-log lines of about 200 bytes from a seeded generator, so that every run packs the same text. */
function logBlocks(blockBytes: number): readonly Block[] {
  let state = 42
  const next = (below: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state % below
  }
  const paths = ['/', '/cart', '/api/v1/items/', '/search?q=', '/static/app.js', '/product/', '/checkout']
  const agents = [
    'Mozilla/5.0 (X11; Linux x64) Firefox/146.0',
    'Mozilla/5.0 (Windows NT 10.0; Win64) Chrome/151.0',
  ]
  const blocks: Block[] = []
  for (let total = 0; total < TOTAL_BYTES; total += blockBytes) {
    const lines: string[] = []
    const ends: number[] = []
    for (let at = 0; ; ) {
      const line = `${next(256)}.${next(256)}.${next(256)}.${next(256)} - - [21/Nov/2026:02:${10 + next(50)}:${10 + next(50)} +0000] "GET ${paths[next(7)]}${next(100000)} HTTP/1.1" ${[200, 200, 200, 304, 404][next(5)]} ${next(90000)} "https://shop.example/${paths[next(7)]}" "${agents[next(2)]}" rt=0.${next(1000)}`
      if (at + line.length + 1 > blockBytes) break
      lines.push(line)
      ends.push(at + line.length)
      at += line.length + 1
    }
    const bytes = Buffer.from(`${lines.join('\n')}\n`)
    blocks.push({ bytes, ends: Int32Array.from(ends), count: lines.length })
  }
  return blocks
}

const firstHeaders = ['ld-source', 'ld-epoch', 'ld-from', 'ld-to', 'ld-host', 'ld-path'].map((key) => ({
  key,
  value: Buffer.from(`${key} value`),
}))

function encode(block: Block, codec: Codec): Uint8Array {
  return encodeLines({ ...block, timestampMs: 1763690000000, codec, firstHeaders })
}

function cases(blocks: readonly Block[], blockBytes: number): readonly Case[] {
  const target = Buffer.alloc(blockBytes)
  const plain = blocks.map((block) => encode(block, 'none'))
  const packed = blocks.map((block) => encode(block, 'zstd'))
  const sections = packed.map((batch) => batch.subarray(61))
  const builder = new BatchBuilder()
  return [
    { name: 'memcpy', limit: 'memcpy', run: ({ bytes }) => copy(bytes, target) },
    { name: 'crc32c', limit: 'memcpy', run: ({ bytes }) => crc32c(bytes) },
    { name: 'encodeLines none', limit: 'memcpy', run: (block) => encode(block, 'none').length },
    { name: 'BatchBuilder none', limit: 'memcpy', run: (block) => build(builder, block) },
    { name: 'zlib zstd-1 alone, default options', limit: 'memcpy', run: ({ bytes }) => zstdDefault(bytes) },
    { name: 'compress zstd alone', limit: 'memcpy', run: ({ bytes }) => compress('zstd', bytes).length },
    { name: 'encodeLines zstd', limit: 'compress zstd alone', run: (block) => encode(block, 'zstd').length },
    { name: 'verify + stamp none', limit: 'crc32c', run: (_, at) => stamp(plain[at] as Uint8Array, at) },
    { name: 'decodeBatch none', limit: 'memcpy', run: (_, at) => decode(plain[at] as Uint8Array) },
    {
      name: 'zlib unzstd alone, default options',
      limit: 'memcpy',
      run: (_, at) => unzstd(sections[at] as Uint8Array),
    },
    {
      name: 'decompress zstd alone',
      limit: 'memcpy',
      run: (_, at) => decompress('zstd', sections[at] as Uint8Array, defaultLimits.unpackedBytesMax).length,
    },
    {
      name: 'decodeBatch zstd',
      limit: 'decompress zstd alone',
      run: (_, at) => decode(packed[at] as Uint8Array),
    },
  ]
}

function copy(bytes: Uint8Array, target: Uint8Array): number {
  target.set(bytes)
  return bytes.length
}

function zstdDefault(bytes: Uint8Array): number {
  return zstdCompressSync(bytes, { params: { 100: 1 } }).length
}

function unzstd(bytes: Uint8Array): number {
  return zstdDecompressSync(bytes).length
}

function stamp(batch: Uint8Array, offset: number): number {
  stampBatch(batch, 0, offset, 1)
  return verifyBatch(batch, 0, defaultLimits).count
}

function decode(batch: Uint8Array): number {
  return decodeBatch(batch, 0, defaultLimits).count
}

function build(builder: BatchBuilder, block: Block): number {
  let from = 0
  for (let index = 0; index < block.count; index++) {
    const end = block.ends[index] as number
    builder.append(block.bytes, from, end, 1763690000000)
    from = end + 1
  }
  return builder.finish({ codec: 'none' }).length
}

function bench(blockBytes: number, rounds: number): void {
  const blocks = logBlocks(blockBytes)
  const bytes = blocks.reduce((sum, block) => sum + block.bytes.length, 0)
  const lines = blocks.reduce((sum, block) => sum + block.count, 0)
  const all = cases(blocks, blockBytes)
  const speeds = new Map<string, number[]>(all.map(({ name }) => [name, []]))
  let kept = 0
  for (let round = -1; round < rounds; round++) {
    for (const { name, run } of all) {
      const began = process.hrtime.bigint()
      for (const [index, block] of blocks.entries()) kept += run(block, index)
      const seconds = Number(process.hrtime.bigint() - began) / 1e9
      if (round >= 0) speeds.get(name)?.push(bytes / 1e6 / seconds)
    }
  }
  const packedBytes = blocks.reduce((sum, block) => sum + encode(block, 'zstd').length, 0)
  const plainBytes = blocks.reduce((sum, block) => sum + encode(block, 'none').length, 0)
  console.log(
    `\nblocks of ${blockBytes / 1024} KiB, lines of ${(bytes / lines).toFixed(0)} bytes, ${rounds} rounds`,
  )
  console.log(
    `batch / lines: none ${(plainBytes / bytes).toFixed(3)}, zstd ${(packedBytes / bytes).toFixed(3)}`,
  )
  for (const { name, limit } of all) {
    const own = speeds.get(name) as number[]
    const speed = median(own)
    const limitSpeed = median(speeds.get(limit) as number[])
    const ratio = speed / limitSpeed
    const of = { case: `${name}, ${blockBytes / 1024} KiB`, figure: speed, unit: 'MB/s' }
    if (name !== limit) printResult({ subject: 'records', ...of, limit: limitSpeed, limitIs: limit, ratio })
    const spread = `${Math.min(...own).toFixed(0)}-${Math.max(...own).toFixed(0)}`
    const linesPerSecond = ((speed * 1e6) / (bytes / lines) / 1e6).toFixed(1)
    console.log(
      `${name.padEnd(36)}${speed.toFixed(0).padStart(7)} MB/s ${linesPerSecond.padStart(6)} M lines/s  ${ratio.toFixed(2)} x ${limit} (${spread})`,
    )
  }
  if (kept < 0) console.log(kept)
}

const { values } = parseScript(import.meta.filename, {
  options: { rounds: { type: 'string', default: '7' } },
})
const rounds = Number(values.rounds)
console.log(`node ${process.version}, ${process.platform} ${process.arch}`)
for (const blockBytes of [256 * 1024, MEBIBYTE]) bench(blockBytes, rounds)
