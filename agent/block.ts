// Reads the next lines of an open file into a slab: whole lines, or one over-long or unfinished line.
import type { ReadableFile } from '../core/runtime.ts'
import { guardBytesMax } from './identity.ts'
import { endsLine, leadingLineEnd, splitLines, utf8End, wholeLine } from './lines.ts'
import type { Slab } from './turns.ts'

/** Room behind the kept part of an over-long line, where its rest passes through. */
export const skipBytes = 64 * 1024
/** Bytes behind the limit that decide where a UTF-8 character ends. */
const utf8Slack = 4

/** Where reading stands. */
export interface Frontier {
  readonly position: number
  /** The last bytes before `position`, at most 64: they must still be there. */
  readonly guard: Uint8Array
  /** The content began anew and may begin with a hole of NULs, left by a writer that kept its old position. */
  readonly hole: boolean
  /** How far an over-long line at `position` was looked through without finding its end, and the bytes before that. */
  readonly scanned: { readonly to: number; readonly guard: Uint8Array } | null
}

/** Where reading begins or goes on after a look at the file. */
export function frontierAt(position: number, guard: Uint8Array, epoch: number): Frontier {
  return { position, guard, hole: position === 0 && epoch > 0, scanned: null }
}

export interface BlockOptions {
  readonly batchBytesMax: number
  readonly lineBytesMax: number
  /** Take an unfinished last line too. */
  readonly flush: boolean
}

/**
 * `lines`: the slab's ranges hold lines; `from` is where the first begins. `nothing`: no whole line; `unfinished`
 * bytes wait behind the frontier, which may have moved over bytes that are no record. `changed`: what was before the
 * position is not there any more.
 */
export type Block =
  | {
      readonly kind: 'lines'
      readonly from: number
      readonly base: number
      /** The file has more bytes than were read. */
      readonly more: boolean
      /** Bytes behind the last line that are no whole line yet; 0 when there is more. */
      readonly unfinished: number
      readonly next: Frontier
    }
  | { readonly kind: 'nothing'; readonly more: boolean; readonly unfinished: number; readonly next: Frontier }
  | { readonly kind: 'changed' }

/** The bytes a slab needs for these limits. */
export function slabBytes(batchBytesMax: number, lineBytesMax: number): number {
  return guardBytesMax + Math.max(batchBytesMax, lineBytesMax + utf8Slack + skipBytes)
}

/** Reads one block at the frontier. The guard is read with the data, so that both are of the same moment. */
export async function readBlock(
  file: ReadableFile,
  slab: Slab,
  at: Frontier,
  options: BlockOptions,
): Promise<Block> {
  const { bytes, ranges } = slab
  const lead = at.guard.length
  const base = at.position - lead
  let asked = Math.min(bytes.length, lead + options.batchBytesMax)
  let filled = await file.read(base, bytes.subarray(0, asked))
  if (filled < lead || !startsWith(bytes, at.guard)) return { kind: 'changed' }

  let from = lead
  if (at.hole) {
    while (from < filled && bytes[from] === 0) from += 1
    if (from === filled) return { ...pass(slab, base, filled, true, 0), more: filled === asked }
  }
  if (!endsLine(at.guard)) from += leadingLineEnd(bytes, from, filled)

  splitLines(bytes, from, filled, options.lineBytesMax, ranges)
  const keptMax = from + options.lineBytesMax + utf8Slack
  while (ranges.count === 0 && filled === asked && filled < keptMax) {
    asked = Math.min(keptMax, filled * 2)
    filled += await file.read(base + filled, bytes.subarray(filled, asked))
    splitLines(bytes, from, filled, options.lineBytesMax, ranges)
  }
  if (ranges.count > 0) {
    const more = filled === asked || ranges.cutBytes !== null || ranges.count === ranges.valueFrom.length
    const lines = taken(base, base + from, base + ranges.end, more, copyBefore(bytes, ranges.end))
    return more ? lines : { ...lines, unfinished: filled - ranges.end }
  }
  if (filled === asked && filled >= keptMax) {
    return skipLine(file, slab, { at, base, from, filled, keptMax }, options)
  }
  if (filled > from && options.flush) {
    wholeLine(bytes, from, filled, options.lineBytesMax, ranges)
    return taken(base, base + from, base + filled, false, copyBefore(bytes, filled))
  }
  return pass(slab, base, from, false, filled - from)
}

interface LongLine {
  readonly at: Frontier
  readonly base: number
  readonly from: number
  readonly filled: number
  readonly keptMax: number
}

/** Looks for the end of a line over the limit, with its first part kept in the slab and the rest passing through. */
async function skipLine(
  file: ReadableFile,
  slab: Slab,
  line: LongLine,
  options: BlockOptions,
): Promise<Block> {
  const { bytes, ranges } = slab
  const { base, from, keptMax } = line
  const scanned = line.at.scanned
  let position = scanned?.to ?? base + line.filled
  let guard = scanned?.guard ?? copyBefore(bytes, line.filled)
  const passing = bytes.subarray(keptMax)
  for (;;) {
    const count = await file.read(position, passing)
    const seen = passing.subarray(0, count)
    const newline = seen.indexOf(10)
    const end = newline === -1 ? count : newline + 1
    guard = lastBytes(guard, seen.subarray(0, end))
    position += end
    if (newline !== -1 || count < passing.length) {
      const done = newline !== -1
      if (!done && !options.flush) {
        const next = { position: base + from, guard: copyBefore(bytes, from), hole: false }
        return {
          kind: 'nothing',
          more: false,
          unfinished: position - base - from,
          next: { ...next, scanned: { to: position, guard } },
        }
      }
      ranges.valueFrom[0] = from
      ranges.valueTo[0] = utf8End(bytes, from, from + options.lineBytesMax)
      ranges.count = 1
      ranges.cutBytes = position - base - from - lineEndLength(guard)
      return taken(base, base + from, position, done, guard)
    }
  }
}

function taken(
  base: number,
  from: number,
  to: number,
  more: boolean,
  guard: Uint8Array,
): Extract<Block, { kind: 'lines' }> {
  return {
    kind: 'lines',
    from,
    base,
    more,
    unfinished: 0,
    next: { position: to, guard, hole: false, scanned: null },
  }
}

/** Moves the frontier over bytes that are no record. */
function pass(
  slab: Slab,
  base: number,
  end: number,
  hole: boolean,
  unfinished: number,
): Extract<Block, { kind: 'nothing' }> {
  const guard = copyBefore(slab.bytes, end)
  return {
    kind: 'nothing',
    more: false,
    unfinished,
    next: { position: base + end, guard, hole, scanned: null },
  }
}

function copyBefore(bytes: Uint8Array, end: number): Uint8Array {
  // A Buffer's own slice would be a view of the slab.
  return new Uint8Array(bytes.subarray(Math.max(0, end - guardBytesMax), end))
}

function lastBytes(before: Uint8Array, after: Uint8Array): Uint8Array {
  if (after.length >= guardBytesMax) return copyBefore(after, after.length)
  return Buffer.concat([before, after]).subarray(-guardBytesMax)
}

function lineEndLength(guard: Uint8Array): number {
  if (guard[guard.length - 1] !== 10) return 0
  return guard[guard.length - 2] === 13 ? 2 : 1
}

function startsWith(bytes: Uint8Array, prefix: Uint8Array): boolean {
  for (let index = 0; index < prefix.length; index += 1) if (bytes[index] !== prefix[index]) return false
  return true
}
