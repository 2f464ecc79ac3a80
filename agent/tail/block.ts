// Reads the next lines of an open file into a slab: whole lines, or one over-long or unfinished line.
import type { ReadableFile } from '../../core/runtime.ts'
import type { Frame, Framing, TextMaker } from '../lines/framing.ts'
import { guardBytesMax } from './identity.ts'
import { addUnended, type LineCode } from './lines.ts'
import type { Slab } from './turns.ts'

/** Room behind the kept part of an over-long line, where its rest passes through. */
export const skipBytes = 64 * 1024
/** Bytes behind the limit that decide where a character ends. */
const cutSlack = 4

/** Where reading stands. */
export interface Frontier {
  readonly position: number
  /** The last bytes before `position`, at most 64: they must still be there. */
  readonly guard: Uint8Array
  /** The content began anew and may begin with a hole of NULs, left by a writer that kept its old position. */
  readonly hole: boolean
  /** How far an over-long line at `position` was looked through without finding its end, and the bytes before that. */
  readonly scanned: { readonly to: number; readonly guard: Uint8Array } | null
  /** How the file is read, once its first bytes were looked at; null: they are yet to be. */
  readonly frame: Frame | null
}

/** Where reading begins or goes on after a look at the file. */
export function frontierAt(position: number, guard: Uint8Array, epoch: number): Frontier {
  return { position, guard, hole: position === 0 && epoch > 0, scanned: null, frame: null }
}

/** What waited long enough at the end of a file: its last group of lines, or also a line without its end. */
export interface Flush {
  readonly what: 'group' | 'line'
  /** The end it waited at: a file that has grown since is not flushed. */
  readonly at: number
}

export interface BlockOptions {
  readonly batchBytesMax: number
  readonly lineBytesMax: number
  readonly framing: Framing
  readonly flush: Flush | null
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
      /** What the lines become; null: they are sent as they are. */
      readonly texts: TextMaker | null
    }
  | { readonly kind: 'nothing'; readonly more: boolean; readonly unfinished: number; readonly next: Frontier }
  | { readonly kind: 'changed' }

/** The bytes a slab needs for these limits; a record may be a group of lines, and a whole line is read behind it. */
export function slabBytes(batchBytesMax: number, recordBytesMax: number): number {
  return guardBytesMax + Math.max(batchBytesMax, recordBytesMax + cutSlack + skipBytes)
}

/** Reads one block at the frontier. The guard is read with the data, so that both are of the same moment. */
export async function readBlock(
  file: ReadableFile,
  slab: Slab,
  at: Frontier,
  options: BlockOptions,
): Promise<Block> {
  const { bytes, ranges } = slab
  const { lineBytesMax, flush, framing } = options
  const lead = at.guard.length
  const base = at.position - lead
  let asked = Math.min(bytes.length, lead + options.batchBytesMax)
  let filled = await file.read(base, bytes.subarray(0, asked))
  if (filled < lead || !startsWith(bytes, at.guard)) return { kind: 'changed' }
  const frame = at.frame ?? (await frameOf(file, framing))
  const { code, grouper, texts } = frame

  let from = lead
  if (at.hole) {
    from = holeEnd(bytes, from, filled, code)
    if (from === filled) return { ...pass(slab, base, filled, true, 0), more: filled === asked }
  }
  from += before(bytes, from, filled, at, code)

  const keptMax = from + (grouper?.limits.bytesMax ?? 0) + lineBytesMax + cutSlack
  // Behind a long hole there may be no room for a line.
  if (keptMax > bytes.length) return { ...pass(slab, base, from, false, 0), more: true }
  const isFlushed = () => flush !== null && filled < asked && base + filled === flush.at
  const cut = () => cutLines(slab, { from, to: filled }, frame, options, isFlushed() ? flush : null)
  let isFull = cut()
  while (ranges.count === 0 && filled === asked && filled < keptMax) {
    asked = Math.min(keptMax, filled * 2)
    filled += await file.read(base + filled, bytes.subarray(filled, asked))
    isFull = cut()
  }
  if (ranges.count > 0) {
    const more = filled === asked || ranges.cutBytes !== null || isFull
    const next = frontierBehind(base + ranges.end, copyBefore(bytes, ranges.end), frame)
    const unfinished = more ? 0 : filled - ranges.end
    return { kind: 'lines', from: base + from, base, more, unfinished, next, texts }
  }
  if (filled === asked && filled >= keptMax)
    return skipLine(file, slab, { at, base, from, filled, frame }, options)
  return pass(slab, base, from, false, filled - from)
}

/** How a file is read: of some encodings its first bytes say it, wherever reading stands. */
async function frameOf(file: ReadableFile, framing: Framing): Promise<Frame> {
  const mark = new Uint8Array(framing.markBytes)
  const filled = framing.markBytes === 0 ? 0 : await file.read(0, mark)
  return framing.frame(mark.subarray(0, filled))
}

