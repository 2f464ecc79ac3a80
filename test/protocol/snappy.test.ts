// Snappy: raw blocks and xerial's framing, other people's and ours, and bytes that mean harm.
import { compressionsAlgorithms } from '@platformatic/kafka'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decompress } from '../../protocol/compression.ts'
import { snappySize, unpackSnappy } from '../../protocol/snappy.ts'
import { packSnappy } from '../../protocol/snappy-pack.ts'

const theirs = compressionsAlgorithms.snappy
const mebibyte = 1024 * 1024

test('our blocks are read by the snap crate (of @platformatic/kafka) and by us, and theirs by us', () => {
  fc.assert(
    fc.property(texts(), (bytes) => {
      const packed = packSnappy(bytes)
      if (bytes.length > 0) expect(theirs.decompressSync(Buffer.from(packed)).equals(bytes)).toBe(true)
      expect(unpack(packed).equals(bytes)).toBe(true)
      if (bytes.length > 0) expect(unpack(theirs.compressSync(bytes)).equals(bytes)).toBe(true)
    }),
  )
})

test('xerial chunks, as Java and librdkafka write them, are joined', () => {
  fc.assert(
    fc.property(texts(), fc.integer({ min: 1, max: 40_000 }), (bytes, chunkBytes) => {
      expect(unpack(xerial(bytes, chunkBytes)).equals(bytes)).toBe(true)
    }),
  )
  // Nothing packed by Java: the header alone.
  expect(unpack(xerial(Buffer.alloc(0), 1))).toHaveLength(0)
})

test('elements of every width', () => {
  const far = Buffer.alloc(70_000, 'ab')
  // Literals with 1, 2 and 3 bytes of length, and a copy with 4 bytes of distance.
  const literal = (bytes: Buffer, width: number) => {
    const size = Buffer.alloc(4)
    size.writeUInt32LE(bytes.length - 1)
    return Buffer.concat([Buffer.from([(59 + width) << 2]), size.subarray(0, width), bytes])
  }
  const copy = Buffer.from([(63 << 2) | 3, ...[0x70, 0x11, 0x01, 0x00]])
  const total = 100 + 1000 + 70_000 + 64
  const preamble = Buffer.from([(total & 127) | 128, ((total >> 7) & 127) | 128, total >> 14])
  const block = Buffer.concat([
    preamble,
    literal(Buffer.alloc(100, 'x'), 1),
    literal(Buffer.alloc(1000, 'y'), 2),
    literal(far, 3),
    copy,
  ])
  const unpacked = unpack(block)
  expect(unpacked).toHaveLength(total)
  const from = 71_100 - 0x11170
  expect(unpacked.subarray(-64)).toEqual(unpacked.subarray(from, from + 64))
})

test.each([
  ['a size of 4 GiB', [0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0]],
  ['a size that never ends', [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0]],
  ['nothing at all', []],
  ['a copy of what is not there', [5, 0x01, 1]],
  ['a copy over the size', [5, 0, 97, 0xfe, 1, 0]],
  ['a literal that is cut short', [5, 0x10, 97, 97]],
  ['less than it says', [5, 0, 97]],
  [
    'a cut xerial chunk',
    [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 9, 1, 0, 97],
  ],
  ['half a xerial size', [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0]],
])('%s is refused', (_, bytes) => {
  expect(() => decompress('snappy', Uint8Array.from(bytes), mebibyte)).toThrow(
    expect.objectContaining({ name: 'LogdriveError', code: expect.stringMatching(/^BATCH_/) }),
  )
})

test('a lie about the size allocates nothing', () => {
  const liar = Uint8Array.from([0x80, 0x80, 0x80, 0x10, 0, 97])
  const before = process.memoryUsage().arrayBuffers
  for (let i = 0; i < 100; i += 1) expect(() => decompress('snappy', liar, 64 * mebibyte)).toThrow()
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(mebibyte)
})

test('a good block with any byte changed unpacks to something bounded, or is refused', () => {
  const block = xerial(Buffer.from('some line or other of a log, again and again\n'.repeat(100)), 1000)
  fc.assert(
    fc.property(fc.nat(block.length - 1), fc.nat(255), fc.nat(block.length), (at, value, length) => {
      const changed = Buffer.from(block)
      changed[at] = value
      for (const bytes of [changed, changed.subarray(0, length)]) {
        const size = snappySize(bytes)
        if (size === null) continue
        const unpacked = unpackSnappy(bytes, size)
        if (unpacked !== null) expect(unpacked.length).toBe(size)
      }
    }),
    { numRuns: 2000 },
  )
})

function unpack(bytes: Uint8Array): Buffer {
  return Buffer.from(decompress('snappy', bytes, 64 * mebibyte))
}

function xerial(bytes: Buffer<ArrayBufferLike>, chunkBytes: number): Buffer {
  const parts: Buffer[] = [Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1])]
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    const packed = theirs.compressSync(bytes.subarray(at, at + chunkBytes))
    const size = Buffer.alloc(4)
    size.writeUInt32BE(packed.length)
    parts.push(size, packed)
  }
  return Buffer.concat(parts)
}

/** Bytes that repeat themselves near and far. */
function texts() {
  const part = fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 300 }), fc.nat(400))
  return fc
    .array(part, { maxLength: 8 })
    .map((parts) => Buffer.concat(parts.flatMap(([bytes, times]) => Array(times + 1).fill(bytes))))
}
