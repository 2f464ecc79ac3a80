// Reads bytes in memory as a tail reads a file: block by block, from any position, with any limits.

import { compileFraming } from '../../../agent/lines/compile.ts'
import { type Framing, plainFraming } from '../../../agent/lines/framing.ts'
import type { FramingOptions, MultilineOptions } from '../../../agent/lines/options.ts'
import { batchOf, textsOf } from '../../../agent/tail/batch.ts'
import { type Flush, frontierAt, readBlock, slabBytes } from '../../../agent/tail/block.ts'
import { lineRanges } from '../../../agent/tail/lines.ts'
import type { ReadableFile } from '../../../core/runtime.ts'

export interface ReadOptions {
  readonly framing?: Framing
  readonly batchBytesMax?: number
  readonly batchLinesMax?: number
  readonly lineBytesMax?: number
  readonly flush?: Flush['what']
  /** The end of the file when the flush was decided; the end it has unless said. */
  readonly flushAt?: number
}

/** A record as it would be sent. */
export interface Read {
  readonly text: string
  /** Whole length, when it was cut. */
  readonly cutBytes: number | null
}

/** Where reading stands between two calls; what an agent keeps over a restart. */
export interface Standing {
  readonly position: number
}

export function framing(options: Partial<FramingOptions>): Framing {
  return compileFraming({ encoding: 'utf-8', multiline: null, container: null, ...options })
}

export function multiline(by: MultilineOptions['by'], limits: Partial<MultilineOptions> = {}): Framing {
  return framing({ multiline: { by, linesMax: 1000, bytesMax: 1024 * 1024, waitMs: 1000, ...limits } })
}

/** Reads blocks from a position on until there is nothing more; `onBatch` says false to stop there. */
export async function readFrom(
  content: Uint8Array,
  standing: Standing,
  options: ReadOptions = {},
  onBatch: () => boolean = () => true,
): Promise<{ readonly records: readonly Read[]; readonly standing: Standing; readonly unfinished: number }> {
  const { batchBytesMax = 1024 * 1024, batchLinesMax = 1000, lineBytesMax = 1024 * 1024 } = options
  const used = options.framing ?? plainFraming
  const recordBytesMax = lineBytesMax + (used.grouper?.limits.bytesMax ?? 0)
  const bytes = Buffer.allocUnsafeSlow(slabBytes(batchBytesMax, recordBytesMax))
  const slab = { bytes, ranges: lineRanges(batchLinesMax), frame: { bytes: Buffer.alloc(0) } }
  const file = inMemory(content)
  const { position } = standing
  let at = frontierAt(position, new Uint8Array(content.subarray(Math.max(0, position - 64), position)), 0)
  let committed = position
  const records: Read[] = []
  for (;;) {
    const { flush: what, flushAt = content.length } = options
    const flush = what === undefined ? null : { what, at: flushAt }
    const block = await readBlock(file, slab, at, { batchBytesMax, lineBytesMax, framing: used, flush })
    if (block.kind === 'changed') throw new Error('the content changed')
    at = block.next
    if (block.kind === 'lines') {
      const batch = batchOf(block, slab, {
        source: 's',
        epoch: 0,
        path: 'p',
        head: { length: 0, hash: '' },
        readAtMs: 0,
      })
      committed = batch.to
      const texts = textsOf(batch, 0, batch.count)
      for (let index = 0; index < texts.count; index += 1) {
        const text = Buffer.from(texts.bytes.subarray(texts.starts[index], texts.ends[index])).toString()
        records.push({ text, cutBytes: index === texts.count - 1 ? batch.cutBytes : null })
      }
      if (!onBatch()) return { records, standing: { position: committed }, unfinished: block.unfinished }
    }
    const isFlushed = block.kind === 'lines' && flush !== null && committed < content.length
    if (!block.more && !isFlushed)
      return { records, standing: { position: committed }, unfinished: block.unfinished }
  }
}

/** How a file is read once more: bytes a batch, by how many bytes it grew, batches to take but one, lines a batch. */
export type Growth = readonly [batchBytesMax: number, grows: number, batches: number, batchLinesMax?: number]

/** Reads a file that grows, from where the time before ended. */
export async function readGrowing(
  content: Uint8Array,
  options: ReadOptions,
  steps: readonly Growth[],
): Promise<{ readonly found: readonly string[]; readonly standing: Standing }> {
  const found: string[] = []
  let standing: Standing = { position: 0 }
  let visible = 0
  for (const [batchBytesMax, grows, batches, batchLinesMax = 1000] of steps) {
    visible = Math.min(content.length, visible + grows)
    let left = batches + 1
    const bounded = { ...options, batchBytesMax, batchLinesMax }
    const read = await readFrom(content.subarray(0, visible), standing, bounded, () => {
      left -= 1
      return left > 0
    })
    found.push(...read.records.map(({ text }) => text))
    standing = read.standing
  }
  return { found, standing }
}

/** The texts of a whole file, all of it taken. */
export async function textsIn(
  content: Uint8Array | string,
  options: ReadOptions = {},
): Promise<readonly string[]> {
  const { records } = await readFrom(Buffer.from(content), { position: 0 }, { flush: 'line', ...options })
  return records.map(({ text }) => text)
}

function inMemory(content: Uint8Array): ReadableFile {
  return {
    read: async (position, target) => {
      const found = content.subarray(position, position + target.length)
      target.set(found)
      return found.length
    },
    stat: () => Promise.reject(new Error('not asked for')),
    [Symbol.asyncDispose]: async () => {},
  }
}