/** Where the NULs at `from` end. */
function holeEnd(bytes: Uint8Array, from: number, to: number, { unitBytes }: LineCode): number {
  let end = from
  if (unitBytes === 1) while (end < to && bytes[end] === 0) end += 1
  else while (end + 1 < to && bytes[end] === 0 && bytes[end + 1] === 0) end += 2
  return end
}

/** Bytes before the first line: a byte order mark, half a code unit, or the end of a line whose text was sent. */
function before(bytes: Uint8Array, from: number, to: number, at: Frontier, code: LineCode): number {
  const { mark, unitBytes } = code
  const { position, guard } = at
  if (position === 0)
    return to - from >= mark.length && startsWith(bytes.subarray(from), mark) ? mark.length : 0
  if (code.lineEndBytes(guard) > 0 || guard.length === 0) return 0
  if (position === mark.length && startsWith(guard, mark)) return 0
  const half = position % unitBytes
  return Math.min(to - from, half + code.leadingLineEnd(bytes, from + half, to))
}

/** Fills the slab's ranges with the lines, or groups of lines, that are whole in a part of it; true when they are full. */
function cutLines(
  { bytes, ranges }: Slab,
  { from, to }: { readonly from: number; readonly to: number },
  { code, grouper }: Frame,
  { lineBytesMax }: BlockOptions,
  flush: Flush | null,
): boolean {
  code.split(bytes, from, to, lineBytesMax, ranges)
  const isFull = ranges.count === ranges.valueFrom.length
  const rest = to - ranges.end
  const isWanted = flush?.what === 'line' && rest > 0 && ranges.cutBytes === null && !isFull
  if (isWanted && (ranges.count === 0 || grouper !== null)) {
    // Half a code unit waits for its other half, unless it is all there is.
    const end = to - (rest > 1 ? rest % code.unitBytes : 0)
    addUnended(code, bytes, { from: ranges.end, to: end }, lineBytesMax, ranges)
  }
  // A line without an end that is too long by now ends the group before it.
  const isTooLong = rest > lineBytesMax + cutSlack && ranges.cutBytes === null && !isFull
  grouper?.fold(bytes, ranges, flush !== null || isTooLong)
  return isFull
}

interface LongLine {
  readonly at: Frontier
  readonly base: number
  readonly from: number
  readonly filled: number
  readonly frame: Frame
}

/** Looks for the end of a line over the limit, with its first part kept in the slab and the rest passing through. */
async function skipLine(
  file: ReadableFile,
  slab: Slab,
  line: LongLine,
  options: BlockOptions,
): Promise<Block> {
  const { bytes, ranges } = slab
  const { base, from, frame } = line
  const { code, texts } = frame
  const { flush, lineBytesMax } = options
  const whole = line.filled - ((line.filled - from) % code.unitBytes)
  let position = line.at.scanned?.to ?? base + whole
  let guard = line.at.scanned?.guard ?? copyBefore(bytes, whole)
  const passing = bytes.subarray(from + lineBytesMax + cutSlack)
  for (;;) {
    const read = await file.read(position, passing)
    const count = read - (read % code.unitBytes)
    const seen = passing.subarray(0, count)
    const found = code.lineEnd(seen)
    const end = found === -1 ? count : found
    guard = lastBytes(guard, seen.subarray(0, end))
    position += end
    if (found === -1 && read === passing.length) continue
    const isFlushed = flush?.what === 'line' && flush.at === position + read - count
    if (found === -1 && !isFlushed) {
      const next = { position: base + from, guard: copyBefore(bytes, from), hole: false, frame }
      return {
        kind: 'nothing',
        more: false,
        unfinished: position + read - count - base - from,
        next: { ...next, scanned: { to: position, guard } },
      }
    }
    ranges.valueFrom[0] = from
    ranges.valueTo[0] = code.cut(bytes, from, from + lineBytesMax)
    ranges.count = 1
    ranges.cutBytes = position - base - from - code.lineEndBytes(guard)
    const next = frontierBehind(position, guard, frame)
    return { kind: 'lines', from: base + from, base, more: found !== -1, unfinished: 0, next, texts }
  }
}

/** Behind a record. */
function frontierBehind(position: number, guard: Uint8Array, frame: Frame): Frontier {
  return { position, guard, hole: false, scanned: null, frame }
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
    next: { position: base + end, guard, hole, scanned: null, frame: null },
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

function startsWith(bytes: Uint8Array, prefix: Uint8Array): boolean {
  for (let index = 0; index < prefix.length; index += 1) if (bytes[index] !== prefix[index]) return false
  return true
}
