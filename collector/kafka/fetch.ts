// Fetch: batches of many partitions within the limits of KIP-74, at once or when enough has come.
import type { RequestOf, ResponseInput } from '../../protocol/apis/index.ts'
import { ZERO_UUID } from '../../protocol/bytes.ts'
import { KafkaError, kafkaErrors } from '../../protocol/errors.ts'
import type { Isolation, KafkaRead } from '../broker/partitions/kafka-append.ts'
import type { Partition } from '../broker/partitions/partition.ts'
import type { OpenTopic } from '../broker/topics/topics.ts'
import type { RequestContext } from './context.ts'
import type { Handlers } from './dispatch.ts'
import { waitForBytes } from './fetch-wait.ts'
import { checkLeaderEpoch } from './leader-epoch.ts'
import { troubleOf } from './trouble.ts'

type FetchRequest = RequestOf<'Fetch'>
type AskedTopic = FetchRequest['topics'][number]
type AskedPartition = AskedTopic['partitions'][number]
type TopicAnswer = ResponseInput<'Fetch'>['responses'][number]
type PartitionAnswer = TopicAnswer['partitions'][number]

/** From here on topics are named by their ids. */
const topicIdVersionMin = 13
const noBytes = new Uint8Array(0)
/** Reads of one request at a time. */
const readsMax = 8
/** With less room than this part of the whole an answer is full: to look for a batch that fits costs more than it brings. */
const partsOfAnswer = 16

export const fetchHandlers = {
  async Fetch(request, context) {
    checkSession(request, context)
    const isolation = isolationOf(request.isolationLevel)
    const wanted = request.topics.flatMap((topic) => wantedOf(topic, isolation, context))
    const bytesMax = Math.min(request.maxBytes, context.limits.fetchBytesMax)
    let read = await readAll(wanted, bytesMax, context)
    const waitMs = Math.min(request.maxWaitMs, context.limits.fetchWaitMsMax)
    const isEnough = read.bytes >= request.minBytes || read.isFull || read.failed || wanted.length === 0
    if (!isEnough && waitMs > 0) {
      const awaited = wanted.filter(isReadable)
      const bytesMissing = request.minBytes - read.bytes
      if (await waitForBytes(awaited, { bytesMissing, waitMs }, context)) {
        for (const one of wanted) if (one.isBehind) one.forget()
        read = await readAll(wanted, bytesMax, context)
      }
    }
    return { responses: answersOf(request, wanted) }
  },
} satisfies Partial<Handlers>

/**
 * Sessions are never granted (session id 0): clients then name all partitions each time. Who goes on with one that we
 * granted before a restart (we did not) is told that it is not known.
 */
function checkSession(request: FetchRequest, context: RequestContext): void {
  const isFollower = request.replicaId >= 0 || (request.replicaState?.replicaId ?? -1) >= 0
  if (isFollower) throw new KafkaError('INVALID_REQUEST', 'there are no followers here')
  if (request.clusterId !== null && request.clusterId !== context.cluster.clusterId)
    throw new KafkaError('INCONSISTENT_CLUSTER_ID', `this cluster is ${context.cluster.clusterId}`)
  if (request.sessionEpoch > 0)
    throw new KafkaError('FETCH_SESSION_ID_NOT_FOUND', `there is no fetch session ${request.sessionId}`)
}

function isolationOf(level: number): Isolation {
  if (level === 0) return 'read_uncommitted'
  if (level === 1) return 'read_committed'
  throw new KafkaError('INVALID_REQUEST', `there is no isolation level ${level}`)
}

/** One partition that is asked for, and what is known of it so far. */
class Wanted {
  readonly asked: AskedPartition
  readonly isolation: Isolation
  /** Null where it cannot be read, `answer` says why. */
  readonly partition: Partition | null
  /** Null: to be read, perhaps once more. */
  answer: PartitionAnswer | null
  bytes = 0
  /** The partition's `storedBytes` just before it was read. */
  storedBytes = 0

  constructor(
    asked: AskedPartition,
    isolation: Isolation,
    partition: Partition | null,
    answer: PartitionAnswer | null,
  ) {
    this.asked = asked
    this.isolation = isolation
    this.partition = partition
    this.answer = answer
  }

  /** It is to be read once more. */
  forget(): void {
    this.answer = null
    this.bytes = 0
  }

  /** Where readers of this isolation stop. */
  get endOffset(): number {
    if (this.partition === null) return 0
    return this.isolation === 'read_committed'
      ? this.partition.lastStableOffset
      : this.partition.highWatermark
  }

  /** There is something to read now. */
  get isBehind(): boolean {
    return this.partition !== null && this.asked.fetchOffset < this.endOffset
  }
}

function isReadable(one: Wanted): one is Wanted & { readonly partition: Partition } {
  return one.partition !== null
}

function wantedOf(asked: AskedTopic, isolation: Isolation, context: RequestContext): readonly Wanted[] {
  const byId = context.apiVersion >= topicIdVersionMin
  const topic = byId ? context.broker.topicById(asked.topicId) : context.broker.findTopic(asked.topic)
  const refusal = refusalOf(asked, topic, byId, context)
  return asked.partitions.map((one) => {
    const partition = refusal === null ? (topic?.open[one.partition] ?? null) : null
    try {
      if (refusal !== null) throw refusal
      if (partition === null)
        throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `there is no partition ${one.partition}`)
      checkLeaderEpoch(one.currentLeaderEpoch, partition)
      return new Wanted(one, isolation, partition, null)
    } catch (error) {
      return new Wanted(one, isolation, null, failedAnswer(one.partition, error, context))
    }
  })
}

