// Offsets as records of `__consumer_offsets`, in Kafka's layouts: key version 1, value version 3.
//
// Source: kafka OffsetCommitKey.json, OffsetCommitValue.json; docs/storage-format.md. The metadata of the value is JSON
// of ours: { topicId, client } with what a Kafka client gave as metadata, and for a feed { topicId, replayEpoch, plan }.
import { field, int32, int64, string, struct } from '../../../protocol/schema.ts'
import { decodeValue, encodeValue, versionOf } from '../../../protocol/values.ts'

/** What one offset belongs to. */
export interface OffsetKey {
  readonly group: string
  readonly topic: string
  readonly partition: number
}

/** A range that a feed will hand out, made durable before anybody sees it. */
export interface Plan {
  readonly first: number
  readonly last: number
  readonly count: number
  /** Wall-clock ms. */
  readonly plannedAt: number
  readonly replayEpoch: number
  /** CRC-32C over the CRCs of its batches: the same range must hold the same bytes. */
  readonly crc: number
}

/** What a feed keeps with its offset; see feed.ts. */
export interface FeedState {
  readonly replayEpoch: number
  readonly plan: Plan | null
}

export interface CommittedOffset {
  /** The next offset to be read; below zero where a client says so (kafkajs: -2 for the earliest, -1 for the latest). */
  readonly offset: number
  /** The topic's id at the time of the commit: a topic made again starts anew. */
  readonly topicId: string
  /** The leader epoch of the last record read, -1 when a client did not say. */
  readonly leaderEpoch: number
  /** What a Kafka client gave. */
  readonly metadata: string
  /** Wall-clock ms. */
  readonly committedAt: number
  /** Null: a Kafka client committed it. Else the offset is a feed's, and nobody else commits there. */
  readonly feed: FeedState | null
}

/** An offset and what it belongs to. */
export interface GroupOffset extends OffsetKey, CommittedOffset {}

const keyVersion = 1
const valueVersion = 3

const offsetKey = struct({
  group: field(string, '0+', 'The id of the group.'),
  topic: field(string, '0+', 'The name of the topic.'),
  partition: field(int32, '0+', 'The number of the partition.'),
})

const offsetValue = struct({
  offset: field(int64, '0+', 'The next offset to be read.'),
  leaderEpoch: field(int32, '3+', 'The leader epoch of the last record read, or -1.'),
  metadata: field(string, '0+', 'What the client gave; here JSON of ours around it.'),
  commitTimestamp: field(int64, '0+', 'When it was committed, in ms since 1970.'),
})

/** What a feed commits. */
export function feedOffset(
  offset: number,
  topicId: string,
  feed: FeedState,
  committedAt: number,
): CommittedOffset {
  return { offset, topicId, leaderEpoch: -1, metadata: '', committedAt, feed }
}

export function encodeOffsetKey({ group, topic, partition }: OffsetKey): Uint8Array {
  return encodeValue(offsetKey, keyVersion, { group, topic, partition })
}

/** The key in the bytes, or null for another version or bytes that are none. */
export function decodeOffsetKey(bytes: Uint8Array): OffsetKey | null {
  return versionOf(bytes) === keyVersion ? decodeValue(offsetKey, keyVersion, bytes, true) : null
}

export function encodeOffsetValue(value: CommittedOffset): Uint8Array {
  const { offset, leaderEpoch, topicId, metadata: client, committedAt, feed } = value
  const metadata = JSON.stringify({ topicId, ...feed, client })
  return encodeValue(offsetValue, valueVersion, {
    offset,
    leaderEpoch,
    metadata,
    commitTimestamp: committedAt,
  })
}

/** The value in the bytes, or null for another version or bytes that are none. */
export function decodeOffsetValue(bytes: Uint8Array): CommittedOffset | null {
  if (versionOf(bytes) !== valueVersion) return null
  const value = decodeValue(offsetValue, valueVersion, bytes, true)
  const ours = value === null ? null : parseMetadata(value.metadata)
  if (value === null || ours === null) return null
  const { offset, leaderEpoch, commitTimestamp: committedAt } = value
  return { offset, leaderEpoch, committedAt, ...ours }
}

function parseMetadata(text: string): Pick<CommittedOffset, 'topicId' | 'metadata' | 'feed'> | null {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return null
  }
  if (typeof value !== 'object' || value === null) return null
  const { topicId, replayEpoch, plan, client } = value as Record<string, unknown>
  if (typeof topicId !== 'string' || typeof client !== 'string') return null
  const feed = typeof replayEpoch === 'number' ? { replayEpoch, plan: isPlan(plan) ? plan : null } : null
  return { topicId, metadata: client, feed }
}

function isPlan(value: unknown): value is Plan {
  if (typeof value !== 'object' || value === null) return false
  const { first, last, count, plannedAt, replayEpoch, crc } = value as Record<string, unknown>
  return [first, last, count, plannedAt, replayEpoch, crc].every((field) => typeof field === 'number')
}
