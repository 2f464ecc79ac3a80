// GroupOffsets: groups and how far they got, kept in `__consumer_offsets` and in memory; bounded by writing it anew.
import { LogdriveError } from '../../../core/errors.ts'
import type { Clock, Logger } from '../../../core/runtime.ts'
import type { Outcome } from '../../../protocol/control-batch.ts'
import { type Change, changeOf, Kept } from '../kept.ts'
import type { Partition } from '../partitions/partition.ts'
import { decodePartKey } from './consumer-groups/consumer-codec.ts'
import { decodeGroupKey, decodeGroupValue, encodeGroupKey, encodeGroupValue } from './group-codec.ts'
import type { GroupRecord } from './group-types.ts'
import { KeptRecords } from './kept-records.ts'
import {
  type CommittedOffset,
  decodeOffsetKey,
  decodeOffsetValue,
  encodeOffsetKey,
  encodeOffsetValue,
  type GroupOffset,
  type OffsetKey,
} from './offset-codec.ts'
import {
  type OffsetsCopy,
  type OffsetsEntry,
  OffsetsLog,
  type OffsetsRecord,
  readOffsets,
  type TransactionPart,
} from './offsets-log.ts'
import { type PendingOffset, PendingOffsets } from './pending-offsets.ts'

/** Group names and client metadata are bounded as in Kafka; the int16 lengths of the layout hold them. */
export const groupNameBytesMax = 255
export const metadataBytesMax = 4096

export interface GroupOffsetsParts {
  readonly clock: Clock
  readonly logger: Logger
  /** Offsets that are kept, and groups. */
  readonly entriesMax: number
}

/** Reads the whole topic into memory. */
export async function openGroupOffsets(
  partition: Partition,
  parts: GroupOffsetsParts,
): Promise<GroupOffsets> {
  const offsets = new GroupOffsets(partition, parts)
  for await (const entry of readOffsets(partition)) offsets.restore(entry)
  return offsets
}

/** One offset: what is kept of it, and how many open transactions are about to change it. */
interface Place {
  readonly key: OffsetKey
  readonly kept: Kept<CommittedOffset>
  pending: number
}

export class GroupOffsets {
  /** What is kept of groups of the newer protocol. */
  readonly records = new KeptRecords()
  readonly #parts: GroupOffsetsParts
  readonly #log: OffsetsLog
  readonly #places = new Map<string, Map<string, Place>>()
  readonly #groups = new Map<string, Kept<GroupRecord>>()
  readonly #pending = new PendingOffsets()
  #size = 0

  constructor(partition: Partition, parts: GroupOffsetsParts) {
    this.#parts = parts
    this.#log = new OffsetsLog(partition, parts.clock, () => this.#copy())
    partition.onMarker((producerId, _epoch, outcome) => this.#settle(producerId, outcome))
  }

  /** Takes what was read from the topic, in order. */
  restore(entry: OffsetsEntry): void {
    if (entry.kind === 'marker') {
      this.#settle(entry.marker.producerId, entry.marker.outcome)
      return
    }
    const { offset } = entry
    const reason = entry.kind === 'unreadable' ? entry.reason : this.#restoreRecord(entry)
    if (reason === null) return
    this.#parts.logger.error(
      { reason, offset },
      'a record of the group offsets is unreadable and was left out',
    )
  }

  /** The durable offset. */
  find(key: OffsetKey): GroupOffset | null {
    const durable = this.#places.get(key.group)?.get(placeOf(key))?.kept.durable ?? null
    return durable === null ? null : { ...key, ...durable }
  }

