// Admin calls about topics: made, refused with a reason, grown, emptied, deleted.
import { describe, expect, test } from 'vitest'
import { kafkaErrorName } from '../../../protocol/errors.ts'
import { forever, record } from '../broker/harness.ts'
import { openSite, type Site } from './asking.ts'

type NewTopic = Parameters<typeof create>[1]

/** Error and message of one topic. */
async function create(
  site: Site,
  topic: {
    readonly name?: string
    readonly numPartitions?: number
    readonly replicationFactor?: number
    readonly assignments?: readonly { readonly partitionIndex: number; readonly brokerIds: number[] }[]
    readonly configs?: readonly { readonly name: string; readonly value: string | null }[]
  } = {},
  options: { readonly validateOnly?: boolean; readonly version?: number } = {},
) {
  const { validateOnly = false, version = 7 } = options
  const wanted = {
    name: 'orders',
    numPartitions: 2,
    replicationFactor: 1,
    assignments: [],
    configs: [],
    ...topic,
  }
  const topics = [{ ...wanted, assignments: [...wanted.assignments], configs: [...wanted.configs] }]
  const answer = await site.ask('CreateTopics', { topics, timeoutMs: 1000, validateOnly }, { version })
  const [only] = answer.topics
  if (only === undefined) throw new Error('no answer')
  return { ...only, error: kafkaErrorName(only.errorCode) }
}

describe('CreateTopics', () => {
  test.each([2, 3, 4, 5, 6, 7])('makes a topic with partitions and configs (version %i)', async (version) => {
    await using site = await openSite()
    const configs = [{ name: 'retention.ms', value: '60000' }]
    const made = await create(site, { numPartitions: 3, configs }, { version })
    expect(made.error).toBe('NONE')
    const topic = site.broker.findTopic('orders')
    expect([topic?.partitions, topic?.settings.retention.ageMs]).toEqual([3, 60_000])
    if (version >= 7) expect(made.topicId).toBe(topic?.id)
    if (version >= 5) {
      expect([made.numPartitions, made.replicationFactor]).toEqual([3, 1])
      const shown = made.configs?.find((config) => config.name === 'retention.ms')
      expect(shown).toMatchObject({ value: '60000', configSource: 1 })
    }
  })

  test('gives what the broker gives by itself for -1', async () => {
    await using site = await openSite({ config: { partitions: 5 } })
    const made = await create(site, { numPartitions: -1, replicationFactor: -1 })
    expect([made.error, made.numPartitions]).toEqual(['NONE', 5])
  })

  test('only says whether it could be done', async () => {
    await using site = await openSite()
    expect((await create(site, {}, { validateOnly: true })).error).toBe('NONE')
    expect(site.broker.findTopic('orders')).toBeNull()
    const bad = await create(
      site,
      { configs: [{ name: 'retention.ms', value: 'x' }] },
      { validateOnly: true },
    )
    expect(bad.error).toBe('INVALID_CONFIG')
  })

  test.each<readonly [string, NewTopic, string]>([
    ['no partitions', { numPartitions: 0 }, 'INVALID_PARTITIONS'],
    ['fewer than -1', { numPartitions: -2 }, 'INVALID_PARTITIONS'],
    ['too many partitions', { numPartitions: 1025 }, 'INVALID_PARTITIONS'],
    ['more copies than nodes', { replicationFactor: 3 }, 'INVALID_REPLICATION_FACTOR'],
    ['no copies', { replicationFactor: 0 }, 'INVALID_REPLICATION_FACTOR'],
    ['an empty name', { name: '' }, 'INVALID_TOPIC_EXCEPTION'],
    ['a name with a slash', { name: 'a/b' }, 'INVALID_TOPIC_EXCEPTION'],
    ['a name of 250 letters', { name: 'a'.repeat(250) }, 'INVALID_TOPIC_EXCEPTION'],
    ['a name of ours', { name: '__mine' }, 'INVALID_TOPIC_EXCEPTION'],
    ['an unknown config', { configs: [{ name: 'retention', value: '1' }] }, 'INVALID_CONFIG'],
    ['a config without a value', { configs: [{ name: 'retention.ms', value: null }] }, 'INVALID_CONFIG'],
  ])('refuses %s', async (_, topic, error) => {
    await using site = await openSite()
    const refused = await create(site, topic)
    expect(refused.error).toBe(error)
    expect(refused.errorMessage).not.toBeNull()
    expect((await create(site, topic, { validateOnly: true })).error).toBe(error)
  })

  test('refuses a topic that exists, and one that is named twice', async () => {
    await using site = await openSite()
    await create(site)
    expect((await create(site)).error).toBe('TOPIC_ALREADY_EXISTS')
    expect((await create(site, {}, { validateOnly: true })).error).toBe('TOPIC_ALREADY_EXISTS')
    const topic = { name: 'twice', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }
    const answer = await site.ask('CreateTopics', {
      topics: [topic, topic],
      timeoutMs: 1000,
      validateOnly: false,
    })
    expect(answer.topics.map((one) => kafkaErrorName(one.errorCode))).toEqual([
      'INVALID_REQUEST',
      'INVALID_REQUEST',
    ])
    expect(site.broker.findTopic('twice')).toBeNull()
  })

  test('takes an assignment by hand when all of it is on this node', async () => {
    await using site = await openSite()
    const byHand = { numPartitions: -1, replicationFactor: -1 }
    const on = (...nodes: readonly number[][]) =>
      nodes.map((brokerIds, partitionIndex) => ({ partitionIndex, brokerIds }))
    expect((await create(site, { ...byHand, assignments: on([0], [0]) })).error).toBe('NONE')
    expect(site.broker.findTopic('orders')?.partitions).toBe(2)
    const refused = async (assignments: ReturnType<typeof on>) =>
      (await create(site, { name: 'b', ...byHand, assignments })).error
    expect(await refused(on([1]))).toBe('INVALID_REPLICA_ASSIGNMENT')
    expect(await refused(on([0, 1]))).toBe('INVALID_REPLICA_ASSIGNMENT')
    expect(await refused(on([]))).toBe('INVALID_REPLICA_ASSIGNMENT')
    expect(await refused([{ partitionIndex: 1, brokerIds: [0] }])).toBe('INVALID_REPLICA_ASSIGNMENT')
    expect((await create(site, { name: 'b', numPartitions: 1, assignments: on([0]) })).error).toBe(
      'INVALID_REQUEST',
    )
  })
})

