// Topics: every topic of a data folder, with its partitions open; made, altered, and deleted only when told to.
import { LogdriveError } from '../../../core/errors.ts'
import type { Topic, TopicOptions } from '../../../core/event-log.ts'
import type { Random } from '../../../core/runtime.ts'
import type { BrokerConfig } from '../config.ts'
import { openPartition, type Partition, type PartitionParts } from '../partitions/partition.ts'
import { type ConfigOverrides, changeConfigs } from './topic-configs.ts'
import {
  checkTopicName,
  partitionsMax,
  readTopicRecord,
  removeTopicFolder,
  type TopicRecord,
  writeTopicRecord,
} from './topic-files.ts'
import { internalOverrides, type TopicSettings, topicSettings } from './topic-settings.ts'

/** A topic with its partitions. */
export class OpenTopic implements Topic {
  /** By index. */
  readonly open: Partition[] = []
  #record: TopicRecord
  #settings: TopicSettings
  #keyless = 0

  constructor(record: TopicRecord, settings: TopicSettings) {
    this.#record = record
    this.#settings = settings
  }

  get record(): TopicRecord {
    return this.#record
  }

  /** What the configs of the topic say now. */
  get settings(): TopicSettings {
    return this.#settings
  }

  get name(): string {
    return this.record.name
  }

  get id(): string {
    return this.record.id
  }

  get partitions(): number {
    return this.open.length
  }

  /** The partition of the next record without a key: the same for a while, so that batches stay large. */
  nextKeyless(): number {
    this.#keyless += 1
    return Math.floor(this.#keyless / keylessRun) % this.open.length
  }

  /** Takes new configs: they count from the next append and the next upkeep on. */
  become(record: TopicRecord, settings: TopicSettings): void {
    this.#record = record
    this.#settings = settings
    for (const partition of this.open) partition.configure(settings)
  }
}

/** A folder under `topics/` that is left alone because it cannot be read. */
export interface UnreadableTopic {
  readonly name: string
  readonly reason: string
}

export interface TopicsParts extends PartitionParts {
  readonly random: Random
}

/** Records without a key that go to one partition before the next one has its turn. */
const keylessRun = 1024
/** How many partitions of a topic are opened at the same time. */
const openingMax = 8
/** How many topics are loaded at the same time. */
const loadingMax = 4

/** Opens every topic of the folder. */
export async function openTopics(folder: string, parts: TopicsParts): Promise<Topics> {
  const topics = new Topics(folder, parts)
  await topics.load()
  return topics
}

export class Topics implements AsyncDisposable {
  readonly #folder: string
  readonly #parts: TopicsParts
  readonly #topics = new Map<string, OpenTopic>()
  readonly #unreadable: UnreadableTopic[] = []
  #changes: Promise<unknown> = Promise.resolve()
  #version = 0

  constructor(folder: string, parts: TopicsParts) {
    this.#folder = folder
    this.#parts = parts
  }

  get unreadable(): readonly UnreadableTopic[] {
    return this.#unreadable
  }

  /** Grows whenever a topic comes, goes or gets partitions. */
  get version(): number {
    return this.#version
  }

  find(name: string): OpenTopic | null {
    return this.#topics.get(name) ?? null
  }

