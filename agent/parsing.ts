// Parsing: the parser of one input with what it met: its files share it, and what is counted was acknowledged.
import { type LineBatch, textsOf } from './batch.ts'
import { compileParser } from './parse/compile.ts'
import type { ParseOptions } from './parse/options.ts'
import { type ParsedLines, RecordMaker } from './parse/records.ts'

/** Bytes of lines in a batch that is parsed: its records are two to three times as long. */
export const parsedBatchBytesMax = 1024 * 1024

export interface ParsingStatus {
  /** Lines that became records, parsed or not. */
  readonly lines: number
  /** Lines that did not parse and were shipped whole, by reason. */
  readonly unparsed: Readonly<Record<string, number>>
}

export class Parsing {
  readonly #maker: RecordMaker
  readonly #unparsed = new Map<string, number>()
  #lines = 0

  /** Throws CONFIG_INVALID for options that make no parser. */
  constructor(options: ParseOptions) {
    this.#maker = new RecordMaker(compileParser(options))
  }

  /** The records of lines `[first, end)`, valid until the next call. The same batch gives the same bytes every time. */
  make(batch: LineBatch, first: number, end: number): ParsedLines {
    return this.#maker.make(textsOf(batch, first, end), batch.readAtMs)
  }

  /** Counts a batch that is on its way no more. */
  count(lines: number, unparsed: ReadonlyMap<string, number>): void {
    this.#lines += lines
    for (const [reason, count] of unparsed)
      this.#unparsed.set(reason, (this.#unparsed.get(reason) ?? 0) + count)
  }

  status(): ParsingStatus {
    return { lines: this.#lines, unparsed: Object.fromEntries(this.#unparsed) }
  }
}
