// MadeLines: lines of a block, the records that are made of them, and who may change those on the way.
import type { Tally, Verdict } from '../tally.ts'
import type { Facts } from './facts.ts'

/** Lines of a block: line `i` is `bytes[starts[i], ends[i])`. */
export interface Lines {
  readonly bytes: Uint8Array
  readonly starts: Int32Array
  readonly ends: Int32Array
  readonly count: number
  /** Some may be of several lines. */
  readonly hasGroups?: boolean
}

/** Records as they were made, valid until the next are. There may be fewer than lines. */
export interface MadeLines extends Lines {
  readonly tally: Tally
  /** Of records that cannot say it themselves: the steps that could not be done, by index. */
  readonly marks: ReadonlyMap<number, string>
  /** The last record is of the last line. */
  readonly lastIsKept: boolean
}

/** A line whose fields were found; all of it is the body where no message is, if `isWhole`. */
export interface FieldLine {
  readonly bytes: Uint8Array
  readonly from: number
  readonly to: number
  readonly isWhole: boolean
}

/** Changes the fields of lines before they are written. */
export interface FieldSteps {
  /** Sees a block before its lines come. */
  look(lines: Lines): void
  /** Line `index` may change; else its record is as it would be without steps. */
  needs(index: number): boolean
  /** Changes the fields of line `index`, or leaves it out. */
  apply(line: FieldLine, index: number, hash: number, tally: Tally): Verdict
}

/** What is known of lines beside their bytes. */
export interface Beside {
  /** True of all of them. */
  readonly facts?: Facts
  /** The hash of where a line stands: it decides whether the line is sampled. */
  hashOf?(index: number): number
}