  findById(id: string): OpenTopic | null {
    for (const topic of this.#topics.values()) if (topic.id === id) return topic
    return null
  }

  /** Sorted by name. */
  list(): readonly OpenTopic[] {
    return [...this.#topics.values()].sort(byName)
  }

  async load(): Promise<void> {
    const { storage } = this.#parts
    for (const folder of ['topics', 'deleted']) await storage.makeDirectory(`${this.#folder}/${folder}`)
    for (const name of await storage.list(`${this.#folder}/deleted`)) {
      await removeTopicFolder(storage, `${this.#folder}/deleted/${name}`)
    }
    // Nearly all of it is waiting for the disk: several lines side by side take names from one list.
    const names = (await storage.list(`${this.#folder}/topics`)).values()
    const loadRest = async () => {
      for (const name of names) await this.#load(name)
    }
    await Promise.all(Array.from({ length: loadingMax }, loadRest))
    this.#unreadable.sort(byName)
  }

  /** The topic, made when it is not there; when it is, `options` are not looked at. */
  make(name: string, options: TopicOptions): Promise<OpenTopic> {
    return this.#change(async () => this.#topics.get(name) ?? (await this.#make(name, options)))
  }

  /** Makes a topic. Throws TOPIC_EXISTS. */
  create(name: string, options: TopicOptions): Promise<OpenTopic> {
    return this.#change(async () => {
      if (this.#topics.has(name)) throw new LogdriveError('TOPIC_EXISTS', `topic ${name} exists`)
      return await this.#make(name, options)
    })
  }

  /**
   * Changes configs, or the number of partitions upwards. With `validateOnly` nothing is changed. Throws TOPIC_UNKNOWN,
   * REQUEST_INVALID, CONFIG_INVALID.
   */
  alter(name: string, options: TopicOptions, validateOnly = false): Promise<OpenTopic> {
    return this.#change(async () => {
      const topic = this.#known(name)
      const record = recordWith(topic.record, options, this.configOf(name))
      if (record.partitions < topic.partitions) {
        throw new LogdriveError(
          'REQUEST_INVALID',
          `topic ${name} has ${topic.partitions} partitions already`,
          {
            hint: 'The number of partitions only grows: records keep their place.',
          },
        )
      }
      if (!validateOnly) await this.#become(topic, record)
      return topic
    })
  }

  /** Changes the configs of a topic; `change` is given what it says now. Throws TOPIC_UNKNOWN and what `change` throws. */
  alterConfigs(
    name: string,
    change: (now: ConfigOverrides, broker: BrokerConfig) => ConfigOverrides,
    validateOnly: boolean,
  ): Promise<void> {
    return this.#change(async () => {
      const topic = this.#known(name)
      const configs = change(topic.record.configs, this.configOf(name))
      if (!validateOnly) await this.#become(topic, { ...topic.record, configs })
    })
  }

  /** The broker's configuration as it counts for the topic: the broker's own topics have another one. */
  configOf(name: string): BrokerConfig {
    const { config } = this.#parts
    return isInternal(name) ? internalConfig(config) : config
  }

  /** Deletes a topic and all its records. Throws TOPIC_UNKNOWN. */
  delete(name: string): Promise<void> {
    return this.#change(async () => {
      const topic = this.#known(name)
      const { storage } = this.#parts
      const aside = `${this.#folder}/deleted/${topic.id}`
      this.#topics.delete(name)
      this.#version += 1
      for (const partition of topic.open) await partition[Symbol.asyncDispose]()
      await storage.rename(this.#directory(name), aside)
      await storage.syncDirectory(`${this.#folder}/topics`)
      await storage.syncDirectory(`${this.#folder}/deleted`)
      await removeTopicFolder(storage, aside)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#changes
    const partitions = this.list().flatMap((topic) => topic.open)
    await Promise.all(partitions.map((partition) => partition[Symbol.asyncDispose]()))
  }

  async #become(topic: OpenTopic, record: TopicRecord): Promise<void> {
    await writeTopicRecord(this.#parts.storage, this.#directory(topic.name), record)
    topic.become(record, topicSettings(record.configs, this.configOf(topic.name)))
    await this.#openPartitions(topic)
  }

  #known(name: string): OpenTopic {
    const topic = this.#topics.get(name)
    if (topic === undefined) throw new LogdriveError('TOPIC_UNKNOWN', `there is no topic ${name}`)
    return topic
  }

  #directory(name: string): string {
    return `${this.#folder}/topics/${name}`
  }

  /** One change of the set of topics at a time. */
  #change<R>(work: () => Promise<R>): Promise<R> {
    const result = this.#changes.then(work)
    this.#changes = result.catch(() => undefined)
    return result
  }

  async #load(name: string): Promise<void> {
    const { storage, logger } = this.#parts
    const found = await readTopicRecord(storage, this.#directory(name), name)
    if (found === null) return
    if (typeof found === 'string') {
      this.#unreadable.push({ name, reason: found })
      logger.error(
        { topic: name, reason: found },
        'an entry of the topics folder is unreadable and left alone',
      )
      return
    }
    await this.#syncUnlessUsed(found)
    await this.#openPartitions(this.#add(found))
  }

  /**
   * Partitions get their folders once `topic.json` is durable. Where the last one is missing, nobody may have heard of that: its
   * new name may be in the cache alone, because of a kill or a sync that failed.
   */
  async #syncUnlessUsed({ name, partitions }: TopicRecord): Promise<void> {
    const { storage } = this.#parts
    const directory = this.#directory(name)
    const entries = await storage.list(directory)
    if (!entries.includes(String(partitions - 1))) await storage.syncDirectory(directory)
  }

  async #make(name: string, options: TopicOptions): Promise<OpenTopic> {
    checkTopicName(name)
    if (this.#unreadable.some((unreadable) => unreadable.name === name)) {
      throw new LogdriveError('STATE_CORRUPT', `the folder of topic ${name} is unreadable`, {
        hint: 'Restore its topic.json, or move the folder away.',
      })
    }
    const { random, clock, storage } = this.#parts
    const config = this.configOf(name)
    const id = random.uuid()
    const configs = isInternal(name) ? internalOverrides : {}
    const { partitions } = config
    const record = recordWith(
      { version: 2, id, name, partitions, configs, createdAt: clock.now() },
      options,
      config,
    )
    await storage.makeDirectory(this.#directory(name))
    await storage.syncDirectory(`${this.#folder}/topics`)
    await writeTopicRecord(storage, this.#directory(name), record)
    const topic = new OpenTopic(record, topicSettings(record.configs, config))
    await this.#openPartitions(topic)
    this.#topics.set(name, topic)
    this.#version += 1
    return topic
  }

  #add(record: TopicRecord): OpenTopic {
    const topic = new OpenTopic(record, topicSettings(record.configs, this.configOf(record.name)))
    this.#topics.set(record.name, topic)
    return topic
  }

  /** Opens the partitions that are not open yet, a few at a time. */
  async #openPartitions(topic: OpenTopic): Promise<void> {
    while (topic.open.length < topic.record.partitions) {
      const from = topic.open.length
      const count = Math.min(openingMax, topic.record.partitions - from)
      const opened = await Promise.all(Array.from({ length: count }, (_, i) => this.#open(topic, from + i)))
      topic.open.push(...opened)
      this.#version += 1
    }
  }

  async #open({ name, settings }: OpenTopic, index: number): Promise<Partition> {
    const directory = `${this.#directory(name)}/${index}`
    return await openPartition(
      { topic: name, index, directory, settings },
      { ...this.#parts, config: this.configOf(name) },
    )
  }
}

