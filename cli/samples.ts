// Samples: lines to the records that an input would send of them, as a tail or a stream makes them; nothing is sent or kept.

import { LineCutter } from '../agent/inputs/line-cutter.ts'
import { RecordLines } from '../agent/inputs/record-lines.ts'
import { plainFraming } from '../agent/lines/framing.ts'
import { defaultLimits, type FileInput } from '../agent/options.ts'
import { lineMaking, Parsing, type ParsingStatus, parsingStatus } from '../agent/parsing.ts'
import { batchOf, type LineBatch, textsOf } from '../agent/tail/batch.ts'
import { frontierAt, readBlock, slabBytes } from '../agent/tail/block.ts'
import { emptyPrint } from '../agent/tail/identity.ts'
import { lineRanges } from '../agent/tail/lines.ts'
import { Tally } from '../agent/tally.ts'
import type { ReadableFile } from '../core/runtime.ts'

/** What is read of a sample at most. */
export const sampleBytesMax = 4 * 1024 * 1024

/** One record: its value, valid until the next one is asked for. */
export interface SampleRecord {
  readonly value: Uint8Array
  /** Why a step could not be done, of a record that cannot say it itself. */
  readonly mark: string | null
}

/** A sample on its way to records. */
export interface Sampling {
  /** The values are JSON objects with fields; else they are lines. */
  readonly hasFields: boolean
  readonly records: AsyncIterable<SampleRecord>
  /** What became of the lines so far. */
  status(): ParsingStatus
}

/** Lines that are read at `readAtMs`, all of them written and the last one finished. */
export interface Sample {
  readonly bytes: Uint8Array
  readonly readAtMs: number
}

/** The records of an input of files. Throws CONFIG_INVALID. */
export async function fileSampling(input: FileInput, sample: Sample): Promise<Sampling> {
  const making = await lineMaking(input)
  const parsing = making === null ? null : new Parsing(making)
  const tally = new Tally()
  async function* records(): AsyncGenerator<SampleRecord> {
    for await (const batch of batchesOf(sample, input)) {
      const made = parsing?.make(batch, 0, batch.count)
      const texts = made ?? textsOf(batch, 0, batch.count)
      if (made === undefined) tally.lines += texts.count
      else tally.add(made.tally)
      for (let index = 0; index < texts.count; index += 1) {
        const value = texts.bytes.subarray(texts.starts[index], texts.ends[index])
        yield { value, mark: made?.marks.get(index) ?? null }
      }
    }
  }
  return {
    hasFields: making?.hasFields === true,
    records: records(),
    status: () => parsingStatus(tally),
  }
}

/** How an input that is no file makes records of its lines. */
export type StreamInput = ConstructorParameters<typeof RecordLines>[0] & { readonly lineBytesMax: number }

/** The records of an input of lines that is no file. Throws CONFIG_INVALID. */
export function streamSampling(input: StreamInput, { bytes, readAtMs }: Sample): Sampling {
  const lines = new RecordLines(input)
  async function* records(): AsyncGenerator<SampleRecord> {
    const cutter = new LineCutter(input.lineBytesMax, () => {})
    for (const cut of [() => cutter.push(bytes), () => cutter.end()]) {
      const packet = lines.make(cut(), readAtMs)
      let from = 0
      for (const end of packet?.ends ?? []) {
        yield { value: (packet?.bytes ?? bytes).subarray(from, end), mark: null }
        from = end + 1
      }
    }
  }
  return {
    hasFields: lines.values === 'records',
    records: records(),
    status: () => ({ ...parsingStatus(new Tally()), ...lines.status() }),
  }
}

/** `2 records, filtered: 1`: what became of lines. */
export function statusText(status: ParsingStatus, of = ''): string {
  const { lines, filtered, sampled, unparsed, redacted, transformErrors } = status
  const count = lines - filtered - sampled
  const said = [
    ...Object.entries(unparsed),
    ...(filtered > 0 ? [['filtered', filtered] as const] : []),
    ...(sampled > 0 ? [['sampled out', sampled] as const] : []),
    ...Object.entries(redacted).map(([kind, values]) => [`redacted ${kind}`, values] as const),
    ...Object.entries(transformErrors).map(
      ([reason, steps]) => [`transform_error ${reason}`, steps] as const,
    ),
  ]
  const counts = said.map(([what, times]) => `, ${what}: ${times}`).join('')
  return `${count} ${count === 1 ? 'record' : 'records'}${of}${counts}`
}

/** Reads the sample as a tail would, all of it taken. */
async function* batchesOf({ bytes, readAtMs }: Sample, input: FileInput): AsyncGenerator<LineBatch> {
  const { lineBytesMax, framing = plainFraming } = input
  const { batchBytesMax, batchLinesMax } = defaultLimits
  const recordBytesMax = lineBytesMax + (framing.grouper?.limits.bytesMax ?? 0)
  const slab = {
    bytes: Buffer.allocUnsafeSlow(slabBytes(batchBytesMax, recordBytesMax)),
    ranges: lineRanges(batchLinesMax),
    frame: { bytes: Buffer.alloc(0) },
  }
  const flush = { what: 'line', at: bytes.length } as const
  let at = frontierAt(0, new Uint8Array(0), 0)
  for (;;) {
    const block = await readBlock(inMemory(bytes), slab, at, {
      batchBytesMax,
      lineBytesMax,
      framing,
      flush,
    })
    if (block.kind !== 'lines') return
    at = block.next
    yield batchOf(block, slab, { source: '', epoch: 0, path: '', head: emptyPrint, readAtMs })
  }
}

function inMemory(bytes: Uint8Array): ReadableFile {
  return {
    read: async (position, target) => {
      const found = bytes.subarray(position, position + target.length)
      target.set(found)
      return found.length
    },
    stat: () => Promise.reject(new Error('a sample has no facts')),
    [Symbol.asyncDispose]: async () => {},
  }
}
