// The broker: every topic of a data folder behind EventLog, and what operators and readers ask of it.
import { LogdriveError } from '../../core/errors.ts'
import type { Batch, EventLog, FeedOptions, Published, Topic, TopicOptions } from '../../core/event-log.ts'
import type { Feed } from '../../core/flow.ts'
import type { NewRecord } from '../../core/records.ts'
import type { Clock, Logger, Random, Storage } from '../../core/runtime.ts'
import { Scope } from '../../core/scope.ts'
import { RecentSegments } from '../log/recent-segments.ts'
import { readState, writeState } from '../log/state-file.ts'
import { appendRange, publishRecords, publishToPartition } from './append.ts'
import { openClusterId } from './cluster-id.ts'
import { type BrokerConfig, brokerDefaults } from './config.ts'
import { DiskShare } from './disk-share.ts'
import { openFeed } from './feed.ts'
import { GroupCoordinator } from './groups/group-coordinator.ts'
import { type GroupOffsets, openGroupOffsets } from './groups/group-offsets.ts'
import { resetOffset } from './groups/group-reset.ts'
import { offsetsTopic } from './groups/offsets-log.ts'
import { type Loss, type Losses, lossesTopic, openLosses } from './losses.ts'
import { OpenFeeds, sinkInTheWay } from './open-feeds.ts'
import type { Partition } from './partitions/partition.ts'
import { offsetOf, type TailStart } from './read.ts'
import { openSecurityStore, type SecurityStore } from './security/security-store.ts'
import { type BrokerStatus, type GroupStatus, groupStatus, type TopicStatus, topicStatus } from './status.ts'
import { type TailedRecord, type TailOptions, tailTopics } from './tail.ts'
import { ConfigAdmin } from './topics/config-admin.ts'
import { checkTopicName } from './topics/topic-files.ts'
import { isInternal, type OpenTopic, openTopics, type Topics } from './topics/topics.ts'
import { openTransactions } from './transactions/open-transactions.ts'
import { TransactionGate } from './transactions/transaction-gate.ts'
import type { TransactionCoordinator } from './transactions/transactions.ts'
import { startUpkeep } from './upkeep.ts'

