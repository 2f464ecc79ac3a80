// Splitting bytes to lines: what any splitter of strings would find, without making strings.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  addUnended,
  leadingLineEnd,
  lineRanges,
  splitLines,
  utf8Code,
  utf8End,
} from '../../../agent/tail/lines.ts'

function split(bytes: Uint8Array, from: number, lineBytesMax = 1e9, linesMax = 1000) {
  const ranges = lineRanges(linesMax)
  splitLines(bytes, from, bytes.length, lineBytesMax, ranges)
  const lines: string[] = []
  for (let i = 0; i < ranges.count; i += 1) {
    lines.push(Buffer.from(bytes.subarray(ranges.valueFrom[i], ranges.valueTo[i])).toString('latin1'))
  }
  return { lines, end: ranges.end, cutBytes: ranges.cutBytes }
}

const text = fc
  .array(fc.constantFrom('\n', '\r\n', '\r', 'a', 'bb', 'é', '\0'), { maxLength: 60 })
  .map((parts) => Buffer.from(parts.join('')))

test('any bytes split into the lines between line ends, the unfinished rest left', () => {
  fc.assert(
    fc.property(text, fc.nat({ max: 5 }), (bytes, skip) => {
      const from = Math.min(skip, bytes.length)
      const whole = bytes.toString('latin1', from).split('\n')
      const rest = whole.pop() ?? ''
      const { lines, end } = split(bytes, from)
      expect(lines).toEqual(whole.map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line)))
      expect(end).toBe(bytes.length - rest.length)
    }),
  )
})

test('full ranges stop where the next call goes on', () => {
  fc.assert(
    fc.property(text, fc.integer({ min: 1, max: 4 }), (bytes, linesMax) => {
      const pieces: string[] = []
      let at = 0
      for (;;) {
        const { lines, end } = split(bytes, at, 1e9, linesMax)
        if (lines.length === 0) break
        pieces.push(...lines)
        at = end
      }
      expect(pieces).toEqual(split(bytes, 0).lines)
    }),
  )
})

test('a long line is cut, says its whole length, and is the last of its block', () => {
  const bytes = Buffer.from(`ok\n${'x'.repeat(20)}\r\nafter\n`)
  expect(split(bytes, 0, 10)).toEqual({ lines: ['ok', 'x'.repeat(10)], end: 25, cutBytes: 20 })
  expect(split(Buffer.from(`${'x'.repeat(10)}\r\nafter\n`), 0, 10)).toMatchObject({ cutBytes: null })
})

test('a cut never splits a UTF-8 character, whatever the limit', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }), fc.nat(), (chars, at) => {
      const bytes = Buffer.from(chars.toWellFormed())
      const limit = at % (bytes.length + 1)
      const end = utf8End(bytes, 0, limit)
      expect(limit - end).toBeLessThan(4)
      expect(() => new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, end))).not.toThrow()
    }),
  )
})

test('bytes that are not UTF-8 are cut at the limit', () => {
  expect(utf8End(new Uint8Array(20).fill(0x80), 0, 10)).toBe(10)
})

test('an unfinished line is taken whole, without a trailing return', () => {
  const ranges = lineRanges(1)
  addUnended(utf8Code, Buffer.from('abc\r'), { from: 0, to: 4 }, 100, ranges)
  expect([ranges.count, ranges.valueFrom[0], ranges.valueTo[0], ranges.end]).toEqual([1, 0, 3, 4])
})

test('a line end at the front is recognised in both forms', () => {
  const lengths = ['\nx', '\r\nx', '\rx', 'x\n', ''].map((one) =>
    leadingLineEnd(Buffer.from(one), 0, one.length),
  )
  expect(lengths).toEqual([1, 2, 0, 0, 0])
})
