// The checkpoint file, byte by byte: a header line, then one line a file, each with its own checksum. Pure.
//
//   logdrive-checkpoints 1 <count>\n
//   <CRC-32C of the rest, 8 hex digits> <JSON>\n        `count` times
//
// Each line stands alone, so that a torn write, a flipped bit or a hole costs only the lines it touches.
// docs/agent.md describes the fields.
import { crc32c } from '../protocol/crc32c.ts'
import type { Locator } from './identity.ts'
import type { TailMark } from './tail-options.ts'

/** What is kept of one file between two runs. */
export interface Checkpoint extends TailMark {
  readonly source: string
  readonly locator: Locator
  /** The path it was last seen under. */
  readonly path: string
  readonly input: string
  /** What the collector has, when it is less than `position`: the lines between were set aside. */
  readonly kept: number
  /** The file's modification time as it was seen last; null in files of older agents. */
  readonly mtimeMs: number | null
  /** Wall-clock ms of the last change. */
  readonly updatedAt: number
}

/** What could be read of a checkpoint file. `damaged`: lines that are missing or fail their checksum. */
export interface CheckpointsRead {
  readonly checkpoints: readonly Checkpoint[]
  readonly damaged: number
  /** The header was there and of a version we know. */
  readonly whole: boolean
}

const name = 'logdrive-checkpoints'
const version = 1
const decoder = new TextDecoder()

/** One line of the file. */
export function encodeCheckpoint(checkpoint: Checkpoint): Uint8Array {
  const { locator, ...rest } = checkpoint
  const json = JSON.stringify({
    ...rest,
    dev: String(locator.dev),
    ino: String(locator.ino),
    birthtimeNs: String(locator.birthtimeNs),
  })
  const body = Buffer.from(json)
  return Buffer.concat([Buffer.from(`${hex(crc32c(body))} `), body, Buffer.from('\n')])
}

/** The first line of a file with `count` checkpoints. */
export function encodeHeader(count: number): Uint8Array {
  return Buffer.from(`${name} ${version} ${count}\n`)
}

/** Reads whatever is good in the bytes of a checkpoint file; never throws. */
export function decodeCheckpoints(bytes: Uint8Array): CheckpointsRead {
  const lines = splitText(bytes)
  const header = decoder.decode(lines[0] ?? new Uint8Array(0)).split(' ')
  const whole = header.length === 3 && header[0] === name && header[1] === String(version)
  const count = Number(header[2])
  if (!whole || !Number.isSafeInteger(count)) return { checkpoints: [], damaged: lines.length, whole: false }
  const checkpoints: Checkpoint[] = []
  let damaged = 0
  for (const line of lines.slice(1)) {
    const checkpoint = decodeLine(line)
    if (checkpoint === null) damaged += 1
    else checkpoints.push(checkpoint)
  }
  const missing = Math.max(0, count - checkpoints.length - damaged)
  return { checkpoints, damaged: damaged + missing, whole: true }
}

function decodeLine(line: Uint8Array): Checkpoint | null {
  if (line.length < 10) return null
  const body = line.subarray(9)
  if (decoder.decode(line.subarray(0, 9)) !== `${hex(crc32c(body))} `) return null
  try {
    return asCheckpoint(JSON.parse(decoder.decode(body)))
  } catch {
    return null
  }
}

/** The checksum says that we wrote it, so only its shape is checked. */
function asCheckpoint(value: Record<string, unknown>): Checkpoint | null {
  const { dev, ino, birthtimeNs, source, path, input, epoch, position, kept, updatedAt, head, guard } = value
  const mtimeMs = typeof value.mtimeMs === 'number' ? value.mtimeMs : null
  const locator = {
    dev: BigInt(String(dev)),
    ino: BigInt(String(ino)),
    birthtimeNs: BigInt(String(birthtimeNs)),
  }
  if (typeof source !== 'string' || typeof path !== 'string' || typeof input !== 'string') return null
  if (!isCount(epoch) || !isCount(position) || !isCount(kept) || !isCount(updatedAt)) return null
  if (!isPrint(head) || !isPrint(guard)) return null
  return { source, locator, path, input, epoch, position, kept, mtimeMs, updatedAt, head, guard }
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function isPrint(value: unknown): value is { length: number; hash: string } {
  if (typeof value !== 'object' || value === null) return false
  return 'length' in value && isCount(value.length) && 'hash' in value && typeof value.hash === 'string'
}

function splitText(bytes: Uint8Array): Uint8Array[] {
  const lines: Uint8Array[] = []
  let start = 0
  while (start < bytes.length) {
    const newline = bytes.indexOf(10, start)
    const end = newline === -1 ? bytes.length : newline
    lines.push(bytes.subarray(start, end))
    start = end + 1
  }
  return lines
}

function hex(crc: number): string {
  return crc.toString(16).padStart(8, '0')
}
