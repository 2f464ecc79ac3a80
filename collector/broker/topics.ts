// Topics: every topic of a data folder, with its partitions open; made, altered, and deleted only when told to.
import { LogdriveError } from '../../core/errors.ts'
import type { Topic, TopicOptions } from '../../core/event-log.ts'
import type { Random } from '../../core/runtime.ts'
import type { RetentionLimits } from '../log/retention.ts'
import { openPartition, type Partition, type PartitionParts } from './partition.ts'
import {
  checkTopicName,
  partitionsMax,
  readTopicRecord,
  removeTopicFolder,
  type TopicRecord,
  writeTopicRecord,
} from './topic-files.ts'

/** A topic with its partitions. */
export class OpenTopic implements Topic {
  record: TopicRecord
  /** By index. */
  readonly open: Partition[]
  #keyless = 0

  constructor(record: TopicRecord, open: Partition[]) {
    this.record = record
    this.open = open
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

  get limits(): RetentionLimits {
    return { ageMs: this.record.retentionMs, bytesMax: this.record.retentionBytes }
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
/** How many partitions are opened at the same time. */
const openingMax = 8

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

  constructor(folder: string, parts: TopicsParts) {
    this.#folder = folder
    this.#parts = parts
  }

  get unreadable(): readonly UnreadableTopic[] {
    return this.#unreadable
  }

  find(name: string): OpenTopic | null {
    return this.#topics.get(name) ?? null
  }

  /** Sorted by name. */
  list(): readonly OpenTopic[] {
    return [...this.#topics.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  async load(): Promise<void> {
    const { storage } = this.#parts
    for (const folder of ['topics', 'deleted']) await storage.makeDirectory(`${this.#folder}/${folder}`)
    for (const name of await storage.list(`${this.#folder}/deleted`)) {
      await removeTopicFolder(storage, `${this.#folder}/deleted/${name}`)
    }
    for (const name of await storage.list(`${this.#folder}/topics`)) await this.#load(name)
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

  /** Changes retention, or the number of partitions upwards. Throws TOPIC_UNKNOWN, REQUEST_INVALID. */
  alter(name: string, options: TopicOptions): Promise<OpenTopic> {
    return this.#change(async () => {
      const topic = this.#known(name)
      const record = recordWith(topic.record, options)
      if (record.partitions < topic.partitions) {
        throw new LogdriveError(
          'REQUEST_INVALID',
          `topic ${name} has ${topic.partitions} partitions already`,
          {
            hint: 'The number of partitions only grows: records keep their place.',
          },
        )
      }
      await writeTopicRecord(this.#parts.storage, this.#directory(name), record)
      topic.record = record
      await this.#openPartitions(topic)
      return topic
    })
  }

  /** Deletes a topic and all its records. Throws TOPIC_UNKNOWN. */
  delete(name: string): Promise<void> {
    return this.#change(async () => {
      const topic = this.#known(name)
      const { storage } = this.#parts
      const aside = `${this.#folder}/deleted/${topic.id}`
      this.#topics.delete(name)
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
    await this.#openPartitions(this.#add(found))
  }

  async #make(name: string, options: TopicOptions): Promise<OpenTopic> {
    checkTopicName(name)
    if (this.#unreadable.some((unreadable) => unreadable.name === name)) {
      throw new LogdriveError('STATE_CORRUPT', `the folder of topic ${name} is unreadable`, {
        hint: 'Restore its topic.json, or move the folder away.',
      })
    }
    const { config, random, clock, storage } = this.#parts
    const internal = isInternal(name)
    const record = recordWith(
      {
        version: 1,
        id: random.uuid(),
        name,
        partitions: internal ? 1 : config.partitions,
        retentionMs: internal ? null : config.retentionMs,
        retentionBytes: internal ? null : config.retentionBytes,
        createdAt: clock.now(),
      },
      options,
    )
    await storage.makeDirectory(this.#directory(name))
    await storage.syncDirectory(`${this.#folder}/topics`)
    await writeTopicRecord(storage, this.#directory(name), record)
    const topic = new OpenTopic(record, [])
    await this.#openPartitions(topic)
    this.#topics.set(name, topic)
    return topic
  }

  #add(record: TopicRecord): OpenTopic {
    const topic = new OpenTopic(record, [])
    this.#topics.set(record.name, topic)
    return topic
  }

  /** Opens the partitions that are not open yet, a few at a time. */
  async #openPartitions(topic: OpenTopic): Promise<void> {
    while (topic.open.length < topic.record.partitions) {
      const from = topic.open.length
      const count = Math.min(openingMax, topic.record.partitions - from)
      const opened = await Promise.all(
        Array.from({ length: count }, (_, i) => this.#open(topic.name, from + i)),
      )
      topic.open.push(...opened)
    }
  }

  async #open(name: string, index: number): Promise<Partition> {
    const directory = `${this.#directory(name)}/${index}`
    await this.#parts.storage.makeDirectory(directory)
    await this.#parts.storage.syncDirectory(this.#directory(name))
    return await openPartition(
      { topic: name, index, directory },
      isInternal(name) ? internalParts(this.#parts) : this.#parts,
    )
  }
}

/** The broker's own topics: never removed by age, written anew when they roll, always synced before an answer. */
export function isInternal(name: string): boolean {
  return name.startsWith('__')
}

const internalSegmentBytes = 16 * 1024 * 1024

function internalParts(parts: TopicsParts): TopicsParts {
  const segmentBytes = Math.min(internalSegmentBytes, parts.config.segmentBytes)
  return {
    ...parts,
    config: { ...parts.config, flush: 'commit', segmentBytes, segmentAgeMs: Number.POSITIVE_INFINITY },
  }
}

function recordWith(record: TopicRecord, options: TopicOptions): TopicRecord {
  const { partitions = record.partitions } = options
  if (!Number.isInteger(partitions) || partitions < 1 || partitions > partitionsMax) {
    throw new LogdriveError(
      'REQUEST_INVALID',
      `a topic has 1 to ${partitionsMax} partitions, not ${partitions}`,
    )
  }
  return {
    ...record,
    partitions,
    retentionMs: options.retentionMs ?? record.retentionMs,
    retentionBytes: options.retentionBytes ?? record.retentionBytes,
  }
}