  /** All durable offsets. */
  list(): readonly GroupOffset[] {
    return [...this.#places.keys()].flatMap((group) => this.ofGroup(group))
  }

  /** The durable offsets of one group. */
  ofGroup(group: string): readonly GroupOffset[] {
    const places = this.#places.get(group)?.values() ?? []
    return [...places].flatMap(({ key, kept }) => (kept.durable === null ? [] : { ...key, ...kept.durable }))
  }

  /** Every group that has offsets or is kept for itself. */
  names(): ReadonlySet<string> {
    return new Set([...this.#places.keys(), ...this.#groups.keys(), ...this.records.names()])
  }

  /** A transaction that is open is about to change this offset. */
  isPending(key: OffsetKey): boolean {
    return (this.#places.get(key.group)?.get(placeOf(key))?.pending ?? 0) > 0
  }

  /** Some transaction that is open is about to change an offset of the group. */
  hasPending(group: string): boolean {
    for (const { pending } of this.#places.get(group)?.values() ?? []) if (pending > 0) return true
    return false
  }

  /** The group as it is durable, or null. */
  record(group: string): GroupRecord | null {
    return this.#groups.get(group)?.durable ?? null
  }

  /** Makes an offset durable. Throws REQUEST_INVALID for names out of bounds, OVERLOADED when there are too many. */
  async commit(key: OffsetKey, value: CommittedOffset, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    await this.commitAll([{ ...key, ...value }])
  }

  /** Makes offsets durable, all or none. Throws as `commit` does. */
  async commitAll(entries: readonly GroupOffset[]): Promise<void> {
    if (entries.length === 0) return
    this.#check(entries)
    await this.#write(
      entries.map((entry) =>
        changeOf<CommittedOffset, OffsetsRecord>(this.#place(entry).kept, entry, recordOf(entry)),
      ),
      entries,
    )
  }

  /** Takes offsets back, and with `group` the group itself, all or nothing. */
  async remove(keys: readonly OffsetKey[], group: string | null): Promise<void> {
    const changes = keys.map((key) =>
      changeOf<CommittedOffset, OffsetsRecord>(this.#place(key).kept, null, {
        key: encodeOffsetKey(key),
        value: null,
      }),
    )
    const kept = group === null ? undefined : this.#groups.get(group)
    if (group !== null && kept !== undefined) {
      changes.push(
        changeOf<GroupRecord, OffsetsRecord>(kept, null, { key: encodeGroupKey(group), value: null }),
      )
    }
    if (group !== null) changes.push(...this.records.removal(group))
    if (changes.length > 0) await this.#write(changes, keys)
    if (group !== null && kept?.isGone === true) this.#groups.delete(group)
    if (group !== null) this.#sweepRecords(group, changes)
  }

  /** Makes a group durable, in the order of calls. */
  async keepGroup(group: string, record: GroupRecord): Promise<void> {
    let kept = this.#groups.get(group)
    if (kept === undefined) {
      kept = new Kept()
      this.#groups.set(group, kept)
    }
    const said = { key: encodeGroupKey(group), value: encodeGroupValue(record) }
    await this.#write([changeOf(kept, record, said)], [])
  }

  /** Makes records of a group of the newer protocol durable, all or none, in the order of calls. */
  async keepRecords(group: string, records: readonly OffsetsRecord[]): Promise<void> {
    const changes = this.records.changes(group, records)
    try {
      await this.#write(changes, [])
    } finally {
      this.#sweepRecords(group, changes)
    }
  }

  /**
   * Makes offsets durable that count once the producer's transaction commits. Throws as `commit` does, and KafkaError
   * when the transaction is not one that may do so.
   */
  async commitPending(entries: readonly GroupOffset[], part: TransactionPart): Promise<void> {
    if (entries.length === 0) return
    this.#check(entries)
    const pending = entries.map((entry) => this.#expect(entry, Number.POSITIVE_INFINITY))
    this.#pending.add(part.producerId, pending)
    try {
      const first = await this.#log.append(entries.map(recordOf), part)
      for (const [index, one] of pending.entries()) one.at = first + index
    } catch (error) {
      for (const one of this.#pending.remove(part.producerId, pending)) this.#place(one.entry).pending -= 1
      this.#sweep(entries)
      throw error
    }
    await this.#log.rewriteIfDue()
  }

  /** Forgets the offsets of a topic that is gone; they leave the disk with the next rewrite. */
  forget(topicId: string): void {
    for (const [group, places] of this.#places) {
      for (const [text, { kept }] of places) {
        if (kept.latest?.topicId !== topicId) continue
        places.delete(text)
        this.#size -= 1
      }
      if (places.size === 0) this.#places.delete(group)
    }
  }

  #restoreRecord(entry: Extract<OffsetsEntry, { readonly kind: 'record' }>): string | null {
    const { key, value, offset, producerId } = entry
    const group = decodeGroupKey(key)
    if (group !== null) {
      const record = value === null ? null : decodeGroupValue(value)
      if (value !== null && record === null) return 'not a group'
      const kept = new Kept<GroupRecord>()
      kept.take(record, offset)
      if (record === null) this.#groups.delete(group)
      else this.#groups.set(group, kept)
      return null
    }
    const part = decodePartKey(key)
    if (part !== null) {
      this.records.restore(part.group, { key, value }, offset)
      return null
    }
    const place = decodeOffsetKey(key)
    if (place === null) return 'neither a group nor an offset'
    const committed = value === null ? null : decodeOffsetValue(value)
    if (value !== null && committed === null) return 'not an offset'
    if (producerId < 0) {
      this.#place(place).kept.take(committed, offset)
      this.#sweep([place])
    } else if (committed !== null) {
      this.#pending.add(producerId, [this.#expect({ ...place, ...committed }, offset)])
    }
    return null
  }

  /** A transaction ended: what was committed in it counts now, unless something newer does already. */
  #settle(producerId: number, outcome: Outcome): void {
    for (const { entry, at } of this.#pending.take(producerId)) {
      const place = this.#place(entry)
      place.pending -= 1
      // Its answer may still be on its way here; the record is durable, for the marker behind it is.
      const known = Number.isFinite(at) ? at : Math.max(place.kept.at, 0)
      if (outcome === 'commit') place.kept.take(entry, known)
      this.#sweep([entry])
    }
  }

  #expect(entry: GroupOffset, at: number): PendingOffset {
    this.#place(entry).pending += 1
    return { entry, at }
  }

  /** Appends records and keeps what they say: all of it once durable, or nothing. */
  async #write(changes: readonly Change<OffsetsRecord>[], keys: readonly OffsetKey[]): Promise<void> {
    for (const change of changes) change.begin()
    try {
      const records = changes.map(({ record }) => record)
      const first = await this.#log.append(records, null)
      for (const [index, change] of changes.entries()) change.end(first + index)
    } catch (error) {
      for (const change of changes) change.fail()
      throw error
    } finally {
      this.#sweep(keys)
    }
    await this.#log.rewriteIfDue()
  }

  /** All that counts and can be copied; what waits for a transaction stays where it is. */
  #copy(): OffsetsCopy {
    const records: OffsetsRecord[] = []
    const copied: ((at: number) => void)[] = []
    let keepFrom = this.#pending.firstOffset
    for (const places of this.#places.values()) {
      for (const { key, kept, pending } of places.values()) {
        const { latest } = kept
        // Copied behind what waits, it would seem to be newer. So the log keeps both.
        if (pending > 0 && kept.at >= 0) keepFrom = Math.min(keepFrom, kept.at)
        if (pending > 0 || latest === null) continue
        records.push(recordOf({ ...key, ...latest }))
        copied.push((at) => kept.copied(latest, at))
      }
    }
    for (const [group, kept] of this.#groups) {
      const { latest } = kept
      if (latest === null) continue
      records.push({ key: encodeGroupKey(group), value: encodeGroupValue(latest) })
      copied.push((at) => kept.copied(latest, at))
    }
    for (const { record, copied: tell } of this.records.copies()) {
      records.push(record)
      copied.push(tell)
    }
    const onCopied = (offsets: readonly number[]) => {
      for (const [index, tell] of copied.entries()) tell(offsets[index] as number)
    }
    return { records, keepFrom, onCopied }
  }

  #place(key: OffsetKey): Place {
    let places = this.#places.get(key.group)
    if (places === undefined) {
      places = new Map()
      this.#places.set(key.group, places)
    }
    const text = placeOf(key)
    let place = places.get(text)
    if (place === undefined) {
      const { group, topic, partition } = key
      place = { key: { group, topic, partition }, kept: new Kept(), pending: 0 }
      places.set(text, place)
      this.#size += 1
    }
    return place
  }

