// A short run of the fuzzer: every landing sees some thousands of mutated frames. `npm run fuzz` is the long one.

import { expect, test } from 'vitest'
import { HEAP_FACTOR_MAX } from '../../protocol/bytes.ts'
import { fuzzFrames } from './frames.ts'
import { drawFrom, mutations } from './mutate.ts'

test('mutated requests are decoded or refused, and nothing else', () => {
  const report = fuzzFrames({ frames: 20_000, seed: 7 })
  expect(report.decoded + report.refused + report.unserved).toBe(20_000)
  // Were nearly all of them refused at the first byte, nothing would be tested.
  expect(report.decoded).toBeGreaterThan(2_000)
  expect(report.refused).toBeGreaterThan(5_000)
  // The smallest elements of all are among them: that much is reached, and nothing beyond.
  expect(report.heapFactor).toBeGreaterThan(HEAP_FACTOR_MAX - 2)
  expect(report.heapFactor).toBeLessThanOrEqual(HEAP_FACTOR_MAX)
  expect(Object.keys(report.byMutation).sort()).toEqual(Object.keys(mutations).sort())
})

test('the same seed makes the same frames', () => {
  const {
    worstMs: _first,
    worstFrame: _frame,
    rssMiBMax: _rss,
    ...first
  } = fuzzFrames({ frames: 2000, seed: 3 })
  expect(fuzzFrames({ frames: 2000, seed: 3 })).toMatchObject(first)
  const draw = drawFrom(1)
  expect(Array.from({ length: 5 }, () => draw(1000))).toMatchInlineSnapshot(`
    [
      924,
      635,
      805,
      820,
      320,
    ]
  `)
})
