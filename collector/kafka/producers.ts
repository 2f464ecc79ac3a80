// InitProducerId and DescribeProducers: who a producer is, and what partitions know of producers.
import type { RequestOf, ResponseInput } from '../../protocol/apis/index.ts'
import { KafkaError, type KafkaErrorName, kafkaErrors } from '../../protocol/errors.ts'
import type { RequestContext } from './context.ts'
import type { Handlers } from './dispatch.ts'
import { clusterResource } from './security.ts'
import { noTrouble, troubleOf } from './trouble.ts'

type DescribedPartition = ResponseInput<'DescribeProducers'>['topics'][number]['partitions'][number]

/** From this version on a fenced producer is told so by name. */
const initFencedVersionMin = 4

export const producerHandlers = {
  async InitProducerId(request, context) {
    try {
      checkInit(request, context)
      const { transactionalId, transactionTimeoutMs: timeoutMs, producerId, producerEpoch } = request
      const asking = { transactionalId, timeoutMs, producerId, producerEpoch }
      return { errorCode: kafkaErrors.NONE, ...(await context.broker.transactions.initProducerId(asking)) }
    } catch (error) {
      const errorCode = fencedCode(error, context, initFencedVersionMin)
      return { errorCode, producerId: -1, producerEpoch: -1 }
    }
  },

  DescribeProducers({ topics }, context) {
    return {
      topics: topics.map(({ name, partitionIndexes }) => ({
        name,
        partitions: partitionIndexes.map((index) => describePartition(name, index, context)),
      })),
    }
  },
} satisfies Partial<Handlers>

/** The code of an error; older clients do not know PRODUCER_FENCED. */
export function fencedCode(error: unknown, context: RequestContext, versionMin: number): number {
  const { errorCode } = troubleOf(error, context)
  const isOld = context.apiVersion < versionMin && errorCode === kafkaErrors.PRODUCER_FENCED
  return isOld ? kafkaErrors.INVALID_PRODUCER_EPOCH : errorCode
}

function checkInit(request: RequestOf<'InitProducerId'>, context: RequestContext): void {
  const { transactionalId, producerId, producerEpoch } = request
  if ((producerId === -1) !== (producerEpoch === -1) || producerId < -1 || producerEpoch < -1) {
    throw new KafkaError('INVALID_REQUEST', `producer id ${producerId} goes with epoch ${producerEpoch}`)
  }
  if (transactionalId !== null) {
    if (context.authorize('WRITE', 'TRANSACTIONAL_ID', transactionalId)) return
    throw refusal('TRANSACTIONAL_ID_AUTHORIZATION_FAILED', `transactional id ${transactionalId}`)
  }
  const { session } = context
  const mayWrite =
    context.authorize('IDEMPOTENT_WRITE', 'CLUSTER', clusterResource) ||
    session.authorizeAny('WRITE', 'TOPIC')
  if (!mayWrite) throw refusal('CLUSTER_AUTHORIZATION_FAILED', 'idempotent writes')
}

function refusal(error: KafkaErrorName, what: string): KafkaError {
  return new KafkaError(error, `${what}: not allowed`)
}

function describePartition(name: string, index: number, context: RequestContext): DescribedPartition {
  const none = { partitionIndex: index, activeProducers: [] }
  if (!context.authorize('READ', 'TOPIC', name)) {
    return { ...none, errorCode: kafkaErrors.TOPIC_AUTHORIZATION_FAILED, errorMessage: null }
  }
  const partition = context.broker.partition(name, index)
  if (partition === null) {
    return { ...none, errorCode: kafkaErrors.UNKNOWN_TOPIC_OR_PARTITION, errorMessage: null }
  }
  const activeProducers = partition.producers.facts().map((facts) => ({
    producerId: facts.producerId,
    producerEpoch: facts.producerEpoch,
    lastSequence: facts.lastSequence,
    lastTimestamp: facts.lastTimestamp,
    coordinatorEpoch: facts.coordinatorEpoch,
    currentTxnStartOffset: facts.transactionFrom,
  }))
  return { ...none, ...noTrouble, activeProducers }
}
