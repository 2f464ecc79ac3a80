// Bytes found four at a time are those found one by one; texts written eight at a time are JSON.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { indexOfByte, lowestMark, markEscaped } from '../../../agent/parse/four-bytes.ts'
import { JsonBytes } from '../../../agent/parse/json-bytes.ts'

const special = fc.constantFrom(
  0,
  0x1f,
  0x20,
  0x21,
  0x22,
  0x23,
  0x5b,
  0x5c,
  0x5d,
  0x7f,
  0x80,
  0xa2,
  0xdc,
  0xff,
)
const bytes = fc
  .uint8Array({ maxLength: 40 })
  .chain((plain) => fc.array(special, { maxLength: 40 }).map((odd) => [...plain, ...odd]))
const mixed = bytes.chain((all) => fc.shuffledSubarray(all, { minLength: all.length, maxLength: all.length }))

test('the first place of any byte', () => {
  fc.assert(
    fc.property(mixed, special, fc.nat(8), (all, byte, from) => {
      const view = new DataView(Uint8Array.from(all).buffer)
      const start = Math.min(from, all.length)
      const found = all.indexOf(byte, start)
      expect(indexOfByte(view, byte, start, all.length)).toBe(found === -1 ? all.length : found)
    }),
  )
})

test('the first of four bytes that JSON has to escape', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(special, fc.nat(255)), { minLength: 4, maxLength: 4 }), (four) => {
      const number = new DataView(Uint8Array.from(four).buffer).getInt32(0, true)
      const first = four.findIndex((byte) => byte < 0x20 || byte === 0x22 || byte === 0x5c)
      expect(lowestMark(markEscaped(number))).toBe(first === -1 ? 4 : first)
    }),
  )
})

test('any text is written as JSON, behind and before others', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary' }), { minLength: 1, maxLength: 8 }), (texts) => {
      const source = Buffer.from(texts.join(''))
      const json = new JsonBytes()
      let from = 0
      for (const text of texts) {
        const to = from + Buffer.byteLength(text)
        json.byte(0x22)
        json.text(source, from, to)
        json.byte(0x22)
        json.byte(0x2c)
        from = to
      }
      const written = Buffer.from(json.bytes.subarray(0, json.length - 1)).toString()
      expect(JSON.parse(`[${written}]`)).toEqual(texts)
    }),
  )
})