  /** Places that hold nothing any more go. */
  #sweep(keys: readonly OffsetKey[]): void {
    for (const key of keys) {
      const places = this.#places.get(key.group)
      const place = places?.get(placeOf(key))
      if (places === undefined || place === undefined || place.pending > 0 || !place.kept.isGone) continue
      places.delete(placeOf(key))
      this.#size -= 1
      if (places.size === 0) this.#places.delete(key.group)
    }
  }

  #sweepRecords(group: string, changes: readonly Change<OffsetsRecord>[]): void {
    const keys = changes.map(({ record }) => record.key)
    this.records.sweep(group, keys)
  }

  #check(entries: readonly GroupOffset[]): void {
    let fresh = 0
    for (const { group, topic, partition, metadata, feed } of entries) {
      const tooLong =
        Buffer.byteLength(group) > groupNameBytesMax || Buffer.byteLength(topic) > groupNameBytesMax
      if (tooLong || (group === '' && feed !== null) || Buffer.byteLength(metadata) > metadataBytesMax) {
        throw new LogdriveError('REQUEST_INVALID', 'a group name or its metadata is empty or too long')
      }
      if (this.#places.get(group)?.has(placeOf({ topic, partition })) !== true) fresh += 1
    }
    const { entriesMax } = this.#parts
    if (fresh > 0 && this.#size + this.#pending.size + fresh > entriesMax) {
      throw new LogdriveError('OVERLOADED', `there are ${entriesMax} group offsets already`)
    }
  }
}

function recordOf(entry: GroupOffset): OffsetsRecord {
  return { key: encodeOffsetKey(entry), value: encodeOffsetValue(entry) }
}

function placeOf({ topic, partition }: { readonly topic: string; readonly partition: number }): string {
  return `${topic}\0${partition}`
}
