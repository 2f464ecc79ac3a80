// RecordLines: lines of an input that is no file to packets: as they are, or as records with what is known of them.
import { compileParser, plainParser } from '../parse/compile.ts'
import { type Facts, noFacts } from '../parse/facts.ts'
import type { Lines } from '../parse/made-lines.ts'
import type { ParseOptions } from '../parse/options.ts'
import { RecordMaker } from '../parse/records.ts'
import { Tally } from '../tally.ts'
import { type Packet, packetOf } from './packet.ts'

export interface LineOptions {
  readonly parse: ParseOptions | null
  /** Lines travel as they are, as long as nothing has to be said about them. */
  readonly isRaw: boolean
}

export class RecordLines {
  readonly #maker: RecordMaker | null
  readonly #tally = new Tally()

  /** Throws CONFIG_INVALID for options that make no parser. */
  constructor({ parse, isRaw }: LineOptions) {
    const isPlain = parse === null && isRaw
    this.#maker = isPlain ? null : new RecordMaker(parse === null ? plainParser() : compileParser(parse))
  }

  /** How the values of the packets are meant. */
  get values(): 'lines' | 'records' {
    return this.#maker === null ? 'lines' : 'records'
  }

  /** The records of some lines, copied; null when there are none. */
  make(lines: Lines, atMs: number, facts: Facts = noFacts): Packet | null {
    if (lines.count === 0) return null
    if (this.#maker === null) {
      this.#tally.lines += lines.count
      return packetOf(lines, atMs)
    }
    const made = this.#maker.make(lines, atMs, { facts })
    this.#tally.add(made.tally)
    return made.count === 0 ? null : packetOf(made, atMs)
  }

  status(): { readonly lines: number; readonly unparsed: Readonly<Record<string, number>> } {
    return { lines: this.#tally.lines, unparsed: Object.fromEntries(this.#tally.unparsed) }
  }
}
