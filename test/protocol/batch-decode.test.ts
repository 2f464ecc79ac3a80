// Decoding batches: round trips, the golden batch, and hostile bytes behind a valid CRC.

import { zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { DecodedBatch } from '../../core/records.ts'
import { decodeBatch, firstRecord, recordAt } from '../../protocol/batch-decode.ts'
import { BatchBuilder } from '../../protocol/batch-encode.ts'
import { stampBatch } from '../../protocol/batch-header.ts'
import { appendAll, decodeSlowly, goldenBatch, limits, type PlainRecord, records, reseal } from './batches.ts'

const MEBIBYTE = 1024 * 1024
const corrupt = expect.objectContaining({ code: 'BATCH_CORRUPT' })
const tooLarge = expect.objectContaining({ code: 'BATCH_TOO_LARGE' })

describe('decodeBatch', () => {
  test('reads the golden batch', () => {
    const batch = goldenBatch()
    stampBatch(batch, 0, 1000, 3)
    const decoded = decodeBatch(batch, 0, limits)
    const show = (bytes: Uint8Array | null): string | null => bytes && Buffer.from(bytes).toString()
    const read = [0, 1].map((index) => {
      const { key, value, headers, ...rest } = recordAt(decoded, index)
      return {
        ...rest,
        key: show(key),
        value: show(value),
        headers: headers.map((h) => [h.key, show(h.value)]),
      }
    })
    expect(read).toEqual([
      { offset: 1000, timestamp: 1763684532736, key: null, value: 'hello', headers: [] },
      {
        offset: 1001,
        timestamp: 1763684533236,
        key: 'k',
        value: 'v!',
        headers: [
          ['a', 'bc'],
          ['z', null],
        ],
      },
    ])
  })

  test('gives back every record, whatever the codec', () => {
    fc.assert(
      fc.property(records, fc.constantFrom('none', 'gzip', 'zstd'), fc.nat(50), (wanted, codec, at) => {
        const batch = appendAll(new BatchBuilder(), wanted).finish({ codec })
        const decoded = decodeBatch(Buffer.concat([Buffer.alloc(at), batch, Buffer.alloc(7)]), at, limits)
        expect(decoded.count).toBe(wanted.length)
        expect(wanted.map((_, index) => recordAt(decoded, index).offset)).toEqual(
          wanted.map((_, index) => index),
        )
        const plain = plainRecords(decoded)
        expect(plain).toEqual(wanted)
        expect(plain).toEqual(decodeSlowly(batch))
      }),
      { numRuns: 300 },
    )
  })

  test('reads batches whose offset deltas take one, two and three bytes', () => {
    const builder = new BatchBuilder()
    const value = Buffer.from('some value of a line')
    const count = 9_999
    for (let index = 0; index < count; index++) builder.append(value, 0, index % 20, index % 64)
    const batch = builder.finish({ codec: 'none' })
    const decoded = decodeBatch(batch, 0, limits)
    const slow = decodeSlowly(batch)
    for (let index = 0; index < count; index++) {
      const record = recordAt(decoded, index)
      expect(record.offset).toBe(index)
      expect(record.timestamp).toBe(slow[index]?.timestamp)
      expect(Buffer.from(record.value ?? []).equals(value.subarray(0, index % 20))).toBe(true)
    }
  })

  test('copies nothing of an unpacked batch: its bytes are a view', () => {
    const batch = goldenBatch()
    const decoded = decodeBatch(batch, 0, limits)
    expect(decoded.bytes.buffer).toBe(batch.buffer)
  })

  test('gives every record the time of appending when the log set it', () => {
    const batch = goldenBatch()
    batch.writeInt16BE(8, 21)
    expect([...decodeBatch(reseal(batch), 0, limits).timestamps]).toEqual([1763684533236, 1763684533236])
  })
})

describe('firstRecord', () => {
  test('is the first record, whatever the codec', () => {
    fc.assert(
      fc.property(records, fc.constantFrom('none', 'gzip', 'zstd'), fc.nat(50), (wanted, codec, at) => {
        const batch = appendAll(new BatchBuilder(), wanted).finish({ codec })
        const bytes = Buffer.concat([Buffer.alloc(at), batch, Buffer.alloc(7)])
        expect(firstRecord(bytes, at, limits)).toEqual(recordAt(decodeBatch(bytes, at, limits), 0))
      }),
      { numRuns: 300 },
    )
  })

  test.each(['none', 'gzip', 'zstd'] as const)(
    'is found when it is larger than a block, packed with %s',
    (codec) => {
      for (const size of [10, 131_000, 131_072, 131_100, 1_000_000]) {
        for (const value of [Buffer.alloc(size, 'ab'), noise(size)]) {
          const builder = new BatchBuilder()
          builder.append(value, 0, size, 5, Buffer.from('k'), [{ key: 'ld-source', value: Buffer.from('s') }])
          for (let index = 0; index < 3000; index++) builder.append(value, 0, Math.min(size, 100), 6)
          const first = firstRecord(builder.finish({ codec }), 0, limits)
          expect(value.equals(first.value ?? Buffer.alloc(0)), `${size} bytes`).toBe(true)
          expect(first).toMatchObject({ offset: 0, timestamp: 5, headers: [{ key: 'ld-source' }] })
        }
      }
    },
  )

  test('unpacks only the first block of a zstd batch', () => {
    const builder = new BatchBuilder()
    const value = Buffer.alloc(200, 'abcdefg')
    for (let index = 0; index < 4000; index++) builder.append(value, 0, 200, 6)
    const batch = Buffer.from(builder.finish({ codec: 'zstd' }))
    // Bytes near the end of the frame, which the first record does not need.
    batch.fill(0xff, batch.length - 20)
    expect(() => decodeBatch(reseal(batch), 0, limits)).toThrow(corrupt)
    expect(firstRecord(batch, 0, limits).value).toEqual(value)
  })

  test('any bytes as records are refused or read inside themselves', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 7, maxLength: 200 }),
        fc.constantFrom(0, 1, 4),
        (section, codec) => {
          try {
            const record = firstRecord(sealed(section, 1, codec), 0, limits)
            expect(record.offset).toBe(0)
          } catch (error) {
            expect(['BATCH_CORRUPT', 'BATCH_TOO_LARGE'], String(error)).toContain(
              (error as { code?: string }).code,
            )
          }
        },
      ),
      { numRuns: 1000 },
    )
  })
})

