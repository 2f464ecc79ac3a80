// Planted bugs of the Kafka broker: each breaks one promise at the edge of a module, to prove that the simulation would notice.
import type { Broker } from '../../collector/broker/broker.ts'
import type { Partition } from '../../collector/broker/partitions/partition.ts'
import { isInternal } from '../../collector/broker/topics/topics.ts'
import type { Storage } from '../../core/runtime.ts'
import { CRC_FROM, readHeader } from '../../protocol/batch-header.ts'
import { crc32c } from '../../protocol/crc32c.ts'
import { KafkaError } from '../../protocol/errors.ts'
import { brokenStorage } from './bugs.ts'

/** Each of these must be found within the seeds; `none` must survive all of them. */
export const kafkaBugNames = [
  'none',
  'acknowledge-before-sync', // syncs do nothing
  'forget-directories', // directories are never synced
  'retry-sync', // a failed sync is tried again instead of stopping
  'trust-page-cache', // what a failed sync left in the page cache alone is taken for stored
  'forget-sequences', // no batch is known as a duplicate
  'forget-producers-at-restart', // sequences of before the start are not known
  'hasty-duplicates', // a duplicate is answered while the original is on its way to the disk
  'take-gaps', // a sequence that does not follow the last one is taken
  'read-beyond-high-watermark', // readers see what is not durable
  'ignore-open-transactions', // read_committed goes up to the high watermark
  'forget-aborted', // aborted transactions are not named
  'forget-abort-markers', // an abort is answered, its markers are not written
  'commit-offsets-outside', // offsets of a transaction count at once
  'take-stale-commits', // commits of old generations are taken
  'take-stale-epochs', // newer groups: a commit with an older epoch counts as one with the member's own
  'hand-out-too-early', // newer groups: partitions go to the next member before the last one has given them back
  'forget-groups', // what is written of groups is never synced
] as const

export type KafkaBug = (typeof kafkaBugNames)[number]

/** The broker's disk, with the bug. */
export function brokenKafkaStorage(storage: Storage, bug: KafkaBug): Storage {
  switch (bug) {
    case 'acknowledge-before-sync':
    case 'forget-directories':
    case 'retry-sync':
    case 'trust-page-cache':
      // Only where records are: a broker that does not find its own topics any more is too easy to see.
      return brokenFor(/\/topics\/[^_]/, storage, bug)
    case 'forget-groups':
      return brokenFor(/\/topics\/__consumer_offsets/, storage, 'acknowledge-before-sync')
    default:
      return storage
  }
}

/** Broken for the logs of some topics only. */
function brokenFor(topics: RegExp, storage: Storage, bug: Parameters<typeof brokenStorage>[1]): Storage {
  const broken = brokenStorage(storage, bug)
  return {
    ...storage,
    open: (path, mode) => (path.endsWith('.log') && topics.test(path) ? broken : storage).open(path, mode),
    syncDirectory: (path) => (topics.test(path) ? broken : storage).syncDirectory(path),
  }
}

/** Breaks a broker that has just been opened. */
export function plantBug(broker: Broker, bug: KafkaBug): void {
  const partitions = broker
    .status()
    .topics.flatMap(({ name, partitions: all }) =>
      isInternal(name) ? [] : all.flatMap((_, index) => broker.partition(name, index) ?? []),
    )
  for (const partition of partitions) breakPartition(partition, bug)
  const { groupsCoordinator: groups } = broker
  if (bug === 'commit-offsets-outside') groups.txnCommitOffsets = (request) => groups.commitOffsets(request)
  else if (bug === 'take-stale-commits') takeStaleCommits(groups)
  else if (bug === 'take-stale-epochs') takeStaleEpochs(groups)
  else if (bug === 'hand-out-too-early') handOutTooEarly(groups)
}

function breakPartition(partition: Partition, bug: KafkaBug): void {
  const { producers } = partition
  if (bug === 'ignore-open-transactions') producers.lastStableOffset = (_start, end) => end
  else if (bug === 'forget-aborted') producers.aborted = () => []
  else if (bug === 'read-beyond-high-watermark') readEverything(partition)
  else if (bug === 'forget-abort-markers') forgetAborts(partition)
  else if (bug === 'forget-sequences') breakAppend(partition, () => true)
  else if (bug === 'forget-producers-at-restart') {
    const known = new Set<number>()
    breakAppend(partition, (producerId) => !known.has(producerId) && known.add(producerId) !== undefined)
  } else if (bug === 'hasty-duplicates') answerHastily(partition)
  else if (bug === 'take-gaps') takeGaps(partition)
}

