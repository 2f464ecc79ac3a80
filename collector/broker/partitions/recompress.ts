// Recompression: a batch packed with another codec, for topics whose `compression.type` is not the producer's.
import { BATCH_OVERHEAD, readHeader, sealBatch, stampBatch } from '../../../protocol/batch-header.ts'
import { type Codec, codecId, compress, decompress } from '../../../protocol/compression.ts'

const codecBits = 7

/**
 * The verified batch packed with the codec, everything else as it was; the very same array when there is nothing to do.
 * Throws BATCH_CORRUPT when its records do not unpack, BATCH_TOO_LARGE above `unpackedBytesMax`.
 */
export function recompress(
  batch: Uint8Array,
  codec: Codec,
  level: number | null,
  unpackedBytesMax: number,
): Uint8Array {
  const header = readHeader(batch, 0)
  if (header.codec === codec || header.count === 0) return batch
  const records = decompress(header.codec, batch.subarray(BATCH_OVERHEAD, header.length), unpackedBytesMax)
  const packed = level === null ? compress(codec, records) : compress(codec, records, level)
  const bytes = Buffer.allocUnsafeSlow(BATCH_OVERHEAD + packed.length)
  bytes.set(packed, BATCH_OVERHEAD)
  const attributes = (header.attributes & ~codecBits) | codecId(codec)
  sealBatch(bytes, { ...header, length: bytes.length, attributes })
  stampBatch(bytes, 0, header.baseOffset, header.leaderEpoch)
  return bytes
}
