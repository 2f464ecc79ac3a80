// AddPartitionsToTxn, AddOffsetsToTxn, EndTxn, DescribeTransactions, ListTransactions: transactions as clients see them.
import type { RequestOf, ResponseInput } from '../../protocol/apis/index.ts'
import { KafkaError, type KafkaErrorName, kafkaErrors } from '../../protocol/errors.ts'
import { offsetsTopic } from '../broker/groups/offsets-log.ts'
import {
  isIdle,
  type Transaction,
  type TransactionPartition,
  transactionStates,
} from '../broker/transactions/transaction-state.ts'
import type { RequestContext } from './context.ts'
import type { Handlers } from './dispatch.ts'
import { fencedCode } from './producers.ts'

type AskedTopics = RequestOf<'AddPartitionsToTxn'>['v3AndBelowTopics']
type AddedTopics = NonNullable<ResponseInput<'AddPartitionsToTxn'>['resultsByTopicV3AndBelow']>
type Described = ResponseInput<'DescribeTransactions'>['transactionStates'][number]

/** From this version on a fenced producer is told so by name. */
const fencedVersionMin = 2

export const transactionHandlers = {
  async AddPartitionsToTxn(request, context) {
    const transactionalId = request.v3AndBelowTransactionalId
    const topics = request.v3AndBelowTopics
    const wrong = wrongPartitions(transactionalId, topics, context)
    if (wrong.size > 0) {
      // All enter or none.
      const codeOf = (name: string, partition: number) =>
        kafkaErrors[wrong.get(`${name}\0${partition}`) ?? 'OPERATION_NOT_ATTEMPTED']
      return { resultsByTopicV3AndBelow: resultsOf(topics, codeOf) }
    }
    const producer = {
      transactionalId,
      producerId: request.v3AndBelowProducerId,
      producerEpoch: request.v3AndBelowProducerEpoch,
    }
    const partitions = topics.flatMap(({ name, partitions }) =>
      partitions.map((partition) => ({ topic: name, partition })),
    )
    const code = await codeAfter(
      () => context.broker.transactions.addPartitions(producer, partitions),
      context,
    )
    return { resultsByTopicV3AndBelow: resultsOf(topics, () => code) }
  },

  async AddOffsetsToTxn(request, context) {
    const offsets: TransactionPartition = { topic: offsetsTopic, partition: 0 }
    const errorCode = await codeAfter(async () => {
      checkProducer(request.transactionalId, context)
      if (!context.authorize('READ', 'GROUP', request.groupId)) throw refused('GROUP_AUTHORIZATION_FAILED')
      if (request.groupId === '') throw new KafkaError('INVALID_GROUP_ID', 'a group has a name')
      await context.broker.transactions.addPartitions(request, [offsets])
    }, context)
    return { errorCode }
  },

  async EndTxn(request, context) {
    const errorCode = await codeAfter(async () => {
      checkProducer(request.transactionalId, context)
      await context.broker.transactions.endTransaction(request, request.committed ? 'commit' : 'abort')
    }, context)
    return { errorCode }
  },

  DescribeTransactions({ transactionalIds }, context) {
    return { transactionStates: transactionalIds.map((id) => describeOne(id, context)) }
  },

  ListTransactions({ stateFilters, producerIdFilters, durationFilter }, context) {
    const now = context.clock.now()
    const isWanted = (one: Transaction) =>
      (stateFilters.length === 0 || stateFilters.includes(one.state)) &&
      (producerIdFilters.length === 0 || producerIdFilters.includes(one.producerId)) &&
      (durationFilter < 0 || (!isIdle(one) && now - one.startedAt > durationFilter))
    const listed = context.broker.transactions
      .list()
      .filter(
        (one) => isWanted(one) && context.authorize('DESCRIBE', 'TRANSACTIONAL_ID', one.transactionalId),
      )
    const known: readonly string[] = transactionStates
    return {
      errorCode: kafkaErrors.NONE,
      unknownStateFilters: stateFilters.filter((name) => !known.includes(name)),
      transactionStates: listed.map(({ transactionalId, producerId, state }) => ({
        transactionalId,
        producerId,
        transactionState: state,
      })),
    }
  },
} satisfies Partial<Handlers>

async function codeAfter(work: () => Promise<void>, context: RequestContext): Promise<number> {
  try {
    await work()
    return kafkaErrors.NONE
  } catch (error) {
    return fencedCode(error, context, fencedVersionMin)
  }
}

function checkProducer(transactionalId: string, context: RequestContext): void {
  if (context.authorize('WRITE', 'TRANSACTIONAL_ID', transactionalId)) return
  throw refused('TRANSACTIONAL_ID_AUTHORIZATION_FAILED')
}

function refused(error: KafkaErrorName): KafkaError {
  return new KafkaError(error, 'not allowed')
}

/** What is wrong with partitions that are to enter, by topic and number. */
function wrongPartitions(
  transactionalId: string,
  topics: AskedTopics,
  context: RequestContext,
): ReadonlyMap<string, KafkaErrorName> {
  const mayWrite = context.authorize('WRITE', 'TRANSACTIONAL_ID', transactionalId)
  const wrong = new Map<string, KafkaErrorName>()
  for (const { name, partitions } of topics) {
    for (const partition of partitions) {
      const error = mayWrite
        ? wrongPartition(name, partition, context)
        : 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED'
      if (error !== null) wrong.set(`${name}\0${partition}`, error)
    }
  }
  return wrong
}

function wrongPartition(name: string, partition: number, context: RequestContext): KafkaErrorName | null {
  if (!context.authorize('WRITE', 'TOPIC', name)) return 'TOPIC_AUTHORIZATION_FAILED'
  // The offsets of a group enter by AddOffsetsToTxn.
  if (name.startsWith('__')) return 'INVALID_TOPIC_EXCEPTION'
  return context.broker.partition(name, partition) === null ? 'UNKNOWN_TOPIC_OR_PARTITION' : null
}

function resultsOf(topics: AskedTopics, codeOf: (name: string, partition: number) => number): AddedTopics {
  return topics.map(({ name, partitions }) => ({
    name,
    resultsByPartition: partitions.map((partitionIndex) => ({
      partitionIndex,
      partitionErrorCode: codeOf(name, partitionIndex),
    })),
  }))
}

function describeOne(transactionalId: string, context: RequestContext): Described {
  const none = {
    transactionalId,
    transactionState: '',
    transactionTimeoutMs: 0,
    transactionStartTimeMs: -1,
    producerId: -1,
    producerEpoch: -1,
    topics: [],
  }
  if (!context.authorize('DESCRIBE', 'TRANSACTIONAL_ID', transactionalId)) {
    return { ...none, errorCode: kafkaErrors.TRANSACTIONAL_ID_AUTHORIZATION_FAILED }
  }
  const found = context.broker.transactions.describe(transactionalId)
  if (found === null) return { ...none, errorCode: kafkaErrors.TRANSACTIONAL_ID_NOT_FOUND }
  const topics = new Map<string, number[]>()
  for (const { topic, partition } of found.partitions) {
    if (!context.authorize('DESCRIBE', 'TOPIC', topic)) continue
    topics.set(topic, [...(topics.get(topic) ?? []), partition])
  }
  return {
    errorCode: kafkaErrors.NONE,
    transactionalId,
    transactionState: found.state,
    transactionTimeoutMs: found.timeoutMs,
    transactionStartTimeMs: isIdle(found) ? -1 : found.startedAt,
    producerId: found.producerId,
    producerEpoch: found.producerEpoch,
    topics: Array.from(topics, ([topic, partitions]) => ({ topic, partitions })),
  }
}
