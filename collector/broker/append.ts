// Appending: finds the partition of a source or a record, and sees to it that a batch says itself what it covers.
import { LogdriveError } from '../../core/errors.ts'
import type { Appended, Published, SourceRange } from '../../core/event-log.ts'
import type { NewRecord } from '../../core/records.ts'
import { firstRecord } from '../../protocol/batch-decode.ts'
import { readHeader } from '../../protocol/batch-header.ts'
import { partitionOf } from '../../protocol/murmur2.ts'
import { storedLimits } from '../log/scan.ts'
import type { Loss, Losses } from './losses.ts'
import type { Partition } from './partitions/partition.ts'
import type { Ticket } from './partitions/partition-sources.ts'
import { factOf } from './partitions/record-source.ts'
import { type GuardedRange, judgeRange, type Kept } from './partitions/sources.ts'
import type { OpenTopic } from './topics/topics.ts'

const encoder = new TextEncoder()

/** Appends the batches of one request, one after the other, each with the range that its own headers name. */
export async function appendRange(
  topic: OpenTopic,
  bytes: Uint8Array,
  range: SourceRange,
  losses: Losses,
): Promise<Appended> {
  const partition = homeOf(topic, range.source)
  const batches = splitRanges(bytes, range)
  const results: Appended[] = []
  for (const batch of batches) {
    const result = await appendBatch(partition, batch.bytes, batch.range, losses)
    if (result.outcome === 'conflict') return result
    results.push(result)
  }
  const isAppended = results.some((result) => result.outcome === 'appended')
  return { ...(results.at(-1) as Appended), outcome: isAppended ? 'appended' : 'duplicate' }
}

/** Publishes records to the partitions of their keys; one answer each, in order. */
export function publishRecords(
  topic: OpenTopic,
  records: readonly NewRecord[],
  recordBytesMax: number,
): Promise<readonly Published[]> {
  const [only] = records
  return records.length === 1 && only !== undefined
    ? publishOne(topic, only, recordBytesMax)
    : publishMany((key) => partitionFor(topic, key), records, recordBytesMax)
}

/** Publishes records to one partition, whatever their keys; one answer each, in order. */
export function publishToPartition(
  partition: Partition,
  records: readonly NewRecord[],
  recordBytesMax: number,
): Promise<readonly Published[]> {
  return publishMany(() => partition, records, recordBytesMax)
}

async function publishMany(
  choose: (key: Uint8Array | null) => Partition,
  records: readonly NewRecord[],
  recordBytesMax: number,
): Promise<readonly Published[]> {
  const partitions: Partition[] = []
  // Everything that can refuse comes before anything is taken.
  for (const record of records) {
    checkSize(record, recordBytesMax)
    const partition = choose(record.key)
    if (partitions.at(-1) !== partition) {
      const refusal = partition.refusal()
      if (refusal !== null) throw refusal
    }
    if (record.source !== null) partition.sources.refuseStale(record.source)
    partitions.push(partition)
  }
  const tickets: Ticket[] = []
  for (let i = 0; i < records.length; i += 1) {
    tickets.push((partitions[i] as Partition).publish(records[i] as NewRecord))
  }
  const published: Published[] = []
  for (let i = 0; i < tickets.length; i += 1) {
    const ticket = tickets[i] as Ticket
    if (ticket.group !== null) await ticket.group.done
    published.push(placeOf(partitions[i] as Partition, ticket))
  }
  return published
}

/** The way of a single event: no lists, and one promise beside the group's. Rejects with what refuses it. */
function publishOne(
  topic: OpenTopic,
  record: NewRecord,
  recordBytesMax: number,
): Promise<readonly Published[]> {
  try {
    checkSize(record, recordBytesMax)
    const partition = partitionFor(topic, record.key)
    const refusal = partition.refusal()
    if (refusal !== null) throw refusal
    const ticket = partition.publish(record)
    const placed = () => [placeOf(partition, ticket)]
    return ticket.group === null ? Promise.resolve(placed()) : ticket.group.done.then(placed)
  } catch (error) {
    return Promise.reject(error)
  }
}

