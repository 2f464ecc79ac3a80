// The batch header: golden bytes, stamping, splitting, and every way it can lie.

import { describe, expect, test } from 'vitest'
import { BatchBuilder } from '../../protocol/batch-encode.ts'
import {
  BATCH_OVERHEAD,
  batchLength,
  readHeader,
  splitBatches,
  stampBatch,
  verifyBatch,
} from '../../protocol/batch-header.ts'
import { goldenBatch, limits, reseal } from './batches.ts'

const corrupt = expect.objectContaining({ code: 'BATCH_CORRUPT' })
const tooLarge = expect.objectContaining({ code: 'BATCH_TOO_LARGE' })

describe('readHeader', () => {
  test('reads every field of the golden batch', () => {
    const { crc, ...header } = readHeader(goldenBatch(), 0)
    expect(crc).toBe(goldenBatch().readUInt32BE(17))
    expect(header).toMatchInlineSnapshot(`
      {
        "attributes": 0,
        "baseOffset": 0,
        "baseSequence": -1,
        "baseTimestamp": 1763684532736,
        "codec": "none",
        "count": 2,
        "isControl": false,
        "isTransactional": false,
        "lastOffsetDelta": 1,
        "leaderEpoch": -1,
        "length": 92,
        "magic": 2,
        "maxTimestamp": 1763684533236,
        "producerEpoch": -1,
        "producerId": -1,
        "timestampType": "create",
      }
    `)
  })

  test('reads a batch in the middle of other bytes', () => {
    const bytes = Buffer.concat([Buffer.from('xyz'), goldenBatch(), Buffer.from('more')])
    expect(readHeader(bytes, 3)).toEqual(readHeader(goldenBatch(), 0))
    expect(verifyBatch(bytes, 3, limits)).toEqual(readHeader(goldenBatch(), 0))
  })

  test('reads the flags of the attributes', () => {
    const batch = goldenBatch()
    batch.writeInt16BE(4 | 8 | 16 | 32 | 64, 21)
    expect(readHeader(batch, 0)).toMatchObject({
      codec: 'zstd',
      timestampType: 'append',
      isTransactional: true,
      isControl: true,
    })
  })

  test('keeps 64-bit numbers exact up to 2^53 and refuses what is beyond', () => {
    const fields = { baseOffset: 0, baseTimestamp: 27, maxTimestamp: 35, producerId: 43 } as const
    for (const [name, at] of Object.entries(fields)) {
      for (const value of [
        0,
        -1,
        4294967295,
        4294967296,
        -4294967297,
        Number.MAX_SAFE_INTEGER,
        -Number.MAX_SAFE_INTEGER,
      ]) {
        const batch = goldenBatch()
        batch.writeBigInt64BE(BigInt(value), at)
        expect(readHeader(batch, 0)).toMatchObject({ [name]: value })
      }
      const batch = goldenBatch()
      batch.writeBigInt64BE(2n ** 53n, at)
      expect(() => readHeader(batch, 0)).toThrow(`(byte ${at})`)
      batch.writeBigInt64BE(-(2n ** 63n), at)
      expect(() => readHeader(batch, 0)).toThrow(corrupt)
    }
  })

  test('says what is wrong and at which byte', () => {
    const bend = (change: (batch: Buffer) => void): string => {
      const batch = goldenBatch()
      change(batch)
      try {
        verifyBatch(reseal(batch), 0, limits)
        return 'accepted'
      } catch (error) {
        return (error as Error).message
      }
    }
    expect({
      magic: bend((batch) => batch.writeInt8(1, 16)),
      codec: bend((batch) => batch.writeInt16BE(5, 21)),
      short: bend((batch) => batch.writeInt32BE(48, 8)),
      negative: bend((batch) => batch.writeInt32BE(-1, 8)),
      long: bend((batch) => batch.writeInt32BE(1000, 8)),
      huge: bend((batch) => batch.writeInt32BE(0x7fffffff, 8)),
      empty: bend((batch) => batch.writeInt32BE(0, 57)),
      less: bend((batch) => batch.writeInt32BE(1, 57)),
      many: bend((batch) => batch.writeInt32BE(10_001, 57) && batch.writeInt32BE(10_000, 23)),
      dense: bend((batch) => batch.writeInt32BE(5, 57) && batch.writeInt32BE(4, 23)),
    }).toMatchInlineSnapshot(`
      {
        "codec": "the batch at byte 0 is corrupt: its codec 5 is unknown (byte 21)",
        "dense": "the batch at byte 0 is corrupt: 5 records do not fit into 31 bytes (byte 57)",
        "empty": "the batch at byte 0 is corrupt: it counts 0 records (byte 57)",
        "huge": "the batch at byte 0 is too large: it takes 2147483659 bytes, at most 1048576 are allowed",
        "less": "the batch at byte 0 is corrupt: 1 records do not end at offset delta 1 (byte 23)",
        "long": "the batch at byte 0 is corrupt: cut short: 92 of 1012 bytes (byte 8)",
        "magic": "the batch at byte 0 is corrupt: its magic is 1, only 2 is understood (byte 16)",
        "many": "the batch at byte 0 is too large: it counts 10001 records, at most 10000 are allowed",
        "negative": "the batch at byte 0 is corrupt: its length 11 is below the 61 of a header (byte 8)",
        "short": "the batch at byte 0 is corrupt: its length 60 is below the 61 of a header (byte 8)",
      }
    `)
  })
})

