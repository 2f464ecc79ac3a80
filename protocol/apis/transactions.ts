// Transactions: what enters one, how it ends, and which there are.

import { api, array, bool, field, int16, int32, int64, string, struct } from '../schema.ts'
import { committedTopic, errorCode, groupInstanceId, throttleTimeMs, topicOutcomes } from './common.ts'

const transactionTopic = struct({
  name: field(string, '0+', 'The name of the topic.'),
  partitions: field(array(int32), '0+', 'The partitions that enter.'),
})

const partitionResult = struct({
  partitionIndex: field(int32, '0+', 'The number of the partition.'),
  partitionErrorCode: errorCode('0+'),
})

const topicResult = struct({
  name: field(string, '0+', 'The name of the topic.'),
  resultsByPartition: field(array(partitionResult), '0+', 'The outcome for each partition.'),
})

export const AddPartitionsToTxn = api({
  key: 24,
  name: 'AddPartitionsToTxn',
  about: 'Lets partitions enter a transaction, before records are produced to them.',
  versions: [0, 3],
  flexible: 3,
  request: struct({
    v3AndBelowTransactionalId: field(string, '0-3', 'The transactional id.'),
    v3AndBelowProducerId: field(int64, '0-3', 'The producer id.'),
    v3AndBelowProducerEpoch: field(int16, '0-3', 'Its epoch.'),
    v3AndBelowTopics: field(array(transactionTopic), '0-3', 'The partitions that enter.'),
  }),
  response: struct({
    throttleTimeMs: throttleTimeMs('0+'),
    resultsByTopicV3AndBelow: field(array(topicResult), '0-3', 'The outcome for each partition.'),
  }),
})

export const AddOffsetsToTxn = api({
  key: 25,
  name: 'AddOffsetsToTxn',
  about: 'Lets the offsets of a consumer group enter a transaction.',
  versions: [0, 4],
  flexible: 3,
  request: struct({
    transactionalId: field(string, '0+', 'The transactional id.'),
    producerId: field(int64, '0+', 'The producer id.'),
    producerEpoch: field(int16, '0+', 'Its epoch.'),
    groupId: field(string, '0+', 'The id of the group.'),
  }),
  response: struct({
    throttleTimeMs: throttleTimeMs('0+'),
    errorCode: errorCode('0+'),
  }),
})

export const EndTxn = api({
  key: 26,
  name: 'EndTxn',
  about: 'Commits or aborts a transaction.',
  versions: [0, 4],
  flexible: 3,
  request: struct({
    transactionalId: field(string, '0+', 'The transactional id.'),
    producerId: field(int64, '0+', 'The producer id.'),
    producerEpoch: field(int16, '0+', 'Its epoch.'),
    committed: field(bool, '0+', 'True to commit, false to abort.'),
  }),
  response: struct({
    throttleTimeMs: throttleTimeMs('0+'),
    errorCode: errorCode('0+'),
  }),
})

export const TxnOffsetCommit = api({
  key: 28,
  name: 'TxnOffsetCommit',
  about: 'Commits the offsets of a consumer group when the transaction commits.',
  versions: [0, 4],
  flexible: 3,
  request: struct({
    transactionalId: field(string, '0+', 'The transactional id.'),
    groupId: field(string, '0+', 'The id of the group.'),
    producerId: field(int64, '0+', 'The producer id.'),
    producerEpoch: field(int16, '0+', 'Its epoch.'),
    generationId: field(int32, '3+', 'The generation of the group, -1 from outside of it.', { default: -1 }),
    memberId: field(string, '3+', 'The id of the member, empty from outside of the group.', { default: '' }),
    groupInstanceId: groupInstanceId('3+'),
    topics: field(array(committedTopic('2+')), '0+', 'The offsets.'),
  }),
  response: struct({
    throttleTimeMs: throttleTimeMs('0+'),
    topics: field(array(topicOutcomes), '0+', 'The outcome for each partition.'),
  }),
})

const describedTopic = struct({
  topic: field(string, '0+', 'The name of the topic.'),
  partitions: field(array(int32), '0+', 'The partitions that have entered.'),
})

const describedTransaction = struct({
  errorCode: errorCode('0+'),
  transactionalId: field(string, '0+', 'The transactional id.'),
  transactionState: field(string, '0+', 'Empty, Ongoing, PrepareCommit, CompleteCommit, and so on.'),
  transactionTimeoutMs: field(int32, '0+', 'After how long it is aborted.'),
  transactionStartTimeMs: field(int64, '0+', 'When it began, -1 when none is open.'),
  producerId: field(int64, '0+', 'The producer id.'),
  producerEpoch: field(int16, '0+', 'Its epoch.'),
  topics: field(array(describedTopic), '0+', 'The partitions that have entered.'),
})

export const DescribeTransactions = api({
  key: 65,
  name: 'DescribeTransactions',
  about: 'Tells the state of transactional ids.',
  versions: [0, 0],
  flexible: 0,
  request: struct({
    transactionalIds: field(array(string), '0+', 'The transactional ids.'),
  }),
  response: struct({
    throttleTimeMs: throttleTimeMs('0+'),
    transactionStates: field(array(describedTransaction), '0+', 'The state of each.'),
  }),
})

const listedTransaction = struct({
  transactionalId: field(string, '0+', 'The transactional id.'),
  producerId: field(int64, '0+', 'The producer id.'),
  transactionState: field(string, '0+', 'Its state.'),
})

export const ListTransactions = api({
  key: 66,
  name: 'ListTransactions',
  about: 'Lists the transactional ids that the broker coordinates.',
  versions: [0, 1],
  flexible: 0,
  request: struct({
    stateFilters: field(array(string), '0+', 'The states wanted; none: all.'),
    producerIdFilters: field(array(int64), '0+', 'The producer ids wanted; none: all.'),
    durationFilter: field(int64, '1+', 'Only transactions open for longer than so many ms; -1: all.', {
      default: -1,
    }),
  }),
  response: struct({
    throttleTimeMs: throttleTimeMs('0+'),
    errorCode: errorCode('0+'),
    unknownStateFilters: field(array(string), '0+', 'States asked for that there are not.', { default: [] }),
    transactionStates: field(array(listedTransaction), '0+', 'The transactional ids.'),
  }),
})
