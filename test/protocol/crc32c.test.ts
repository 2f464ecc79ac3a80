// CRC-32C: the check value, both implementations against each other, sums in parts.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { crc32c, crc32cPortable, crc32cSource } from '../../protocol/crc32c.ts'

const check = new TextEncoder().encode('123456789')

describe('crc32c', () => {
  test('gives the check value of Castagnoli, not the one of zlib', () => {
    expect(crc32c(check)).toBe(0xe3069283)
    expect(crc32cPortable(check)).toBe(0xe3069283)
  })

  test('runs on the native module here', () => {
    expect(crc32cSource).toBe('native')
  })

  test('gives the vectors of RFC 3720', () => {
    for (const crc of [crc32c, crc32cPortable]) {
      expect(crc(new Uint8Array(32))).toBe(0x8a9136aa)
      expect(crc(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43)
      expect(crc(Uint8Array.from({ length: 32 }, (_, index) => index))).toBe(0x46dd794e)
      expect(crc(new Uint8Array(0))).toBe(0)
    }
  })

  test('both implementations agree on any bytes and any seed', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(0xffffffff), (bytes, seed) => {
        expect(crc32c(bytes, seed)).toBe(crc32cPortable(bytes, seed))
      }),
    )
  })

  test('sums in parts: the seed of the second part is the sum of the first', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(300), (bytes, where) => {
        const cut = Math.min(where, bytes.length)
        for (const crc of [crc32c, crc32cPortable]) {
          expect(crc(bytes.subarray(cut), crc(bytes.subarray(0, cut)))).toBe(crc(bytes))
        }
      }),
    )
  })
})
