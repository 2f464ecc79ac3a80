// Bytes to lines: finds line ends in a block of a file, as ranges over the bytes and never as strings.

const NEWLINE = 10
const CARRIAGE_RETURN = 13

/** Where the lines of a block are; made once and filled again for every block. */
export interface LineRanges {
  /** Line `i` is `bytes.subarray(valueFrom[i], valueTo[i])`, its line end stripped. */
  readonly valueFrom: Int32Array
  readonly valueTo: Int32Array
  /** Lines found. */
  count: number
  /** The index after the last byte that belongs to a found line, its line end included. */
  end: number
  /** Whole length in bytes of the last line, when it is over the limit and was cut; else null. */
  cutBytes: number | null
}

/** Room for `linesMax` lines. */
export function lineRanges(linesMax: number): LineRanges {
  return {
    valueFrom: new Int32Array(linesMax),
    valueTo: new Int32Array(linesMax),
    count: 0,
    end: 0,
    cutBytes: null,
  }
}

/**
 * Fills `ranges` with the whole lines of `bytes[from, to)`; what follows the last line end is left. Stops when the
 * ranges are full, and behind a line longer than `lineBytesMax`: that one is cut on a UTF-8 boundary and is always
 * the last, so that line `i` ends where line `i + 1` begins.
 */
export function splitLines(
  bytes: Uint8Array,
  from: number,
  to: number,
  lineBytesMax: number,
  ranges: LineRanges,
): void {
  const { valueFrom, valueTo } = ranges
  const block = bytes.length === to ? bytes : bytes.subarray(0, to)
  let count = 0
  let start = from
  ranges.cutBytes = null
  while (count < valueFrom.length) {
    // indexOf runs to the end of what it is given: on a bounded view a search never looks at stale bytes.
    const newline = block.indexOf(NEWLINE, start)
    if (newline === -1) break
    const end = stripReturn(bytes, start, newline)
    valueFrom[count] = start
    valueTo[count] = end
    count += 1
    if (end - start > lineBytesMax) {
      valueTo[count - 1] = utf8End(bytes, start, start + lineBytesMax)
      ranges.cutBytes = end - start
      start = newline + 1
      break
    }
    start = newline + 1
  }
  ranges.count = count
  ranges.end = start
}

/**
 * How an encoding writes line ends, and where its characters may be cut: all that is asked of bytes before they are text.
 * `from` always stands between two code units.
 */
export interface LineCode {
  /** Bytes of a code unit: a line end is found on their boundaries only. */
  readonly unitBytes: 1 | 2
  /** The byte order mark that a file may begin with. */
  readonly mark: Uint8Array
  /** As `splitLines`. */
  split(bytes: Uint8Array, from: number, to: number, lineBytesMax: number, ranges: LineRanges): void
  /** The index after the first line end in `bytes`, -1 when there is none. */
  lineEnd(bytes: Uint8Array): number
  /** Length of the line end that the bytes end with, 0 when they end with none. */
  lineEndBytes(bytes: Uint8Array): number
  /** As `leadingLineEnd`. */
  leadingLineEnd(bytes: Uint8Array, from: number, to: number): number
  /** Where `bytes[from, to)` ends without a carriage return at its end. */
  stripReturn(bytes: Uint8Array, from: number, to: number): number
  /** The last place at or before `limit` where no character is cut, as far as that is known before it is decoded. */
  cut(bytes: Uint8Array, from: number, limit: number): number
}

/** UTF-8, whose bytes are sent as they are. */
export const utf8Code: LineCode = {
  unitBytes: 1,
  mark: Uint8Array.of(0xef, 0xbb, 0xbf),
  split: splitLines,
  lineEnd: (bytes) => bytes.indexOf(NEWLINE) + 1 || -1,
  lineEndBytes(bytes) {
    if (bytes[bytes.length - 1] !== NEWLINE) return 0
    return bytes[bytes.length - 2] === CARRIAGE_RETURN ? 2 : 1
  },
  leadingLineEnd,
  stripReturn,
  cut: utf8End,
}

/** Adds `bytes[from, to)`, which has no line end (yet), as the last line of `ranges`; cut when it is too long. */
export function addUnended(
  code: LineCode,
  bytes: Uint8Array,
  { from, to }: { readonly from: number; readonly to: number },
  lineBytesMax: number,
  ranges: LineRanges,
): void {
  const end = code.stripReturn(bytes, from, to)
  const isLong = end - from > lineBytesMax
  ranges.valueFrom[ranges.count] = from
  ranges.valueTo[ranges.count] = isLong ? code.cut(bytes, from, from + lineBytesMax) : end
  ranges.count += 1
  ranges.end = to
  ranges.cutBytes = isLong ? end - from : null
}

/**
 * Length of the line end that `bytes[from, to)` begins with: 1 for \n, 2 for \r\n, else 0. It ends a line whose text
 * was sent before its line end was there.
 */
export function leadingLineEnd(bytes: Uint8Array, from: number, to: number): number {
  if (from < to && bytes[from] === NEWLINE) return 1
  return from + 1 < to && bytes[from] === CARRIAGE_RETURN && bytes[from + 1] === NEWLINE ? 2 : 0
}

/** The last place at or before `limit` (not before `from`) where no UTF-8 character is cut; `limit` when it is not UTF-8. */
export function utf8End(bytes: Uint8Array, from: number, limit: number): number {
  if (limit >= bytes.length) return limit
  for (let end = limit; end >= from && limit - end < 4; end -= 1) {
    // A byte 10xxxxxx goes on with a character; anything else begins one.
    if (((bytes[end] as number) & 0xc0) !== 0x80) return end
  }
  return limit
}

function stripReturn(bytes: Uint8Array, start: number, end: number): number {
  return end > start && bytes[end - 1] === CARRIAGE_RETURN ? end - 1 : end
}
