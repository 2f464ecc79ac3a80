// Compression: round trips, declared sizes, bombs, truncations.

import { constants, createZstdCompress, gzipSync, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type Codec,
  codecId,
  codecOf,
  compress,
  decompress,
  unpackedSize,
  zstdLater,
} from '../../protocol/compression.ts'

const MEBIBYTE = 1024 * 1024
const packers: readonly Codec[] = ['gzip', 'snappy', 'lz4', 'zstd']
const magics = {
  gzip: [0x1f, 0x8b, 8, 0],
  zstd: [0x28, 0xb5, 0x2f, 0xfd],
  lz4: [4, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82],
}

describe('codecs', () => {
  test('have the ids of the Kafka attributes', () => {
    const names: readonly Codec[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd']
    expect(names.map(codecId)).toEqual([0, 1, 2, 3, 4])
    expect([0, 1, 2, 3, 4, 5, 7].map(codecOf)).toEqual([...names, null, null])
  })
})

describe.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const)('%s', (codec) => {
  test('gives back what it packed, at the exact limit too', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 5000 }), fc.nat(40), (bytes, times) => {
        const long = Buffer.concat(Array.from({ length: times + 1 }, () => bytes))
        const packed = compress(codec, long)
        expect(unpackedSize(codec, packed)).toBe(long.length)
        expect(Buffer.from(decompress(codec, packed, long.length)).equals(long)).toBe(true)
      }),
    )
  })

  test('one byte over the limit is BATCH_TOO_LARGE', () => {
    const packed = compress(codec, new Uint8Array(1000))
    expect(() => decompress(codec, packed, 999)).toThrow(expect.objectContaining({ code: 'BATCH_TOO_LARGE' }))
  })

  test('packs nothing into something that unpacks to nothing', () => {
    expect(decompress(codec, compress(codec, new Uint8Array(0)), 1)).toHaveLength(0)
  })
})

describe.each(packers)('hostile %s', (codec) => {
  const text = Buffer.from('GET /index.html 200 some more of a line\n'.repeat(2000))

  test('cut at any length is BATCH_CORRUPT', () => {
    const packed = compress(codec, text)
    for (let length = 0; length < packed.length; length++) {
      expect(() => decompress(codec, packed.subarray(0, length), MEBIBYTE), `at ${length}`).toThrow(
        expect.objectContaining({ name: 'LogdriveError' }),
      )
    }
  })

  test('any bytes at all are refused or stay under the limit', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, dressed) => {
        const start = codec in magics ? magics[codec as keyof typeof magics] : []
        const hostile = dressed ? Uint8Array.from([...start, ...bytes]) : bytes
        try {
          expect(decompress(codec, hostile, 5000).length).toBeLessThanOrEqual(5000)
        } catch (error) {
          expect(['BATCH_CORRUPT', 'BATCH_TOO_LARGE']).toContain((error as { code?: string }).code)
        }
      }),
      { numRuns: 500 },
    )
  })

  test('a bomb of 256 MiB that says its size costs no memory', () => {
    const bomb = bombOf(codec, 256)
    expect(bomb.length).toBeLessThan(16 * MEBIBYTE)
    expect(unpackedSize(codec, bomb)).toBe(256 * MEBIBYTE)
    const grown = rssGrowth(() => {
      expect(() => decompress(codec, bomb, MEBIBYTE)).toThrow(
        expect.objectContaining({ code: 'BATCH_TOO_LARGE' }),
      )
    })
    expect(grown).toBeLessThan(8 * MEBIBYTE)
  })
})

test.each([100, 256 * 1024, 256 * 1024 + 1, 2 * MEBIBYTE])(
  '%i bytes packed on another core say how many they were',
  async (size) => {
    const bytes = Buffer.alloc(size, 'a line of a log ')
    const packed = await zstdLater(bytes)
    expect(unpackedSize('zstd', packed)).toBe(size)
    expect(Buffer.compare(decompress('zstd', packed, size), bytes)).toBe(0)
  },
)

test('a zstd bomb that hides its size stops at the limit', async () => {
  const bomb = await streamedZstd(256)
  expect(unpackedSize('zstd', bomb)).toBe(null)
  const grown = rssGrowth(() => {
    expect(() => decompress('zstd', bomb, MEBIBYTE)).toThrow(
      expect.objectContaining({ code: 'BATCH_TOO_LARGE' }),
    )
  })
  expect(grown).toBeLessThan(32 * MEBIBYTE)
})

test('a gzip bomb whose trailer lies stops at the limit', () => {
  const bomb = Buffer.from(bombOf('gzip', 64))
  bomb.writeUInt32LE(10, bomb.length - 4)
  const grown = rssGrowth(() => {
    expect(() => decompress('gzip', bomb, MEBIBYTE)).toThrow(
      expect.objectContaining({ code: 'BATCH_TOO_LARGE' }),
    )
  })
  expect(grown).toBeLessThan(32 * MEBIBYTE)
})

test('a tiny zstd frame that declares the whole limit is refused without taking it', () => {
  // Magic, descriptor (single segment, 4-byte size), size 60 MiB, then one empty last block.
  const liar = Uint8Array.from([0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0xc0, 0x03, 1, 0, 0])
  expect(unpackedSize('zstd', liar)).toBe(60 * MEBIBYTE)
  const before = process.memoryUsage().arrayBuffers
  expect(() => decompress('zstd', liar, 64 * MEBIBYTE)).toThrow(
    expect.objectContaining({ code: 'BATCH_CORRUPT' }),
  )
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * MEBIBYTE)
})

test('reads every width of a zstd content size', () => {
  for (const size of [1, 255, 256, 300, 65_791, 65_792, 3 * MEBIBYTE]) {
    expect(unpackedSize('zstd', zstdCompressSync(Buffer.alloc(size)))).toBe(size)
  }
  // The 8-byte width, which no encoder chooses for a size this small, with a window descriptor before it.
  const wide = Uint8Array.from([0x28, 0xb5, 0x2f, 0xfd, 0xc0, 0x58, 1, 0, 0, 0, 2, 0, 0, 0])
  expect(unpackedSize('zstd', wide)).toBe(2 * 2 ** 32 + 1)
  expect(unpackedSize('zstd', wide.subarray(0, 13))).toBe(null)
})

function bombOf(codec: Codec, mebibytes: number): Uint8Array {
  const zeros = Buffer.alloc(mebibytes * MEBIBYTE)
  if (codec === 'gzip') return gzipSync(zeros, { level: 9 })
  return codec === 'zstd' ? zstdCompressSync(zeros) : compress(codec, zeros)
}

async function streamedZstd(mebibytes: number): Promise<Uint8Array> {
  const stream = createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: 1 } })
  const parts: Buffer[] = []
  stream.on('data', (part: Buffer) => parts.push(part))
  const ended = new Promise((resolve) => stream.on('end', resolve))
  for (let part = 0; part < mebibytes; part++) stream.write(Buffer.alloc(MEBIBYTE))
  stream.end()
  await ended
  return Buffer.concat(parts)
}

function rssGrowth(work: () => void): number {
  const before = process.memoryUsage().rss
  work()
  return process.memoryUsage().rss - before
}
