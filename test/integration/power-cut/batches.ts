// RecordBatches as an agent would send them, for writers that have a source and a position.
import type { SourceRange } from '../../../core/event-log.ts'
import { headerKeys } from '../../../core/records.ts'
import { encodeLines } from '../../../protocol/batch-encode.ts'
import { recordText } from './ledger.ts'

export interface SourceBatch {
  readonly range: SourceRange
  /** Number of the first record of the writer in it. */
  readonly first: number
  readonly count: number
  bytes(): Uint8Array
}

/** The batches of one source, one after the other; every so often its content starts again in a new epoch. */
export class SourceBatches {
  readonly writer: string
  #epoch = 0
  #to = 0
  #next = 0
  #batches = 0

  constructor(writer: string) {
    this.writer = writer
  }

  /** Goes on behind a kept position, with record `n`. */
  static from(
    writer: string,
    kept: { readonly epoch: number; readonly to: number; readonly n: number },
  ): SourceBatches {
    const batches = new SourceBatches(writer)
    batches.#epoch = kept.epoch
    batches.#to = kept.to
    batches.#next = kept.n
    return batches
  }

  /** The next `count` records as a batch; positions grow by 10 a record. */
  next(count: number): SourceBatch {
    this.#batches += 1
    if (this.#batches % 120 === 0) {
      this.#epoch += 1
      this.#to = 0
    }
    const range = {
      source: this.writer,
      epoch: this.#epoch,
      from: this.#to,
      to: this.#to + count * 10,
      gap: false,
    }
    const first = this.#next
    this.#to = range.to
    this.#next += count
    const codec = this.#batches % 2 === 0 ? 'zstd' : 'none'
    return { range, first, count, bytes: () => encode(this.writer, first, count, range, codec) }
  }
}

function encode(writer: string, first: number, count: number, range: SourceRange, codec: 'none' | 'zstd') {
  const lines = Array.from({ length: count }, (_, index) => recordText(writer, first + index))
  const ends: number[] = []
  let end = -1
  for (const line of lines) {
    end += line.length + 1
    ends.push(end)
  }
  const facts = [
    [headerKeys.source, range.source],
    [headerKeys.epoch, range.epoch],
    [headerKeys.from, range.from],
    [headerKeys.to, range.to],
    [headerKeys.host, 'rig'],
    [headerKeys.path, `/var/log/${writer}.log`],
  ] as const
  return encodeLines({
    bytes: Buffer.from(lines.join('\n'), 'latin1'),
    ends,
    count,
    timestampMs: 1_763_700_000_000 + first,
    codec,
    firstHeaders: facts.map(([key, value]) => ({ key, value: Buffer.from(String(value)) })),
  })
}
