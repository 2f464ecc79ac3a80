// Topic configs: values and their checks, changes, where a value comes from; and that they count at runtime.
import { expect, test } from 'vitest'
import { brokerDefaults } from '../../../../collector/broker/config.ts'
import type { Partition } from '../../../../collector/broker/partitions/partition.ts'
import {
  type ConfigChange,
  changeConfigs,
  checkConfigs,
  defaultOf,
  describeConfigs,
} from '../../../../collector/broker/topics/topic-configs.ts'
import { topicConfigNames, topicSettings } from '../../../../collector/broker/topics/topic-settings.ts'
import { machine } from '../harness.ts'
import { appendRecords } from '../kafka-harness.ts'

const now = 1_763_690_000_000
const invalid = expect.objectContaining({ code: 'CONFIG_INVALID' })

test('every default passes its own check and makes settings', () => {
  for (const name of topicConfigNames) {
    const value = defaultOf(name, brokerDefaults)
    expect(checkConfigs({ [name]: value })).toEqual({ [name]: value })
  }
  const { isDeleted, isCompacted, codec, retention, compaction } = topicSettings({}, brokerDefaults)
  expect({ isDeleted, isCompacted, codec, retention, compaction }).toMatchInlineSnapshot(`
    {
      "codec": null,
      "compaction": {
        "deleteRetentionMs": 86400000,
        "dirtyRatioMin": 0.5,
        "lagMsMax": Infinity,
        "lagMsMin": 0,
      },
      "isCompacted": false,
      "isDeleted": true,
      "retention": {
        "ageMs": 604800000,
        "bytesMax": null,
      },
    }
  `)
})

test.each([
  ['retention.ms', 'soon'],
  ['retention.ms', '-2'],
  ['retention.ms', '9223372036854775808'],
  ['cleanup.policy', 'shred'],
  ['cleanup.policy', ''],
  ['cleanup.policy', 'compact,compact'],
  ['compression.type', 'ZSTD'],
  ['compression.gzip.level', '0'],
  ['max.message.bytes', '2147483648'],
  ['max.message.bytes', '1.5'],
  ['min.cleanable.dirty.ratio', '1.1'],
  ['preallocate', 'yes'],
  ['no.such.config', '1'],
])('%s=%s is refused', (name, value) => {
  expect(() => checkConfigs({ [name]: value })).toThrow(invalid)
})

test('changes: set, delete, append, subtract; each config once', () => {
  const change = (before: object, ...changes: ConfigChange[]) =>
    changeConfigs(before, changes, brokerDefaults)
  const policy = (operation: ConfigChange['operation'], value: string | null) => ({
    name: 'cleanup.policy',
    operation,
    value,
  })
  expect(change({}, policy('append', 'compact'))).toEqual({ 'cleanup.policy': 'delete,compact' })
  expect(change({ 'cleanup.policy': 'delete,compact' }, policy('subtract', 'delete'))).toEqual({
    'cleanup.policy': 'compact',
  })
  expect(change({ 'cleanup.policy': 'compact' }, policy('delete', null))).toEqual({})
  expect(change({}, policy('set', ' compact , delete '))).toEqual({ 'cleanup.policy': 'compact,delete' })
  expect(() => change({}, policy('subtract', 'delete'))).toThrow(invalid)
  expect(() => change({}, policy('set', null))).toThrow(invalid)
  expect(() => change({}, policy('set', 'delete'), policy('set', 'compact'))).toThrow(invalid)
  expect(() => change({}, { name: 'retention.ms', operation: 'append', value: '1' })).toThrow(invalid)
})

test('a value says where it comes from', () => {
  const broker = { ...brokerDefaults, retentionMs: 1000 }
  const of = (overrides: object, name: string) =>
    describeConfigs(overrides, broker, brokerDefaults).find((entry) => entry.name === name)
  expect(of({}, 'segment.bytes')).toMatchObject({ value: '134217728', source: 'default' })
  expect(of({}, 'retention.ms')).toMatchObject({ value: '1000', source: 'broker' })
  expect(of({ 'retention.ms': '5' }, 'retention.ms')).toMatchObject({
    value: '5',
    source: 'topic',
    synonyms: [
      { value: '5', source: 'topic' },
      { value: '1000', source: 'broker' },
      { value: '604800000', source: 'default' },
    ],
  })
})

test('alterations are durable, validate-only ones change nothing, internal topics refuse', async () => {
  const world = machine()
  const broker = await world.open()
  await broker.createTopic('t', { configs: { 'max.message.bytes': '5000' } })
  const set = (value: string) => [{ name: 'retention.ms', operation: 'set', value }] as const
  await broker.configs.alter('t', set('1'), { validateOnly: true })
  expect(configOf(broker, 'retention.ms')).toBe('604800000')
  await broker.configs.alter('t', set('77'), { validateOnly: false })
  await expect(broker.configs.alter('t', set('x'), { validateOnly: true })).rejects.toEqual(invalid)
  await expect(broker.configs.alter('__losses', set('1'), { validateOnly: false })).rejects.toEqual(invalid)
  world.disk.crash()
  const again = await world.open()
  expect([configOf(again, 'retention.ms'), configOf(again, 'max.message.bytes')]).toEqual(['77', '5000'])
  await again.configs.replace('t', { 'segment.ms': '9' }, { validateOnly: false })
  expect([configOf(again, 'retention.ms'), configOf(again, 'segment.ms')]).toEqual(['604800000', '9'])
})

test('a topic.json of version 1 is read: its two limits are overrides', async () => {
  const world = machine()
  const first = await world.open()
  await first.createTopic('t', {})
  await first[Symbol.asyncDispose]()
  const storage = world.disk.storage()
  const id = 'f3b2c1a0-0000-4000-8000-000000000000'
  const old = {
    version: 1,
    id,
    name: 't',
    partitions: 1,
    retentionMs: 1234,
    retentionBytes: null,
    createdAt: now,
  }
  await using file = await storage.open('/data/topics/t/topic.json', 'write')
  await file.truncate(0)
  await file.write(0, [new TextEncoder().encode(JSON.stringify(old))])
  const broker = await world.open()
  expect(broker.describeTopic('t')).toMatchObject({ id, retentionMs: 1234, retentionBytes: null })
  expect(configOf(broker, 'retention.bytes')).toBe('-1')
})

test('segment size, age and retention count from the next append and upkeep on', async () => {
  const world = machine()
  const broker = await world.open({ upkeepMs: 100 })
  await broker.createTopic('t', { partitions: 1 })
  const partition = broker.partition('t', 0) as Partition
  const append = () =>
    appendRecords(partition, [{ key: 'k', value: 'x'.repeat(100), timestamp: world.clock.now() }])
  for (let i = 0; i < 5; i += 1) await append()
  expect(partition.log.status().segments).toBe(1)
  const set = (name: string, value: string) =>
    broker.configs.alter('t', [{ name, operation: 'set', value }], { validateOnly: false })
  await set('segment.bytes', '200')
  await append()
  await append()
  expect(partition.log.status().segments).toBe(3)
  await set('retention.ms', '1000')
  await world.clock.advance(1200)
  expect([partition.startOffset, partition.highWatermark]).toEqual([7, 7])
})

function configOf(
  broker: Awaited<ReturnType<ReturnType<typeof machine>['open']>>,
  name: string,
): string | undefined {
  return broker.configs.describe('t').find((entry) => entry.name === name)?.value
}
