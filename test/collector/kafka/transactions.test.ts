// The requests of transactional producers: errors by version and right, and what describes transactions.
import { expect, test } from 'vitest'
import { kafkaErrorName } from '../../../protocol/errors.ts'
import { partitionOf, produce } from '../broker/producer-harness.ts'
import { openSite, type Site } from './asking.ts'

const anonymous = { producerId: -1, producerEpoch: -1 }
const transactionTimeoutMs = 60_000

async function init(site: Site, transactionalId: string | null, version = 4) {
  const { producerId, producerEpoch, errorCode } = await site.ask(
    'InitProducerId',
    { transactionalId, transactionTimeoutMs, ...anonymous },
    { version },
  )
  return { error: kafkaErrorName(errorCode), producerId, producerEpoch }
}

function added(answer: { readonly resultsByTopicV3AndBelow: readonly unknown[] }): string {
  const topics = answer.resultsByTopicV3AndBelow as readonly {
    readonly name: string
    readonly resultsByPartition: readonly {
      readonly partitionIndex: number
      readonly partitionErrorCode: number
    }[]
  }[]
  return topics
    .flatMap(({ name, resultsByPartition }) =>
      resultsByPartition.map(
        (one) => `${name}-${one.partitionIndex} ${kafkaErrorName(one.partitionErrorCode)}`,
      ),
    )
    .join(', ')
}

function adding(
  transactionalId: string,
  producer: { producerId: number; producerEpoch: number },
  topics: Record<string, number[]>,
) {
  return {
    v3AndBelowTransactionalId: transactionalId,
    v3AndBelowProducerId: producer.producerId,
    v3AndBelowProducerEpoch: producer.producerEpoch,
    v3AndBelowTopics: Object.entries(topics).map(([name, partitions]) => ({ name, partitions })),
  }
}

test('producer ids are never the same, whatever happens in between', async () => {
  const seen: number[] = []
  let machine: Site['machine'] | undefined
  for (let round = 0; round < 3; round += 1) {
    const site = await openSite(machine === undefined ? {} : { machine })
    machine = site.machine
    for (let i = 0; i < 1200; i += 400) {
      const given = await Promise.all(Array.from({ length: 400 }, () => init(site, null)))
      seen.push(...given.map(({ producerId }) => producerId))
    }
    machine.disk.kill()
  }
  expect(new Set(seen).size).toBe(3600)
})

test('an empty transactional id, an absurd timeout, half an identity are refused', async () => {
  await using site = await openSite()
  expect(await init(site, '')).toMatchObject({ error: 'INVALID_REQUEST', producerId: -1 })
  const request = { transactionalId: 'tx', transactionTimeoutMs, ...anonymous }
  for (const [changes, error] of [
    [{ transactionTimeoutMs: 0 }, 'INVALID_TRANSACTION_TIMEOUT'],
    [{ transactionTimeoutMs: 15 * 60_000 + 1 }, 'INVALID_TRANSACTION_TIMEOUT'],
    [{ producerId: 5 }, 'INVALID_REQUEST'],
    [{ producerEpoch: 5 }, 'INVALID_REQUEST'],
    [{ producerId: 5, producerEpoch: 5 }, 'NONE'],
  ] as const) {
    const { errorCode } = await site.ask('InitProducerId', { ...request, ...changes })
    expect(kafkaErrorName(errorCode)).toBe(error)
  }
})

test('who is fenced is told so by the name that its version knows', async () => {
  await using site = await openSite({ config: { partitions: 1 } })
  await site.broker.createTopic('logs', {})
  const old = await init(site, 'tx')
  const { producerId, producerEpoch } = await init(site, 'tx')
  expect([old.producerEpoch, producerEpoch]).toEqual([0, 1])
  const end = { transactionalId: 'tx', producerId, producerEpoch: 0, committed: true }
  const errors: (string | null)[] = []
  for (const version of [1, 2]) {
    const { errorCode } = await site.ask('EndTxn', end, { version })
    const offsets = await site.ask('AddOffsetsToTxn', { ...end, groupId: 'g' }, { version })
    const partitions = await site.ask('AddPartitionsToTxn', adding('tx', old, { logs: [0] }), { version })
    errors.push(kafkaErrorName(errorCode), kafkaErrorName(offsets.errorCode), added(partitions))
  }
  await init(site, 'tx')
  for (const version of [3, 4]) {
    const asking = { transactionalId: 'tx', transactionTimeoutMs, producerId, producerEpoch: 0 }
    errors.push(kafkaErrorName((await site.ask('InitProducerId', asking, { version })).errorCode))
  }
  expect(errors).toEqual([
    'INVALID_PRODUCER_EPOCH',
    'INVALID_PRODUCER_EPOCH',
    'logs-0 INVALID_PRODUCER_EPOCH',
    'PRODUCER_FENCED',
    'PRODUCER_FENCED',
    'logs-0 PRODUCER_FENCED',
    'INVALID_PRODUCER_EPOCH',
    'PRODUCER_FENCED',
  ])
})

