// Encoding batches: the golden bytes, lines against the builder, bounds, ownership.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeBatch, recordAt } from '../../protocol/batch-decode.ts'
import { BatchBuilder, encodeLines, encodeLinesLater } from '../../protocol/batch-encode.ts'
import { BATCH_OVERHEAD, defaultLimits } from '../../protocol/batch-header.ts'
import { compress, zstdLater } from '../../protocol/compression.ts'
import { appendAll, decodeSlowly, goldenBatch, limits, records } from './batches.ts'

const encoder = new TextEncoder()
const bytesOf = (text: string): Uint8Array => encoder.encode(text)

describe('BatchBuilder', () => {
  test('writes the golden batch, byte for byte', () => {
    const builder = new BatchBuilder()
    builder.append(bytesOf('..hello..'), 2, 7, 1763684532736)
    builder.append(bytesOf('v!'), 0, 2, 1763684533236, bytesOf('k'), [
      { key: 'a', value: bytesOf('bc') },
      { key: 'z', value: null },
    ])
    expect([builder.count, builder.bytes]).toEqual([2, goldenBatch().length])
    expect(Buffer.from(builder.finish({ codec: 'none' })).toString('hex')).toBe(goldenBatch().toString('hex'))
    expect([builder.count, builder.bytes]).toEqual([0, 61])
  })

  test('what it writes, an independent decoder reads, whatever the codec', () => {
    const builder = new BatchBuilder()
    fc.assert(
      fc.property(records, fc.constantFrom('none', 'gzip', 'zstd'), (wanted, codec) => {
        expect(decodeSlowly(appendAll(builder, wanted).finish({ codec }))).toEqual(wanted)
      }),
      { numRuns: 300 },
    )
  })

  test('writes the producer fields and the largest timestamp, wherever it stands', () => {
    const builder = new BatchBuilder()
    for (const timestamp of [20, 50, 10]) builder.append(bytesOf('v'), 0, 1, timestamp)
    const batch = builder.finish({
      codec: 'gzip',
      producerId: 77,
      producerEpoch: 3,
      baseSequence: 9,
      isTransactional: true,
    })
    expect(decodeBatch(batch, 0, limits).header).toMatchObject({
      codec: 'gzip',
      isTransactional: true,
      producerId: 77,
      producerEpoch: 3,
      baseSequence: 9,
      baseTimestamp: 20,
      maxTimestamp: 50,
      lastOffsetDelta: 2,
      count: 3,
    })
  })

  test('gives away what it finishes: later batches do not touch it', () => {
    const builder = new BatchBuilder()
    const finish = (text: string): Uint8Array => {
      builder.append(bytesOf(text), 0, text.length, 1)
      return builder.finish({ codec: 'none' })
    }
    const first = finish('first')
    const kept = Buffer.from(first)
    finish('other')
    expect(Buffer.from(first).equals(kept)).toBe(true)
  })

  test('grows to its maximum, then refuses a record without losing what it has', () => {
    const builder = new BatchBuilder({ bytesMax: 200_000 })
    const value = new Uint8Array(1000).fill(97)
    let appended = 0
    expect(() => {
      for (;;) {
        builder.append(value, 0, value.length, 1)
        appended++
      }
    }).toThrow(expect.objectContaining({ code: 'BATCH_TOO_LARGE' }))
    expect(appended).toBeGreaterThan(190)
    expect(builder.bytes).toBeLessThanOrEqual(200_000)
    const batch = decodeBatch(builder.finish({ codec: 'none' }), 0, limits)
    expect(batch.count).toBe(appended)
    builder.append(value, 0, value.length, 1)
    expect(builder.count).toBe(1)
  })

  test('asserts what only a bug would do', () => {
    const builder = new BatchBuilder()
    expect(() => builder.finish({ codec: 'none' })).toThrow('empty batch')
    expect(() => builder.append(bytesOf('abc'), 2, 1, 1)).toThrow('behind its start')
    expect(() => builder.append(bytesOf('abc'), 0, 4, 1)).toThrow('inside its bytes')
    expect(() => builder.append(bytesOf('abc'), 0, 3, 1.5)).toThrow('timestamp')
    expect(builder.count).toBe(0)
  })
})