describe('batchLength', () => {
  test('is null until offset and length are there', () => {
    const batch = goldenBatch()
    for (let have = 0; have < 12; have++) expect(batchLength(batch.subarray(0, have), 0)).toBe(null)
    expect(batchLength(batch.subarray(0, 12), 0)).toBe(batch.length)
    expect(batchLength(batch, batch.length)).toBe(null)
  })

  test('never lets a scanner stand still', () => {
    const batch = goldenBatch()
    for (const length of [-12, -1, 0, 48, -0x80000000]) {
      batch.writeInt32BE(length, 8)
      expect(() => batchLength(batch, 0)).toThrow(corrupt)
    }
    batch.writeInt32BE(BATCH_OVERHEAD - 12, 8)
    expect(batchLength(batch, 0)).toBe(BATCH_OVERHEAD)
  })
})

describe('verifyBatch', () => {
  test('accepts the golden batch', () => {
    expect(verifyBatch(goldenBatch(), 0, limits).count).toBe(2)
  })

  test('refuses a batch cut at any length', () => {
    const batch = goldenBatch()
    for (let length = 0; length < batch.length; length++) {
      expect(() => verifyBatch(batch.subarray(0, length), 0, limits), `at ${length}`).toThrow(corrupt)
    }
  })

  test('refuses any single bit flipped, but for offset and leader epoch', () => {
    const batch = goldenBatch()
    for (let at = 0; at < batch.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const bent = Buffer.from(batch)
        bent[at] = (bent[at] as number) ^ (1 << bit)
        const outsideCrc = at < 8 || (at >= 12 && at < 16)
        let refused = false
        try {
          const { baseOffset, leaderEpoch, ...rest } = verifyBatch(bent, 0, limits)
          expect(readHeader(batch, 0)).toMatchObject(rest)
          expect([baseOffset, leaderEpoch]).not.toEqual([0, -1])
        } catch (error) {
          expect(error, `byte ${at}`).toMatchObject({ name: 'LogdriveError' })
          refused = true
        }
        // A base offset beyond 2^53 is refused, so its top eleven bits may do either.
        if (!outsideCrc) expect(refused, `byte ${at} bit ${bit}`).toBe(true)
        else if (at >= 2) expect(refused, `byte ${at} bit ${bit}`).toBe(false)
      }
    }
  })

  test('keeps to its limits', () => {
    const batch = goldenBatch()
    expect(() => verifyBatch(batch, 0, { ...limits, batchBytesMax: batch.length - 1 })).toThrow(tooLarge)
    expect(() => verifyBatch(batch, 0, { ...limits, recordsMax: 1 })).toThrow(tooLarge)
    expect(verifyBatch(batch, 0, { ...limits, batchBytesMax: batch.length, recordsMax: 2 }).count).toBe(2)
  })
})

describe('stampBatch', () => {
  test('writes offset and leader epoch and leaves the CRC valid', () => {
    for (const offset of [0, 1, 4294967295, 4294967296, Number.MAX_SAFE_INTEGER]) {
      const bytes = Buffer.concat([Buffer.from('..'), goldenBatch()])
      stampBatch(bytes, 2, offset, 7)
      expect(bytes.readBigInt64BE(2)).toBe(BigInt(offset))
      expect(verifyBatch(bytes, 2, limits)).toMatchObject({ baseOffset: offset, leaderEpoch: 7 })
    }
  })

  test('asserts a place inside the bytes and numbers that fit', () => {
    const batch = goldenBatch()
    expect(() => stampBatch(batch, batch.length - 60, 0, 0)).toThrow('inside')
    expect(() => stampBatch(batch, 0, -1, 0)).toThrow('base offset')
    expect(() => stampBatch(batch, 0, 2 ** 53, 0)).toThrow('base offset')
    expect(() => stampBatch(batch, 0, 0, 2 ** 31)).toThrow('leader epoch')
  })
})

describe('splitBatches', () => {
  test('finds every batch of a body', () => {
    const builder = new BatchBuilder()
    const bodies = ['a', 'longer value', 'x'.repeat(1000)].map((text) => {
      builder.append(Buffer.from(text), 0, text.length, 5)
      return builder.finish({ codec: 'zstd' })
    })
    const batches = splitBatches(Buffer.concat(bodies), limits)
    expect(batches.map(({ at }) => at)).toEqual([
      0,
      bodies[0]?.length,
      (bodies[0]?.length ?? 0) + (bodies[1]?.length ?? 0),
    ])
  })

  test('refuses an empty body and bytes left over', () => {
    expect(() => splitBatches(new Uint8Array(0), limits)).toThrow(corrupt)
    const batch = goldenBatch()
    for (const rest of [1, 12, 60, 61]) {
      expect(() => splitBatches(Buffer.concat([batch, Buffer.alloc(rest)]), limits)).toThrow(corrupt)
    }
  })
})