describe('hostile batches with a valid CRC', () => {
  test('any byte of the records changed is refused, or decodes as the slow decoder says', () => {
    const batch = goldenBatch()
    for (let at = 61; at < batch.length; at++) {
      for (let value = 0; value < 256; value++) {
        const bent = Buffer.from(batch)
        bent[at] = value
        expectSafe(reseal(bent))
      }
    }
  })

  test('any byte of plain lines changed decodes as the slow decoder says, which is mostly a refusal', () => {
    const builder = new BatchBuilder()
    for (const text of ['first line', '', 'x'.repeat(70), 'last line of them all']) {
      builder.append(Buffer.from(text), 0, text.length, 5)
    }
    const batch = Buffer.from(builder.finish({ codec: 'none' }))
    for (let at = 61; at < batch.length; at++) {
      for (let value = 0; value < 256; value++) {
        const bent = Buffer.from(batch)
        bent[at] = value
        expectSafe(reseal(bent))
      }
    }
  })

  test('any bytes as records are refused or decode inside themselves', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 7, maxLength: 200 }),
        fc.integer({ min: 1, max: 6 }),
        (section, count) => {
          expectSafe(sealed(section, count, 0))
          expectSafe(sealed(zstdCompressSync(section), count, 4))
        },
      ),
      { numRuns: 2000 },
    )
  })

  test('records cut at any byte are refused', () => {
    const section = goldenBatch().subarray(61)
    for (let length = 0; length < section.length; length++) {
      expect(() => decodeBatch(sealed(section.subarray(0, length), 2, 0), 0, limits), `at ${length}`).toThrow(
        corrupt,
      )
      expect(() =>
        decodeBatch(sealed(zstdCompressSync(section.subarray(0, length)), 2, 4), 0, limits),
      ).toThrow(corrupt)
    }
  })

  test('a count that lies is refused, and before memory is taken for it', () => {
    const section = goldenBatch().subarray(61)
    for (const codec of [0, 4] as const) {
      const packed = codec === 0 ? section : zstdCompressSync(section)
      expect(() => decodeBatch(sealed(packed, 1, codec), 0, limits)).toThrow(/left behind the last record/)
      expect(() => decodeBatch(sealed(packed, 3, codec), 0, limits)).toThrow(corrupt)
      expect(() => decodeBatch(sealed(packed, 10_000, codec), 0, limits)).toThrow(/do not fit/)
      expect(() => decodeBatch(sealed(packed, 0x7fffffff, codec), 0, limits)).toThrow(tooLarge)
      expect(() => decodeBatch(sealed(packed, -1, codec), 0, limits)).toThrow(corrupt)
    }
  })

  test('header counts and lengths that lie are refused', () => {
    const record = (hex: string): Buffer => sealed(Buffer.from(hex, 'hex'), 1, 0)
    const refused = {
      headerCountHuge: '1a000000010afeffffff0f0000000000',
      keyPastEnd: '10000000' + '7e' + '0000000000',
      keyMinusTwo: '0c000000' + '03' + '0000',
      valuePastEnd: '0c00000001' + '7e' + '00',
      headerWithoutKey: '1000000001' + '00' + '02' + '01' + '00',
      headerCountNegative: '0c00000001' + '00' + '01',
      offsetDeltaWrong: '0c000002010000',
      lengthHuge: 'feffffff0f00000001000000',
      lengthNegative: '0100000001000000',
    }
    for (const [name, hex] of Object.entries(refused)) {
      expect(() => decodeBatch(record(hex), 0, limits), name).toThrow(corrupt)
    }
    expect(decodeBatch(record('0c000000010000'), 0, limits).count).toBe(1)
  })

  test('a bomb is stopped by the limit before it takes memory', () => {
    const bomb = sealed(zstdCompressSync(Buffer.alloc(256 * MEBIBYTE)), 5, 4)
    const before = process.memoryUsage().rss
    expect(() => decodeBatch(bomb, 0, limits)).toThrow(tooLarge)
    expect(process.memoryUsage().rss - before).toBeLessThan(16 * MEBIBYTE)
  })

  test('snappy and lz4 are refused by name', () => {
    expect(() => decodeBatch(sealed(Buffer.alloc(20), 1, 2), 0, limits)).toThrow(/snappy/)
    expect(() => decodeBatch(sealed(Buffer.alloc(20), 1, 3), 0, limits)).toThrow(/lz4/)
  })
})

