// The records of `__consumer_offsets`, in Kafka's layouts: key version 1, value version 3; big-endian.
//
// key:   int16 1, string group, string topic, int32 partition
// value: int16 3, int64 offset, int32 leader epoch, string metadata, int64 commit timestamp (ms)
//
// A string is an int16 length and UTF-8. Source: kafka OffsetCommitKey.json, OffsetCommitValue.json. Our metadata is JSON:
// { topicId, replayEpoch, plan, client }, `client` being what a Kafka client gave as metadata; docs/storage-format.md.

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

export interface CommittedOffset {
  /** The next offset to be read. */
  readonly offset: number
  /** The topic's id at the time of the commit: a topic made again starts anew. */
  readonly topicId: string
  readonly replayEpoch: number
  readonly plan: Plan | null
  /** What a Kafka client gave. */
  readonly metadata: string
  /** Wall-clock ms. */
  readonly committedAt: number
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

export function encodeOffsetKey(key: OffsetKey): Uint8Array {
  const group = encoder.encode(key.group)
  const topic = encoder.encode(key.topic)
  const bytes = new Uint8Array(2 + 2 + group.length + 2 + topic.length + 4)
  const view = new DataView(bytes.buffer)
  view.setInt16(0, 1)
  view.setInt16(2, group.length)
  bytes.set(group, 4)
  view.setInt16(4 + group.length, topic.length)
  bytes.set(topic, 6 + group.length)
  view.setInt32(6 + group.length + topic.length, key.partition)
  return bytes
}

/** The key in the bytes, or null for another version or bytes that are none. */
export function decodeOffsetKey(bytes: Uint8Array): OffsetKey | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 10 || view.getInt16(0) !== 1) return null
  const groupEnd = 4 + view.getInt16(2)
  if (groupEnd < 4 || groupEnd + 6 > bytes.length) return null
  const topicEnd = groupEnd + 2 + view.getInt16(groupEnd)
  if (topicEnd < groupEnd + 2 || topicEnd + 4 !== bytes.length) return null
  return {
    group: decoder.decode(bytes.subarray(4, groupEnd)),
    topic: decoder.decode(bytes.subarray(groupEnd + 2, topicEnd)),
    partition: view.getInt32(topicEnd),
  }
}

export function encodeOffsetValue(value: CommittedOffset): Uint8Array {
  const { topicId, replayEpoch, plan } = value
  const metadata = encoder.encode(JSON.stringify({ topicId, replayEpoch, plan, client: value.metadata }))
  const bytes = new Uint8Array(2 + 8 + 4 + 2 + metadata.length + 8)
  const view = new DataView(bytes.buffer)
  view.setInt16(0, 3)
  view.setBigInt64(2, BigInt(value.offset))
  view.setInt32(10, -1)
  view.setInt16(14, metadata.length)
  bytes.set(metadata, 16)
  view.setBigInt64(16 + metadata.length, BigInt(value.committedAt))
  return bytes
}

/** The value in the bytes, or null for another version or bytes that are none. */
export function decodeOffsetValue(bytes: Uint8Array): CommittedOffset | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 24 || view.getInt16(0) !== 3) return null
  const metadataEnd = 16 + view.getInt16(14)
  if (metadataEnd < 16 || metadataEnd + 8 !== bytes.length) return null
  const metadata = parseMetadata(decoder.decode(bytes.subarray(16, metadataEnd)))
  const offset = Number(view.getBigInt64(2))
  const committedAt = Number(view.getBigInt64(metadataEnd))
  if (metadata === null || !Number.isSafeInteger(offset) || offset < 0) return null
  return { ...metadata, offset, committedAt }
}

function parseMetadata(text: string): Omit<CommittedOffset, 'offset' | 'committedAt'> | null {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return null
  }
  if (typeof value !== 'object' || value === null) return null
  const { topicId, replayEpoch, plan, client } = value as Record<string, unknown>
  if (typeof topicId !== 'string' || typeof replayEpoch !== 'number' || typeof client !== 'string')
    return null
  return { topicId, replayEpoch, plan: isPlan(plan) ? plan : null, metadata: client }
}

function isPlan(value: unknown): value is Plan {
  if (typeof value !== 'object' || value === null) return false
  const { first, last, count, plannedAt, replayEpoch, crc } = value as Record<string, unknown>
  return [first, last, count, plannedAt, replayEpoch, crc].every((field) => typeof field === 'number')
}
