// The newer protocol of consumer groups (KIP-848): ConsumerGroupHeartbeat, ConsumerGroupDescribe.

import { api, array, bool, field, int8, int32, string, struct, uuid } from '../schema.ts'
import { errorCode, errorMessage, groupInstanceId, throttleTimeMs } from './common.ts'

const topicPartitions = struct({
  topicId: field(uuid, '0+', 'The id of the topic.'),
  partitions: field(array(int32), '0+', 'Its partitions.'),
})

const heartbeatAssignment = struct({
  topicPartitions: field(array(topicPartitions), '0+', 'The partitions that are the member\u2019s.'),
})

export const ConsumerGroupHeartbeat = api({
  key: 68,
  name: 'ConsumerGroupHeartbeat',
  about: 'Joins, stays in or leaves a consumer group of the newer protocol; hears what to read.',
  versions: [0, 1],
  flexible: 0,
  request: struct({
    groupId: field(string, '0+', 'The id of the group.'),
    memberId: field(string, '0+', 'The id of the member, made by itself; in version 0 empty for a new one.'),
    memberEpoch: field(
      int32,
      '0+',
      'Its epoch: 0 to join, -1 to leave, -2 for a static member that comes back.',
    ),
    instanceId: groupInstanceId('0+'),
    rackId: field(string, '0+', 'The rack of the member, or null.', { nullable: '0+', default: null }),
    rebalanceTimeoutMs: field(int32, '0+', 'How long it has to give partitions back, -1 as before.', {
      default: -1,
    }),
    subscribedTopicNames: field(array(string), '0+', 'The topics it reads, or null as before.', {
      nullable: '0+',
      default: null,
    }),
    subscribedTopicRegex: field(string, '1+', 'An expression for the topics it reads, or null as before.', {
      nullable: '1+',
      default: null,
    }),
    serverAssignor: field(string, '0+', 'The assignor that it wants, or null as before.', {
      nullable: '0+',
      default: null,
    }),
    topicPartitions: field(array(topicPartitions), '0+', 'The partitions it owns, or null as before.', {
      nullable: '0+',
      default: null,
    }),
  }),
  response: struct({
    throttleTimeMs: throttleTimeMs('0+'),
    errorCode: errorCode('0+'),
    errorMessage: errorMessage('0+'),
    memberId: field(string, '0+', 'The id of the member, or null.', { nullable: '0+', default: null }),
    memberEpoch: field(int32, '0+', 'The epoch of the member.', { default: 0 }),
    heartbeatIntervalMs: field(int32, '0+', 'When to ask again, in ms.', { default: 0 }),
    assignment: field(heartbeatAssignment, '0+', 'What the member is to read, or null as before.', {
      nullable: '0+',
      default: null,
    }),
  }),
})

const describedPartitions = struct({
  topicId: field(uuid, '0+', 'The id of the topic.'),
  topicName: field(string, '0+', 'Its name.'),
  partitions: field(array(int32), '0+', 'Its partitions.'),
})

const describedAssignment = struct({
  topicPartitions: field(array(describedPartitions), '0+', 'Partitions by topic.'),
})

const describedMember = struct({
  memberId: field(string, '0+', 'The id of the member.'),
  instanceId: groupInstanceId('0+'),
  rackId: field(string, '0+', 'Its rack, or null.', { nullable: '0+', default: null }),
  memberEpoch: field(int32, '0+', 'Its epoch.'),
  clientId: field(string, '0+', 'The client id of its last request that changed something.'),
  clientHost: field(string, '0+', 'The address it asked from.'),
  subscribedTopicNames: field(array(string), '0+', 'The topics it named.'),
  subscribedTopicRegex: field(string, '0+', 'The expression it gave, or null.', {
    nullable: '0+',
    default: null,
  }),
  assignment: field(describedAssignment, '0+', 'What it reads.'),
  targetAssignment: field(describedAssignment, '0+', 'What it is to read.'),
  memberType: field(int8, '1+', 'Its protocol: 0 classic, 1 the newer one, -1 unknown.', { default: -1 }),
})

const describedGroup = struct({
  errorCode: errorCode('0+'),
  errorMessage: errorMessage('0+'),
  groupId: field(string, '0+', 'The id of the group.'),
  groupState: field(string, '0+', 'Empty, Assigning, Reconciling, Stable or Dead.', { default: '' }),
  groupEpoch: field(int32, '0+', 'Grows with each change of members, subscriptions or topics.', {
    default: 0,
  }),
  assignmentEpoch: field(int32, '0+', 'The group epoch of the assignment that members move to.', {
    default: 0,
  }),
  assignorName: field(string, '0+', 'The assignor that made it.', { default: '' }),
  members: field(array(describedMember), '0+', 'Its members.', { default: [] }),
  authorizedOperations: field(int32, '0+', 'What the client may do with it, as bits; -2^31: not asked for.', {
    default: -2147483648,
  }),
})

export const ConsumerGroupDescribe = api({
  key: 69,
  name: 'ConsumerGroupDescribe',
  about: 'Tells the state and the members of consumer groups of the newer protocol.',
  versions: [0, 1],
  flexible: 0,
  request: struct({
    groupIds: field(array(string), '0+', 'The ids of the groups.'),
    includeAuthorizedOperations: field(bool, '0+', 'Whether to say what the client may do with each.', {
      default: false,
    }),
  }),
  response: struct({
    throttleTimeMs: throttleTimeMs('0+'),
    groups: field(array(describedGroup), '0+', 'The groups.'),
  }),
})
