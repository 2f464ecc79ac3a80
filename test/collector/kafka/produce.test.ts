// Produce: what a batch has to be, what its producer is told, and where it ends up.
import { expect, test } from 'vitest'
import { crc32c } from '../../../protocol/crc32c.ts'
import { batchOf, produceOf, startSimulated } from './simulated.ts'

async function produced(
  records: Uint8Array | null,
  options: { version?: number; acks?: number; topic?: string } = {},
) {
  const { connect } = await startSimulated()
  const client = await connect()
  const body = produceOf(records, options.acks, options.topic)
  const { responses } = await client.ask('Produce', options.version ?? 11, body)
  return responses[0]?.partitionResponses[0]
}

/** A batch with some bytes changed, its CRC made right again unless told otherwise. */
function patched(change: (batch: Buffer) => void, values: readonly string[] = ['a', 'b', 'c']): Uint8Array {
  const batch = Buffer.from(batchOf(values))
  change(batch)
  batch.writeUInt32BE(crc32c(batch.subarray(21)), 17)
  return batch
}

test.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const)(
  'a batch packed with %s is stored as it is',
  async (codec) => {
    const answer = await produced(batchOf(['hello', 'world'], codec))
    expect(answer).toMatchObject({ errorCode: 0, baseOffset: 0, logAppendTimeMs: -1, logStartOffset: 0 })
  },
)

test.each([
  ['nothing', null, 87],
  ['an empty one', new Uint8Array(0), 87],
  ['two batches', Buffer.concat([batchOf(['a']), batchOf(['b'])]), 87],
  ['a wrong CRC', flipped(batchOf(['a']), 30), 2],
  ['a batch cut short', batchOf(['a']).subarray(0, -1), 2],
  ['an old format', patched((batch) => batch.writeInt8(1, 16)), 87],
  ['a wrong count', patched((batch) => batch.writeInt32BE(2, 57)), 87],
  ['no records', patched((batch) => batch.writeInt32BE(0, 57)), 87],
  ['a control batch', patched((batch) => batch.writeInt16BE(0x20, 21)), 87],
  ['a batch above max.message.bytes', batchOf(['x'.repeat(1_100_000)]), 10],
  ['a time far ahead', patched((batch) => batch.writeBigInt64BE(BigInt(Date.UTC(2030, 0, 1)), 35)), 32],
])('%s is refused with its own error', async (_what, records, code) => {
  const answer = await produced(records)
  expect(answer).toMatchObject({ errorCode: code, baseOffset: -1 })
  expect(answer?.errorMessage).toBeTruthy()
})

test('zstd needs a version that knows it', async () => {
  expect(await produced(batchOf(['a'], 'zstd'), { version: 6 })).toMatchObject({ errorCode: 76 })
})

test('only the acks that there are', async () => {
  expect(await produced(batchOf(['a']), { acks: 2 })).toMatchObject({ errorCode: 21 })
  expect(await produced(batchOf(['a']), { acks: 1 })).toMatchObject({ errorCode: 0 })
})

test('more replicas than there are: acks=all is refused, acks=1 is not', async () => {
  const { broker, connect, complete } = await startSimulated()
  const change = { name: 'min.insync.replicas', operation: 'set', value: '2' } as const
  await complete(broker.configs.alter('orders', [change], { validateOnly: false }))
  const client = await connect()
  for (const [acks, errorCode] of [
    [-1, 19],
    [1, 0],
  ]) {
    const { responses } = await client.ask('Produce', 11, produceOf(batchOf(['a']), acks))
    expect(responses[0]?.partitionResponses[0]).toMatchObject({ errorCode })
  }
})

test('a topic that is not there, a partition that is not there, a topic of the broker', async () => {
  expect(await produced(batchOf(['a']), { topic: 'nowhere' })).toMatchObject({ errorCode: 3 })
  expect(await produced(batchOf(['a']), { topic: '__consumer_offsets' })).toMatchObject({ errorCode: 17 })
  const { connect } = await startSimulated()
  const client = await connect()
  const topicData = [{ name: 'orders', partitionData: [{ index: 9, records: batchOf(['a']) }] }]
  const { responses } = await client.ask('Produce', 11, { acks: -1, timeoutMs: 1, topicData })
  expect(responses[0]?.partitionResponses[0]).toMatchObject({ index: 9, errorCode: 3 })
})

test('one bad partition leaves the others of the request alone', async () => {
  const { connect, broker } = await startSimulated()
  const client = await connect()
  const partitionData = [
    { index: 0, records: batchOf(['a']) },
    { index: 1, records: batchOf(['b']) },
  ]
  const { responses } = await client.ask('Produce', 11, {
    acks: -1,
    timeoutMs: 1,
    topicData: [{ name: 'orders', partitionData }],
  })
  expect(responses[0]?.partitionResponses.map((one) => one.errorCode)).toEqual([0, 3])
  expect(broker.partition('orders', 0)?.highWatermark).toBe(1)
})

function flipped(batch: Uint8Array, at: number): Uint8Array {
  batch[at] = (batch[at] ?? 0) ^ 1
  return batch
}
