// UTF-16: its line ends are the code units 0x000A, found on two-byte boundaries, before anything is decoded.
import type { LineCode, LineRanges } from '../tail/lines.ts'

const newline = 10
const carriageReturn = 13

/** The line code of UTF-16, little or big end first. */
export function wideCode(isBigEndian: boolean): LineCode {
  // Index of the byte of a unit that says which one it is, and of the one that is 0 in ASCII.
  const low = isBigEndian ? 1 : 0
  const isUnit = (bytes: Uint8Array, at: number, unit: number) =>
    bytes[at + low] === unit && bytes[at + 1 - low] === 0

  /** Where the next line feed at or after `start` begins, -1 when there is none before `to`. */
  const find = (bytes: Uint8Array, start: number, to: number): number => {
    let at = bytes.indexOf(newline, start)
    while (at !== -1 && at < to) {
      const unit = at - low
      if ((unit - start) % 2 === 0 && unit >= start && unit + 1 < to && bytes[unit + 1 - low] === 0)
        return unit
      at = bytes.indexOf(newline, at + 1)
    }
    return -1
  }

  const stripReturn = (bytes: Uint8Array, from: number, to: number) =>
    to - from >= 2 && isUnit(bytes, to - 2, carriageReturn) ? to - 2 : to

  /** A pair of surrogates is not parted. */
  const cut = (bytes: Uint8Array, from: number, limit: number) => {
    const end = limit - ((limit - from) % 2)
    return end - 2 >= from && ((bytes[end - 1 - low] as number) & 0xfc) === 0xd8 ? end - 2 : end
  }

  return {
    unitBytes: 2,
    mark: isBigEndian ? Uint8Array.of(0xfe, 0xff) : Uint8Array.of(0xff, 0xfe),
    split(bytes, from, to, lineBytesMax, ranges: LineRanges) {
      const { valueFrom, valueTo } = ranges
      let count = 0
      let start = from
      ranges.cutBytes = null
      while (count < valueFrom.length) {
        const at = find(bytes, start, to)
        if (at === -1) break
        const end = stripReturn(bytes, start, at)
        const isLong = end - start > lineBytesMax
        valueFrom[count] = start
        valueTo[count] = isLong ? cut(bytes, start, start + lineBytesMax) : end
        count += 1
        if (isLong) ranges.cutBytes = end - start
        start = at + 2
        if (isLong) break
      }
      ranges.count = count
      ranges.end = start
    },
    lineEnd(bytes) {
      const at = find(bytes, 0, bytes.length)
      return at === -1 ? -1 : at + 2
    },
    lineEndBytes(bytes) {
      const { length } = bytes
      if (length < 2 || !isUnit(bytes, length - 2, newline)) return 0
      return length >= 4 && isUnit(bytes, length - 4, carriageReturn) ? 4 : 2
    },
    leadingLineEnd(bytes, from, to) {
      if (to - from >= 2 && isUnit(bytes, from, newline)) return 2
      return to - from >= 4 && isUnit(bytes, from, carriageReturn) && isUnit(bytes, from + 2, newline) ? 4 : 0
    },
    stripReturn,
    cut,
  }
}
