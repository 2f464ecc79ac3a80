// Recompression: every codec into every other one, nothing else changed; and what a topic stores.
import { expect, test } from 'vitest'
import type { Partition } from '../../../../collector/broker/partitions/partition.ts'
import { recompress } from '../../../../collector/broker/partitions/recompress.ts'
import { decodeBatch, recordAt } from '../../../../protocol/batch-decode.ts'
import { defaultLimits, readHeader, stampBatch, verifyBatch } from '../../../../protocol/batch-header.ts'
import { codecs } from '../../../../protocol/compression.ts'
import { machine } from '../harness.ts'
import { appendRecords, kafkaBatch } from '../kafka-harness.ts'

const records = Array.from({ length: 50 }, (_, i) => ({
  key: `k${i % 7}`,
  value: `value ${i}`,
  timestamp: 1000 - i,
}))

test.each(codecs.flatMap((from) => codecs.map((to) => [from, to] as const)))('%s to %s', (from, to) => {
  const producer = { producerId: 77, producerEpoch: 3, baseSequence: 21, isTransactional: true }
  const batch = kafkaBatch(records, { codec: from, ...producer })
  stampBatch(batch, 0, 1234, 5)
  const packed = recompress(batch, to, null, 100_000)
  if (from === to) expect(packed).toBe(batch)
  const header = verifyBatch(packed, 0, defaultLimits)
  const { length, crc, attributes, codec, ...same } = readHeader(batch, 0)
  expect(header).toMatchObject({ ...same, codec: to })
  expect(header.attributes & ~7).toBe(attributes & ~7)
  const before = decodeBatch(batch, 0, defaultLimits)
  const after = decodeBatch(packed, 0, defaultLimits)
  for (let i = 0; i < records.length; i += 1) expect(recordAt(after, i)).toEqual(recordAt(before, i))
})

test('what unpacks to more than allowed, or not at all, is refused', () => {
  expect(() => recompress(kafkaBatch(records, { codec: 'lz4' }), 'zstd', null, 100)).toThrow(
    expect.objectContaining({ code: 'BATCH_TOO_LARGE' }),
  )
  const broken = kafkaBatch(records, { codec: 'snappy' })
  broken.fill(0xff, 61)
  expect(() => recompress(broken, 'zstd', null, 100_000)).toThrow(
    expect.objectContaining({ code: 'BATCH_CORRUPT' }),
  )
})

test('a topic with a codec of its own stores it, from the next append on', async () => {
  const broker = await machine().open()
  await broker.createTopic('t', { partitions: 1, configs: { 'compression.type': 'zstd' } })
  const partition = broker.partition('t', 0) as Partition
  await appendRecords(partition, records, { codec: 'gzip' })
  const change = { name: 'compression.type', operation: 'set', value: 'uncompressed' } as const
  await broker.configs.alter('t', [change], { validateOnly: false })
  await appendRecords(partition, records, { codec: 'lz4' })
  await broker.configs.alter('t', [{ ...change, value: 'producer' }], { validateOnly: false })
  await appendRecords(partition, records, { codec: 'snappy' })
  const { bytes } = await partition.log.read(0, partition.highWatermark, 100_000)
  const stored: string[] = []
  for (let at = 0; at < bytes.length; at += readHeader(bytes, at).length)
    stored.push(readHeader(bytes, at).codec)
  expect(stored).toEqual(['zstd', 'none', 'snappy'])
})
