// RecordTemplate: a record whose text is known but for values that stand in its line: text, bytes of the line, text, and so on.
//
// Values that stand in the record as they do in the line, with the same text between them, are copied as one.

export interface RecordTemplate {
  /** Text, and the values of the line from the first to the last with what is between them. */
  readonly steps: readonly { readonly text: string; readonly first: number; readonly last: number }[]
  /** The text behind the last of them. */
  readonly end: string
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
    return { steps: this.#steps, end: this.#text }
  }
}
