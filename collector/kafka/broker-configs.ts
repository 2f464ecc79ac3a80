// The broker's configs under Kafka's names, for DescribeConfigs: what topics get that say nothing else, and a few facts.
import type { ConfigAdmin } from '../broker/topics/config-admin.ts'
import { isTopicConfig, type TopicConfigName } from '../broker/topics/topic-configs.ts'
import type { DescribedEntry } from './configs.ts'

/** Kafka's name of the broker's value behind each topic config that has one. */
const names: Readonly<Partial<Record<TopicConfigName, string>>> = {
  'cleanup.policy': 'log.cleanup.policy',
  'compression.type': 'compression.type',
  'delete.retention.ms': 'log.cleaner.delete.retention.ms',
  'max.compaction.lag.ms': 'log.cleaner.max.compaction.lag.ms',
  'max.message.bytes': 'message.max.bytes',
  'message.timestamp.after.max.ms': 'log.message.timestamp.after.max.ms',
  'message.timestamp.before.max.ms': 'log.message.timestamp.before.max.ms',
  'message.timestamp.type': 'log.message.timestamp.type',
  'min.cleanable.dirty.ratio': 'log.cleaner.min.cleanable.ratio',
  'min.compaction.lag.ms': 'log.cleaner.min.compaction.lag.ms',
  'min.insync.replicas': 'min.insync.replicas',
  'retention.bytes': 'log.retention.bytes',
  'retention.ms': 'log.retention.ms',
  'segment.bytes': 'log.segment.bytes',
  'segment.ms': 'log.roll.ms',
  'unclean.leader.election.enable': 'unclean.leader.election.enable',
}

/** What the broker calls the value behind a topic config; the name itself where it has no other. */
export function brokerConfigName(name: string): string {
  return isTopicConfig(name) ? (names[name] ?? name) : name
}

/** Sorted by name. None of them can be changed but in the YAML. */
export function brokerConfigs(configs: ConfigAdmin): readonly DescribedEntry[] {
  const ofTopics = configs.describeNew({}).flatMap((entry): DescribedEntry[] => {
    const name = names[entry.name]
    return name === undefined ? [] : [{ ...entry, name }]
  })
  const { partitions, autoCreate, offsetsRetentionMs, groupInitialDelayMs, groupMembersMax } = configs.broker
  const { groupSessionTimeoutMsMin, groupSessionTimeoutMsMax } = configs.broker
  const { consumerSessionTimeoutMs, consumerHeartbeatMs } = configs.broker
  return [
    ...ofTopics,
    fact('auto.create.topics.enable', 'boolean', String(autoCreate), 'Topics are made on first use.'),
    fact('default.replication.factor', 'int', '1', 'There is one node.'),
    fact('num.partitions', 'int', String(partitions), 'Partitions of a topic that says nothing else.'),
    fact('log.message.format.version', 'string', '3.0-IV1', 'Records are stored as RecordBatch v2.'),
    fact(
      'group.initial.rebalance.delay.ms',
      'int',
      String(groupInitialDelayMs),
      'Waits for more first members.',
    ),
    fact(
      'group.consumer.session.timeout.ms',
      'int',
      String(consumerSessionTimeoutMs),
      'Of the newer protocol.',
    ),
    fact(
      'group.consumer.heartbeat.interval.ms',
      'int',
      String(consumerHeartbeatMs),
      'Of the newer protocol.',
    ),
    fact('group.consumer.assignors', 'list', 'uniform,range', 'Of the newer protocol.'),
    fact('group.max.size', 'int', String(groupMembersMax), 'Members of a group.'),
    fact('group.min.session.timeout.ms', 'int', String(groupSessionTimeoutMsMin), 'The shortest session.'),
    fact('group.max.session.timeout.ms', 'int', String(groupSessionTimeoutMsMax), 'The longest session.'),
    fact(
      'offsets.retention.minutes',
      'int',
      String(Math.floor(offsetsRetentionMs / 60_000)),
      'Offsets of a group without members are kept this long.',
    ),
    fact('delete.topic.enable', 'boolean', 'true', 'Topics can be deleted.'),
  ].sort((a, b) => (a.name < b.name ? -1 : 1))
}

function fact(name: string, type: DescribedEntry['type'], value: string, doc: string): DescribedEntry {
  const source = 'broker' as const
  return { name, type, value, source, doc, synonyms: [{ value, source }] }
}
