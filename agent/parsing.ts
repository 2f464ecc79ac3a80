// Parsing: how the lines of one input become records, and what became of them: its files share it, what is counted was acknowledged.

import { type CompiledParser, compileParser } from './parse/compile.ts'
import { type Facts, noFacts } from './parse/facts.ts'
import type { Beside, Lines, MadeLines } from './parse/made-lines.ts'
import type { ParseOptions } from './parse/options.ts'
import { RecordMaker } from './parse/records.ts'
import { type LineBatch, positionOf, textsOf } from './tail/batch.ts'
import { Tally } from './tally.ts'
import type { TransformOptions } from './transform/options.ts'

/** Bytes of lines in a batch that is parsed: its records are two to three times as long. */
export const parsedBatchBytesMax = 1024 * 1024

/** How an input is told to make records of its lines; with neither they travel as they are. */
export interface LineOptions {
  readonly parse?: ParseOptions | undefined
  readonly transforms?: readonly TransformOptions[] | undefined
}

/** Makes records of lines. */
export interface LineMaking {
  /** The records are JSON objects with fields; else they are lines. */
  readonly hasFields: boolean
  /** The records are valid until the next call. */
  make(lines: Lines, readAtMs: number, beside?: Beside): MadeLines
  /** The hash of a position in a source. */
  hashOf(source: string, epoch: number, position: number): number
}

export interface ParsingStatus {
  /** Lines that were read, whatever became of them. */
  readonly lines: number
  /** Lines that did not parse and were shipped whole, by reason. */
  readonly unparsed: Readonly<Record<string, number>>
  /** Lines that transforms left out, because a filter said so or by chance: no loss. */
  readonly filtered: number
  readonly sampled: number
  /** Values that were replaced, by kind. */
  readonly redacted: Readonly<Record<string, number>>
  /** Steps that could not be done for a record, which was shipped without them, by reason. */
  readonly transformErrors: Readonly<Record<string, number>>
}

/** What these options make of lines; null for nothing. Throws CONFIG_INVALID for options of no use. */
export async function lineMaking({ parse, transforms = [] }: LineOptions): Promise<LineMaking | null> {
  const parser = parse === undefined ? null : compileParser(parse)
  if (transforms.length > 0) {
    // Loaded only where something is transformed: other agents keep it out of their memory.
    const { transformedLines } = await import('./transform/making.ts')
    return transformedLines(parser, transforms)
  }
  return parser === null ? null : parsedLines(parser)
}

/** Records of what a parser finds. */
export function parsedLines(parser: CompiledParser): LineMaking {
  const maker = new RecordMaker(parser)
  return {
    hasFields: true,
    make: (lines, readAtMs, beside) => maker.make(lines, readAtMs, beside),
    hashOf: () => 0,
  }
}

/** Counts as plain values. */
export function parsingStatus(tally: Tally): ParsingStatus {
  const { lines, unparsed, filtered, sampled, redacted, failed } = tally
  return {
    lines,
    unparsed: Object.fromEntries(unparsed),
    filtered,
    sampled,
    redacted: Object.fromEntries(redacted),
    transformErrors: Object.fromEntries(failed),
  }
}

export class Parsing {
  readonly #making: LineMaking
  readonly #tally = new Tally()

  constructor(making: LineMaking) {
    this.#making = making
  }

  /** The values are JSON objects with fields; else they are lines. */
  get hasFields(): boolean {
    return this.#making.hasFields
  }

  /** The records of lines `[first, end)`, valid until the next call. The same batch gives the same bytes every time. */
  make(batch: LineBatch, first: number, end: number, facts: Facts = noFacts): MadeLines {
    const hashOf = (index: number) =>
      this.#making.hashOf(batch.source, batch.epoch, positionOf(batch, first + index))
    return this.#making.make(textsOf(batch, first, end), batch.readAtMs, { facts, hashOf })
  }

  /** Counts a batch that is on its way no more. */
  count(tally: Tally): void {
    this.#tally.add(tally)
  }

  status(): ParsingStatus {
    return parsingStatus(this.#tally)
  }
}