/** Bytes that no codec packs. */
function noise(size: number): Buffer {
  const bytes = Buffer.alloc(size)
  let state = 1
  for (let at = 0; at < size; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    bytes[at] = state >>> 24
  }
  return bytes
}

function sealed(section: Uint8Array, count: number, codec: number): Buffer {
  const batch = Buffer.concat([goldenBatch().subarray(0, 61), section])
  batch.writeInt32BE(batch.length - 12, 8)
  batch.writeInt16BE(codec, 21)
  batch.writeInt32BE(count - 1, 23)
  batch.writeInt32BE(count, 57)
  return reseal(batch)
}

/** Refused with a name, or decoded as the strict slow decoder does; what that one refuses is refused. */
function expectSafe(batch: Buffer): void {
  const wanted = slowlyOrNull(batch)
  let decoded: DecodedBatch
  try {
    decoded = decodeBatch(batch, 0, limits)
  } catch (error) {
    expect(['BATCH_CORRUPT', 'BATCH_TOO_LARGE'], String(error)).toContain((error as { code?: string }).code)
    // Ours alone refuses a timestamp beyond 2^53.
    if (wanted !== null) expect(String(error)).toContain('beyond 2^53')
    return
  }
  expect(plainRecords(decoded)).toEqual(wanted)
}

function slowlyOrNull(batch: Buffer): readonly PlainRecord[] | null {
  try {
    return decodeSlowly(batch)
  } catch {
    return null
  }
}

function plainRecords(batch: DecodedBatch): readonly PlainRecord[] {
  return Array.from({ length: batch.count }, (_, index) => {
    const { timestamp, key, value, headers } = recordAt(batch, index)
    return {
      timestamp,
      key: key && Uint8Array.from(key),
      value: value && Uint8Array.from(value),
      headers: headers.map((header) => ({
        key: header.key,
        value: header.value && Uint8Array.from(header.value),
      })),
    }
  })
}