describe('encodeLines', () => {
  const lineTexts = fc.array(
    fc.oneof(fc.string({ unit: 'grapheme', maxLength: 30 }), fc.string({ minLength: 50, maxLength: 300 })),
    { minLength: 1, maxLength: 200 },
  )

  test('writes what a builder writes for the same lines', () => {
    fc.assert(
      fc.property(
        lineTexts,
        fc.constantFrom('none', 'gzip', 'zstd'),
        fc.nat(20),
        fc.boolean(),
        (texts, codec, from, withStarts) => {
          const lines = texts.map((text) => bytesOf(text.replaceAll('\n', ' ')))
          const bytes = Buffer.concat([
            Buffer.alloc(from, 120),
            ...lines.flatMap((line) => [line, Buffer.from('\n')]),
          ])
          const starts: number[] = []
          const ends: number[] = []
          let at = from
          for (const line of lines) {
            starts.push(at)
            ends.push(at + line.length)
            at += line.length + 1
          }
          const last = lines.length - 1
          const source = { key: 'ld-source', value: bytesOf('s') }
          const cut = { key: 'ld-truncated', value: bytesOf('99999') }
          const batch = encodeLines({
            bytes,
            ends: Int32Array.from(ends),
            ...(withStarts ? { starts: Int32Array.from(starts) } : { from }),
            count: lines.length,
            timestampMs: 1763690000000,
            codec,
            firstHeaders: [source],
            headersAt: new Map([[last, [cut]]]),
          })
          const builder = new BatchBuilder()
          for (const [index, line] of lines.entries()) {
            const headers = [...(index === 0 ? [source] : []), ...(index === last ? [cut] : [])]
            builder.append(line, 0, line.length, 1763690000000, null, headers)
          }
          expect(Buffer.from(batch).equals(builder.finish({ codec }))).toBe(true)
        },
      ),
      { numRuns: 300 },
    )
  })

  test('takes lines anywhere: without their carriage return, overlapping, empty', () => {
    const bytes = bytesOf('one\r\ntwo\r\n\r\n')
    const batch = encodeLines({
      bytes,
      starts: [0, 5, 10, 0],
      ends: [3, 8, 10, 8],
      count: 4,
      timestampMs: 1,
      codec: 'none',
    })
    const decoded = decodeBatch(batch, 0, limits)
    expect([0, 1, 2, 3].map((index) => Buffer.from(recordAt(decoded, index).value ?? []).toString())).toEqual(
      ['one', 'two', '', 'one\r\ntwo'],
    )
  })

  test('writes lines of every length around the widths of a varint and the ways of copying', () => {
    const lengths = [
      ...Array.from({ length: 300 }, (_, length) => length),
      8190,
      8191,
      8192,
      100_000,
      1_048_576,
    ]
    const bytes = Buffer.alloc(2 * 1_048_576, 'abcdefghijklmnopqrstuvw')
    const ends = lengths.map((length, index) => index * 3 + length)
    const starts = lengths.map((_, index) => index * 3)
    for (const codec of ['none', 'zstd'] as const) {
      const batch = encodeLines({ bytes, starts, ends, count: lengths.length, timestampMs: 1, codec })
      for (const [index, record] of decodeSlowly(batch).entries()) {
        const wanted = bytes.subarray(starts[index], ends[index])
        expect(wanted.equals(record.value ?? Buffer.alloc(0)), `line ${index}`).toBe(true)
      }
    }
  })

  test('copies every bit pattern exactly, those of not-a-numbers too', () => {
    const bytes = Buffer.alloc(70_000)
    for (let at = 0; at < bytes.length; at++) bytes[at] = (at * 2654435761) >>> 13
    for (let at = 0; at < 4096; at += 8) bytes.writeBigUInt64LE(0x7ff0000000000001n + BigInt(at), at)
    for (let round = 0; round < 50; round++) {
      const ends = Array.from({ length: 1000 }, (_, index) => (index + 1) * 65 + (index % 60))
      const starts = Array.from({ length: 1000 }, (_, index) => index * 65)
      const batch = encodeLines({ bytes, starts, ends, count: 1000, timestampMs: 1, codec: 'none' })
      const decoded = decodeBatch(batch, 0, defaultLimits)
      for (let index = 0; index < 1000; index++) {
        const from = decoded.valueFrom[index] as number
        const to = decoded.valueTo[index] as number
        expect(bytes.compare(decoded.bytes, from, to, starts[index], ends[index])).toBe(0)
      }
    }
  })

  test('asserts at least one line, and lines inside the buffer', () => {
    const lines = { bytes: bytesOf('abc'), ends: [3], count: 1, timestampMs: 1, codec: 'none' } as const
    expect(() => encodeLines({ ...lines, count: 0 })).toThrow('at least one line')
    expect(() => encodeLines({ ...lines, count: 2 })).toThrow('at least one line')
    expect(() => encodeLines({ ...lines, ends: [4] })).toThrow('inside its buffer')
    expect(() => encodeLines({ ...lines, starts: [-1] })).toThrow('inside its buffer')
    expect(() => encodeLines({ ...lines, from: 4 })).toThrow('inside its buffer')
    expect(() => encodeLines({ ...lines, ends: [Number.NaN] })).toThrow('inside its buffer')
  })
})

