// Lexer: the text of an expression as tokens with their columns.

export type Token =
  | { readonly kind: 'number'; readonly at: number; readonly value: number }
  | { readonly kind: 'text'; readonly at: number; readonly value: string }
  | { readonly kind: 'path'; readonly at: number; readonly name: string }
  | { readonly kind: 'word' | 'sign' | 'end'; readonly at: number; readonly text: string }

/** Thrown for text that is no expression; `column` counts from 1. */
export class ExpressionError extends Error {
  override readonly name = 'ExpressionError'

  constructor(column: number, sentence: string) {
    super(`column ${column}: ${sentence}`)
  }
}

const charactersMax = 4096
const signs = ['==', '!=', '<=', '>=', '<', '>', '+', '-', '*', '/', '%', '(', ')', '[', ']', ',']
const escapes: ReadonlyMap<string, string> = new Map([
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['b', '\b'],
  ['f', '\f'],
  ['\\', '\\'],
  ['/', '/'],
  ['"', '"'],
  ["'", "'"],
])

/** All tokens, `end` last. Throws ExpressionError. */
export function tokensOf(text: string): readonly Token[] {
  if (text.length > charactersMax)
    throw new ExpressionError(1, `the expression is over ${charactersMax} characters`)
  const tokens: Token[] = []
  const reader = new Reader(text)
  for (;;) {
    const token = reader.next()
    tokens.push(token)
    if (token.kind === 'end') return tokens
  }
}

class Reader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  next(): Token {
    this.#take(/\s*/y)
    const at = this.#at + 1
    if (this.#at >= this.#text.length) return { kind: 'end', at, text: '' }
    const character = this.#text[this.#at] as string
    if (character === '"' || character === "'") return { kind: 'text', at, value: this.#quoted() }
    if (character === '.') return { kind: 'path', at, name: this.#path() }
    const number = this.#take(/\d+(\.\d+)?([eE][+-]?\d{1,3})?/y)
    if (number !== '') return this.#number(number, at)
    const word = this.#take(/[A-Za-z_][A-Za-z0-9_]*/y)
    if (word !== '') return { kind: 'word', at, text: word }
    const sign = signs.find((one) => this.#text.startsWith(one, this.#at))
    if (sign === undefined) throw this.#unknown(character, at)
    this.#at += sign.length
    return { kind: 'sign', at, text: sign }
  }

  #unknown(character: string, at: number): ExpressionError {
    const instead: ReadonlyMap<string, string> = new Map([
      ['=', '; to compare write =='],
      ['!', '; write not'],
      ['&', '; write and'],
      ['|', '; write or'],
      ['~', '; write matches'],
      ['$', '; a field is written .name'],
    ])
    return new ExpressionError(
      at,
      `${JSON.stringify(character)} means nothing here${instead.get(character) ?? ''}`,
    )
  }

  #number(text: string, at: number): Token {
    if (/[A-Za-z_]/.test(this.#text[this.#at] ?? '')) throw new ExpressionError(at, 'not a number')
    const value = Number(text)
    if (!Number.isFinite(value)) throw new ExpressionError(at, 'too big for a number')
    return { kind: 'number', at, value }
  }

  /** `.a.b`, `.["odd name"]`, `.a["b"].c`: the name of the field, joined with dots. */
  #path(): string {
    const begin = this.#at
    const parts: string[] = []
    for (;;) {
      const hasDot = this.#take(/\./y) !== ''
      const bare = hasDot ? this.#take(/[A-Za-z_@][A-Za-z0-9_@]*/y) : ''
      if (bare !== '') parts.push(bare)
      else if (this.#take(/\[\s*(?=["'])/y) !== '') {
        parts.push(this.#quoted())
        if (this.#take(/\s*\]/y) === '') throw new ExpressionError(this.#at + 1, 'expected ]')
      } else if (hasDot) {
        throw new ExpressionError(
          begin + 1,
          'expected a name behind the dot, such as .status or .["odd name"]',
        )
      } else return parts.join('.')
    }
  }

  #quoted(): string {
    const begin = this.#at
    const mark = this.#text[begin]
    let value = ''
    for (this.#at += 1; this.#text[this.#at] !== mark; this.#at += 1) {
      const character = this.#text[this.#at]
      if (character === undefined) throw new ExpressionError(begin + 1, 'a text without its closing quote')
      value += character === '\\' ? this.#escape() : character
    }
    this.#at += 1
    return value
  }

  #escape(): string {
    this.#at += 1
    const letter = this.#text[this.#at] ?? ''
    const code = /^u[0-9a-fA-F]{4}$/.exec(this.#text.slice(this.#at, this.#at + 5))
    if (code !== null) {
      this.#at += 4
      return String.fromCharCode(Number.parseInt(code[0].slice(1), 16))
    }
    const known = escapes.get(letter)
    if (known !== undefined) return known
    throw new ExpressionError(this.#at, `no such escape: \\${letter}; a backslash itself is written \\\\`)
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)?.[0] ?? ''
    this.#at += found.length
    return found
  }
}
