// The writer of the chaos test, a process of its own: numbered lines and records into files, rotated in three ways.
import fs from 'node:fs'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import type { FromWriter, ToWriter } from './chaos.ts'
import { lineOf, recordOf } from './chaos-lines.ts'
import { logNames, rotateLog, shiftRotated } from './log-files.ts'

/** Lines of one turn and file, and turns between two rotations. */
const linesMax = 8
const turnMs = 40
const turnsMin = 25

type TextOf = (name: string, number: number) => string
type Rotate = (name: string, log: string) => Promise<void>

const [folder = '.', lineFiles = '20', recordFiles = '4'] = process.argv.slice(2)
const rename: Rotate = async (_name, log) => rotateLog(log)
const ways: readonly Rotate[] = [rename, copyTruncate, pack]
const written = new Map<string, number>()
/** Written up to here is stored: that may be cut off or packed. */
let stored: Readonly<Record<string, number>> = {}
let isOver = false
process.on('message', (message: ToWriter) => {
  stored = message.stored
  isOver ||= message.isOver
})

const rotations = await Promise.all([
  ...logNames(Number(lineFiles)).map((name, index) =>
    write(name, index, lineOf, ways[index % ways.length] ?? rename),
  ),
  ...logNames(Number(recordFiles), 'r').map((name, index) => write(name, index, recordOf, rename)),
])
const report: FromWriter = {
  counts: Object.fromEntries(written),
  rotations: rotations.reduce((a, b) => a + b, 0),
}
process.send?.(report, () => process.disconnect?.())

/** Writes one file until it is over; gives how often it was rotated. */
async function write(name: string, index: number, textOf: TextOf, rotate: Rotate): Promise<number> {
  const log = path.join(folder, `${name}.log`)
  let rotated = 0
  for (let turn = index; !isOver; turn += 1) {
    let text = ''
    for (let line = 0; line < 1 + (turn % linesMax); line += 1) text += `${textOf(name, next(name))}\n`
    // Now and then a line comes in two pieces.
    const cut = turn % 5 === 0 ? text.length >> 1 : text.length
    fs.appendFileSync(log, text.slice(0, cut))
    await delay(turnMs)
    fs.appendFileSync(log, text.slice(cut))
    if (turn % turnsMin !== turnsMin - 1) continue
    await rotate(name, log)
    rotated += 1
  }
  return rotated
}

function next(name: string): number {
  const number = written.get(name) ?? 0
  written.set(name, number + 1)
  return number
}

/** What a truncation destroys before anybody read it cannot be kept by anyone: the writer waits. */
async function copyTruncate(name: string, log: string): Promise<void> {
  if (!(await isStored(name))) return
  fs.copyFileSync(log, `${log}.copy`)
  fs.truncateSync(log)
}

/** Renames, and packs once all of it is stored. */
async function pack(name: string, log: string): Promise<void> {
  shiftRotated(log, '.gz')
  fs.renameSync(log, `${log}.1`)
  if (!(await isStored(name))) return
  fs.writeFileSync(`${log}.1.gz`, gzipSync(fs.readFileSync(`${log}.1`)))
  fs.rmSync(`${log}.1`)
}

/** Waits until all of it is stored; false when it is over before that. */
async function isStored(name: string): Promise<boolean> {
  while (!isOver && (stored[name] ?? 0) < (written.get(name) ?? 0)) await delay(turnMs)
  return !isOver
}
