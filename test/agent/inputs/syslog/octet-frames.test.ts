// Octet counting: messages come out as they went in, whatever the pieces; what is no length is refused, never guessed.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { OctetFrames } from '../../../../agent/inputs/syslog/octet-frames.ts'
import { isCode } from '../../../../core/errors.ts'

function read(bytes: Uint8Array, cuts: readonly number[] = [], bytesMax = 1000) {
  let cutBytes = 0
  const frames = new OctetFrames(bytesMax, (count) => {
    cutBytes += count
  })
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b)
  let from = 0
  const messages = ends.flatMap((end) => {
    const { bytes: joined, starts, ends: to, count } = frames.push(bytes.subarray(from, end))
    from = end
    return Array.from({ length: count }, (_, index) =>
      Buffer.from(joined.subarray(starts[index], to[index])).toString('latin1'),
    )
  })
  return { messages, cutBytes, unfinished: frames.end() }
}

const message = fc.stringMatching(/^[<a-z0-9 \n]{0,30}[a-z]$/)
const framed = (messages: readonly string[], between = '') =>
  Buffer.from(messages.map((one) => `${one.length} ${one}${between}`).join(''), 'latin1')

test('messages come out as they went in', () => {
  fc.assert(
    fc.property(
      fc.array(message),
      fc.array(fc.nat()),
      fc.constantFrom('', '\n'),
      (messages, cuts, between) => {
        expect(read(framed(messages, between), cuts)).toEqual({ messages, cutBytes: 0, unfinished: 0 })
      },
    ),
  )
})

test('long messages are cut and counted, and the next one is found', () => {
  expect(read(framed(['a'.repeat(50), 'next']), [3, 20], 10)).toEqual({
    messages: ['a'.repeat(10), 'next'],
    cutBytes: 40,
    unfinished: 0,
  })
  expect(read(Buffer.from('10 abc'))).toEqual({ messages: [], cutBytes: 0, unfinished: 3 })
})

test.each(['<34>no length', '0 x', ' x', '123456789 x', '5x', '-1 x', '5 12345abc'])(
  '%j is refused',
  (text) => {
    expect(() => read(Buffer.from(text))).toThrowError(/length/)
  },
)

test('any bytes are messages or are refused', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.array(fc.nat()), (bytes, cuts) => {
      try {
        read(bytes, cuts)
      } catch (error) {
        expect(isCode(error, 'SCHEMA_INVALID')).toBe(true)
      }
    }),
  )
})