function readEverything(partition: Partition): void {
  partition.readKafka = async (fromOffset, { bytesMax }) => {
    const { startOffset } = partition
    const { endOffset } = partition.log
    const { bytes } = await partition.log.read(fromOffset, endOffset, bytesMax)
    return { bytes, highWatermark: endOffset, lastStableOffset: endOffset, startOffset, aborted: [] }
  }
}

function forgetAborts(partition: Partition): void {
  const appendMarker = partition.appendMarker.bind(partition)
  partition.appendMarker = async (marker) => {
    if (marker.outcome === 'commit') await appendMarker(marker)
  }
}

/** A commit that is refused goes in under the name of the last one that was not. */
function takeStaleCommits(groups: Broker['groupsCoordinator']): void {
  const commitOffsets = groups.commitOffsets.bind(groups)
  const last = new Map<string, Parameters<typeof commitOffsets>[0]>()
  groups.commitOffsets = async (request) => {
    const results = await commitOffsets(request)
    const known = last.get(request.group)
    if (results.every(({ error }) => error === 'NONE')) last.set(request.group, request)
    else if (known !== undefined) return await commitOffsets({ ...known, partitions: request.partitions })
    return results
  }
}

function takeStaleEpochs(groups: Broker['groupsCoordinator']): void {
  const commitOffsets = groups.commitOffsets.bind(groups)
  groups.commitOffsets = async (request) => {
    const results = await commitOffsets(request)
    if (results.every(({ error }) => error !== 'STALE_MEMBER_EPOCH')) return results
    const { members = [] } = groups.describeConsumerGroup(request.group) ?? {}
    const member = members.find(({ memberId }) => memberId === request.memberId)
    return member === undefined ? results : await commitOffsets({ ...request, generationId: member.epoch })
  }
}

/** Nobody seems to own anything, so nobody has anything to give back first. */
function handOutTooEarly(groups: Broker['groupsCoordinator']): void {
  const consumerHeartbeat = groups.consumerHeartbeat.bind(groups)
  groups.consumerHeartbeat = (group, request) =>
    consumerHeartbeat(group, { ...request, owned: request.owned && new Map() })
}

/** Batches of producers that are not known are stored as those of a plain producer. */
function breakAppend(partition: Partition, isForgotten: (producerId: number) => boolean): void {
  const appendKafka = partition.appendKafka.bind(partition)
  partition.appendKafka = async (batch, options) => {
    const { producerId, isTransactional } = options.header
    if (producerId < 0 || isTransactional || !isForgotten(producerId))
      return await appendKafka(batch, options)
    return await appendKafka(batch, { ...options, header: withoutProducer(batch) })
  }
}

function withoutProducer(batch: Uint8Array) {
  const view = Buffer.from(batch.buffer, batch.byteOffset, batch.length)
  view.writeBigInt64BE(-1n, 43)
  view.writeInt16BE(-1, 51)
  view.writeInt32BE(-1, 53)
  view.writeUInt32BE(crc32c(batch.subarray(CRC_FROM)), 17)
  return readHeader(batch, 0)
}

function answerHastily(partition: Partition): void {
  const appendKafka = partition.appendKafka.bind(partition)
  const underWay = new Set<string>()
  partition.appendKafka = async (batch, options) => {
    const { producerId, producerEpoch, baseSequence } = options.header
    const name = `${producerId}/${producerEpoch}/${baseSequence}`
    if (producerId >= 0 && underWay.has(name)) {
      return { baseOffset: -1, logAppendTimeMs: -1, logStartOffset: partition.startOffset }
    }
    underWay.add(name)
    try {
      return await appendKafka(batch, options)
    } finally {
      underWay.delete(name)
    }
  }
}

function takeGaps(partition: Partition): void {
  const appendKafka = partition.appendKafka.bind(partition)
  partition.appendKafka = async (batch, options) => {
    try {
      return await appendKafka(batch, options)
    } catch (error) {
      const isGap = error instanceof KafkaError && error.error === 'OUT_OF_ORDER_SEQUENCE_NUMBER'
      if (!isGap || options.header.isTransactional) throw error
      return await appendKafka(batch, { ...options, header: withoutProducer(batch) })
    }
  }
}
