// RecordTemplate: a record whose text is known but for values that stand in its line: text, bytes of the line, text, and so on.
//
// Values that stand in the record as they do in the line, with the same text between them, are copied as one.
import { type Copier, copyBytes } from '../../protocol/copy.ts'
import { type Piece, pieceOf, putPiece } from './piece.ts'

/** Text, and what stands in the line from the beginning of value `first` to the end of value `last`. */
interface Step {
  readonly text: Piece
  readonly first: number
  readonly last: number
}

export interface RecordTemplate {
  readonly steps: readonly Step[]
  readonly end: Piece
}

/** Makes a template from front to back. */
export class TemplateBuilder {
  /** The text behind each value in the line; null behind one that no other follows. */
  readonly #between: readonly (string | null)[]
  readonly #steps: { readonly text: string; readonly first: number; last: number }[] = []
  #text = ''

  constructor(between: readonly (string | null)[]) {
    this.#between = between
  }

  text(text: string): this {
    this.#text += text
    return this
  }

  value(index: number): this {
    const before = this.#steps.at(-1)
    if (before !== undefined && before.last + 1 === index && this.#between[before.last] === this.#text)
      before.last = index
    else this.#steps.push({ text: this.#text, first: index, last: index })
    this.#text = ''
    return this
  }

  end(): RecordTemplate {
    const steps = this.#steps.map(({ text, first, last }) => ({ text: pieceOf(text), first, last }))
    return { steps, end: pieceOf(this.#text) }
  }
}

/** Writes a record at `start`, where there has to be room for it; where it ends. Value `i` is at `[ranges[2 i], ranges[2 i + 1])`. */
export function writeTemplate(
  { steps, end }: RecordTemplate,
  copy: Copier,
  start: number,
  ranges: Int32Array,
): number {
  const target = copy.targetView
  let at = start
  for (let index = 0; index < steps.length; index += 1) {
    const { text, first, last } = steps[index] as Step
    at = putPiece(target, at, text)
    const from = ranges[2 * first] as number
    const to = ranges[2 * last + 1] as number
    copyBytes(copy, at, from, to)
    at += to - from
  }
  return putPiece(target, at, end)
}
