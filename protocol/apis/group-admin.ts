// Consumer groups seen from outside: ListGroups, DescribeGroups, DeleteGroups.

import { api, array, bool, bytes, field, int32, string, struct } from '../schema.ts'
import { errorCode, groupInstanceId, throttleTimeMs } from './common.ts'

const describedMember = struct({
  memberId: field(string, '0+', 'The id of the member.'),
  groupInstanceId: groupInstanceId('4+'),
  clientId: field(string, '0+', 'The client id of the request it joined with.'),
  clientHost: field(string, '0+', 'The address it joined from.'),
  memberMetadata: field(bytes, '0+', 'What it said in the protocol that was chosen.'),
  memberAssignment: field(bytes, '0+', 'What the leader assigned to it.'),
})

const describedGroup = struct({
  errorCode: errorCode('0+'),
  groupId: field(string, '0+', 'The id of the group.'),
  groupState: field(string, '0+', 'Empty, PreparingRebalance, CompletingRebalance, Stable or Dead.'),
  protocolType: field(string, '0+', 'What the group is for.'),
  protocolData: field(string, '0+', 'The protocol that was chosen, empty before one was.'),
  members: field(array(describedMember), '0+', 'Its members.'),
  authorizedOperations: field(int32, '3+', 'What the client may do with it, as bits; -2^31: not asked for.', {
    default: -2147483648,
  }),
})

export const DescribeGroups = api({
  key: 15,
  name: 'DescribeGroups',
  about: 'Tells the state and the members of consumer groups.',
  versions: [0, 5],
  flexible: 5,
  request: struct({
    groups: field(array(string), '0+', 'The ids of the groups.'),
    includeAuthorizedOperations: field(bool, '3+', 'Whether to say what the client may do with each.', {
      default: false,
    }),
  }),
  response: struct({
    throttleTimeMs: throttleTimeMs('1+'),
    groups: field(array(describedGroup), '0+', 'The groups.'),
  }),
})

const listedGroup = struct({
  groupId: field(string, '0+', 'The id of the group.'),
  protocolType: field(string, '0+', 'What the group is for.'),
  groupState: field(string, '4+', 'Its state.', { default: '' }),
  groupType: field(string, '5+', 'Its protocol: `classic` or `consumer`.', { default: '' }),
})

export const ListGroups = api({
  key: 16,
  name: 'ListGroups',
  about: 'Lists the consumer groups that the broker coordinates.',
  versions: [0, 5],
  flexible: 3,
  request: struct({
    statesFilter: field(array(string), '4+', 'The states wanted; none: all.', { default: [] }),
    typesFilter: field(array(string), '5+', 'The types wanted; none: all.', { default: [] }),
  }),
  response: struct({
    throttleTimeMs: throttleTimeMs('1+'),
    errorCode: errorCode('0+'),
    groups: field(array(listedGroup), '0+', 'The groups.'),
  }),
})

const deletedGroup = struct({
  groupId: field(string, '0+', 'The id of the group.'),
  errorCode: errorCode('0+'),
})

export const DeleteGroups = api({
  key: 42,
  name: 'DeleteGroups',
  about: 'Deletes consumer groups that have no members, and their offsets.',
  versions: [0, 2],
  flexible: 2,
  request: struct({
    groupsNames: field(array(string), '0+', 'The ids of the groups.'),
  }),
  response: struct({
    throttleTimeMs: throttleTimeMs('0+'),
    results: field(array(deletedGroup), '0+', 'The outcome for each group.'),
  }),
})
