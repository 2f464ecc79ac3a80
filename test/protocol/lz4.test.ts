// LZ4: frames of other people's encoders, our own read by theirs, and bytes that mean harm.
import { compressionsAlgorithms } from '@platformatic/kafka'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decompress } from '../../protocol/compression.ts'
import { lz4Size, unpackLz4 } from '../../protocol/lz4.ts'
import { packLz4 } from '../../protocol/lz4-pack.ts'

const text = lines(8)
const theirs = compressionsAlgorithms.lz4

describe('frames of the lz4 program (1.9.4)', () => {
  const frames = {
    '-9': 'BCJNGGRAp1wAAADxE2xpbmUgMCBvZiB0aGUgdGV4dCB0aGF0IGlzIHBhY2tlZAoiAD85MTkkAA4/ODM4JAAOPzc1NyQADj82NzYkAA4/NTk1JAAPLzE0JAAOPzQzMyQABFBja2VkCgAAAABRsA+u',
    '-1 --content-size':
      'BCJNGGxAHgEAAAAAAAB5XAAAAPETbGluZSAwIG9mIHRoZSB0ZXh0IHRoYXQgaXMgcGFja2VkCiIAPzkxOSQADj84MzgkAA4/NzU3JAAOPzY3NiQADj81OTUkAA8vMTQkAA4/NDMzJAAEUGNrZWQKAAAAAFGwD64=',
    '-BD -BX':
      'BCJNGHRAvVwAAADxE2xpbmUgMCBvZiB0aGUgdGV4dCB0aGF0IGlzIHBhY2tlZAoiAD85MTkkAA4/ODM4JAAOPzc1NyQADj82NzYkAA4/NTk1JAAPLzE0JAAOPzQzMyQABFBja2VkCp0oBEEAAAAAUbAPrg==',
    '-B4 --no-frame-crc':
      'BCJNGGBAglwAAADxE2xpbmUgMCBvZiB0aGUgdGV4dCB0aGF0IGlzIHBhY2tlZAoiAD85MTkkAA4/ODM4JAAOPzc1NyQADj82NzYkAA4/NTk1JAAPLzE0JAAOPzQzMyQABFBja2VkCgAAAAA=',
  }

  test.each(Object.entries(frames))('%s', (_, frame) => {
    expect(unpack(Buffer.from(frame, 'base64'))).toEqual(text)
  })

  test('blocks that reach back into the one before', () => {
    const filler = '/'.repeat(338)
    const linked = Buffer.from(
      `BCJNGERAXmQBAADxE2xpbmUgMCBvZiB0aGUgdGV4dCB0aGF0IGlzIHBhY2tlZAoiAD85MTkkAA4/ODM4JAAOPzc1NyQADj82NzYkAA4/NTk1JAAPLzE0JAAOPzQzMyQADg8eAf${filler}`,
      'base64',
    )
    // Cut in the middle of a match: refused, not guessed.
    expect(lz4Size(linked)).toBe(null)
    const twoBlocks = linkedFrame()
    expect(unpack(twoBlocks)).toEqual(Buffer.concat([text, text]))
    // The same blocks in a frame that says they are independent: the match of the second reaches beyond its start.
    const lying = Buffer.from(twoBlocks)
    lying[4] = 0x60
    expect(() => decompress('lz4', lying, 10_000)).toThrow(/do not unpack/)
  })

  test('one frame behind the other, and skippable ones between', () => {
    const frame = Buffer.from(frames['-9'], 'base64')
    const skippable = Buffer.from([0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3])
    expect(unpack(Buffer.concat([skippable, frame, skippable, frame]))).toEqual(Buffer.concat([text, text]))
  })
})

describe('our frames', () => {
  test('are read by lz4_flex (of @platformatic/kafka) and by us, and theirs by us', () => {
    fc.assert(
      fc.property(texts(), (bytes) => {
        const packed = packLz4(bytes)
        expect(theirs.decompressSync(Buffer.from(packed)).equals(bytes)).toBe(true)
        expect(unpack(packed).equals(bytes)).toBe(true)
        // Their memory grows and leaves a view behind that only an input with bytes in it renews.
        if (bytes.length > 0) expect(unpack(theirs.compressSync(bytes)).equals(bytes)).toBe(true)
      }),
    )
  })

  test('do not grow much where nothing packs, and shrink where much does', () => {
    const noise = Buffer.from(Array.from({ length: 200_000 }, (_, i) => Math.imul(i + 1, 0x9e3779b1) >>> 13))
    expect(packLz4(noise).length).toBeLessThan(noise.length + 40)
    expect(packLz4(Buffer.alloc(1_000_000)).length).toBeLessThan(6000)
  })
})

test('a bomb is measured, not unpacked', () => {
  const bomb = theirs.compressSync(Buffer.alloc(64 * 1024 * 1024))
  const before = process.memoryUsage().arrayBuffers
  expect(() => decompress('lz4', bomb, 1024 * 1024)).toThrow(
    expect.objectContaining({ code: 'BATCH_TOO_LARGE' }),
  )
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1024 * 1024)
})

test('a good frame with any byte changed unpacks to something bounded, or is refused', () => {
  const frame = Buffer.from(packLz4(lines(100)))
  fc.assert(
    fc.property(fc.nat(frame.length - 1), fc.nat(255), fc.nat(frame.length), (at, value, length) => {
      const changed = Buffer.from(frame)
      changed[at] = value
      for (const bytes of [changed, changed.subarray(0, length)]) {
        const size = lz4Size(bytes)
        if (size === null) continue
        expect(size).toBeLessThan(frame.length * 256)
        const unpacked = unpackLz4(bytes, size)
        if (unpacked !== null) expect(unpacked.length).toBe(size)
      }
    }),
    { numRuns: 2000 },
  )
})

function unpack(bytes: Uint8Array): Buffer {
  return Buffer.from(decompress('lz4', bytes, 64 * 1024 * 1024))
}

/** Two blocks that depend on each other: the text as literals, then a match over all of it. */
function linkedFrame(): Buffer {
  const first = Buffer.concat([Buffer.from([0xf0, 255, text.length - 15 - 255]), text])
  const extra = text.length - 5 - 4 - 15
  const tail = text.subarray(-5)
  const second = Buffer.concat([
    Buffer.from([0x0f, text.length & 255, text.length >> 8, 255, extra - 255]),
    Buffer.from([0x50]),
    tail,
  ])
  const sized = (block: Buffer) =>
    Buffer.concat([Buffer.from([block.length & 255, block.length >> 8, 0, 0]), block])
  const header = Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x40, 0x40, 0xc0])
  return Buffer.concat([header, sized(first), sized(second), Buffer.alloc(4)])
}

function lines(count: number): Buffer {
  const all = Array.from(
    { length: count },
    (_, i) => `line ${(i * 7919) % 1000} of the text that is packed\n`,
  )
  return Buffer.from(all.join(''))
}

/** Bytes that repeat themselves near and far, up to several blocks long. */
function texts() {
  const part = fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 300 }), fc.nat(400))
  return fc
    .array(part, { maxLength: 8 })
    .map((parts) => Buffer.concat(parts.flatMap(([bytes, times]) => Array(times + 1).fill(bytes))))
}
