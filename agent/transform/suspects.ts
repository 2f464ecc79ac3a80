// Suspects: which lines of a block may hold what redaction looks for; the others need not be looked at as texts.
import type { Redactor } from './redact.ts'

/** Where the lines of a block are. */
export interface Block {
  readonly bytes: Uint8Array
  readonly starts: Int32Array
  readonly ends: Int32Array
  readonly count: number
}

/** 1 for each line that may hold any of it; null when none does. */
export function suspectsOf(scanners: readonly Redactor[], block: Block): Uint8Array | null {
  const { bytes, starts, ends, count } = block
  if (count === 0) return null
  let marks: Uint8Array | null = null
  const found = (at: number): number => {
    const line = lineAt(starts, count, at)
    marks ??= new Uint8Array(count)
    marks[line] = 1
    return Math.max(at + 1, ends[line] as number)
  }
  for (const scanner of scanners) scanner.scan(bytes, starts[0] as number, ends[count - 1] as number, found)
  return marks
}

/** The last line that begins at or before a place. */
function lineAt(starts: Int32Array, count: number, at: number): number {
  let low = 0
  let high = count - 1
  while (low < high) {
    const middle = (low + high + 1) >>> 1
    if ((starts[middle] as number) <= at) low = middle
    else high = middle - 1
  }
  return low
}
