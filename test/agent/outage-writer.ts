// The writer of the outage test, a process of its own: numbered lines of one length at a steady rate, rotated by rename, the oldest deleted.
import fs from 'node:fs'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { logNames, rotateLog } from './log-files.ts'
import type { FromOutageWriter } from './outage.ts'

/** Of a line with its end. */
export const lineBytes = 1000
/** Rotated files that are kept of each log; the one behind them is deleted. */
const rotatedMax = 5
const turnMs = 50

if (import.meta.main) {
  const [folder = '.', files = '4', megabytesPerSecond = '5', rotateSeconds = '2'] = process.argv.slice(2)
  let isOver = false
  process.on('message', () => {
    isOver = true
  })
  const linesPerSecond = (Number(megabytesPerSecond) * 1e6) / Number(files) / lineBytes
  const names = logNames(Number(files))
  const write = (name: string, index: number) => {
    // Not all at the same moment.
    const rotateMs = Number(rotateSeconds) * 1000 * (1 + index / names.length / 10)
    return writeLog(path.join(folder, `${name}.log`), { name, linesPerSecond, rotateMs }, () => isOver)
  }
  const logs = await Promise.all(names.map(write))
  const sum = (of: (log: Written) => number) => logs.reduce((total, log) => total + of(log), 0)
  const report: FromOutageWriter = {
    counts: Object.fromEntries(names.map((name, index) => [name, logs[index]?.lines ?? 0])),
    rotations: sum(({ rotations }) => rotations),
    deletedBytes: sum(({ deletedBytes }) => deletedBytes),
  }
  process.send?.(report, () => process.disconnect?.())
}

interface Log {
  readonly name: string
  readonly linesPerSecond: number
  readonly rotateMs: number
}

interface Written {
  readonly lines: number
  readonly rotations: number
  readonly deletedBytes: number
}

async function writeLog(log: string, { name, linesPerSecond, rotateMs }: Log, isOver: () => boolean) {
  const filler = fillerText()
  const written = { lines: 0, rotations: 0, deletedBytes: 0 }
  const began = performance.now()
  while (!isOver()) {
    const due = Math.floor(((performance.now() - began) / 1000) * linesPerSecond)
    const lines: string[] = []
    for (; written.lines < due; written.lines += 1) {
      const start = `${name} ${written.lines} `
      const from = (written.lines * 7919) % lineBytes
      lines.push(`${start}${filler.slice(from, from + lineBytes - 1 - start.length)}\n`)
    }
    fs.appendFileSync(log, lines.join(''))
    if (performance.now() - began > rotateMs * (written.rotations + 1)) {
      written.deletedBytes += rotate(log)
      written.rotations += 1
    }
    await delay(turnMs)
  }
  return written
}

/** Gives how many bytes were deleted. */
function rotate(log: string): number {
  const last = `${log}.${rotatedMax}`
  const deletedBytes = fs.statSync(last, { throwIfNoEntry: false })?.size ?? 0
  fs.rmSync(last, { force: true })
  rotateLog(log)
  return deletedBytes
}

/** Text that compresses as logs do, not to nothing. */
function fillerText(): string {
  const words = Array.from({ length: 2 * lineBytes }, (_, n) =>
    ((n * 2_654_435_761) % 1_000_003).toString(36),
  )
  return words.join(' ').slice(0, 2 * lineBytes)
}
