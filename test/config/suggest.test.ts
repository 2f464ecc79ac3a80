// Edit distance and the choice of a suggestion.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { didYouMean, editDistance, nearest } from '../../config/suggest.ts'

test('a slip of the keyboard finds its word', () => {
  const words = ['topics', 'type', 'batch', 'server', 'port']
  expect(nearest('tpics', words)).toBe('topics')
  expect(nearest('tyep', words)).toBe('type')
  expect(nearest('Server', words)).toBe('server')
  expect(didYouMean('bacth', words)).toBe('; did you mean "batch"?')
})

test('two neighbours that changed places are one slip', () => {
  expect(editDistance('prot', 'port')).toBe(1)
  expect(editDistance('ab', 'ba')).toBe(1)
  expect(editDistance('abc', 'cba')).toBe(2)
})

test('a word that resembles nothing gets no suggestion', () => {
  expect(nearest('compression', ['topics', 'type'])).toBeUndefined()
  expect(nearest('xy', ['ab'])).toBeUndefined()
  expect(didYouMean('x'.repeat(100_000), ['topics'])).toBe('')
})

test('the distance is a metric as far as it is needed: zero only for equals, symmetric', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (left, right) => {
      expect(editDistance(left, right)).toBe(editDistance(right, left))
      expect(editDistance(left, right) === 0).toBe(left === right)
      expect(editDistance(left, right)).toBeLessThanOrEqual(Math.max(left.length, right.length))
    }),
  )
})
