// The JSON scanner agrees with JSON.parse on everything, valid and broken, and minds its depth.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { checkJson, JsonFault, skipValue } from '../../../collector/http/json-scan.ts'

const accepts = (text: string): boolean => {
  const bytes = Buffer.from(text)
  try {
    checkJson(bytes, 0, bytes.length)
    return true
  } catch (error) {
    if (error instanceof JsonFault) return false
    throw error
  }
}

const parses = (text: string): boolean => {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

test('every JSON text is accepted', () => {
  fc.assert(fc.property(fc.json({ maxDepth: 8 }), (text) => accepts(text)))
})

test('a JSON text with one byte changed, added or taken is judged as JSON.parse judges it', () => {
  const alphabet = [...'{}[]",:\\/ \n\t0123456789.eE+-truefalsn\u0001u']
  fc.assert(
    fc.property(
      fc.json({ maxDepth: 4 }),
      fc.nat(),
      fc.constantFrom(...alphabet),
      fc.constantFrom('change', 'add', 'take'),
      (text, place, letter, how) => {
        const at = place % (text.length + 1)
        const rest = how === 'add' ? text.slice(at) : text.slice(at + 1)
        const broken = text.slice(0, at) + (how === 'take' ? '' : letter) + rest
        return accepts(broken) === parses(broken)
      },
    ),
    { numRuns: 5_000 },
  )
})

test('soups of JSON letters are judged as JSON.parse judges them', () => {
  const soup = fc.string({ unit: fc.constantFrom(...'{}[]",:\\ 01.e+-', 'true', 'null'), maxLength: 12 })
  fc.assert(
    fc.property(soup, (text) => accepts(text) === parses(text)),
    { numRuns: 20_000 },
  )
})

test('the end of a value is found inside more bytes, and nothing behind `end` is read', () => {
  const bytes = Buffer.from('  {"a":[1,"]"]} , 2')
  expect(skipValue(bytes, 0, bytes.length)).toBe(15)
  expect(() => skipValue(bytes, 0, 14)).toThrow(JsonFault)
  const number = Buffer.from('123')
  expect(skipValue(number, 0, 2)).toBe(2)
})

test('a million open brackets are refused at the depth limit', () => {
  const bytes = Buffer.alloc(1_000_000, '[')
  expect(() => checkJson(bytes, 0, bytes.length)).toThrow('nested deeper than 64 (byte 64)')
  expect(accepts(`${'['.repeat(64)}${']'.repeat(64)}`)).toBe(true)
  expect(accepts(`${'['.repeat(65)}${']'.repeat(65)}`)).toBe(false)
})
