// Idempotent producers: InitProducerId gives out ids, DescribeProducers shows who writes to a partition.

import { api, array, field, int16, int32, int64, string, struct } from '../schema.ts'
import { errorCode, errorMessage, throttleTimeMs } from './common.ts'

export const InitProducerId = api({
  key: 22,
  name: 'InitProducerId',
  about: 'Gives a producer its id and epoch, and fences earlier producers with its transactional id.',
  versions: [0, 5],
  flexible: 2,
  request: struct({
    transactionalId: field(
      string,
      '0+',
      'The transactional id, or null for a producer that is idempotent only.',
      {
        nullable: '0+',
      },
    ),
    transactionTimeoutMs: field(int32, '0+', 'After how long an open transaction is aborted.'),
    producerId: field(int64, '3+', 'The id that the producer has, -1 for none.', { default: -1 }),
    producerEpoch: field(int16, '3+', 'The epoch that the producer has, -1 for none.', { default: -1 }),
  }),
  response: struct({
    throttleTimeMs: throttleTimeMs('0+'),
    errorCode: errorCode('0+'),
    producerId: field(int64, '0+', 'The id, -1 with an error.', { default: -1 }),
    producerEpoch: field(int16, '0+', 'The epoch of the id.'),
  }),
})

const topicRequest = struct({
  name: field(string, '0+', 'The name of the topic.'),
  partitionIndexes: field(array(int32), '0+', 'The partitions asked for.'),
})

const producerState = struct({
  producerId: field(int64, '0+', 'The id of the producer.'),
  producerEpoch: field(int32, '0+', 'Its epoch.'),
  lastSequence: field(int32, '0+', 'The sequence of its last record, -1 for none.', { default: -1 }),
  lastTimestamp: field(int64, '0+', 'When it last wrote, -1 for never.', { default: -1 }),
  coordinatorEpoch: field(int32, '0+', 'The epoch of its coordinator, -1 for none.'),
  currentTxnStartOffset: field(int64, '0+', 'Where its open transaction begins, -1 for none.', {
    default: -1,
  }),
})

const partitionResponse = struct({
  partitionIndex: field(int32, '0+', 'The number of the partition.'),
  errorCode: errorCode('0+'),
  errorMessage: errorMessage('0+'),
  activeProducers: field(array(producerState), '0+', 'Its producers.'),
})

const topicResponse = struct({
  name: field(string, '0+', 'The name of the topic.'),
  partitions: field(array(partitionResponse), '0+', 'Its partitions.'),
})

export const DescribeProducers = api({
  key: 61,
  name: 'DescribeProducers',
  about: 'Shows which idempotent producers a partition knows, and which transactions are open in it.',
  versions: [0, 0],
  flexible: 0,
  request: struct({
    topics: field(array(topicRequest), '0+', 'The partitions asked for.'),
  }),
  response: struct({
    throttleTimeMs: throttleTimeMs('0+'),
    topics: field(array(topicResponse), '0+', 'The producers of each partition.'),
  }),
})
