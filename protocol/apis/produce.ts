// Produce: record batches on their way into partitions.

import { api, array, field, int16, int32, int64, records, string, struct } from '../schema.ts'
import { errorCode, errorMessage, leaderIdAndEpoch, nodeEndpoint, throttleTimeMs } from './common.ts'

const partitionProduceData = struct({
  index: field(int32, '0+', 'The number of the partition.'),
  records: field(records, '0+', 'One record batch, or null.', { nullable: '0+' }),
})

const topicProduceData = struct({
  name: field(string, '0+', 'The name of the topic.'),
  partitionData: field(array(partitionProduceData), '0+', 'What goes into which partition.'),
})

const recordError = struct({
  batchIndex: field(int32, '8+', 'The place of the refused record in its batch.'),
  batchIndexErrorMessage: field(string, '8+', 'Why it was refused, or null.', {
    nullable: '8+',
    default: null,
  }),
})

const partitionProduceResponse = struct({
  index: field(int32, '0+', 'The number of the partition.'),
  errorCode: errorCode('0+'),
  baseOffset: field(int64, '0+', 'The offset of the first record, -1 with an error.'),
  logAppendTimeMs: field(int64, '2+', 'When the broker appended it, -1 when the client keeps its own time.', {
    default: -1,
  }),
  logStartOffset: field(int64, '5+', 'The first offset of the partition.', { default: -1 }),
  recordErrors: field(array(recordError), '8+', 'The records that made the batch be refused.', {
    default: [],
  }),
  errorMessage: errorMessage('8+'),
  currentLeader: field(leaderIdAndEpoch, '10+', 'Who leads the partition, when it is not this broker.', {
    tag: 0,
  }),
})

const topicProduceResponse = struct({
  name: field(string, '0+', 'The name of the topic.'),
  partitionResponses: field(array(partitionProduceResponse), '0+', 'The outcome for each partition.'),
})

export const Produce = api({
  key: 0,
  name: 'Produce',
  about: 'Appends record batches to partitions.',
  versions: [0, 11],
  served: [3, 11],
  flexible: 9,
  request: struct({
    transactionalId: field(string, '3+', 'The transactional id, or null outside of transactions.', {
      nullable: '3+',
      default: null,
    }),
    acks: field(int16, '0+', 'Whose acknowledgement to wait for: 0 nobody, 1 the leader, -1 all in sync.'),
    timeoutMs: field(int32, '0+', 'How long to wait for it.'),
    topicData: field(array(topicProduceData), '0+', 'What goes into which topic.'),
  }),
  response: struct({
    responses: field(array(topicProduceResponse), '0+', 'The outcome for each topic.'),
    throttleTimeMs: throttleTimeMs('1+'),
    nodeEndpoints: field(array(nodeEndpoint), '10+', 'Addresses of the leaders named above.', { tag: 0 }),
  }),
})
