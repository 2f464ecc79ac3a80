// Matches: finds what came before in the last 64 KiB, greedily, for the packers of LZ4 and Snappy.

/** Takes what was found, in order. */
export interface MatchSink {
  /** Literals `[from, to)`, and behind them `length` bytes that are also `distance` back. */
  match(from: number, to: number, distance: number, length: number): void
  /** The literals at the end. */
  rest(from: number, to: number): void
}

const DISTANCE_MAX = 0xffff
const TABLE_BITS = 14
/** LZ4: the last match begins at least 12 bytes before the end, the last 5 bytes are literals. */
const TAIL_BYTES = 12
const LITERALS_LAST = 5
/** After so many misses the search goes on in steps of two, then three: bytes that do not pack are soon done. */
const PATIENCE_BITS = 6

/** Positions by hash, plus one. Synchronous work only, so one table is enough for the process. */
const table = new Int32Array(1 << TABLE_BITS)

/** Finds the matches within `bytes[from, end)`. */
export function findMatches(bytes: Uint8Array, from: number, end: number, sink: MatchSink): void {
  table.fill(0)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const last = end - TAIL_BYTES
  let literals = from
  let misses = 1 << PATIENCE_BITS
  for (let at = from; at <= last; ) {
    const word = view.getInt32(at, true)
    const slot = Math.imul(word, 0x9e3779b1) >>> (32 - TABLE_BITS)
    const found = (table[slot] as number) - 1
    table[slot] = at + 1
    if (found < from || at - found > DISTANCE_MAX || view.getInt32(found, true) !== word) {
      at += misses++ >> PATIENCE_BITS
      continue
    }
    const length = 4 + sameBytes(bytes, found + 4, at + 4, end - LITERALS_LAST)
    sink.match(literals, at, at - found, length)
    at += length
    literals = at
    misses = 1 << PATIENCE_BITS
  }
  sink.rest(literals, end)
}

function sameBytes(bytes: Uint8Array, left: number, right: number, end: number): number {
  let count = 0
  while (right + count < end && bytes[left + count] === bytes[right + count]) count += 1
  return count
}