describe('DeleteTopics', () => {
  test.each([1, 5])('deletes by name (version %i)', async (version) => {
    await using site = await openSite()
    await create(site)
    const answer = await site.ask(
      'DeleteTopics',
      { topicNames: ['orders', 'other'], timeoutMs: 1000 },
      { version },
    )
    const errors = answer.responses.map((one) => [one.name, kafkaErrorName(one.errorCode)])
    expect(errors).toEqual([
      ['orders', 'NONE'],
      ['other', 'UNKNOWN_TOPIC_OR_PARTITION'],
    ])
    expect(site.broker.findTopic('orders')).toBeNull()
  })

  test('deletes by id, and says the name', async () => {
    await using site = await openSite()
    const { topicId } = await create(site)
    const nobody = '00000000-0000-4000-8000-000000000001'
    const topics = [
      { name: null, topicId },
      { name: null, topicId: nobody },
    ]
    const answer = await site.ask('DeleteTopics', { topics, timeoutMs: 1000 })
    expect(answer.responses.map((one) => [one.name, one.topicId, kafkaErrorName(one.errorCode)])).toEqual([
      ['orders', topicId, 'NONE'],
      [null, nobody, 'UNKNOWN_TOPIC_ID'],
    ])
  })

  test('keeps a topic that one of our sinks reads, and says which', async () => {
    await using site = await openSite()
    await create(site)
    await using _feed = await site.broker.feed({
      group: 'warehouse',
      topic: 'orders',
      partition: 0,
      start: 'beginning',
      rowsMax: 1,
      bytesMax: 1,
      ageMs: 1,
    })
    const answer = await site.ask('DeleteTopics', { topicNames: ['orders'], timeoutMs: 1000 }, { version: 5 })
    expect(answer.responses[0]).toMatchObject({
      errorCode: 73,
      errorMessage: expect.stringContaining('warehouse'),
    })
    expect(site.broker.findTopic('orders')).not.toBeNull()
  })

  test('keeps the topics of the broker itself', async () => {
    await using site = await openSite()
    const answer = await site.ask(
      'DeleteTopics',
      { topicNames: ['__consumer_offsets'], timeoutMs: 1000 },
      { version: 5 },
    )
    expect(kafkaErrorName(answer.responses[0]?.errorCode ?? 0)).toBe('INVALID_TOPIC_EXCEPTION')
  })
})

