// Offsets of a partition: ListOffsets by time, OffsetForLeaderEpoch by epoch, DeleteRecords up to one.

import { api, array, field, int8, int32, int64, string, struct } from '../schema.ts'
import { errorCode, throttleTimeMs } from './common.ts'

const listPartition = struct({
  partitionIndex: field(int32, '0+', 'The number of the partition.'),
  currentLeaderEpoch: field(int32, '4+', 'The leader epoch the client knows, -1 to have none checked.', {
    default: -1,
  }),
  timestamp: field(
    int64,
    '0+',
    'The first offset from this time on; -1 latest, -2 earliest, -3 of the highest timestamp, -4 earliest local.',
  ),
})

const listTopic = struct({
  name: field(string, '0+', 'The name of the topic.'),
  partitions: field(array(listPartition), '0+', 'Its partitions.'),
})

const listPartitionResponse = struct({
  partitionIndex: field(int32, '0+', 'The number of the partition.'),
  errorCode: errorCode('0+'),
  timestamp: field(int64, '1+', 'The timestamp of the record found, -1 for none.', { default: -1 }),
  offset: field(int64, '1+', 'The offset found, -1 for none.', { default: -1 }),
  leaderEpoch: field(int32, '4+', 'The leader epoch of that record, -1 when unknown.', { default: -1 }),
})

const listTopicResponse = struct({
  name: field(string, '0+', 'The name of the topic.'),
  partitions: field(array(listPartitionResponse), '0+', 'Its partitions.'),
})

export const ListOffsets = api({
  key: 2,
  name: 'ListOffsets',
  about: 'Finds the offset of a time, or the first or last one of a partition.',
  versions: [1, 8],
  flexible: 6,
  request: struct({
    replicaId: field(int32, '0+', 'The id of a follower, -1 from a consumer.', { default: -1 }),
    isolationLevel: field(int8, '2+', '0: latest is the high watermark; 1: the last stable offset.', {
      default: 0,
    }),
    topics: field(array(listTopic), '0+', 'What to find.'),
  }),
  response: struct({
    throttleTimeMs: throttleTimeMs('2+'),
    topics: field(array(listTopicResponse), '0+', 'What was found.'),
  }),
})

const epochPartition = struct({
  partition: field(int32, '0+', 'The number of the partition.'),
  currentLeaderEpoch: field(int32, '2+', 'The leader epoch the client knows, -1 to have none checked.', {
    default: -1,
  }),
  leaderEpoch: field(int32, '0+', 'The epoch whose end is asked for.'),
})

const epochTopic = struct({
  topic: field(string, '0+', 'The name of the topic.'),
  partitions: field(array(epochPartition), '0+', 'Its partitions.'),
})

const epochEndOffset = struct({
  errorCode: errorCode('0+'),
  partition: field(int32, '0+', 'The number of the partition.'),
  leaderEpoch: field(int32, '1+', 'The highest epoch up to the one asked for, -1 for none.', { default: -1 }),
  endOffset: field(int64, '0+', 'The offset behind its last record, -1 for none.', { default: -1 }),
})

const epochTopicResponse = struct({
  topic: field(string, '0+', 'The name of the topic.'),
  partitions: field(array(epochEndOffset), '0+', 'Its partitions.'),
})

export const OffsetForLeaderEpoch = api({
  key: 23,
  name: 'OffsetForLeaderEpoch',
  about: 'Finds where a leader epoch ends, so that a client sees whether the log it knows was cut.',
  versions: [2, 4],
  flexible: 4,
  request: struct({
    replicaId: field(int32, '3+', 'The id of a follower, -1 from a consumer, -2 unknown.', { default: -2 }),
    topics: field(array(epochTopic), '0+', 'What to find.'),
  }),
  response: struct({
    throttleTimeMs: throttleTimeMs('2+'),
    topics: field(array(epochTopicResponse), '0+', 'What was found.'),
  }),
})

const deletePartition = struct({
  partitionIndex: field(int32, '0+', 'The number of the partition.'),
  offset: field(int64, '0+', 'The first offset to keep; -1: delete all up to the high watermark.'),
})

const deleteTopic = struct({
  name: field(string, '0+', 'The name of the topic.'),
  partitions: field(array(deletePartition), '0+', 'Its partitions.'),
})

const deletePartitionResult = struct({
  partitionIndex: field(int32, '0+', 'The number of the partition.'),
  lowWatermark: field(int64, '0+', 'The first offset that is left, -1 with an error.'),
  errorCode: errorCode('0+'),
})

const deleteTopicResult = struct({
  name: field(string, '0+', 'The name of the topic.'),
  partitions: field(array(deletePartitionResult), '0+', 'Its partitions.'),
})

export const DeleteRecords = api({
  key: 21,
  name: 'DeleteRecords',
  about: 'Deletes the records of partitions up to an offset.',
  versions: [0, 2],
  flexible: 2,
  request: struct({
    topics: field(array(deleteTopic), '0+', 'What to delete.'),
    timeoutMs: field(int32, '0+', 'How long to wait for it.'),
  }),
  response: struct({
    throttleTimeMs: throttleTimeMs('0+'),
    topics: field(array(deleteTopicResult), '0+', 'What was deleted.'),
  }),
})
