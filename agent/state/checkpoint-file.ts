// The checkpoint file, byte by byte: a snapshot of what is known, and behind it what changed since. Pure.
//
//   logdrive-checkpoints 2 <count> <CRC-32C of what is left of it, 8 hex digits>\n
//   <record>                             `count` times: the snapshot
//   \n <record> ...                      any number of times: what one append wrote
//
//   record: <CRC-32C of the JSON, 8 hex digits> <JSON>\n
//
// Each record stands alone, so that a torn write, a flipped bit or a hole costs only the records it touches; a later one
// takes the place of an earlier one of the same file. Version 1 has no CRC in its header and no appends.
// docs/agent-state.md describes the fields.
import { crc32c } from '../../protocol/crc32c.ts'
import { Checkpoint } from './checkpoint.ts'
import type { Loss } from './losses.ts'

/** One record. `gone`: a file is forgotten, by the key of its locator. `losses`: all that was ever lost. */
export type StateRecord =
  | { readonly kind: 'checkpoint'; readonly checkpoint: Checkpoint }
  | { readonly kind: 'gone'; readonly key: string }
  | { readonly kind: 'losses'; readonly totals: ReadonlyMap<string, Loss> }
  | { readonly kind: 'agent'; readonly id: string }

/** What could be read of a checkpoint file. */
export interface StateRead {
  /** In the order they were written. */
  readonly records: readonly StateRecord[]
  /** Lines of finished writes that are missing or fail their checksum, the header among them. */
  readonly damaged: number
  /** Lines of the last append that are missing or fail it: a crash cut that short, and it never counted. */
  readonly torn: number
  /** What the header says; null where it is damaged. No record of a version above ours is read. */
  readonly version: number | null
}

const name = 'logdrive-checkpoints'
/** The version that is written. */
export const stateVersion = 2
const decoder = new TextDecoder()

/** The first line of a file whose snapshot has `count` records. */
export function encodeHeader(count: number): Uint8Array {
  const text = `${name} ${stateVersion} ${count}`
  return Buffer.from(`${text} ${hex(crc32c(Buffer.from(text)))}\n`)
}

/** One line of the file. */
export function encodeRecord(record: StateRecord): Uint8Array {
  const body = Buffer.from(JSON.stringify(jsonOf(record)))
  return Buffer.concat([Buffer.from(`${hex(crc32c(body))} `), body, Buffer.from('\n')])
}

/** Reads whatever is good in the bytes of a checkpoint file; never throws. */
export function decodeState(bytes: Uint8Array): StateRead {
  const lines = splitText(bytes)
  const header = decodeHeader(decoder.decode(lines[0] ?? new Uint8Array(0)))
  if (header !== null && header.version > stateVersion)
    return { records: [], damaged: 0, torn: 0, version: header.version }
  const records: StateRecord[] = []
  let damaged = header === null ? 1 : 0
  let torn = 0
  let snapshotLeft = header?.count ?? 0
  // A header that is damaged may have taken the line end with it: then it is one line with the first record.
  for (const line of lines.slice(1)) {
    if (line.length === 0 && snapshotLeft === 0) {
      // Whatever is wrong before another append began was synced: that is no crash.
      damaged += torn
      torn = 0
      continue
    }
    const record = decodeRecord(line)
    if (record !== null) records.push(record)
    else if (snapshotLeft > 0) damaged += 1
    else torn += 1
    snapshotLeft = Math.max(0, snapshotLeft - 1)
  }
  return { records, damaged: damaged + snapshotLeft, torn, version: header?.version ?? null }
}

function decodeHeader(line: string): { readonly version: number; readonly count: number } | null {
  const match = /^logdrive-checkpoints (\d{1,9}) (\d{1,9})(?: ([0-9a-f]{8}))?$/.exec(line)
  if (match === null) return null
  const [, version = '', count = '', crc] = match
  const isWhole = crc === undefined ? version === '1' : hex(crc32c(Buffer.from(line.slice(0, -9)))) === crc
  return isWhole ? { version: Number(version), count: Number(count) } : null
}

function jsonOf(record: StateRecord): object {
  switch (record.kind) {
    case 'checkpoint': {
      const { locator, ...rest } = record.checkpoint.facts
      const { dev, ino, birthtimeNs } = locator
      return { ...rest, dev: String(dev), ino: String(ino), birthtimeNs: String(birthtimeNs) }
    }
    case 'gone':
      return { gone: record.key }
    case 'losses':
      return { losses: [...record.totals].map(([reason, { times, bytes }]) => [reason, times, bytes]) }
    case 'agent':
      return { agent: record.id }
  }
}

function decodeRecord(line: Uint8Array): StateRecord | null {
  if (line.length < 10) return null
  const body = line.subarray(9)
  if (decoder.decode(line.subarray(0, 9)) !== `${hex(crc32c(body))} `) return null
  try {
    return asRecord(JSON.parse(decoder.decode(body)))
  } catch {
    return null
  }
}

/** The checksum says that we wrote it, so only its shape is checked. */
function asRecord(value: Record<string, unknown>): StateRecord | null {
  if (typeof value.gone === 'string') return { kind: 'gone', key: value.gone }
  if (typeof value.agent === 'string') return { kind: 'agent', id: value.agent }
  if (Array.isArray(value.losses)) return asLosses(value.losses)
  const checkpoint = asCheckpoint(value)
  return checkpoint === null ? null : { kind: 'checkpoint', checkpoint }
}

function asLosses(list: readonly unknown[]): StateRecord | null {
  const totals = new Map<string, Loss>()
  for (const entry of list) {
    const [reason, times, bytes] = Array.isArray(entry) ? (entry as readonly unknown[]) : []
    if (typeof reason !== 'string' || !isCount(times) || !isCount(bytes)) return null
    totals.set(reason, { times, bytes })
  }
  return { kind: 'losses', totals }
}

function asCheckpoint(value: Record<string, unknown>): Checkpoint | null {
  const { dev, ino, birthtimeNs, source, path, input, epoch, position, kept, updatedAt, head, guard } = value
  const mtimeMs = typeof value.mtimeMs === 'number' ? value.mtimeMs : null
  const { size = position, missing = 0 } = value
  const locator = {
    dev: BigInt(String(dev)),
    ino: BigInt(String(ino)),
    birthtimeNs: BigInt(String(birthtimeNs)),
  }
  if (typeof source !== 'string' || typeof path !== 'string' || typeof input !== 'string') return null
  if (!isCount(epoch) || !isCount(position) || !isCount(kept) || !isCount(updatedAt)) return null
  if (!isCount(size) || !isCount(missing)) return null
  if (!isPrint(head) || !isPrint(guard)) return null
  const mark = { epoch, position, head, guard }
  return new Checkpoint({ source, locator, path, input, ...mark, kept, size, missing, mtimeMs, updatedAt })
}

/** What a record is about: of two with the same subject the later one counts. */
export function subjectOf(record: StateRecord): string {
  switch (record.kind) {
    case 'checkpoint':
      return record.checkpoint.key
    case 'gone':
      return record.key
    default:
      return record.kind
  }
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