describe('CreatePartitions', () => {
  const grow = async (
    site: Site,
    count: number,
    options: { validateOnly?: boolean; assignments?: { brokerIds: number[] }[] | null; name?: string } = {},
  ) => {
    const { validateOnly = false, assignments = null, name = 'orders' } = options
    const topics = [{ name, count, assignments }]
    const { results } = await site.ask('CreatePartitions', { topics, timeoutMs: 1000, validateOnly })
    return kafkaErrorName(results[0]?.errorCode ?? 0)
  }

  test('adds partitions, never takes any away', async () => {
    await using site = await openSite()
    await create(site)
    expect(await grow(site, 4, { validateOnly: true })).toBe('NONE')
    expect(site.broker.findTopic('orders')?.partitions).toBe(2)
    expect(await grow(site, 4)).toBe('NONE')
    expect(site.broker.findTopic('orders')?.partitions).toBe(4)
    expect(await grow(site, 4)).toBe('INVALID_PARTITIONS')
    expect(await grow(site, 1)).toBe('INVALID_PARTITIONS')
    expect(await grow(site, 1025)).toBe('INVALID_PARTITIONS')
    expect(await grow(site, 5, { name: 'other' })).toBe('UNKNOWN_TOPIC_OR_PARTITION')
    expect(await grow(site, 5, { name: '__consumer_offsets' })).toBe('INVALID_TOPIC_EXCEPTION')
  })

  test('takes an assignment by hand of the new ones', async () => {
    await using site = await openSite()
    await create(site)
    expect(await grow(site, 3, { assignments: [{ brokerIds: [1] }] })).toBe('INVALID_REPLICA_ASSIGNMENT')
    expect(await grow(site, 3, { assignments: [] })).toBe('INVALID_REPLICA_ASSIGNMENT')
    expect(await grow(site, 3, { assignments: [{ brokerIds: [0] }] })).toBe('NONE')
  })
})

describe('DeleteRecords', () => {
  test('moves the beginning, up to the end at most', async () => {
    await using site = await openSite()
    await create(site, { numPartitions: 1 })
    await site.broker.publish(
      'orders',
      ['a', 'b', 'c'].map((value) => record(value)),
      forever,
    )
    const remove = async (offset: number, partitionIndex = 0) => {
      const topics = [{ name: 'orders', partitions: [{ partitionIndex, offset }] }]
      const answer = await site.ask('DeleteRecords', { topics, timeoutMs: 1000 })
      const [only] = answer.topics[0]?.partitions ?? []
      return [only?.lowWatermark, kafkaErrorName(only?.errorCode ?? 0)]
    }
    expect(await remove(2)).toEqual([2, 'NONE'])
    expect(await remove(4)).toEqual([-1, 'OFFSET_OUT_OF_RANGE'])
    expect(await remove(-1)).toEqual([3, 'NONE'])
    expect(await remove(0, 9)).toEqual([-1, 'UNKNOWN_TOPIC_OR_PARTITION'])
  })
})
