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
type PartitionAnswer = ResponseInput<'Produce'>['responses'][number]['partitionResponses'][number]

/** Older versions know no zstd. */
const zstdVersionMin = 7
/** From here on a client understands TRANSACTION_ABORTABLE. */
const abortableVersionMin = 11
const magicAt = 16

export const produceHandlers = {
  /** Appends begin before the first await, so that those of a connection keep its order. */
  async Produce(request, context) {
    const acks = checkAcks(request)
    const answers = request.topicData.map(async (data) => {
      const topic = context.broker.findTopic(data.name)
      const refusal = refusalOf(topic, data.name, acks, context)
      const partitions = data.partitionData.map((partition) =>
        refusal === null && topic !== null
          ? appendTo(topic, partition, request, context)
          : refused(partition.index, refusal, context),
      )
      return { name: data.name, partitionResponses: await Promise.all(partitions) }
    })
    const responses = await Promise.all(answers)
    if (acks !== 0) return { responses }
    const failed = responses.flatMap((topic) => topic.partitionResponses).find((one) => one.errorCode !== 0)
    // Nobody waits for an answer: the end of the connection is the only way to tell.
    if (failed !== undefined) throw new KafkaError('UNKNOWN_SERVER_ERROR', `acks 0: ${failed.errorMessage}`)
    return null
  },
} satisfies Partial<Handlers>

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

async function appendTo(
  topic: OpenTopic,
  data: PartitionData,
  request: ProduceRequest,
  context: RequestContext,
): Promise<PartitionAnswer> {
  try {
    const partition = topic.open[data.index]
    if (partition === undefined) {
      throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `topic ${topic.name} has no partition ${data.index}`)
    }
    const header = checkBatch(data.records, topic, context)
    if (header.isTransactional) checkTransactional(request, context)
    const knowsAbortable = context.apiVersion >= abortableVersionMin
    const appended = await partition.appendKafka(data.records as Uint8Array, { header, knowsAbortable })
    const { baseOffset, logAppendTimeMs, logStartOffset } = appended
    return { index: data.index, errorCode: 0, baseOffset, logAppendTimeMs, logStartOffset }
  } catch (error) {
    return refused(data.index, error, context)
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
