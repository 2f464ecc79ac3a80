// The tree of an expression, and its text again: what the parser makes, the checker looks at and the evaluator walks.

export type Comparison =
  | '=='
  | '!='
  | '<'
  | '<='
  | '>'
  | '>='
  | 'in'
  | 'not in'
  | 'contains'
  | 'starts_with'
  | 'ends_with'
  | 'matches'
export type Arithmetic = '+' | '-' | '*' | '/' | '%'

/** A part of an expression; `at` is the column it begins at, counted from 1. */
export type Expression =
  | { readonly kind: 'literal'; readonly at: number; readonly value: string | number | boolean | null }
  | { readonly kind: 'path'; readonly at: number; readonly name: string }
  | { readonly kind: 'list'; readonly at: number; readonly items: readonly Expression[] }
  | { readonly kind: 'not' | 'minus'; readonly at: number; readonly inner: Expression }
  | {
      readonly kind: 'and' | 'or'
      readonly at: number
      readonly left: Expression
      readonly right: Expression
    }
  | {
      readonly kind: 'compare'
      readonly at: number
      readonly operator: Exclude<Comparison, 'matches'>
      readonly left: Expression
      readonly right: Expression
    }
  | {
      readonly kind: 'matches'
      readonly at: number
      readonly left: Expression
      readonly pattern: string
      readonly regex: RegExp
    }
  | {
      readonly kind: 'arithmetic'
      readonly at: number
      readonly operator: Arithmetic
      readonly left: Expression
      readonly right: Expression
    }
  | { readonly kind: 'index'; readonly at: number; readonly inner: Expression; readonly index: Expression }
  | {
      readonly kind: 'call'
      readonly at: number
      readonly name: string
      readonly inputs: readonly Expression[]
    }

/** An expression as text that parses to the same tree; every inner operation stands in parentheses. */
export function printExpression(expression: Expression): string {
  switch (expression.kind) {
    case 'literal':
      return typeof expression.value === 'string' ? quote(expression.value) : String(expression.value)
    case 'path':
      return isPlain(expression.name) ? `.${expression.name}` : `.[${quote(expression.name)}]`
    case 'list':
      return `[${expression.items.map(printExpression).join(', ')}]`
    case 'not':
      return `not ${inner(expression.inner)}`
    case 'minus':
      return `-${inner(expression.inner)}`
    case 'and':
    case 'or':
      return `${inner(expression.left)} ${expression.kind} ${inner(expression.right)}`
    case 'compare':
    case 'arithmetic':
      return `${inner(expression.left)} ${expression.operator} ${inner(expression.right)}`
    case 'matches':
      return `${inner(expression.left)} matches ${quote(expression.pattern)}`
    case 'index': {
      // Behind a bare path it would be another part of that.
      const list =
        expression.inner.kind === 'path' ? `(${printExpression(expression.inner)})` : inner(expression.inner)
      return `${list}[${printExpression(expression.index)}]`
    }
    case 'call':
      return `${expression.name}(${expression.inputs.map(printExpression).join(', ')})`
  }
}

/** The names of all fields that an expression reads. */
export function namesIn(expression: Expression): readonly string[] {
  if (expression.kind === 'path') return [expression.name]
  return childrenOf(expression).flatMap(namesIn)
}

function childrenOf(expression: Expression): readonly Expression[] {
  switch (expression.kind) {
    case 'literal':
    case 'path':
      return []
    case 'list':
      return expression.items
    case 'not':
    case 'minus':
      return [expression.inner]
    case 'matches':
      return [expression.left]
    case 'index':
      return [expression.inner, expression.index]
    case 'call':
      return expression.inputs
    default:
      return [expression.left, expression.right]
  }
}

function inner(expression: Expression): string {
  const text = printExpression(expression)
  return ['literal', 'path', 'list', 'index', 'call'].includes(expression.kind) ? text : `(${text})`
}

function quote(text: string): string {
  return JSON.stringify(text)
}

function isPlain(name: string): boolean {
  return /^[A-Za-z_@][A-Za-z0-9_@]*(\.[A-Za-z_@][A-Za-z0-9_@]*)*$/.test(name)
}
