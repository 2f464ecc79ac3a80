// Expressions: what they give, what is wrong with them and where, and that nothing makes them throw or run for long.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Evaluator } from '../../../agent/transform/evaluate.ts'
import { EvaluationError, functions, type Value } from '../../../agent/transform/functions.ts'
import { parseExpression } from '../../../agent/transform/parser.ts'
import { printExpression } from '../../../agent/transform/syntax.ts'
import { runs } from '../../runs.ts'

const sample: Readonly<Record<string, Value>> = {
  status: 502,
  path: '/cart/17',
  ok: true,
  'odd name': 'x',
  'http.method': 'GET',
  user: 'Ada',
}

function evaluate(text: string, fields: Readonly<Record<string, Value>> = sample): Value {
  const evaluator = new Evaluator()
  return evaluator.evaluate(parseExpression(text), {
    valueOf: (name) => (Object.hasOwn(fields, name) ? (fields[name] as Value) : null),
  })
}

function failure(text: string, fields = sample): string {
  try {
    return `gave ${String(evaluate(text, fields))}`
  } catch (error) {
    if (error instanceof EvaluationError) return error.reason
    throw error
  }
}

function refusal(text: string): string {
  try {
    return printExpression(parseExpression(text))
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

test.each<readonly [string, Value]>([
  ['.status >= 500 and .path starts_with "/cart"', true],
  ['.status == 200 or not .ok', false],
  ['not (.status in [200, 204]) and .http.method == "GET"', true],
  ['.["odd name"] == "x" and .http["method"] != "POST"', true],
  ['.status not in [502]', false],
  ['.user contains "da"', true],
  ['.user ends_with "a" and .user matches "^[A-Z]da$"', true],
  ['exists(.status) and not exists(.nothing)', true],
  ['.nothing > 3', false],
  ['.nothing == null', true],
  ['.nothing != "x"', true],
  ['.nothing + 1', null],
  ['1 + 2 * 3 - 4 / 2', 5],
  ['-(2 - 5) % 2', 1],
  ['"a" + lower(.user) + upper("b")', 'aadaB'],
  ['split(.path, "/")[1]', 'cart'],
  ['split(.path, "/")[-1]', '17'],
  ['substr(.path, 1, 4)', 'cart'],
  ['substr(.path, -2)', '17'],
  ['replace(.path, "/", "_")', '_cart_17'],
  ['coalesce(.nothing, .user, "none")', 'Ada'],
  ['number("1.5") + length("abc")', 4.5],
  ['text(.status) + trim(" x ")', '502x'],
  ['round(2.5) + floor(2.9)', 5],
  ['"\\u00e9\\n" == "é\\n"', true],
  ['split("a,b", ",") contains "b"', true],
])('%s', (text, value) => {
  expect(evaluate(text)).toEqual(value)
})

test.each([
  ['.path > 3', 'wrong_type'],
  ['lower(.status)', 'wrong_type'],
  ['.status and true', 'not_a_condition'],
  ['1 / 0', 'divided_by_zero'],
  ['number("12a")', 'not_a_number'],
  ['split(.path, "")', 'empty_separator'],
  ['.status in 3', 'wrong_type'],
])('%s cannot be evaluated: %s', (text, reason) => {
  expect(failure(text)).toBe(reason)
})

test.each([
  ['', 'column 1: the expression is empty'],
  ['lenght(.x) > 1', 'column 1: unknown function "lenght"; did you mean "length"?'],
  ['.status = 3', 'column 9: "=" means nothing here; to compare write =='],
  ['.a && .b', 'column 4: "&" means nothing here; write and'],
  ['status == 3', 'column 1: unknown word "status": a field is written .status, a text "status"'],
  ['.a == "x', 'column 7: a text without its closing quote'],
  ['.a == 1 == 2', 'column 9: two comparisons in a row: join them with and, or use parentheses'],
  ['(.a', 'column 4: the expression ends here: expected )'],
  ['.a .b', 'column 4: expected and, or, an operator, or the end'],
  ['.', 'column 1: expected a name behind the dot, such as .status or .["odd name"]'],
  ['lower()', 'column 1: lower is called with 0 values: write lower(text)'],
  ['exists("a")', 'column 1: exists takes a field, such as exists(.status)'],
  [
    'contains(.a, "b")',
    'column 1: unknown function "contains"; it stands between two values: .a contains "b"',
  ],
  ['.a matches .b', 'column 12: matches takes a pattern in quotes: it is checked before any line'],
  [
    '.a matches "(?=x)"',
    'column 12: the pattern could take for ever on some line: use no look-ahead, no back-references and no counts above 1000',
  ],
  [`${'('.repeat(100)}1`, 'column 33: nested too deep'],
  ['x'.repeat(5000), 'column 1: the expression is over 4096 characters'],
])('%s is refused with its column', (text, message) => {
  expect(refusal(text)).toBe(message)
})

const name = fc.constantFrom('status', 'path', 'http.method', 'odd name', 'a"b', '__proto__', '')
const leaf = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true, min: 0, max: 1e12 }).map((value) => String(value)),
  fc.string({ unit: 'grapheme', maxLength: 8 }).map((value) => JSON.stringify(value)),
  name.map((one) => `.[${JSON.stringify(one)}]`),
  fc.constantFrom('true', 'false', 'null', '.status', '.http.method'),
)
const { text: expressionText } = fc.letrec<{ text: string }>((tie) => ({
  text: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    leaf,
    fc
      .tuple(tie('text'), fc.constantFrom('+', '-', '*', '/', '%', 'and', 'or'), tie('text'))
      .map((parts) => `(${parts.join(' ')})`),
    fc
      .tuple(
        tie('text'),
        fc.constantFrom(
          '==',
          '!=',
          '<',
          '<=',
          '>',
          '>=',
          'in',
          'not in',
          'contains',
          'starts_with',
          'ends_with',
        ),
        tie('text'),
      )
      .map((parts) => `(${parts.join(' ')})`),
    tie('text').map((inner) => `(not ${inner})`),
    tie('text').map((inner) => `(-${inner})`),
    tie('text').map((inner) => `(${inner} matches "a+b|[0-9]+")`),
    fc.tuple(tie('text'), tie('text')).map(([list, index]) => `(${list})[${index}]`),
    fc.array(tie('text'), { maxLength: 3 }).map((items) => `[${items.join(', ')}]`),
    fc
      .tuple(
        fc.constantFrom(...[...functions.keys()].filter((one) => one !== 'exists')),
        fc.array(tie('text'), { minLength: 3, maxLength: 3 }),
      )
      .map(([known, inputs]) => `${known}(${inputs.slice(0, functions.get(known)?.inputsMin).join(', ')})`),
  ),
}))

