// RecordLines: lines of an input that is no file to packets: as they are, or as records with what is known of them.
import { compileParser, plainParser } from '../parse/compile.ts'
import { type Facts, noFacts } from '../parse/facts.ts'
import type { Lines } from '../parse/made-lines.ts'
import type { ParseOptions } from '../parse/options.ts'
import { type LineMaking, type ParsingStatus, parsedLines, parsingStatus } from '../parsing.ts'
import { Tally } from '../tally.ts'
import { transformedLines } from '../transform/making.ts'
import type { TransformOptions } from '../transform/options.ts'
import { type Packet, packetOf } from './packet.ts'

export interface LineOptions {
  readonly parse: ParseOptions | null
  readonly transforms?: readonly TransformOptions[] | undefined
  /** Lines travel as lines, as long as nothing has to be said about them. */
  readonly isRaw: boolean
}

export class RecordLines {
  /** Null where lines travel as they are. */
  readonly #making: LineMaking | null
  readonly #tally = new Tally()

  /** Throws CONFIG_INVALID for options of no use. */
  constructor({ parse, transforms = [], isRaw }: LineOptions) {
    const parser = parse === null ? (isRaw ? null : plainParser()) : compileParser(parse)
    if (transforms.length > 0) this.#making = transformedLines(parser, transforms)
    else this.#making = parser === null ? null : parsedLines(parser)
  }

  /** How the values of the packets are meant. */
  get values(): 'lines' | 'records' {
    return this.#making?.hasFields === true ? 'records' : 'lines'
  }

  /** The records of some lines, copied; null when there are none. */
  make(lines: Lines, atMs: number, facts: Facts = noFacts): Packet | null {
    if (lines.count === 0) return null
    const making = this.#making
    const before = this.#tally.lines
    if (making === null) {
      this.#tally.lines += lines.count
      return packetOf(lines, atMs)
    }
    const made = making.make(lines, atMs, { facts, hashOf: (index) => making.hashOf('', 0, before + index) })
    this.#tally.add(made.tally)
    return made.count === 0 ? null : { ...packetOf(made, atMs), transformErrors: made.marks }
  }

  /** What became of the lines since the start, shipped or not. */
  status(): ParsingStatus {
    return parsingStatus(this.#tally)
  }
}
