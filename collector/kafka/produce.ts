// Produce: one batch for each partition, checked without looking into it, appended, answered once it is durable.
import { isCode } from '../../core/errors.ts'
import type { RequestOf, ResponseInput } from '../../protocol/apis/index.ts'
import { type BatchHeader, readHeader, verifyBatch } from '../../protocol/batch-header.ts'
import { KafkaError } from '../../protocol/errors.ts'
import type { OpenTopic } from '../broker/topics/topics.ts'
import type { RequestContext } from './context.ts'
import type { Handlers } from './dispatch.ts'
import { troubleOf } from './trouble.ts'

type ProduceRequest = RequestOf<'Produce'>
type TopicData = ProduceRequest['topicData'][number]
type PartitionData = TopicData['partitionData'][number]
type ProduceAnswer = ResponseInput<'Produce'>
type PartitionAnswer = ProduceAnswer['responses'][number]['partitionResponses'][number]

/** Older versions know no zstd. */
const zstdVersionMin = 7
/** From here on a client understands TRANSACTION_ABORTABLE. */
const abortableVersionMin = 11
const magicAt = 16

export const produceHandlers = {
  /** Appends begin here and now, so that those of a connection keep its order. */
  Produce(request, context) {
    const acks = checkAcks(request)
    return answerOf(
      acks,
      request.topicData.map((data) => appendAll(data, acks, request, context)),
    )
  },
} satisfies Partial<Handlers>

/** The partitions of one topic, each on its way to its answer. */
interface Appending {
  readonly name: string
  readonly partitions: readonly (PartitionAnswer | Promise<PartitionAnswer>)[]
}

async function answerOf(acks: number, topics: readonly Appending[]): Promise<ProduceAnswer | null> {
  const responses: ProduceAnswer['responses'][number][] = []
  let failed: PartitionAnswer | null = null
  for (const { name, partitions } of topics) {
    const partitionResponses: PartitionAnswer[] = []
    for (const each of partitions) {
      const answer = await each
      if (answer.errorCode !== 0) failed ??= answer
      partitionResponses.push(answer)
    }
    responses.push({ name, partitionResponses })
  }
  if (acks !== 0) return { responses }
  // Nobody waits for an answer: the end of the connection is the only way to tell.
  if (failed !== null) throw new KafkaError('UNKNOWN_SERVER_ERROR', `acks 0: ${failed.errorMessage}`)
  return null
}

function appendAll(
  { name, partitionData }: TopicData,
  acks: number,
  request: ProduceRequest,
  context: RequestContext,
): Appending {
  const topic = context.broker.findTopic(name)
  const refusal = refusalOf(topic, name, acks, context)
  const partitions = partitionData.map((data) =>
    refusal === null && topic !== null
      ? appendTo(topic, data, request, context)
      : refused(data.index, refusal, context),
  )
  return { name, partitions }
}

/** 0: no answer, 1 and -1: durable as the flush mode says; there are no others to wait for. */
function checkAcks({ acks }: ProduceRequest): number {
  if (acks === 0 || acks === 1 || acks === -1) return acks
  throw new KafkaError('INVALID_REQUIRED_ACKS', `acks is ${acks}: only 0, 1 and -1 are possible`)
}

function refusalOf(
  topic: OpenTopic | null,
  name: string,
  acks: number,
  context: RequestContext,
): KafkaError | null {
  if (!context.authorize('WRITE', 'TOPIC', name))
    return new KafkaError('TOPIC_AUTHORIZATION_FAILED', `topic ${name}: not allowed to write`)
  if (topic === null) return new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `there is no topic ${name}`)
  const { insyncReplicasMin } = topic.settings
  if (acks === -1 && insyncReplicasMin > 1)
    return new KafkaError(
      'NOT_ENOUGH_REPLICAS',
      `topic ${name} wants ${insyncReplicasMin} replicas, there is one`,
    )
  if (!name.startsWith('__')) return null
  return new KafkaError('INVALID_TOPIC_EXCEPTION', `topic ${name} is written by the broker alone`)
}

/** Begins the append; what is given back never rejects. */
function appendTo(
  topic: OpenTopic,
  data: PartitionData,
  request: ProduceRequest,
  context: RequestContext,
): PartitionAnswer | Promise<PartitionAnswer> {
  const { index } = data
  try {
    const partition = topic.open[index]
    if (partition === undefined) {
      throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `topic ${topic.name} has no partition ${index}`)
    }
    const header = checkBatch(data.records, topic, context)
    if (header.isTransactional) checkTransactional(request, context)
    const knowsAbortable = context.apiVersion >= abortableVersionMin
    return partition.appendKafka(data.records as Uint8Array, { header, knowsAbortable }).then(
      ({ baseOffset, logAppendTimeMs, logStartOffset }) => ({
        index,
        errorCode: 0,
        baseOffset,
        logAppendTimeMs,
        logStartOffset,
      }),
      (error: unknown) => refused(index, error, context),
    )
  } catch (error) {
    return refused(index, error, context)
  }
}

/** Exactly one batch, whole, of the only format there is, not too large. */
function checkBatch(records: Uint8Array | null, topic: OpenTopic, context: RequestContext): BatchHeader {
  if (records === null || records.length === 0) throw new KafkaError('INVALID_RECORD', 'there is no batch')
  const magic = records[magicAt] ?? 2
  if (magic !== 2) throw new KafkaError('INVALID_RECORD', `the format ${magic} is too old, only 2 is taken`)
  const { batchBytesMax, timestampType, timestampAfterMaxMs, timestampBeforeMaxMs } = topic.settings
  const header = verify(records, batchBytesMax)
  if (header.length !== records.length)
    throw new KafkaError('INVALID_RECORD', 'there has to be exactly one batch for each partition')
  if (header.codec === 'zstd' && context.apiVersion < zstdVersionMin)
    throw new KafkaError('UNSUPPORTED_COMPRESSION_TYPE', 'zstd needs version 7 of Produce')
  if (timestampType === 'create') {
    const aheadMs = header.maxTimestamp - context.clock.now()
    if (header.maxTimestamp >= 0 && (aheadMs > timestampAfterMaxMs || -aheadMs > timestampBeforeMaxMs))
      throw new KafkaError('INVALID_TIMESTAMP', `the timestamp ${header.maxTimestamp} is too far from now`)
  }
  return header
}

/** A wrong count is the producer's bug, not damage on the way: to be refused for good, not sent again. */
function verify(records: Uint8Array, batchBytesMax: number): BatchHeader {
  try {
    return verifyBatch(records, 0, { batchBytesMax, unpackedBytesMax: batchBytesMax, recordsMax: 0x7fffffff })
  } catch (error) {
    if (!isCode(error, 'BATCH_CORRUPT')) throw error
    const header = headerOf(records)
    const isMiscounted = header !== null && (header.count < 1 || header.lastOffsetDelta !== header.count - 1)
    throw isMiscounted ? new KafkaError('INVALID_RECORD', error.message, { cause: error }) : error
  }
}

function headerOf(records: Uint8Array): BatchHeader | null {
  try {
    return readHeader(records, 0)
  } catch {
    return null
  }
}

function checkTransactional({ transactionalId: id }: ProduceRequest, context: RequestContext): void {
  if (id !== null && context.authorize('WRITE', 'TRANSACTIONAL_ID', id)) return
  throw new KafkaError(
    'TRANSACTIONAL_ID_AUTHORIZATION_FAILED',
    `transactional id ${id}: not allowed to write`,
  )
}

function refused(index: number, error: unknown, context: RequestContext): PartitionAnswer {
  return { index, ...troubleOf(error, context), baseOffset: -1 }
}
