// From the YAML to what a collector and its sinks take.

import { join, resolve } from 'node:path'
import type { BrokerConfig } from '../collector/broker/config.ts'
import { defaultIngestLimits } from '../collector/http/limits.ts'
import type { KafkaListenerOptions } from '../collector/kafka/listener.ts'
import { principalOf, securityOptions } from '../collector/kafka/security-options.ts'
import { defaultKafka } from '../config/defaults.ts'
import type { CollectorConfig, Config, TopicConfig } from '../config/schema.ts'
import type { TopicOptions } from '../core/event-log.ts'
import type { SinkType } from '../sinks/define.ts'
import type { SinkSpec } from '../sinks/run.ts'
import { readListenTls } from './listen-tls.ts'

/** Everything a collector takes that the YAML decides. */
export function collectorOptions(config: Config) {
  const { collector } = config
  return {
    folder: resolve(config.data),
    broker: brokerConfig(config),
    listen: collector.http.listen,
    tls: readListenTls(collector.http.tls, 'collector.http.tls'),
    connectionsMax: collector.limits.connections,
    keys: Object.entries(collector.keys).map(([name, key]) => ({ name, ...key })),
    trustedProxies: collector.http.trusted_proxies,
    limits: ingestLimits(collector.limits),
    kafka: kafkaOptions(config),
  }
}

/** The listener for Kafka clients: without a word about it in the YAML on its usual port, if that is free. */
function kafkaOptions({ collector }: Config): KafkaListenerOptions | null {
  if (collector.kafka === 'off') return null
  const kafka = collector.kafka ?? defaultKafka()
  return {
    listen: kafka.listen,
    advertise: kafka.advertise ?? null,
    tls: readListenTls(kafka.tls, 'collector.kafka.tls'),
    limits: {
      connectionsMax: kafka.connections_max,
      connectionsPerPeerMax: kafka.connections_per_address ?? kafka.connections_max,
      requestBytesMax: kafka.request_max,
      idleMs: kafka.idle_max,
    },
    quotas: kafka.quotas.map(({ user, client_id: clientId, produce, fetch }) => ({
      principal: user === undefined ? null : principalOf(user),
      clientId: clientId ?? null,
      producerBytesPerSecond: produce ?? null,
      consumerBytesPerSecond: fetch ?? null,
    })),
    security: securityOptions(kafka),
    optional: collector.kafka === undefined,
  }
}

/** The sinks of a configuration; each has a folder of its own below the data folder. */
export function sinkSpecs(config: Config, types: readonly SinkType[]): readonly SinkSpec[] {
  return Object.entries(config.sinks).flatMap(([name, sink]) => {
    const type = types.find((one) => one.type === sink.type)
    if (type === undefined) return []
    const { topics, retry, type: _type, ...own } = sink
    const waits = { retryMsMin: retry.wait_min, retryMsMax: retry.wait_max }
    return [{ name, type, config: own, topics, ...waits, folder: resolve(config.data, 'sinks', name) }]
  })
}

/** Where the demo keeps its log, and the agent of `up` its state. */
export function besideData(config: Config, name: string): string {
  return join(resolve(config.data), name)
}

function brokerConfig(config: Config): Partial<BrokerConfig> {
  const { flush, auto_create_topics: autoCreate } = config.collector
  const topics = Object.entries(config.topics).map(([name, topic]) => [name, topicOptions(topic)] as const)
  return {
    flush: typeof flush === 'string' ? flush : { intervalMs: flush.interval },
    autoCreate,
    topics: Object.fromEntries(topics),
    ...groupOptions(config),
  }
}

function groupOptions({ collector }: Config): Partial<BrokerConfig> {
  if (collector.kafka === 'off' || collector.kafka === undefined) return {}
  const { groups } = collector.kafka
  return {
    groupInitialDelayMs: groups.initial_rebalance_delay,
    groupMembersMax: groups.members_max,
    offsetsRetentionMs: groups.offsets_retention,
    consumerSessionTimeoutMs: groups.session_timeout,
    consumerHeartbeatMs: groups.heartbeat_interval,
  }
}

function topicOptions(topic: TopicConfig): TopicOptions {
  const { age, bytes } = topic.retention
  return {
    partitions: topic.partitions,
    retentionMs: age,
    ...(bytes === undefined ? {} : { retentionBytes: bytes }),
  }
}

function ingestLimits(limits: CollectorConfig['limits']) {
  return {
    ...defaultIngestLimits,
    bodyBytesMax: limits.body,
    browserBodyBytesMax: limits.browser_body,
    eventBytesMax: limits.event,
    eventsMax: limits.events,
  }
}
