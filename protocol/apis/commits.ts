// Offsets that consumer groups commit: OffsetCommit, OffsetFetch, OffsetDelete.

import { api, array, bool, field, int16, int32, int64, string, struct } from '../schema.ts'
import { committedTopic, errorCode, throttleTimeMs, topicOutcomes } from './common.ts'

export const OffsetCommit = api({
  key: 8,
  name: 'OffsetCommit',
  about: 'Keeps how far a consumer group has read.',
  versions: [2, 9],
  flexible: 8,
  request: struct({
    groupId: field(string, '0+', 'The id of the group.'),
    generationIdOrMemberEpoch: field(int32, '1+', 'The generation of the group, -1 from outside of it.', {
      default: -1,
    }),
    memberId: field(string, '1+', 'The id of the member, empty from outside of the group.', { default: '' }),
    groupInstanceId: field(string, '7+', 'The instance id of a static member, or null.', {
      nullable: '7+',
      default: null,
    }),
    retentionTimeMs: field(int64, '2-4', 'How long to keep the offsets, -1 for as long as the broker does.', {
      default: -1,
    }),
    topics: field(array(committedTopic('6+')), '0+', 'The offsets.'),
  }),
  response: struct({
    throttleTimeMs: throttleTimeMs('3+'),
    topics: field(array(topicOutcomes), '0+', 'The outcome for each partition.'),
  }),
})

const fetchTopic = struct({
  name: field(string, '0+', 'The name of the topic.'),
  partitionIndexes: field(array(int32), '0+', 'The partitions asked for.'),
})

const fetchGroup = struct({
  groupId: field(string, '8+', 'The id of the group.'),
  memberId: field(string, '9+', 'The id of the member, or null.', { nullable: '9+', default: null }),
  memberEpoch: field(int32, '9+', 'The epoch of the member, -1 outside of the newer protocol.', {
    default: -1,
  }),
  topics: field(array(fetchTopic), '8+', 'The topics asked for, or null for all.', { nullable: '8+' }),
})

const fetchPartitionResponse = struct({
  partitionIndex: field(int32, '0+', 'The number of the partition.'),
  committedOffset: field(int64, '0+', 'The next offset to read, -1 for none.'),
  committedLeaderEpoch: field(int32, '5+', 'The leader epoch of the last record read, -1 when unknown.', {
    default: -1,
  }),
  metadata: field(string, '0+', 'The note that was committed with it.', { nullable: '0+' }),
  errorCode: errorCode('0+'),
})

const fetchTopicResponse = struct({
  name: field(string, '0+', 'The name of the topic.'),
  partitions: field(array(fetchPartitionResponse), '0+', 'Its partitions.'),
})

const fetchGroupResponse = struct({
  groupId: field(string, '8+', 'The id of the group.'),
  topics: field(array(fetchTopicResponse), '8+', 'Its offsets.'),
  errorCode: errorCode('8+'),
})

export const OffsetFetch = api({
  key: 9,
  name: 'OffsetFetch',
  about: 'Tells how far consumer groups have read.',
  versions: [1, 9],
  flexible: 6,
  request: struct({
    groupId: field(string, '0-7', 'The id of the group.', { default: '' }),
    topics: field(array(fetchTopic), '0-7', 'The topics asked for, or null for all.', {
      nullable: '2-7',
      default: [],
    }),
    groups: field(array(fetchGroup), '8+', 'The groups asked for.', { default: [] }),
    requireStable: field(bool, '7+', 'Whether to be refused offsets that a transaction is about to change.', {
      default: false,
    }),
  }),
  response: struct({
    throttleTimeMs: throttleTimeMs('3+'),
    topics: field(array(fetchTopicResponse), '0-7', 'The offsets of the group.', { default: [] }),
    errorCode: field(int16, '2-7', 'The error of the whole group, 0 for none.', { default: 0 }),
    groups: field(array(fetchGroupResponse), '8+', 'The offsets of each group.', { default: [] }),
  }),
})

const deletePartition = struct({
  partitionIndex: field(int32, '0+', 'The number of the partition.'),
})

const deleteTopic = struct({
  name: field(string, '0+', 'The name of the topic.'),
  partitions: field(array(deletePartition), '0+', 'Its partitions.'),
})

export const OffsetDelete = api({
  key: 47,
  name: 'OffsetDelete',
  about: 'Forgets the offsets of a consumer group for topics it no longer reads.',
  versions: [0, 0],
  flexible: null,
  request: struct({
    groupId: field(string, '0+', 'The id of the group.'),
    topics: field(array(deleteTopic), '0+', 'What to forget.'),
  }),
  response: struct({
    errorCode: errorCode('0+'),
    throttleTimeMs: throttleTimeMs('0+'),
    topics: field(array(topicOutcomes), '0+', 'The outcome for each partition.'),
  }),
})