test('partitions enter all or none', async () => {
  await using site = await openSite({ config: { partitions: 1 } })
  await site.broker.createTopic('logs', {})
  const producer = await init(site, 'tx')
  const add = async (topics: Record<string, number[]>, id = 'tx') =>
    added(await site.ask('AddPartitionsToTxn', adding(id, producer, topics)))
  expect(await add({ logs: [0, 7], nothing: [0] })).toBe(
    'logs-0 OPERATION_NOT_ATTEMPTED, logs-7 UNKNOWN_TOPIC_OR_PARTITION, nothing-0 UNKNOWN_TOPIC_OR_PARTITION',
  )
  expect(await add({ __consumer_offsets: [0] })).toBe('__consumer_offsets-0 INVALID_TOPIC_EXCEPTION')
  expect(await add({ logs: [0] }, 'other')).toBe('logs-0 INVALID_PRODUCER_ID_MAPPING')
  expect(site.broker.transactions.describe('tx')).toMatchObject({ state: 'Empty', partitions: [] })
  expect(await add({ logs: [0] })).toBe('logs-0 NONE')
})

test('transactions and producers can be listed and described', async () => {
  await using site = await openSite({ config: { partitions: 1 } })
  await site.broker.createTopic('logs', {})
  const producer = await init(site, 'open')
  await init(site, 'idle')
  await site.ask('AddPartitionsToTxn', adding('open', producer, { logs: [0] }))
  const { producerId: id, producerEpoch: epoch } = producer
  await produce(partitionOf(site.broker), { values: ['plain'] })
  await produce(partitionOf(site.broker), {
    id,
    epoch,
    sequence: 0,
    values: ['a', 'b'],
    transactional: true,
    timestamp: 77,
  })
  const list = async (filters: {
    stateFilters?: string[]
    producerIdFilters?: number[]
    durationFilter?: number
  }) => {
    const answer = await site.ask('ListTransactions', { stateFilters: [], producerIdFilters: [], ...filters })
    const found = answer.transactionStates.map((one) => `${one.transactionalId} ${one.transactionState}`)
    return [...found, ...answer.unknownStateFilters]
  }
  expect(await list({})).toEqual(['open Ongoing', 'idle Empty'])
  expect(await list({ stateFilters: ['Empty', 'Nonsense'] })).toEqual(['idle Empty', 'Nonsense'])
  expect(await list({ producerIdFilters: [id] })).toEqual(['open Ongoing'])
  await site.machine.clock.advance(5000)
  expect(await list({ durationFilter: 4000 })).toEqual(['open Ongoing'])
  expect(await list({ durationFilter: 6000 })).toEqual([])
  const described = await site.ask('DescribeTransactions', { transactionalIds: ['open', 'none'] })
  expect(described.transactionStates.map((one) => [kafkaErrorName(one.errorCode), one.topics])).toEqual([
    ['NONE', [{ topic: 'logs', partitions: [0] }]],
    ['TRANSACTIONAL_ID_NOT_FOUND', []],
  ])
  const { topics } = await site.ask('DescribeProducers', {
    topics: [{ name: 'logs', partitionIndexes: [0, 1] }],
  })
  expect(topics[0]?.partitions[0]?.activeProducers).toEqual([
    {
      producerId: id,
      producerEpoch: epoch,
      lastSequence: 1,
      lastTimestamp: 77,
      coordinatorEpoch: -1,
      currentTxnStartOffset: 1,
    },
  ])
  expect(kafkaErrorName(topics[0]?.partitions[1]?.errorCode ?? 0)).toBe('UNKNOWN_TOPIC_OR_PARTITION')
})
