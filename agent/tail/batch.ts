// LineBatch: lines of one file on their way to the collector, as ranges over a slab, with their positions.

import type { TextMaker, Texts } from '../lines/framing.ts'
import type { Block } from './block.ts'
import { guardBytesMax, guardText, type Print, printOf } from './identity.ts'
import type { Slab } from './turns.ts'

/**
 * All lines of one epoch of one source with from < position <= to; a line's position is the byte offset of its end,
 * line end included. The bytes are the slab's and are valid until the batch is committed or the feed rewound.
 */
export interface LineBatch {
  readonly source: string
  readonly epoch: number
  /** Where the first line begins. */
  readonly from: number
  readonly to: number
  readonly path: string
  readonly slab: Slab
  /** Lines `0..count` are `slab.bytes.subarray(valueFrom[i], valueTo[i])`. */
  readonly count: number
  /** The position of `slab.bytes[0]`. */
  readonly base: number
  /** Whole length of the last line when it was cut, else null. */
  readonly cutBytes: number | null
  /** What its lines become; null: they are sent as they are. */
  readonly texts: TextMaker | null
  /** The file has more bytes already: reading on is worth it. */
  readonly more: boolean
  /** The first bytes of the content. */
  readonly head: Print
  /** The last bytes before `to`, at most 64; a copy. */
  readonly guard: Uint8Array
  /** Wall-clock ms when it was read: the time of its records. */
  readonly readAtMs: number
}

/** The batch of a block that was read into a slab. */
export function batchOf(
  block: Extract<Block, { readonly kind: 'lines' }>,
  slab: Slab,
  of: Pick<LineBatch, 'source' | 'epoch' | 'path' | 'head' | 'readAtMs'>,
): LineBatch {
  const { count, cutBytes } = slab.ranges
  const { from, base, more, texts, next } = block
  return { ...of, from, to: next.position, slab, count, base, cutBytes, more, texts, guard: next.guard }
}

/** The texts of lines `[first, end)`, valid until the next call of any batch of the input. */
export function textsOf(batch: LineBatch, first: number, end: number): Texts {
  const { bytes, ranges } = batch.slab
  const lines = {
    bytes,
    starts: ranges.valueFrom.subarray(first, end),
    ends: ranges.valueTo.subarray(first, end),
    count: end - first,
  }
  if (batch.texts === null) return lines
  const { hasGroups } = batch.texts
  return { ...batch.texts.make(lines, batch.cutBytes !== null && end === batch.count), hasGroups }
}

/** The position of line `index`: where the next one begins, or where the batch ends. */
export function positionOf(batch: LineBatch, index: number): number {
  return index + 1 < batch.count ? batch.base + (batch.slab.ranges.valueFrom[index + 1] as number) : batch.to
}

/** What tells the content up to the end of line `index` from any other. */
export function guardAt(batch: LineBatch, index: number): string {
  const { slab, head, base } = batch
  if (index + 1 === batch.count) return guardText(head, printOf(batch.guard))
  const end = positionOf(batch, index) - base
  return guardText(head, printOf(slab.bytes.subarray(Math.max(0, end - guardBytesMax), end)))
}

/** Index of the first line whose position is above `position`. */
export function lineAfter(batch: LineBatch, position: number): number {
  let low = 0
  let high = batch.count
  while (low < high) {
    const middle = (low + high) >>> 1
    if (positionOf(batch, middle) > position) high = middle
    else low = middle + 1
  }
  return low
}
