// The life of a consumer group: FindCoordinator, JoinGroup, SyncGroup, Heartbeat, LeaveGroup.

import { api, array, bool, bytes, field, int8, int16, int32, string, struct } from '../schema.ts'
import { errorCode, errorMessage, groupInstanceId, throttleTimeMs } from './common.ts'

const coordinator = struct({
  key: field(string, '4+', 'The group or transactional id.'),
  nodeId: field(int32, '4+', 'The id of its coordinator, -1 with an error.'),
  host: field(string, '4+', 'Its host name.'),
  port: field(int32, '4+', 'Its port, -1 with an error.'),
  errorCode: errorCode('4+'),
  errorMessage: errorMessage('4+'),
})

export const FindCoordinator = api({
  key: 10,
  name: 'FindCoordinator',
  about: 'Says which broker coordinates a consumer group or a transactional id.',
  versions: [0, 5],
  flexible: 3,
  request: struct({
    key: field(string, '0-3', 'The group or transactional id.', { default: '' }),
    keyType: field(int8, '1+', 'What the keys are: 0 groups, 1 transactional ids.', { default: 0 }),
    coordinatorKeys: field(array(string), '4+', 'The group or transactional ids.', { default: [] }),
  }),
  response: struct({
    throttleTimeMs: throttleTimeMs('1+'),
    errorCode: field(int16, '0-3', 'The error code, 0 for success.', { default: 0 }),
    errorMessage: errorMessage('1-3'),
    nodeId: field(int32, '0-3', 'The id of the coordinator, -1 with an error.', { default: -1 }),
    host: field(string, '0-3', 'Its host name.', { default: '' }),
    port: field(int32, '0-3', 'Its port, -1 with an error.', { default: -1 }),
    coordinators: field(array(coordinator), '4+', 'The coordinator of each key.', { default: [] }),
  }),
})

const joinProtocol = struct({
  name: field(string, '0+', 'The name of the protocol: for consumers a way to assign partitions.'),
  metadata: field(bytes, '0+', 'What the member says in it: for consumers the topics it reads.'),
})

const joinMember = struct({
  memberId: field(string, '0+', 'The id of the member.'),
  groupInstanceId: groupInstanceId('5+'),
  metadata: field(bytes, '0+', 'What it said in the protocol that was chosen.'),
})

export const JoinGroup = api({
  key: 11,
  name: 'JoinGroup',
  about: 'Enters a consumer group, and waits until all its members have.',
  versions: [0, 9],
  flexible: 6,
  request: struct({
    groupId: field(string, '0+', 'The id of the group.'),
    sessionTimeoutMs: field(int32, '0+', 'After how long without a heartbeat the member is dead.'),
    rebalanceTimeoutMs: field(int32, '1+', 'How long members have to come back when the group rebalances.', {
      default: -1,
    }),
    memberId: field(string, '0+', 'The id that the coordinator gave the member, empty for a new one.'),
    groupInstanceId: groupInstanceId('5+'),
    protocolType: field(string, '0+', 'What the group is for: `consumer`, `connect`.'),
    protocols: field(array(joinProtocol), '0+', 'The protocols that the member speaks, the best first.'),
    reason: field(string, '8+', 'Why the member joins, or null.', { nullable: '8+', default: null }),
  }),
  response: struct({
    throttleTimeMs: throttleTimeMs('2+'),
    errorCode: errorCode('0+'),
    generationId: field(int32, '0+', 'The generation of the group, -1 with an error.', { default: -1 }),
    protocolType: field(string, '7+', 'What the group is for, or null.', { nullable: '7+', default: null }),
    protocolName: field(string, '0+', 'The protocol that was chosen, or null.', { nullable: '7+' }),
    leader: field(string, '0+', 'The id of the leader, who assigns the partitions.'),
    skipAssignment: field(bool, '9+', 'Whether the leader keeps the assignment that there is.', {
      default: false,
    }),
    memberId: field(string, '0+', 'The id of the member.'),
    members: field(array(joinMember), '0+', 'All members for the leader, nobody for the others.'),
  }),
})

const syncAssignment = struct({
  memberId: field(string, '0+', 'The id of the member.'),
  assignment: field(bytes, '0+', 'What it is to do.'),
})

export const SyncGroup = api({
  key: 14,
  name: 'SyncGroup',
  about: 'Brings the assignment of the leader to the members of a consumer group.',
  versions: [0, 5],
  flexible: 4,
  request: struct({
    groupId: field(string, '0+', 'The id of the group.'),
    generationId: field(int32, '0+', 'The generation of the group.'),
    memberId: field(string, '0+', 'The id of the member.'),
    groupInstanceId: groupInstanceId('3+'),
    protocolType: field(string, '5+', 'What the group is for, or null.', { nullable: '5+', default: null }),
    protocolName: field(string, '5+', 'The protocol that was chosen, or null.', {
      nullable: '5+',
      default: null,
    }),
    assignments: field(array(syncAssignment), '0+', 'The assignment from the leader, nothing from others.'),
  }),
  response: struct({
    throttleTimeMs: throttleTimeMs('1+'),
    errorCode: errorCode('0+'),
    protocolType: field(string, '5+', 'What the group is for, or null.', { nullable: '5+', default: null }),
    protocolName: field(string, '5+', 'The protocol that was chosen, or null.', {
      nullable: '5+',
      default: null,
    }),
    assignment: field(bytes, '0+', 'What the member is to do.'),
  }),
})

export const Heartbeat = api({
  key: 12,
  name: 'Heartbeat',
  about: 'Says that a member of a consumer group is alive, and hears whether it must join again.',
  versions: [0, 4],
  flexible: 4,
  request: struct({
    groupId: field(string, '0+', 'The id of the group.'),
    generationId: field(int32, '0+', 'The generation of the group.'),
    memberId: field(string, '0+', 'The id of the member.'),
    groupInstanceId: groupInstanceId('3+'),
  }),
  response: struct({
    throttleTimeMs: throttleTimeMs('1+'),
    errorCode: errorCode('0+'),
  }),
})

const leavingMember = struct({
  memberId: field(string, '3+', 'The id of the member, empty when only its instance is known.'),
  groupInstanceId: groupInstanceId('3+'),
  reason: field(string, '5+', 'Why it leaves, or null.', { nullable: '5+', default: null }),
})

const leftMember = struct({
  memberId: field(string, '3+', 'The id of the member.'),
  groupInstanceId: groupInstanceId('3+'),
  errorCode: errorCode('3+'),
})

export const LeaveGroup = api({
  key: 13,
  name: 'LeaveGroup',
  about: 'Takes members out of a consumer group.',
  versions: [0, 5],
  flexible: 4,
  request: struct({
    groupId: field(string, '0+', 'The id of the group.'),
    memberId: field(string, '0-2', 'The id of the member.', { default: '' }),
    members: field(array(leavingMember), '3+', 'The members that leave.', { default: [] }),
  }),
  response: struct({
    throttleTimeMs: throttleTimeMs('1+'),
    errorCode: errorCode('0+'),
    members: field(array(leftMember), '3+', 'The outcome for each member.', { default: [] }),
  }),
})
