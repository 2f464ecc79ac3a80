// Evaluate: an expression over one record, by walking its tree; bounded in steps and in the length of texts.
import { bounded, EvaluationError, functions, numberOf, textOf, type Value } from './functions.ts'
import type { Arithmetic, Comparison, Expression } from './syntax.ts'

/** Where the fields of the record in work come from. */
export interface Surroundings {
  /** The value of a field by its whole name; null when it is not there. */
  valueOf(name: string): Value
}

/** Steps that all expressions of one record may take together. */
const stepsMax = 10_000
/** So many characters that are looked at cost one step. */
const charactersPerStep = 256

/** Evaluates within a budget of steps, which is for one record: `begin` it for each. */
export class Evaluator {
  #left = stepsMax

  /** A new record. */
  begin(): void {
    this.#left = stepsMax
  }

  /** The value of an expression. Throws EvaluationError for what it cannot work with and when the steps are used up. */
  evaluate(expression: Expression, record: Surroundings): Value {
    this.#pay(1)
    switch (expression.kind) {
      case 'literal':
        return expression.value
      case 'path':
        return this.#paid(record.valueOf(expression.name))
      case 'list':
        return expression.items.map((item) => this.evaluate(item, record))
      case 'not':
        return !isTrue(this.evaluate(expression.inner, record))
      case 'and':
        return this.isTrue(expression.left, record) && this.isTrue(expression.right, record)
      case 'or':
        return this.isTrue(expression.left, record) || this.isTrue(expression.right, record)
      case 'minus': {
        const value = this.evaluate(expression.inner, record)
        return value === null ? null : -numberOf(value)
      }
      case 'matches': {
        const value = this.evaluate(expression.left, record)
        return value !== null && expression.regex.test(textOf(this.#paid(value)))
      }
      case 'compare': {
        const left = this.evaluate(expression.left, record)
        return compare(expression.operator, left, this.evaluate(expression.right, record))
      }
      case 'arithmetic': {
        const left = this.evaluate(expression.left, record)
        return this.#paid(calculate(expression.operator, left, this.evaluate(expression.right, record)))
      }
      case 'index':
        return item(this.evaluate(expression.inner, record), this.evaluate(expression.index, record))
      case 'call':
        return this.#call(expression, record)
    }
  }

  /** Whether a condition holds; what is missing does not. Throws EvaluationError as `evaluate`, and for no condition. */
  isTrue(expression: Expression, record: Surroundings): boolean {
    return isTrue(this.evaluate(expression, record))
  }

  #call(call: Extract<Expression, { kind: 'call' }>, record: Surroundings): Value {
    const inputs = call.inputs.map((input) => this.evaluate(input, record))
    const known = functions.get(call.name)
    if (known === undefined) throw new EvaluationError('unknown_function')
    if (known.skipsMissing && inputs[0] === null) return null
    return this.#paid(known.run(inputs))
  }

  #paid<T extends Value>(value: T): T {
    if (typeof value === 'string') this.#pay(value.length / charactersPerStep)
    else if (Array.isArray(value)) this.#pay(value.length)
    return value
  }

  #pay(steps: number): void {
    this.#left -= steps
    if (this.#left < 0) throw new EvaluationError('too_many_steps')
  }
}

function isTrue(value: Value): boolean {
  if (value === null) return false
  if (typeof value === 'boolean') return value
  throw new EvaluationError('not_a_condition')
}

function compare(operator: Exclude<Comparison, 'matches'>, left: Value, right: Value): boolean {
  switch (operator) {
    case '==':
      return isSame(left, right)
    case '!=':
      return !isSame(left, right)
    case 'in':
      return isIn(left, right)
    case 'not in':
      return !isIn(left, right)
    case 'contains':
      if (left === null || right === null) return false
      return Array.isArray(left) ? isIn(right, left) : textOf(left).includes(textOf(right))
    case 'starts_with':
      return left !== null && right !== null && textOf(left).startsWith(textOf(right))
    case 'ends_with':
      return left !== null && right !== null && textOf(left).endsWith(textOf(right))
    default:
      return isOrdered(operator, left, right)
  }
}

/** What is missing is neither more nor less than anything. */
function isOrdered(operator: '<' | '<=' | '>' | '>=', left: Value, right: Value): boolean {
  if (left === null || right === null) return false
  const areTexts = typeof left === 'string' && typeof right === 'string'
  const [a, b] = areTexts ? [left, right] : [numberOf(left), numberOf(right)]
  if (operator === '<') return a < b
  if (operator === '<=') return a <= b
  return operator === '>' ? a > b : a >= b
}

function isSame(left: Value, right: Value): boolean {
  if (!Array.isArray(left) || !Array.isArray(right)) return left === right
  return left.length === right.length && left.every((one: Value, index) => isSame(one, right[index] ?? null))
}

function isIn(one: Value, many: Value): boolean {
  if (many === null) return false
  if (Array.isArray(many)) return many.some((other: Value) => isSame(one, other))
  throw new EvaluationError('wrong_type')
}

function calculate(operator: Arithmetic, left: Value, right: Value): Value {
  if (left === null || right === null) return null
  if (operator === '+' && typeof left === 'string') return bounded(left + textOf(right))
  const [a, b] = [numberOf(left), numberOf(right)]
  if ((operator === '/' || operator === '%') && b === 0) throw new EvaluationError('divided_by_zero')
  const result = { '+': a + b, '-': a - b, '*': a * b, '/': a / b, '%': a % b }[operator]
  if (!Number.isFinite(result)) throw new EvaluationError('too_big_a_number')
  return result
}

/** An item of a list by its index from 0, from the end when that is negative. */
function item(list: Value, index: Value): Value {
  if (list === null || index === null) return null
  if (!Array.isArray(list)) throw new EvaluationError('wrong_type')
  return (list as readonly Value[]).at(numberOf(index)) ?? null
}