function byName(left: { readonly name: string }, right: { readonly name: string }): number {
  return left.name < right.name ? -1 : 1
}

/** The broker's own topics: never removed by age, written anew when they roll, always synced before an answer. */
export function isInternal(name: string): boolean {
  return name.startsWith('__')
}

const internalSegmentBytes = 16 * 1024 * 1024

function internalConfig(config: BrokerConfig): BrokerConfig {
  const segmentBytes = Math.min(internalSegmentBytes, config.segmentBytes)
  return { ...config, partitions: 1, flush: 'commit', segmentBytes, segmentAgeMs: Number.POSITIVE_INFINITY }
}

function recordWith(record: TopicRecord, options: TopicOptions, broker: BrokerConfig): TopicRecord {
  const { partitions = record.partitions, retentionMs, retentionBytes, configs = {} } = options
  if (!Number.isInteger(partitions) || partitions < 1 || partitions > partitionsMax) {
    throw new LogdriveError(
      'REQUEST_INVALID',
      `a topic has 1 to ${partitionsMax} partitions, not ${partitions}`,
    )
  }
  const limits = {
    ...(retentionMs === undefined ? {} : { 'retention.ms': String(retentionMs) }),
    ...(retentionBytes === undefined ? {} : { 'retention.bytes': String(retentionBytes) }),
  }
  const changes = Object.entries({ ...limits, ...configs }).map(([name, value]) => {
    return { name, operation: value === null ? ('delete' as const) : ('set' as const), value }
  })
  return { ...record, partitions, configs: changeConfigs(record.configs, changes, broker) }
}