/** Where a record is, once its group is durable. */
function placeOf(partition: Partition, { group, index }: Ticket): Published {
  return { partition: partition.index, offset: index < 0 ? null : (group?.publishedFrom ?? 0) + index }
}

/** One batch; a gap that the sender knows of goes to the ledger first, so that it is never silent. */
async function appendBatch(
  partition: Partition,
  bytes: Uint8Array,
  range: GuardedRange,
  losses: Losses,
): Promise<Appended> {
  const { sources } = partition
  if (range.gap && judgeRange(sources.rangePosition(range.source), range) === 'gap') {
    const refusal = partition.refusal()
    if (refusal !== null) throw refusal
    // What is on its way to the disk may still fail, and is sent again then: the range begins where the disk stands.
    const kept = await sources.settledPosition(range.source)
    if (judgeRange(kept, range) === 'gap') await losses.record(lossOf(kept, range, partition))
  }
  return await partition.append(bytes, range)
}

function lossOf(kept: Kept | null, range: GuardedRange, { topic, index }: Partition): Loss {
  const { source, epoch, from: to } = range
  const from = kept?.epoch === epoch ? kept.to : 0
  return { reason: 'source_gap', topic, partition: index, who: source, epoch, from, to }
}

/** A known source stays where it is, also when the topic got more partitions since. */
function homeOf(topic: OpenTopic, source: string): Partition {
  const home = topic.open[partitionOf(encoder.encode(source), topic.open.length)] as Partition
  if (home.sources.rangePosition(source) !== null) return home
  return topic.open.find((partition) => partition.sources.rangePosition(source) !== null) ?? home
}

interface RangedBatch {
  readonly bytes: Uint8Array
  readonly range: GuardedRange
}

/**
 * The batches of a request, each with its range. Positions are rebuilt from record headers after a crash, so a batch
 * that does not carry them, or others than its request, is refused: REQUEST_INVALID.
 */
function splitRanges(bytes: Uint8Array, range: SourceRange): readonly RangedBatch[] {
  const batches: RangedBatch[] = []
  let from = range.from
  for (let at = 0; at < bytes.length; ) {
    const { length, producerId, isTransactional, isControl } = readHeader(bytes, at)
    // Such a batch would open a transaction, or move a producer, when the log is read again.
    if (producerId !== -1 || isTransactional || isControl) throw notPlain(at)
    const fact = factOf(firstRecord(bytes, at, storedLimits).headers)
    const isOwn = fact?.kind === 'range' && fact.source === range.source && fact.epoch === range.epoch
    if (!isOwn || fact.from !== from || fact.to < from) throw wrongFacts(at)
    const gap = range.gap && at === 0
    batches.push({
      bytes: bytes.subarray(at, at + length),
      range: { ...range, gap, from: fact.from, to: fact.to, guard: fact.guard },
    })
    from = fact.to
    at += length
  }
  if (batches.length === 0 || from !== range.to) throw wrongFacts(0)
  return batches
}

function wrongFacts(at: number): LogdriveError {
  const message = `the batch at byte ${at} does not carry the source range of its request in its first record's headers`
  return new LogdriveError('REQUEST_INVALID', message, {
    hint: 'Set ld-source, ld-epoch, ld-from and ld-to on the first record of every batch; ranges follow one another.',
  })
}

function notPlain(at: number): LogdriveError {
  return new LogdriveError('REQUEST_INVALID', `the batch at byte ${at} is one of a Kafka producer`, {
    hint: 'Batches of a source have no producer id and belong to no transaction.',
  })
}

function partitionFor(topic: OpenTopic, key: Uint8Array | null): Partition {
  const index = key === null ? topic.nextKeyless() : partitionOf(key, topic.open.length)
  return topic.open[index] as Partition
}

function checkSize(record: NewRecord, recordBytesMax: number): void {
  let bytes = record.value.length + (record.key?.length ?? 0)
  for (const header of record.headers) bytes += header.key.length + (header.value?.length ?? 0)
  if (bytes <= recordBytesMax) return
  throw new LogdriveError(
    'BATCH_TOO_LARGE',
    `a record has ${bytes} bytes, at most ${recordBytesMax} are taken`,
    {
      details: { limit: recordBytesMax },
    },
  )
}