test('batches that differ a little in size are framed in the same room, with the bytes of encodeLines', async () => {
  const room = { bytes: Buffer.alloc(0) }
  const rooms = new Set<Buffer>()
  for (const length of [200_000, 200_001, 205_000, 100, 210_000]) {
    const bytes = Buffer.alloc(length, 'a line of a log ')
    const lines = { bytes, ends: [length >> 1, length], count: 2, timestampMs: 1, codec: 'zstd' } as const
    const later = await encodeLinesLater(lines, room, zstdLater)
    expect(Buffer.compare(later, encodeLines(lines))).toBe(0)
    rooms.add(room.bytes)
  }
  expect(rooms.size).toBe(1)
})

test('the batch lies where its records were framed, also where packing made them no smaller', async () => {
  const room = { bytes: Buffer.alloc(0) }
  const bytes = Buffer.alloc(65_000, 'a line of a log ')
  const lines = { bytes, ends: [bytes.length], count: 1, timestampMs: 1, codec: 'zstd' } as const
  const small = await encodeLinesLater(lines, room, zstdLater)
  expect(small.buffer).toBe(room.bytes.buffer)
  const framed = room.bytes
  const large = await encodeLinesLater(lines, room, async (records) =>
    Buffer.concat([records, Buffer.alloc(99_999)]),
  )
  expect([large.buffer === room.bytes.buffer, room.bytes === framed]).toEqual([true, false])
  expect(
    Buffer.compare(
      large.subarray(BATCH_OVERHEAD, -99_999),
      encodeLines({ ...lines, codec: 'none' }).subarray(BATCH_OVERHEAD),
    ),
  ).toBe(0)
})

test('what was packed is freed once it is in the batch; what shares its memory with others is not', async () => {
  const lengths: number[] = []
  for (const length of [300_000, 1000]) {
    const bytes = Buffer.from(Array.from({ length }, (_, index) => (index * index * 31 + (index >> 3)) & 255))
    const lines = { bytes, ends: [length], count: 1, timestampMs: 1, codec: 'zstd' } as const
    const given: Uint8Array[] = []
    const later = await encodeLinesLater(lines, { bytes: Buffer.alloc(0) }, async (records) => {
      const own = length > 1000 ? new Uint8Array(records) : Buffer.from(compress('zstd', records))
      given.push(own)
      return own
    })
    expect(later.length).toBeGreaterThan(61)
    lengths.push(given[0]?.length ?? -1)
  }
  expect(lengths[0]).toBe(0)
  expect(lengths[1]).toBeGreaterThan(0)
})
