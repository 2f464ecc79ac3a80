// What consumers put into a group: the subscription and the assignment of the `consumer` protocol type, read with care.
//
// subscription: int16 version, array of string topics, bytes user data, v1: array of (string topic, array of int32), ...
// assignment:   int16 version, array of (string topic, array of int32 partitions), bytes user data
//
// Arrays have int32 counts, strings int16 lengths, bytes int32 lengths (-1: null). Source: kafka
// ConsumerProtocolSubscription.json, ConsumerProtocolAssignment.json. Every version begins the same, so newer ones are read
// too. Members may send anything here: what makes no sense is null, never an error.

/** The topics of a subscription, or null for bytes that are none. */
export function subscribedTopics(bytes: Uint8Array): readonly string[] | null {
  const reader = new Reader(bytes)
  if (reader.int16() < 0) return null
  const topics = reader.array(2, () => reader.string())
  return reader.failed ? null : topics
}

export interface AssignedTopic {
  readonly topic: string
  readonly partitions: readonly number[]
}

/** What an assignment hands out, or null for bytes that are none. No bytes are an empty assignment. */
export function assignedPartitions(bytes: Uint8Array): readonly AssignedTopic[] | null {
  if (bytes.length === 0) return []
  const reader = new Reader(bytes)
  if (reader.int16() < 0) return null
  const topics = reader.array(6, () => {
    const topic = reader.string()
    return { topic, partitions: reader.array(4, () => reader.int32()) }
  })
  return reader.failed ? null : topics
}

/** A subscription of version 0 without user data. */
export function encodeSubscription(topics: readonly string[]): Uint8Array {
  return Buffer.concat([int16(0), int32(topics.length), ...topics.map(string), int32(-1)])
}

/** An assignment of version 0 without user data. */
export function encodeAssignment(assigned: readonly AssignedTopic[]): Uint8Array {
  const topics = assigned.map(({ topic, partitions }) =>
    Buffer.concat([string(topic), int32(partitions.length), ...partitions.map(int32)]),
  )
  return Buffer.concat([int16(0), int32(assigned.length), ...topics, int32(-1)])
}

/** Reads what is there; behind the end everything is 0, and `failed`. */
class Reader {
  failed = false
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  int16(): number {
    return this.#take(2) ? this.#bytes.readInt16BE(this.#at - 2) : 0
  }

  int32(): number {
    return this.#take(4) ? this.#bytes.readInt32BE(this.#at - 4) : 0
  }

  string(): string {
    const length = this.int16()
    return this.#take(length) ? this.#bytes.toString('utf8', this.#at - length, this.#at) : ''
  }

  /** Items of `bytesMin` at least: a count that cannot be there is not believed. */
  array<Item>(bytesMin: number, read: () => Item): readonly Item[] {
    const count = this.int32()
    if (count < 0 || count * bytesMin > this.#bytes.length - this.#at) {
      this.failed = true
      return []
    }
    const items: Item[] = []
    while (items.length < count && !this.failed) items.push(read())
    return items
  }

  #take(length: number): boolean {
    if (length < 0 || this.failed || this.#at + length > this.#bytes.length) {
      this.failed = true
      return false
    }
    this.#at += length
    return true
  }
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

function string(text: string): Buffer {
  const bytes = Buffer.from(text)
  return Buffer.concat([int16(bytes.length), bytes])
}