describe('properties', () => {
  test('what is printed parses to the same', () => {
    fc.assert(
      fc.property(expressionText, (text) => {
        const printed = printExpression(parseExpression(text))
        expect(printExpression(parseExpression(printed))).toBe(printed)
      }),
      { numRuns: runs(2000, 300) },
    )
  })

  test('the printed one gives the same value, and all that is thrown is an EvaluationError', () => {
    fc.assert(
      fc.property(expressionText, (text) => {
        const outcome = (one: string) => {
          try {
            return evaluate(one)
          } catch (error) {
            if (error instanceof EvaluationError) return `! ${error.reason}`
            throw error
          }
        }
        expect(outcome(printExpression(parseExpression(text)))).toEqual(outcome(text))
      }),
      { numRuns: runs(2000, 300) },
    )
  })

  test('any text parses or is refused with a column inside of it', () => {
    const pieces = fc.constantFrom(
      '.a',
      '"',
      "'",
      '(',
      ')',
      '[',
      ']',
      ',',
      'and',
      'not',
      'in',
      '==',
      '-',
      '1',
      '.',
      ' ',
      '\\',
      'lower',
    )
    const texts = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(pieces).map((all) => all.join(' ')),
    )
    fc.assert(
      fc.property(texts, (text) => {
        const said = refusal(text)
        const column = /^column (\d+): /.exec(said)?.[1]
        if (column === undefined) expect(refusal(said)).toBe(said)
        else expect(Number(column)).toBeLessThanOrEqual(text.length + 1)
      }),
      { numRuns: runs(5000, 500) },
    )
  })
})

test('steps are bounded: long texts and long lists use them up', () => {
  const list = `[${Array.from({ length: 1000 }, () => '1').join(',')}]`
  const many = Array.from({ length: 11 }, () => `.x in split(.long, ",")`).join(' or ')
  const long = Array.from({ length: 999 }, () => 'ab').join(',')
  expect(failure(many, { x: 'no', long })).toBe('too_many_steps')
  expect(failure(`.x in ${list}`, { x: 2 })).toBe('gave false')
  expect(failure('replace(.x, "a", "aaaaaaaaaaaaaaaaaaaa")', { x: 'a'.repeat(100_000) })).toBe(
    'text_too_long',
  )
  expect(failure('.x + .x', { x: 'a'.repeat(200_000) })).toBe('text_too_long')
  expect(failure('split(.x, ",")', { x: ','.repeat(2000) })).toBe('too_many_parts')
})
