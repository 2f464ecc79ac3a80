// GroupOffsets: how far every group got, kept in `__consumer_offsets` and in memory; bounded by writing it anew.
import { LogdriveError } from '../../core/errors.ts'
import type { UnreadableBatch } from '../../core/event-log.ts'
import type { NewRecord } from '../../core/records.ts'
import type { Logger } from '../../core/runtime.ts'
import {
  type CommittedOffset,
  decodeOffsetKey,
  decodeOffsetValue,
  encodeOffsetKey,
  encodeOffsetValue,
  type OffsetKey,
} from './offset-codec.ts'
import type { Partition } from './partition.ts'
import { readRecords } from './read.ts'

/** The name of the internal topic. */
export const offsetsTopic = '__consumer_offsets'
/** Group names and client metadata are bounded as in Kafka; the int16 lengths of the layout hold them. */
const nameBytesMax = 255
const metadataBytesMax = 4096

export interface GroupOffset extends OffsetKey, CommittedOffset {}

/** Reads the whole topic into memory. */
export async function openGroupOffsets(
  partition: Partition,
  entriesMax: number,
  logger: Logger,
): Promise<GroupOffsets> {
  const offsets = new GroupOffsets(partition, entriesMax)
  const tell = ({ unreadable, baseOffset }: UnreadableBatch) =>
    logger.error(
      { unreadable, baseOffset },
      'a batch of the group offsets cannot be decoded and was left out',
    )
  for await (const record of readRecords(
    partition.log,
    partition.startOffset,
    partition.highWatermark,
    tell,
  )) {
    const key = record.key === null ? null : decodeOffsetKey(record.key)
    const value = record.value === null ? null : decodeOffsetValue(record.value)
    if (key === null || value === null) {
      logger.warn({ offset: record.offset }, 'a group offset is unreadable and was left out')
      continue
    }
    offsets.restore(key, value)
  }
  return offsets
}

export class GroupOffsets {
  readonly #partition: Partition
  readonly #entriesMax: number
  /** What is durable, and what was last asked for: that may still be on its way. */
  readonly #durable = new Map<string, GroupOffset>()
  readonly #latest = new Map<string, GroupOffset>()
  #writtenAnew: number
  #rewriting = false

  constructor(partition: Partition, entriesMax: number) {
    this.#partition = partition
    this.#entriesMax = entriesMax
    this.#writtenAnew = partition.log.activeBaseOffset
  }

  /** Takes what was read from the topic, in order. */
  restore(key: OffsetKey, value: CommittedOffset): void {
    this.#durable.set(textOf(key), { ...key, ...value })
    this.#latest.set(textOf(key), { ...key, ...value })
  }

  find(key: OffsetKey): GroupOffset | null {
    return this.#durable.get(textOf(key)) ?? null
  }

  list(): readonly GroupOffset[] {
    return [...this.#durable.values()]
  }

  /** Makes an offset durable. Throws REQUEST_INVALID for names out of bounds, OVERLOADED when there are too many. */
  async commit(key: OffsetKey, value: CommittedOffset, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    const text = textOf(key)
    this.#check(key, value, text)
    const entry = { ...key, ...value }
    this.#latest.set(text, entry)
    try {
      await this.#partition.publishAll([recordOf(entry)])
    } catch (error) {
      const durable = this.#durable.get(text)
      if (this.#latest.get(text) === entry) {
        if (durable === undefined) this.#latest.delete(text)
        else this.#latest.set(text, durable)
      }
      throw error
    }
    this.#durable.set(text, entry)
    if (!this.#latest.has(text)) this.#latest.set(text, entry)
    if (this.#partition.log.activeBaseOffset > this.#writtenAnew) await this.#rewrite()
  }

  /** Forgets the offsets of a topic that is gone; they leave the disk with the next rewrite. */
  forget(topicId: string): void {
    for (const map of [this.#durable, this.#latest]) {
      for (const [text, entry] of map) if (entry.topicId === topicId) map.delete(text)
    }
  }

  /**
   * The log went on to a new segment: writes the whole state behind what is there, then removes the older segments.
   * `#latest` holds what is on its way too, so that the copy never sets a newer commit back.
   */
  async #rewrite(): Promise<void> {
    if (this.#rewriting) return
    this.#rewriting = true
    try {
      const { log } = this.#partition
      const base = log.activeBaseOffset
      await this.#partition.publishAll([...this.#latest.values()].map(recordOf))
      await log.trim(base)
      this.#writtenAnew = log.activeBaseOffset
    } finally {
      this.#rewriting = false
    }
  }

  #check(key: OffsetKey, value: CommittedOffset, text: string): void {
    const isLong = Buffer.byteLength(key.group) > nameBytesMax || Buffer.byteLength(key.topic) > nameBytesMax
    if (key.group === '' || isLong || Buffer.byteLength(value.metadata) > metadataBytesMax) {
      throw new LogdriveError('REQUEST_INVALID', 'a group name or its metadata is empty or too long')
    }
    if (this.#latest.size >= this.#entriesMax && !this.#latest.has(text)) {
      throw new LogdriveError('OVERLOADED', `there are ${this.#entriesMax} group offsets already`)
    }
  }
}

function recordOf(entry: GroupOffset): NewRecord {
  return {
    key: encodeOffsetKey(entry),
    value: encodeOffsetValue(entry),
    timestamp: entry.committedAt,
    headers: [],
    source: null,
  }
}

function textOf(key: OffsetKey): string {
  return `${key.group}\0${key.topic}\0${key.partition}`
}
