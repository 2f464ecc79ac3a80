// Framing: what an input wants done with its lines beyond ending them at \n; made once, shared by its files.
import { type LineCode, type LineRanges, utf8Code } from '../tail/lines.ts'

/** Texts of a batch: text `i` is `bytes[starts[i], ends[i])`, UTF-8. */
export interface Texts {
  readonly bytes: Uint8Array
  readonly starts: Int32Array
  readonly ends: Int32Array
  readonly count: number
  /** Some may be of several lines. */
  readonly hasGroups?: boolean
}

/** Makes what is sent of lines that are not sent as they stand in the file. The same bytes make the same texts. */
export interface TextMaker {
  /** Texts may be of several lines. */
  readonly hasGroups: boolean
  /**
   * The texts of `lines`, valid until the next call: mostly one each, more where lines of several streams stand among
   * each other. `isLastCut`: the last one was cut somewhere, perhaps in a character.
   */
  make(lines: Texts, isLastCut: boolean): Texts
}

/** Bounds of a group of lines that become one record. */
export interface GroupLimits {
  readonly linesMax: number
  readonly bytesMax: number
  /** A group that did not grow for so long is sent as it is. */
  readonly waitMs: number
}

/** Folds lines that go together. Where a group ends follows from the bytes from its beginning on, and nothing else. */
export interface Grouper {
  readonly limits: GroupLimits
  /**
   * Makes each range of `ranges` a whole group; lines of the last one, which may go on, are left behind `ranges.end`,
   * unless `isEnd` says that it does not. A cut line is a group of its own.
   */
  fold(bytes: Uint8Array, ranges: LineRanges, isEnd: boolean): void
}

/** How a file is read. */
export interface Frame {
  readonly code: LineCode
  readonly grouper: Grouper | null
  /** Null: texts are the bytes as they are. */
  readonly texts: TextMaker | null
}

export interface Framing {
  readonly grouper: Grouper | null
  /** Bytes at the start of a file that say how it is read. */
  readonly markBytes: number
  /** How a file with these first bytes is read. */
  frame(mark: Uint8Array): Frame
}

const plain: Frame = { code: utf8Code, grouper: null, texts: null }

/** Lines of UTF-8, each for itself and as it is. */
export const plainFraming: Framing = { grouper: null, markBytes: 0, frame: () => plain }