/** What the broker asks of the world: any Runtime has it. */
export interface BrokerRuntime {
  readonly storage: Storage
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

export interface BrokerOptions {
  /** The data folder; made when missing. One process at a time. */
  readonly folder: string
  /** What differs from `brokerDefaults`. */
  readonly config: Partial<BrokerConfig>
}

/** Our own log of topics. Disposal drains what waits, saves positions, and marks the shutdown as clean. */
export interface Broker extends EventLog, AsyncDisposable {
  /**
   * Resolves to the error when a disk failed: nothing is acknowledged from then on, and the process should exit; its
   * next start recovers from what the disk holds.
   */
  readonly failed: Promise<LogdriveError>
  /** Throws TOPIC_EXISTS, TOPIC_NAME_INVALID. */
  createTopic(name: string, options: TopicOptions): Promise<Topic>
  /** Retention, and partitions upwards. Throws TOPIC_UNKNOWN, REQUEST_INVALID. */
  alterTopic(name: string, options: TopicOptions): Promise<Topic>
  /** With all its records. Throws TOPIC_UNKNOWN; REQUEST_INVALID for an internal topic or one that a feed reads. */
  deleteTopic(name: string): Promise<void>
  /** Throws TOPIC_UNKNOWN. */
  describeTopic(name: string): TopicStatus
  /** Every group, topic and partition with a committed offset. */
  groups(): readonly GroupStatus[]
  /**
   * Sets a group elsewhere in a partition; a feed's replay epoch grows. Throws TOPIC_UNKNOWN, and REQUEST_INVALID while
   * a feed of the group is open there, or the group has members. Resolves to the offset.
   */
  resetGroup(key: GroupKey, start: TailStart, signal: AbortSignal): Promise<number>
  /** Records of topics as they come, for looking at; see `TailOptions`. */
  tail(options: TailOptions, signal: AbortSignal): AsyncGenerator<TailedRecord>
  /** Publishes to one partition, whatever the keys. Throws TOPIC_UNKNOWN, NOT_FOUND, and as `publish` does. */
  publishTo(topic: string, partition: number, records: readonly NewRecord[]): Promise<readonly Published[]>
  /** Adds to the loss ledger, durably. */
  recordLoss(loss: Loss): Promise<void>
  status(): BrokerStatus
  /** Where it lies on disk. */
  readonly folder: string
  /** The configs of topics. */
  readonly configs: ConfigAdmin
  /** Users and ACLs that were made through Kafka. */
  readonly security: SecurityStore
  /** Made once for the data folder; 22 characters. */
  readonly clusterId: string
  /** The topic when it is there; never makes it. */
  findTopic(name: string): OpenTopic | null
  /** An open partition, for those who speak Kafka; null when there is none. */
  partition(topic: string, index: number): Partition | null
  /** The consumer groups of Kafka clients, and how ours look to them. */
  readonly groupsCoordinator: GroupCoordinator
  /** The topic with this UUID, or null. */
  topicById(id: string): OpenTopic | null
  /** Producer ids and transactions of Kafka clients. */
  readonly transactions: TransactionCoordinator
}

export interface GroupKey {
  readonly group: string
  readonly topic: string
  readonly partition: number
}

const markerName = 'clean-shutdown'

/** Opens a data folder and recovers what a crash left in it. Throws DISK_FAILED, DISK_FULL. */
export async function openBroker(options: BrokerOptions, runtime: BrokerRuntime): Promise<Broker> {
  const { folder } = options
  const config = { ...brokerDefaults, ...options.config }
  const logger = runtime.logger.child({ part: 'broker' })
  const { storage, clock, random } = runtime
  await storage.makeDirectory(folder)
  const clean = await takeMarker(storage, folder)
  const started = clock.monotonic()
  const share = new DiskShare(config, clock)
  const gate = new TransactionGate()
  const recent = new RecentSegments()
  const parts = { storage, clock, random, logger, share, recent, config, clean, guard: gate }
  const security = await openSecurityStore(folder, { storage, random })
  const topics = await openTopics(folder, parts)
  const offsetsPartition = (await topics.make(offsetsTopic, {})).open[0]
  const lossesPartition = (await topics.make(lossesTopic, {})).open[0]
  if (offsetsPartition === undefined || lossesPartition === undefined) {
    throw new LogdriveError('STATE_CORRUPT', 'an internal topic has no partition')
  }
  const offsets = await openGroupOffsets(offsetsPartition, {
    clock,
    logger,
    entriesMax: config.groupOffsetsMax,
  })
  const losses = await openLosses(lossesPartition, { clock, logger })
  for (const [name, topicOptions] of Object.entries(config.topics)) await topics.make(name, topicOptions)
  const transactions = await openTransactions({ folder, topics, storage, config, clock, logger, gate })
  const clusterId = await openClusterId(folder, { storage, random })
  const opened = { topics, offsets, losses, security, clusterId, transactions }
  const broker = new LocalBroker({ folder, config, storage, clock, random, logger, share, ...opened })
  const count = topics.list().length
  logger.info({ folder, topics: count, clean, tookMs: clock.monotonic() - started }, 'the log is open')
  return broker
}

/** True when the last shutdown was clean. The marker goes before anything is written, so that it is never believed twice. */
async function takeMarker(storage: Storage, folder: string): Promise<boolean> {
  const marker = await readState(storage, folder, markerName, 'cleanShutdown').catch(() => null)
  await storage.remove(`${folder}/${markerName}`)
  await storage.syncDirectory(folder)
  return marker !== null
}

interface LocalParts {
  readonly folder: string
  readonly config: BrokerConfig
  readonly storage: Storage
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly share: DiskShare
  readonly topics: Topics
  readonly offsets: GroupOffsets
  readonly losses: Losses
  readonly security: SecurityStore
  readonly clusterId: string
  readonly transactions: TransactionCoordinator
}

class LocalBroker implements Broker {
  readonly failed: Promise<LogdriveError>
  readonly folder: string
  readonly security: SecurityStore
  readonly configs: ConfigAdmin
  readonly groupsCoordinator: GroupCoordinator
  readonly #parts: LocalParts
  readonly #closing = new AbortController()
  readonly #scope: Scope
  readonly #feeds = new OpenFeeds()
  #disposing: Promise<void> | null = null

