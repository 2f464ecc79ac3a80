// Input for tests and benches: big files made fast, the same for the same seed.
import { closeSync, openSync, writeFileSync } from 'node:fs'
import { type Dice, generateLine } from '../cli/demo-log.ts'

const CHUNK_BYTES = 1024 * 1024
/** The generator's longest line is about 3,300 bytes. */
const LINE_BYTES_MAX = 8 * 1024
/** 21 Nov 2026, 00:00 UTC: a fixed day, so that the bytes do not depend on when they are made. */
const START_MS = Date.UTC(2026, 10, 21)

/** Repeatable chance (mulberry32): uniform in [0, 1). */
export function seededDice(seed: number): Dice {
  let state = seed >>> 0
  return {
    next() {
      state = (state + 0x6d2b79f5) >>> 0
      let mixed = Math.imul(state ^ (state >>> 15), state | 1)
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
    },
  }
}

export interface MadeLog {
  readonly lines: number
  readonly bytes: number
}

/** Writes an nginx "combined" log of so many lines, one every 10 ms of its own time; replaces the file. */
export function makeNginxLog(path: string, lines: number, seed: number): MadeLog {
  return makeLog(path, lines, seed, (line) => line)
}

/** The same requests as an application logs them: one JSON object a line. */
export function makeJsonLog(path: string, lines: number, seed: number): MadeLog {
  return makeLog(path, lines, seed, (line, atMs) => {
    const [, client = '', method = '', url = '', status = '', bytes = '', agent = ''] =
      line.match(/^(\S+) .*?"(\S*) (\S*).*?" (\d+) (\d+) .*"(.*)"$/) ?? []
    return JSON.stringify({
      time: new Date(atMs).toISOString(),
      level: Number(status) < 500 ? 'info' : 'error',
      msg: 'request done',
      service_name: 'shop',
      client,
      method,
      url,
      status: Number(status),
      bytes: Number(bytes),
      duration_ms: Number(bytes) / 64,
      agent,
    })
  })
}

function makeLog(
  path: string,
  lines: number,
  seed: number,
  write: (line: string, atMs: number) => string,
): MadeLog {
  const dice = seededDice(seed)
  const file = openSync(path, 'w')
  // Line by line into bytes: one character beyond Latin-1 would double a whole chunk of text.
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES)
  let filled = 0
  let bytes = 0
  try {
    for (let i = 0; i < lines; i++) {
      filled += chunk.write(`${write(generateLine(dice, START_MS + i * 10), START_MS + i * 10)}\n`, filled)
      if (filled < CHUNK_BYTES - LINE_BYTES_MAX && i < lines - 1) continue
      // On a descriptor writeFileSync appends, and goes on after a short write.
      writeFileSync(file, chunk.subarray(0, filled))
      bytes += filled
      filled = 0
    }
  } finally {
    closeSync(file)
  }
  return { lines, bytes }
}

if (import.meta.main) {
  const [path = '/tmp/nginx.log', lines = '1000000', seed = '1'] = process.argv.slice(2)
  const started = performance.now()
  const made = makeNginxLog(path, Number(lines), Number(seed))
  console.log(
    `${path}: ${made.lines} lines, ${made.bytes} bytes, ${Math.round(performance.now() - started)} ms`,
  )
}