function refusalOf(
  asked: AskedTopic,
  topic: OpenTopic | null,
  byId: boolean,
  context: RequestContext,
): KafkaError | null {
  const name = byId ? topic?.name : asked.topic
  if (name === undefined || (byId && asked.topicId === ZERO_UUID))
    return new KafkaError('UNKNOWN_TOPIC_ID', `there is no topic with the id ${asked.topicId}`)
  if (!context.authorize('READ', 'TOPIC', name))
    return new KafkaError('TOPIC_AUTHORIZATION_FAILED', `topic ${name}: not allowed to read`)
  return topic === null ? new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `there is no topic ${name}`) : null
}

interface ReadSoFar {
  readonly bytes: number
  /** Some partition has more, and there was no room for it. */
  readonly isFull: boolean
  /** Some partition has an error: the answer goes out at once. */
  readonly failed: boolean
}

/**
 * Fills the answers that are missing, in the order of the request, some partitions at a time. The first batch comes whole,
 * however large (KIP-74).
 */
async function readAll(
  wanted: readonly Wanted[],
  bytesMax: number,
  context: RequestContext,
): Promise<ReadSoFar> {
  let bytes = 0
  let isFirst = true
  let isFull = false
  let reading: Promise<void>[] = []
  /** What the reads under way may bring at most. */
  let promised = 0
  const left = () => {
    const rest = bytesMax - bytes - promised
    return bytes + promised > 0 && rest < bytesMax / partsOfAnswer ? 0 : rest
  }
  const finish = async () => {
    await Promise.all(reading)
    reading = []
    promised = 0
    bytes = wanted.reduce((sum, one) => sum + one.bytes, 0)
  }
  for (const one of wanted) {
    if (one.answer !== null || one.partition === null) continue
    if (!one.isBehind) {
      readNothing(one, one.partition, context)
      continue
    }
    if (promised > 0 && (left() === 0 || reading.length >= readsMax)) await finish()
    isFull ||= left() === 0
    const room = Math.min(left(), context.lendableBytes, one.asked.partitionMaxBytes)
    const limit = { bytesMax: Math.max(0, room), atLeastOne: isFirst && bytes === 0 }
    if (limit.bytesMax === 0 && !limit.atLeastOne) readNothing(one, one.partition, context)
    else reading.push(readOne(one, one.partition, limit, context))
    promised += limit.bytesMax
    isFirst = false
  }
  await finish()
  return { bytes, isFull, failed: wanted.some(({ answer }) => answer !== null && answer.errorCode !== 0) }
}

async function readOne(
  one: Wanted,
  partition: Partition,
  limit: { readonly bytesMax: number; readonly atLeastOne: boolean },
  context: RequestContext,
): Promise<void> {
  const { asked, isolation } = one
  one.storedBytes = partition.storedBytes
  try {
    checkOffset(asked.fetchOffset, partition)
    const allocate = (length: number) => context.lend(length)
    const read = await partition.readKafka(asked.fetchOffset, { ...limit, isolation, allocate })
    one.bytes = read.bytes.length
    one.answer = readAnswer(asked.partition, read, isolation)
  } catch (error) {
    one.answer = failedAnswer(asked.partition, error, context)
  }
}

/** There is nothing to read, or no room left. */
function readNothing(one: Wanted, partition: Partition, context: RequestContext): void {
  const { asked, isolation } = one
  one.storedBytes = partition.storedBytes
  try {
    checkOffset(asked.fetchOffset, partition)
    one.answer = readAnswer(asked.partition, emptyRead(partition), isolation)
  } catch (error) {
    one.answer = failedAnswer(asked.partition, error, context)
  }
}

function checkOffset(offset: number, { startOffset, highWatermark }: Partition): void {
  if (offset >= startOffset && offset <= highWatermark) return
  throw new KafkaError('OFFSET_OUT_OF_RANGE', `offset ${offset} is not in [${startOffset}, ${highWatermark}]`)
}

function emptyRead({ highWatermark, lastStableOffset, startOffset }: Partition): KafkaRead {
  return { bytes: noBytes, highWatermark, lastStableOffset, startOffset, aborted: [] }
}

function readAnswer(partitionIndex: number, read: KafkaRead, isolation: Isolation): PartitionAnswer {
  const { bytes, highWatermark, lastStableOffset, startOffset, aborted } = read
  return {
    partitionIndex,
    errorCode: 0,
    highWatermark,
    lastStableOffset,
    logStartOffset: startOffset,
    abortedTransactions: isolation === 'read_committed' ? aborted : null,
    records: bytes,
  }
}

function failedAnswer(partitionIndex: number, error: unknown, context: RequestContext): PartitionAnswer {
  const { errorCode } = troubleOf(error, context)
  // Some clients read null as "no room was left"; an error has no records either way.
  return { partitionIndex, errorCode, highWatermark: -1, records: noBytes }
}

/** The partitions under their topics again, in the order of the request. */
function answersOf(request: FetchRequest, wanted: readonly Wanted[]): readonly TopicAnswer[] {
  let at = 0
  return request.topics.map(({ topic, topicId, partitions }) => {
    const own = wanted.slice(at, at + partitions.length)
    at += partitions.length
    return { topic, topicId, partitions: own.map(({ answer }, index) => answer ?? lost(partitions[index])) }
  })
}

function lost(asked: AskedPartition | undefined): PartitionAnswer {
  return {
    partitionIndex: asked?.partition ?? -1,
    errorCode: kafkaErrors.UNKNOWN_SERVER_ERROR,
    highWatermark: -1,
    records: noBytes,
  }
}
