// ZstdPacker: the same frames as a context of its own for each would give, one after the other; needs nothing.
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ZstdPacker } from '../../protocol/zstd-packer.ts'

const params = { [constants.ZSTD_c_compressionLevel]: 1 }

test('every frame is the one that zstdCompressSync makes, whatever was packed before', () => {
  const packer = new ZstdPacker(64 * 1024, params)
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 3000 }), fc.nat(20), (bytes, times) => {
      const long = Buffer.concat(Array.from({ length: times + 1 }, () => bytes))
      const packed = packer.pack(long)
      expect(packed).toEqual(zstdCompressSync(long, { params }))
    }),
  )
})

test('bytes that do not pack still fit', () => {
  const packer = new ZstdPacker(64 * 1024, params)
  const noise = crypto.getRandomValues(new Uint8Array(64 * 1024))
  const packed = packer.pack(noise) as Uint8Array
  expect(zstdDecompressSync(packed).equals(noise)).toBe(true)
})

test('a frame that was handed out stays as it is', () => {
  const packer = new ZstdPacker(1024, params)
  const first = packer.pack(Buffer.from('first '.repeat(50))) as Uint8Array
  packer.pack(Buffer.from('second '.repeat(50)))
  expect(zstdDecompressSync(first).toString()).toBe('first '.repeat(50))
})

test('larger bytes are left to somebody else', () => {
  const packer = new ZstdPacker(1000, params)
  expect(packer.pack(new Uint8Array(1001))).toBeNull()
  expect(packer.pack(new Uint8Array(1000))).not.toBeNull()
})
