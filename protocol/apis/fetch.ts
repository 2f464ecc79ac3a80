// Fetch: record batches on their way out of partitions.

import { ZERO_UUID } from '../bytes.ts'
import { api, array, field, int8, int16, int32, int64, records, string, struct, uuid } from '../schema.ts'
import { errorCode, leaderIdAndEpoch, nodeEndpoint, throttleTimeMs } from './common.ts'

const fetchPartition = struct({
  partition: field(int32, '0+', 'The number of the partition.'),
  currentLeaderEpoch: field(int32, '9+', 'The leader epoch the client knows, -1 to have none checked.', {
    default: -1,
  }),
  fetchOffset: field(int64, '0+', 'The first offset wanted.'),
  lastFetchedEpoch: field(int32, '12+', 'The epoch of the last record fetched, -1 for none.', {
    default: -1,
  }),
  logStartOffset: field(int64, '5+', 'The first offset of a follower, -1 from a consumer.', { default: -1 }),
  partitionMaxBytes: field(
    int32,
    '0+',
    'How many bytes to return of this partition; one batch may be larger.',
  ),
  replicaDirectoryId: field(uuid, '17+', 'The folder of a follower.', { tag: 0, default: ZERO_UUID }),
})

const fetchTopic = struct({
  topic: field(string, '0-12', 'The name of the topic.', { default: '' }),
  topicId: field(uuid, '13+', 'The id of the topic.', { default: ZERO_UUID }),
  partitions: field(array(fetchPartition), '0+', 'Its partitions.'),
})

const forgottenTopic = struct({
  topic: field(string, '7-12', 'The name of the topic.', { default: '' }),
  topicId: field(uuid, '13+', 'The id of the topic.', { default: ZERO_UUID }),
  partitions: field(array(int32), '7+', 'The partitions that leave the session.'),
})

const replicaState = struct({
  replicaId: field(int32, '15+', 'The id of the follower, -1 from a consumer.', { default: -1 }),
  replicaEpoch: field(int64, '15+', 'Its epoch, -1 for none.', { default: -1 }),
})

const epochEndOffset = struct({
  epoch: field(int32, '12+', 'The epoch, -1 for none.', { default: -1 }),
  endOffset: field(int64, '12+', 'Where it ends.', { default: -1 }),
})

const snapshotId = struct({
  endOffset: field(int64, '0+', 'Where the snapshot ends, -1 for none.', { default: -1 }),
  epoch: field(int32, '0+', 'Its epoch.', { default: -1 }),
})

const abortedTransaction = struct({
  producerId: field(int64, '4+', 'The producer of the aborted transaction.'),
  firstOffset: field(int64, '4+', 'Its first offset.'),
})

const partitionData = struct({
  partitionIndex: field(int32, '0+', 'The number of the partition.'),
  errorCode: errorCode('0+'),
  highWatermark: field(int64, '0+', 'The offset that readers see up to.'),
  lastStableOffset: field(int64, '4+', 'Everything before it is decided: committed, aborted, or outside.', {
    default: -1,
  }),
  logStartOffset: field(int64, '5+', 'The first offset of the partition.', { default: -1 }),
  divergingEpoch: field(epochEndOffset, '12+', 'Where the log of a client with another history ends.', {
    tag: 0,
  }),
  currentLeader: field(leaderIdAndEpoch, '12+', 'Who leads the partition, when it is not this broker.', {
    tag: 1,
  }),
  snapshotId: field(snapshotId, '12+', 'The snapshot to fetch instead.', { tag: 2 }),
  abortedTransactions: field(array(abortedTransaction), '4+', 'Aborted transactions in the range, or null.', {
    nullable: '4+',
    default: null,
  }),
  preferredReadReplica: field(int32, '11+', 'The broker to read from next time, -1 for this one.', {
    default: -1,
  }),
  records: field(records, '0+', 'Whole record batches; the first may begin before the offset asked for.', {
    nullable: '0+',
  }),
})

const fetchableTopicResponse = struct({
  topic: field(string, '0-12', 'The name of the topic.', { default: '' }),
  topicId: field(uuid, '13+', 'The id of the topic.', { default: ZERO_UUID }),
  partitions: field(array(partitionData), '0+', 'Its partitions.'),
})

export const Fetch = api({
  key: 1,
  name: 'Fetch',
  about: 'Reads record batches from partitions, waiting until there are enough.',
  versions: [4, 16],
  flexible: 12,
  request: struct({
    clusterId: field(string, '12+', 'The id of the cluster if it is known, to be checked.', {
      tag: 0,
      nullable: '12+',
      default: null,
    }),
    replicaId: field(int32, '0-14', 'The id of a follower, -1 from a consumer.', { default: -1 }),
    replicaState: field(replicaState, '15+', 'Which follower asks.', { tag: 1 }),
    maxWaitMs: field(int32, '0+', 'How long to wait for `minBytes`.'),
    minBytes: field(int32, '0+', 'How many bytes to wait for.'),
    maxBytes: field(int32, '3+', 'How many bytes to return; one batch may be larger.', {
      default: 0x7fffffff,
    }),
    isolationLevel: field(int8, '4+', '0: all records up to the high watermark; 1: only committed ones.', {
      default: 0,
    }),
    sessionId: field(int32, '7+', 'The id of the fetch session, 0 for none.', { default: 0 }),
    sessionEpoch: field(int32, '7+', 'The epoch in the session; -1: without one.', { default: -1 }),
    topics: field(array(fetchTopic), '0+', 'What to read; in a session what is new or changed.'),
    forgottenTopicsData: field(array(forgottenTopic), '7+', 'What leaves the session.', { default: [] }),
    rackId: field(string, '11+', 'The rack of the consumer.', { default: '' }),
  }),
  response: struct({
    throttleTimeMs: throttleTimeMs('1+'),
    errorCode: field(int16, '7+', 'The error of the whole request, 0 for none.', { default: 0 }),
    sessionId: field(int32, '7+', 'The id of the fetch session, 0 for none.', { default: 0 }),
    responses: field(array(fetchableTopicResponse), '0+', 'What was read.'),
    nodeEndpoints: field(array(nodeEndpoint), '16+', 'Addresses of the leaders named above.', { tag: 0 }),
  }),
})
