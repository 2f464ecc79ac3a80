// Zigzag varints: known bytes, round trips, and bytes that lie.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type Cursor,
  readVarint,
  readVarlong,
  varintSize,
  varlongSize,
  writeVarint,
  writeVarlong,
} from '../../protocol/varint.ts'

const int32 = fc.integer({ min: -0x80000000, max: 0x7fffffff })
const safe = fc.oneof(
  int32,
  fc.maxSafeInteger(),
  fc.constantFrom(Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 2 ** 31, -(2 ** 31) - 1),
)

function varint(value: number): Uint8Array {
  const target = new Uint8Array(16)
  return target.subarray(0, writeVarint(target, 0, value))
}

function varlong(value: number): Uint8Array {
  const target = new Uint8Array(16)
  return target.subarray(0, writeVarlong(target, 0, value))
}

/** An independent second opinion, by bigint. */
function varlongByBigint(value: number): Uint8Array {
  const wide = BigInt(value)
  let zigzag = BigInt.asUintN(64, (wide << 1n) ^ (wide >> 63n))
  const bytes: number[] = []
  while (zigzag >= 0x80n) {
    bytes.push(Number(zigzag & 0x7fn) | 0x80)
    zigzag >>= 7n
  }
  bytes.push(Number(zigzag))
  return Uint8Array.from(bytes)
}

describe('varints', () => {
  test('write the bytes that the protocol buffers documentation shows for zigzag', () => {
    const known = [0, -1, 1, -2, 63, -64, 64, -65, 8191, 8192, 2147483647, -2147483648]
    expect(
      known.map((value) => `${value}: ${Buffer.from(varint(value)).toString('hex')}`),
    ).toMatchInlineSnapshot(`
      [
        "0: 00",
        "-1: 01",
        "1: 02",
        "-2: 03",
        "63: 7e",
        "-64: 7f",
        "64: 8001",
        "-65: 8101",
        "8191: fe7f",
        "8192: 808001",
        "2147483647: feffffff0f",
        "-2147483648: ffffffff0f",
      ]
    `)
  })

  test('come back as they were, in the size foretold', () => {
    fc.assert(
      fc.property(int32, (value) => {
        const bytes = varint(value)
        const cursor: Cursor = { at: 0 }
        expect(readVarint(bytes, cursor, bytes.length)).toBe(value)
        expect(cursor.at).toBe(bytes.length)
        expect(varintSize(value)).toBe(bytes.length)
      }),
      { numRuns: 2000 },
    )
  })

  test('refuse to be cut anywhere', () => {
    fc.assert(
      fc.property(int32, (value) => {
        const bytes = varint(value)
        for (let end = 0; end < bytes.length; end++) {
          expect(() => readVarint(bytes, { at: 0 }, end)).toThrow('cut short')
        }
      }),
    )
  })

  test('refuse a sixth byte and bits beyond the 32nd', () => {
    expect(() => readVarint(Uint8Array.of(0x80, 0x80, 0x80, 0x80, 0x80, 0), { at: 0 }, 6)).toThrow(
      'longer than 5',
    )
    expect(() => readVarint(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x1f), { at: 0 }, 5)).toThrow(
      'longer than 5',
    )
  })

  test('any bytes give a 32-bit integer or BATCH_CORRUPT, and the cursor never passes the end', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => {
        const cursor: Cursor = { at: 0 }
        try {
          const value = readVarint(bytes, cursor, bytes.length)
          expect(value).toBe(value | 0)
        } catch (error) {
          expect(error).toMatchObject({ code: 'BATCH_CORRUPT' })
        }
        expect(cursor.at).toBeLessThanOrEqual(bytes.length)
      }),
    )
  })
})

describe('varlongs', () => {
  test('come back as they were, in the size foretold, with the bytes that a bigint gives', () => {
    fc.assert(
      fc.property(safe, (value) => {
        const bytes = varlong(value)
        expect(bytes).toEqual(varlongByBigint(value))
        expect(varlongSize(value)).toBe(bytes.length)
        const cursor: Cursor = { at: 0 }
        expect(readVarlong(bytes, cursor, bytes.length)).toBe(value)
        expect(cursor.at).toBe(bytes.length)
      }),
      { numRuns: 3000 },
    )
  })

  test('refuse what a number cannot hold exactly, an eleventh byte, and being cut', () => {
    const largest = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01)
    expect(() => readVarlong(largest, { at: 0 }, 10)).toThrow('beyond 2^53')
    expect(() => readVarlong(new Uint8Array(11).fill(0x80), { at: 0 }, 11)).toThrow('longer than 10')
    expect(() => readVarlong(largest, { at: 0 }, 9)).toThrow('cut short')
    expect(() => readVarlong(Uint8Array.of(...largest.subarray(0, 9), 0x02), { at: 0 }, 10)).toThrow(
      'longer than 10',
    )
  })
})
