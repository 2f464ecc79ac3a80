// Cutting what comes in pieces to lines: the same lines whatever the pieces are, and a bound on what waits.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LineCutter } from '../../../agent/inputs/line-cutter.ts'
import type { Lines } from '../../../agent/parse/made-lines.ts'

function textsOf({ bytes, starts, ends, count }: Lines): string[] {
  return Array.from({ length: count }, (_, index) =>
    Buffer.from(bytes.subarray(starts[index], ends[index])).toString('latin1'),
  )
}

function cut(pieces: readonly Uint8Array[], lineBytesMax = 1000) {
  let cutBytes = 0
  const cutter = new LineCutter(lineBytesMax, (bytes) => {
    cutBytes += bytes
  })
  const lines = pieces.flatMap((piece) => textsOf(cutter.push(new Uint8Array(piece))))
  return { lines: [...lines, ...textsOf(cutter.end())], cutBytes }
}

const pieces = fc.array(
  fc
    .array(fc.constantFrom('\n', '\r\n', 'a', 'bb', 'ccc', '\0'), { maxLength: 12 })
    .map((parts) => Buffer.from(parts.join(''))),
  { maxLength: 12 },
)

test('pieces make the lines that the whole has', () => {
  fc.assert(
    fc.property(pieces, (parts) => {
      const whole = Buffer.concat(parts).toString('latin1').split('\n')
      const last = whole.pop() as string
      const wanted = last === '' ? whole : [...whole, last]
      expect(cut(parts)).toEqual({ lines: wanted.map((line) => line.replace(/\r$/, '')), cutBytes: 0 })
    }),
  )
})

test('long lines are cut, and what is left out is counted, whatever the pieces are', () => {
  fc.assert(
    fc.property(pieces, fc.integer({ min: 1, max: 9 }), (parts, lineBytesMax) => {
      // Ends of lines are one byte here: a return that is cut off counts.
      const plain = parts.map((part) => Buffer.from(part.toString('latin1').replaceAll('\r', '')))
      const whole = cut(plain)
      const short = cut(plain, lineBytesMax)
      expect(short.lines).toEqual(whole.lines.map((line) => line.slice(0, lineBytesMax)))
      const lengthOf = (lines: readonly string[]) => lines.reduce((sum, line) => sum + line.length, 0)
      expect(lengthOf(short.lines) + short.cutBytes).toBe(lengthOf(whole.lines))
    }),
  )
})

test('a line is cut between two characters', () => {
  expect(cut([Buffer.from('aä'), Buffer.from('öü\nb')], 4)).toEqual({
    lines: [Buffer.from('aä').toString('latin1'), 'b'],
    cutBytes: 4,
  })
})

test('a line without an end takes no more memory than its bound and a piece', () => {
  const cutter = new LineCutter(1000, () => undefined)
  const piece = new Uint8Array(64 * 1024).fill(97)
  for (let index = 0; index < 200; index += 1) {
    const { bytes } = cutter.push(piece)
    expect(bytes.length).toBeLessThanOrEqual(1001 + piece.length)
  }
})
