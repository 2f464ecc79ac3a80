// RecordTemplate: a record whose text is known but for values that stand in its line: text, bytes of the line, text, and so on.
//
// Values that stand in the record as they do in the line, with the same text between them, are copied as one.
import { type Copier, copyBytes } from '../../protocol/copy.ts'
import { pieceOf, putBytes } from './piece.ts'

export interface RecordTemplate {
  /** All of its text, one piece behind the other, and room behind that. */
  readonly text: DataView
  /** Of each step, three numbers: bytes of text, and where in the ranges the values behind it begin and end; -1 behind the last text. */
  readonly steps: Int32Array
}

/** Makes a template from front to back. */
export class TemplateBuilder {
  /** The text behind each value in the line, but for the last. */
  readonly #between: readonly string[]
  readonly #steps: { readonly text: string; readonly first: number; last: number }[] = []
  #text = ''

  constructor(between: readonly string[]) {
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
    const steps = this.#steps.flatMap(({ text, first, last }) => [
      Buffer.byteLength(text),
      2 * first,
      2 * last + 1,
    ])
    const text = this.#steps.map((step) => step.text).join('') + this.#text
    return {
      text: pieceOf(text).view,
      steps: Int32Array.of(...steps, Buffer.byteLength(this.#text), -1),
    }
  }
}

/** Writes a record at `start`, where there has to be room for it; where it ends. Value `i` is at `[ranges[2 i], ranges[2 i + 1])`. */
export function writeTemplate(
  { text, steps }: RecordTemplate,
  copy: Copier,
  start: number,
  ranges: Int32Array,
): number {
  const target = copy.targetView
  let at = start
  let textAt = 0
  for (let step = 0; ; step += 3) {
    const length = steps[step] as number
    at = putBytes(target, at, text, textAt, length)
    textAt += length
    const first = steps[step + 1] as number
    if (first === -1) return at
    const from = ranges[first] as number
    const to = ranges[steps[step + 2] as number] as number
    copyBytes(copy, at, from, to)
    at += to - from
  }
}