  constructor(parts: LocalParts) {
    this.#parts = parts
    this.failed = parts.share.failed
    this.folder = parts.folder
    this.security = parts.security
    this.configs = new ConfigAdmin(parts.topics)
    this.#scope = new Scope(this.#closing.signal)
    const openFeeds = () => this.#feeds.keys()
    this.groupsCoordinator = new GroupCoordinator({ ...parts, openFeeds }, this.#closing.signal)
    startUpkeep(parts, this.#scope)
    parts.transactions.start(this.#scope)
  }

  topics(): readonly Topic[] {
    return this.#parts.topics.list().map(topicOf)
  }

  async topic(name: string, options: TopicOptions = {}): Promise<Topic> {
    return topicOf(await this.#topic(name, options))
  }

  async append(request: Parameters<EventLog['append']>[0], signal: AbortSignal) {
    signal.throwIfAborted()
    const topic = this.#parts.topics.find(request.topic) ?? (await this.#topic(request.topic, {}))
    return await appendRange(topic, request.bytes, request.range, this.#parts.losses)
  }

  publish(name: string, records: Parameters<EventLog['publish']>[1], signal: AbortSignal) {
    const { topics, config } = this.#parts
    const topic = topics.find(name)
    if (topic === null || signal.aborted) return this.#publishNew(name, records, signal)
    return publishRecords(topic, records, config.recordBytesMax)
  }

  positions(source: string) {
    return this.#parts.topics.list().flatMap((topic) =>
      topic.open.flatMap((partition) => {
        const kept = partition.sources.keptPosition(source)
        if (kept === null) return []
        const { epoch, to, guard } = kept
        return [{ topic: topic.name, partition: partition.index, epoch, to, guard }]
      }),
    )
  }

  async feed(options: FeedOptions): Promise<Feed<Batch>> {
    const topic = await this.#topic(options.topic, {})
    const partition = partitionOfTopic(topic, options.partition)
    if (this.#feeds.has(options)) {
      throw new LogdriveError('REQUEST_INVALID', `group ${options.group} reads that partition already`)
    }
    const { offsets, losses, clock, logger } = this.#parts
    const onDispose = () => this.#feeds.remove(options)
    const parts = { partition, topicId: topic.id, offsets, losses, clock, logger, onDispose }
    const feed = await openFeed(options, parts, this.#closing.signal)
    this.#feeds.add(options, feed)
    return feed
  }

  async createTopic(name: string, options: TopicOptions): Promise<Topic> {
    refuseInternal(name)
    return topicOf(await this.#parts.topics.create(name, options))
  }

  async alterTopic(name: string, options: TopicOptions): Promise<Topic> {
    refuseInternal(name)
    return topicOf(await this.#parts.topics.alter(name, options))
  }

  async deleteTopic(name: string): Promise<void> {
    refuseInternal(name)
    const topic = this.#known(name)
    const reader = this.#feeds.keys().find((key) => key.topic === name)
    if (reader !== undefined) {
      throw new LogdriveError('REQUEST_INVALID', `group ${reader.group} still reads topic ${name}`, {
        hint: sinkInTheWay,
      })
    }
    await this.#parts.topics.delete(name)
    this.#parts.offsets.forget(topic.id)
  }

  describeTopic(name: string): TopicStatus {
    return topicStatus(this.#known(name))
  }

  groups(): readonly GroupStatus[] {
    return groupStatus(this.#parts.offsets, this.#parts.topics)
  }

  async resetGroup(key: GroupKey, start: TailStart, signal: AbortSignal): Promise<number> {
    const topic = this.#known(key.topic)
    if (this.#feeds.has(key)) {
      throw new LogdriveError('REQUEST_INVALID', `group ${key.group} reads that partition now`, {
        hint: sinkInTheWay,
      })
    }
    const offset = await offsetOf(partitionOfTopic(topic, key.partition), start)
    signal.throwIfAborted()
    await resetOffset(
      key,
      { offset, topicId: topic.id },
      { ...this.#parts, coordinator: this.groupsCoordinator },
    )
    return offset
  }

  tail(options: TailOptions, signal: AbortSignal): AsyncGenerator<TailedRecord> {
    const topics = options.topics.map((name) => this.#known(name))
    const partitions = topics.flatMap((topic) =>
      options.partition === undefined ? topic.open : [partitionOfTopic(topic, options.partition)],
    )
    return tailTopics(partitions, options, AbortSignal.any([signal, this.#closing.signal]))
  }

  async publishTo(topic: string, partition: number, records: readonly NewRecord[]) {
    const { recordBytesMax } = this.#parts.config
    return await publishToPartition(partitionOfTopic(this.#known(topic), partition), records, recordBytesMax)
  }

  async recordLoss(loss: Loss): Promise<void> {
    await this.#parts.losses.record(loss)
  }

  status(): BrokerStatus {
    const { topics, share, config, losses } = this.#parts
    return {
      durability: config.flush,
      failed: share.failure?.message ?? null,
      isDiskFull: share.isDiskFull,
      pendingBytes: share.pendingBytes,
      topics: topics.list().map(topicStatus),
      unreadableTopics: topics.unreadable,
      losses: losses.totals(),
      recentLosses: losses.recent(),
    }
  }

  get transactions(): TransactionCoordinator {
    return this.#parts.transactions
  }

  get clusterId(): string {
    return this.#parts.clusterId
  }

  findTopic(name: string): OpenTopic | null {
    return this.#parts.topics.find(name)
  }

  partition(topic: string, index: number): Partition | null {
    return this.#parts.topics.find(topic)?.open[index] ?? null
  }

  topicById(id: string): OpenTopic | null {
    return this.#parts.topics.findById(id)
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposing ??= this.#dispose()
    return this.#disposing
  }

  async #dispose(): Promise<void> {
    this.#closing.abort(new LogdriveError('UNAVAILABLE', 'the broker is shutting down'))
    await this.#scope[Symbol.asyncDispose]()
    await this.groupsCoordinator[Symbol.asyncDispose]()
    await this.#feeds.close()
    const { topics, share, storage, folder, logger } = this.#parts
    await topics[Symbol.asyncDispose]()
    if (share.failure !== null) return
    try {
      await writeState(storage, folder, markerName, 'cleanShutdown', {})
    } catch (error) {
      logger.warn({ err: error }, 'the clean shutdown could not be noted; the next start takes longer')
    }
  }

  async #publishNew(name: string, records: Parameters<EventLog['publish']>[1], signal: AbortSignal) {
    signal.throwIfAborted()
    const topic = await this.#topic(name, {})
    return await publishRecords(topic, records, this.#parts.config.recordBytesMax)
  }

  async #topic(name: string, options: TopicOptions): Promise<OpenTopic> {
    const { topics, config } = this.#parts
    const known = topics.find(name)
    if (known !== null) return known
    checkTopicName(name)
    refuseInternal(name)
    if (!config.autoCreate) {
      throw new LogdriveError('TOPIC_UNKNOWN', `there is no topic ${name}`, {
        hint: 'Create it with `logdrive topics create`, or allow auto_create_topics.',
      })
    }
    return await topics.make(name, options)
  }

  #known(name: string): OpenTopic {
    const topic = this.#parts.topics.find(name)
    if (topic === null) throw new LogdriveError('TOPIC_UNKNOWN', `there is no topic ${name}`)
    return topic
  }
}

function topicOf(topic: OpenTopic): Topic {
  return { name: topic.name, id: topic.id, partitions: topic.partitions }
}

function refuseInternal(name: string): void {
  if (!isInternal(name)) return
  throw new LogdriveError('TOPIC_NAME_INVALID', `${name} is internal: names with "__" are the broker's own`)
}

function partitionOfTopic(topic: OpenTopic, index: number) {
  const partition = topic.open[index]
  if (partition !== undefined) return partition
  throw new LogdriveError('NOT_FOUND', `topic ${topic.name} has no partition ${index}`)
}
