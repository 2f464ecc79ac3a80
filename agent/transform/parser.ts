// Parser: tokens to the tree of an expression, by recursive descent; every refusal says its column.

import { linearExpression } from '../../config/linear-expression.ts'
import { didYouMean } from '../../config/suggest.ts'
import { functions } from './functions.ts'
import { ExpressionError, type Token, tokensOf } from './lexer.ts'
import type { Arithmetic, Comparison, Expression } from './syntax.ts'

const depthMax = 32
const keywords = new Set(['and', 'or', 'not', 'in', 'true', 'false', 'null'])
const wordComparisons = ['contains', 'starts_with', 'ends_with', 'matches', 'in'] as const
const signComparisons = ['==', '!=', '<', '<=', '>', '>='] as const

/** The tree of an expression. Throws ExpressionError with the column of what is wrong. */
export function parseExpression(text: string): Expression {
  return new Parser(tokensOf(text)).whole()
}

class Parser {
  readonly #tokens: readonly Token[]
  #next = 0
  #depth = 0

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens
  }

  whole(): Expression {
    if (this.#tokens.length === 1) throw new ExpressionError(1, 'the expression is empty')
    const expression = this.#or()
    if (this.#peek.kind === 'end') return expression
    throw this.#unexpected('expected and, or, an operator, or the end')
  }

  get #peek(): Token {
    return this.#tokens[this.#next] as Token
  }

  #or(): Expression {
    this.#depth += 1
    if (this.#depth > depthMax) throw new ExpressionError(this.#peek.at, 'nested too deep')
    let left = this.#and()
    for (let at = this.#peek.at; this.#takeWord('or'); at = this.#peek.at)
      left = { kind: 'or', at, left, right: this.#and() }
    this.#depth -= 1
    return left
  }

  #and(): Expression {
    let left = this.#not()
    for (let at = this.#peek.at; this.#takeWord('and'); at = this.#peek.at)
      left = { kind: 'and', at, left, right: this.#not() }
    return left
  }

  #not(): Expression {
    const { at } = this.#peek
    let nots = 0
    while (this.#takeWord('not')) nots += 1
    let expression = this.#comparison()
    for (; nots > 0; nots -= 1) expression = { kind: 'not', at, inner: expression }
    return expression
  }

  #comparison(): Expression {
    const left = this.#sum()
    const { at } = this.#peek
    const operator = this.#takeComparison()
    if (operator === null) return left
    if (operator === 'matches') return this.#matches(left, at)
    const right = this.#sum()
    const again = this.#peek
    if (this.#takeComparison() !== null)
      throw new ExpressionError(again.at, 'two comparisons in a row: join them with and, or use parentheses')
    return { kind: 'compare', at, operator, left, right }
  }

  #takeComparison(): Comparison | null {
    const token = this.#peek
    for (const sign of signComparisons) if (this.#takeSign(sign)) return sign
    for (const word of wordComparisons) if (this.#takeWord(word)) return word
    if (token.kind !== 'word' || token.text !== 'not') return null
    this.#next += 1
    if (this.#takeWord('in')) return 'not in'
    throw this.#unexpected('expected in behind not')
  }

  #matches(left: Expression, at: number): Expression {
    const token = this.#peek
    if (token.kind !== 'text')
      throw new ExpressionError(token.at, 'matches takes a pattern in quotes: it is checked before any line')
    this.#next += 1
    try {
      return { kind: 'matches', at, left, pattern: token.value, regex: linearExpression(token.value) }
    } catch (error) {
      throw new ExpressionError(token.at, error instanceof Error ? error.message : String(error))
    }
  }

  #sum(): Expression {
    let left = this.#product()
    for (;;) {
      const { at } = this.#peek
      const operator = this.#takeOne(['+', '-'])
      if (operator === null) return left
      left = { kind: 'arithmetic', at, operator, left, right: this.#product() }
    }
  }

  #product(): Expression {
    let left = this.#unary()
    for (;;) {
      const { at } = this.#peek
      const operator = this.#takeOne(['*', '/', '%'])
      if (operator === null) return left
      left = { kind: 'arithmetic', at, operator, left, right: this.#unary() }
    }
  }

  #unary(): Expression {
    const { at } = this.#peek
    let signs = 0
    while (this.#takeSign('-')) signs += 1
    let expression = this.#postfix()
    for (; signs > 0; signs -= 1) expression = { kind: 'minus', at, inner: expression }
    return expression
  }

  #postfix(): Expression {
    let expression = this.#primary()
    for (let { at } = this.#peek; this.#takeSign('['); at = this.#peek.at) {
      const index = this.#or()
      this.#expect(']')
      expression = { kind: 'index', at, inner: expression, index }
    }
    return expression
  }

  #primary(): Expression {
    const token = this.#peek
    const { at } = token
    if (token.kind === 'number' || token.kind === 'text') {
      this.#next += 1
      return { kind: 'literal', at, value: token.value }
    }
    if (token.kind === 'path') {
      this.#next += 1
      return { kind: 'path', at, name: token.name }
    }
    if (this.#takeSign('(')) {
      const expression = this.#or()
      this.#expect(')')
      return expression
    }
    if (this.#takeSign('[')) return { kind: 'list', at, items: this.#items(']') }
    if (token.kind === 'word') return this.#word(token.text, at)
    throw this.#unexpected('expected a value, such as .field, 12, "text" or a function')
  }

  #word(text: string, at: number): Expression {
    if (text === 'true' || text === 'false' || text === 'null') {
      this.#next += 1
      return { kind: 'literal', at, value: text === 'null' ? null : text === 'true' }
    }
    if (keywords.has(text)) throw this.#unexpected('expected a value')
    this.#next += 1
    if (!this.#takeSign('(')) {
      throw new ExpressionError(
        at,
        functions.has(text)
          ? `${text} is a function: write ${functions.get(text)?.usage}`
          : `unknown word ${JSON.stringify(text)}: a field is written .${text}, a text "${text}"`,
      )
    }
    return this.#call(text, at)
  }

  #call(name: string, at: number): Expression {
    const known = functions.get(name)
    if (known === undefined) {
      const isOperator = (wordComparisons as readonly string[]).includes(name)
      const hint = isOperator
        ? `; it stands between two values: .a ${name} "b"`
        : didYouMean(name, functions.keys())
      throw new ExpressionError(at, `unknown function ${JSON.stringify(name)}${hint}`)
    }
    const inputs = this.#items(')')
    if (inputs.length < known.inputsMin || inputs.length > known.inputsMax)
      throw new ExpressionError(at, `${name} is called with ${inputs.length} values: write ${known.usage}`)
    if (name === 'exists' && inputs[0]?.kind !== 'path')
      throw new ExpressionError(at, 'exists takes a field, such as exists(.status)')
    return { kind: 'call', at, name, inputs }
  }

  #items(closing: string): readonly Expression[] {
    const items: Expression[] = []
    if (this.#takeSign(closing)) return items
    do items.push(this.#or())
    while (this.#takeSign(','))
    this.#expect(closing)
    return items
  }

  #expect(sign: string): void {
    if (!this.#takeSign(sign)) throw this.#unexpected(`expected ${sign}`)
  }

  #takeOne<Sign extends Arithmetic>(choices: readonly Sign[]): Sign | null {
    return choices.find((sign) => this.#takeSign(sign)) ?? null
  }

  #takeSign(sign: string): boolean {
    return this.#takeIf('sign', sign)
  }

  #takeWord(word: string): boolean {
    return this.#takeIf('word', word)
  }

  #takeIf(kind: 'sign' | 'word', text: string): boolean {
    const token = this.#peek
    const isThere = token.kind === kind && token.text === text
    if (isThere) this.#next += 1
    return isThere
  }

  #unexpected(sentence: string): ExpressionError {
    const token = this.#peek
    if (token.kind === 'end') return new ExpressionError(token.at, `the expression ends here: ${sentence}`)
    return new ExpressionError(token.at, sentence)
  }
}
