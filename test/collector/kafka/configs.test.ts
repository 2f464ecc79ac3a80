// Configs of topics and of the broker: looked at with all that belongs to them, changed whole and bit by bit.
import { describe, expect, test } from 'vitest'
import { kafkaErrorName } from '../../../protocol/errors.ts'
import { openSite, type Site } from './asking.ts'

const topic = 2
const broker = 4

async function describeConfigs(
  site: Site,
  resourceType: number,
  resourceName: string,
  keys: string[] | null = null,
) {
  const { results } = await site.ask('DescribeConfigs', {
    resources: [{ resourceType, resourceName, configurationKeys: keys }],
    includeSynonyms: true,
    includeDocumentation: true,
  })
  const [only] = results
  if (only === undefined) throw new Error('no answer')
  return { ...only, error: kafkaErrorName(only.errorCode) }
}

async function retention(site: Site): Promise<string | null | undefined> {
  const { configs } = await describeConfigs(site, topic, 'orders', ['retention.ms'])
  return configs[0]?.value
}

describe('DescribeConfigs', () => {
  test('tells a value, where it comes from, its type and its meaning', async () => {
    await using site = await openSite({ config: { retentionMs: 1000 } })
    await site.broker.createTopic('orders', { configs: { 'cleanup.policy': 'compact' } })
    const all = await describeConfigs(site, topic, 'orders')
    expect(all.configs.length).toBeGreaterThan(20)
    const byName = new Map(all.configs.map((config) => [config.name, config]))
    expect(byName.get('cleanup.policy')).toMatchObject({
      value: 'compact',
      configSource: 1,
      configType: 7,
      readOnly: false,
      isSensitive: false,
      documentation: expect.stringContaining('compact'),
      synonyms: [
        { name: 'cleanup.policy', value: 'compact', source: 1 },
        { name: 'log.cleanup.policy', value: 'delete', source: 5 },
      ],
    })
    expect(byName.get('retention.ms')).toMatchObject({ value: '1000', configSource: 4, configType: 5 })
    expect(byName.get('max.message.bytes')).toMatchObject({
      value: '1048588',
      configSource: 5,
      configType: 3,
    })
  })

  test.each([1, 2, 3, 4])('only what is asked for, in version %i', async (version) => {
    await using site = await openSite()
    await site.broker.createTopic('orders', {})
    const resources = [
      { resourceType: topic, resourceName: 'orders', configurationKeys: ['segment.bytes', 'nothing'] },
    ]
    const { results } = await site.ask('DescribeConfigs', { resources }, { version })
    const [config] = results[0]?.configs ?? []
    expect(results[0]?.configs.length).toBe(1)
    expect(config).toMatchObject({ name: 'segment.bytes', synonyms: [] })
    expect(config?.documentation ?? null).toBeNull()
  })

  test('tells the configs of the broker, which only the YAML changes', async () => {
    await using site = await openSite({ config: { partitions: 6 } })
    const { configs } = await describeConfigs(site, broker, '0')
    const byName = new Map(configs.map((config) => [config.name, config]))
    expect(byName.get('num.partitions')).toMatchObject({ value: '6', readOnly: true, configSource: 4 })
    expect(byName.get('log.retention.ms')).toMatchObject({ configType: 5, readOnly: true })
    expect(byName.get('auto.create.topics.enable')?.value).toBe('true')
    expect((await describeConfigs(site, broker, '')).configs).toEqual([])
  })

  test('says what there is not', async () => {
    await using site = await openSite()
    expect((await describeConfigs(site, topic, 'orders')).error).toBe('UNKNOWN_TOPIC_OR_PARTITION')
    expect((await describeConfigs(site, broker, '1')).error).toBe('INVALID_REQUEST')
    expect((await describeConfigs(site, 8, '0')).error).toBe('INVALID_REQUEST')
  })
})

describe('IncrementalAlterConfigs', () => {
  const [set, remove, append, subtract] = [0, 1, 2, 3]
  const alter = async (
    site: Site,
    configs: { name: string; configOperation: number; value: string | null }[],
    { validateOnly = false, resourceType = topic, resourceName = 'orders' } = {},
  ) => {
    const resources = [{ resourceType, resourceName, configs }]
    const { responses } = await site.ask('IncrementalAlterConfigs', { resources, validateOnly })
    return kafkaErrorName(responses[0]?.errorCode ?? 0)
  }

  test('sets, deletes, appends to and subtracts from what is named', async () => {
    await using site = await openSite()
    await site.broker.createTopic('orders', { configs: { 'segment.bytes': '1048576' } })
    const before = await retention(site)
    expect(await alter(site, [{ name: 'retention.ms', configOperation: set, value: '5000' }])).toBe('NONE')
    expect(await retention(site)).toBe('5000')
    expect(site.broker.findTopic('orders')?.settings.segmentBytes).toBe(1_048_576)
    await alter(site, [{ name: 'cleanup.policy', configOperation: append, value: 'compact' }])
    expect(site.broker.findTopic('orders')?.settings).toMatchObject({ isCompacted: true, isDeleted: true })
    await alter(site, [{ name: 'cleanup.policy', configOperation: subtract, value: 'delete' }])
    expect(site.broker.findTopic('orders')?.settings).toMatchObject({ isCompacted: true, isDeleted: false })
    await alter(site, [{ name: 'retention.ms', configOperation: remove, value: null }])
    expect(await retention(site)).toBe(before)
  })

  test('only says whether it could be done', async () => {
    await using site = await openSite()
    await site.broker.createTopic('orders', {})
    const before = await retention(site)
    const change = [{ name: 'retention.ms', configOperation: set, value: '5000' }]
    expect(await alter(site, change, { validateOnly: true })).toBe('NONE')
    expect(await retention(site)).toBe(before)
  })

  test('refuses what is unknown, wrong, twice, internal, or not of a topic', async () => {
    await using site = await openSite()
    await site.broker.createTopic('orders', {})
    const change = { name: 'retention.ms', configOperation: set, value: '1' }
    expect(await alter(site, [{ ...change, name: 'retention' }])).toBe('INVALID_CONFIG')
    expect(await alter(site, [{ ...change, value: 'long' }])).toBe('INVALID_CONFIG')
    expect(await alter(site, [change, change])).toBe('INVALID_CONFIG')
    expect(await alter(site, [{ ...change, configOperation: append }])).toBe('INVALID_CONFIG')
    expect(await alter(site, [{ ...change, configOperation: 9 }])).toBe('INVALID_REQUEST')
    expect(await alter(site, [change], { resourceName: 'other' })).toBe('UNKNOWN_TOPIC_OR_PARTITION')
    expect(await alter(site, [change], { resourceName: '__consumer_offsets' })).toBe('INVALID_CONFIG')
    expect(await alter(site, [change], { resourceType: broker, resourceName: '0' })).toBe('INVALID_REQUEST')
  })
})

describe('AlterConfigs', () => {
  test.each([0, 1, 2])('replaces everything that was said before (version %i)', async (version) => {
    await using site = await openSite()
    await site.broker.createTopic('orders', { configs: { 'segment.bytes': '1048576' } })
    const configs = [{ name: 'retention.ms', value: '5000' }]
    const resources = [{ resourceType: topic, resourceName: 'orders', configs }]
    const { responses } = await site.ask('AlterConfigs', { resources, validateOnly: false }, { version })
    expect(responses[0]?.errorCode).toBe(0)
    expect(await retention(site)).toBe('5000')
    expect(site.broker.findTopic('orders')?.record.configs).toEqual({ 'retention.ms': '5000' })
  })
})
