// Access control lists: DescribeAcls, CreateAcls, DeleteAcls.
//
// Numbers of org.apache.kafka.common: resource types 1 any, 2 topic, 3 group, 4 cluster, 5 transactional id, 6 token,
// 7 user; pattern types 1 any, 2 match, 3 literal, 4 prefixed; operations 1 any, 2 all, 3 read, 4 write, 5 create,
// 6 delete, 7 alter, 8 describe, 9 cluster action, 10 describe configs, 11 alter configs, 12 idempotent write;
// permissions 1 any, 2 deny, 3 allow.

import { api, array, field, int8, string, struct } from '../schema.ts'
import { errorCode, errorMessage, throttleTimeMs } from './common.ts'

const LITERAL = 3

/** What a filter asks of an entry: null and 1 (any) ask nothing. */
const filterFields = {
  resourceTypeFilter: field(
    int8,
    '0+',
    'The type of the resource: 1 any, 2 topic, 3 group, 4 cluster, 5 txn id.',
  ),
  resourceNameFilter: field(string, '0+', 'Its name, or null for any.', { nullable: '0+' }),
  patternTypeFilter: field(int8, '1+', 'How names count: 1 any, 2 all that match, 3 literal, 4 prefixed.', {
    default: LITERAL,
  }),
  principalFilter: field(string, '0+', 'The principal, or null for any.', { nullable: '0+' }),
  hostFilter: field(string, '0+', 'The host, or null for any.', { nullable: '0+' }),
  operation: field(int8, '0+', 'The operation, 1 for any.'),
  permissionType: field(int8, '0+', 'The permission: 1 any, 2 deny, 3 allow.'),
}

/** Who may do what. */
const entryFields = {
  principal: field(string, '0+', 'Who, as `User:name`; `User:*` is everybody.'),
  host: field(string, '0+', 'From where; `*` is anywhere.'),
  operation: field(int8, '0+', 'May do what.'),
  permissionType: field(int8, '0+', 'Or may not: 2 deny, 3 allow.'),
}

const aclResource = struct({
  resourceType: field(int8, '0+', 'The type of the resource.'),
  resourceName: field(string, '0+', 'Its name, or the beginning of it.'),
  patternType: field(int8, '1+', 'How the name counts: 3 literal, 4 prefixed.', { default: LITERAL }),
  acls: field(array(struct(entryFields)), '0+', 'Who may do what with it.'),
})

export const DescribeAcls = api({
  key: 29,
  name: 'DescribeAcls',
  about: 'Lists access control entries.',
  versions: [1, 3],
  flexible: 2,
  request: struct(filterFields),
  response: struct({
    throttleTimeMs: throttleTimeMs('0+'),
    errorCode: errorCode('0+'),
    errorMessage: errorMessage('0+'),
    resources: field(array(aclResource), '0+', 'The entries, by resource.'),
  }),
})

const aclCreation = struct({
  resourceType: field(int8, '0+', 'The type of the resource.'),
  resourceName: field(string, '0+', 'Its name, or the beginning of it.'),
  resourcePatternType: field(int8, '1+', 'How the name counts: 3 literal, 4 prefixed.', { default: LITERAL }),
  ...entryFields,
})

const aclCreationResult = struct({
  errorCode: errorCode('0+'),
  errorMessage: errorMessage('0+'),
})

export const CreateAcls = api({
  key: 30,
  name: 'CreateAcls',
  about: 'Adds access control entries.',
  versions: [1, 3],
  flexible: 2,
  request: struct({
    creations: field(array(aclCreation), '0+', 'The entries to add.'),
  }),
  response: struct({
    throttleTimeMs: throttleTimeMs('0+'),
    results: field(array(aclCreationResult), '0+', 'The outcome for each entry.'),
  }),
})

const matchingAcl = struct({
  errorCode: errorCode('0+'),
  errorMessage: errorMessage('0+'),
  resourceType: field(int8, '0+', 'The type of the resource.'),
  resourceName: field(string, '0+', 'Its name, or the beginning of it.'),
  patternType: field(int8, '1+', 'How the name counts: 3 literal, 4 prefixed.', { default: LITERAL }),
  ...entryFields,
})

const filterResult = struct({
  errorCode: errorCode('0+'),
  errorMessage: errorMessage('0+'),
  matchingAcls: field(array(matchingAcl), '0+', 'The entries that were deleted.'),
})

export const DeleteAcls = api({
  key: 31,
  name: 'DeleteAcls',
  about: 'Deletes access control entries.',
  versions: [1, 3],
  flexible: 2,
  request: struct({
    filters: field(array(struct(filterFields)), '0+', 'What to delete.'),
  }),
  response: struct({
    throttleTimeMs: throttleTimeMs('0+'),
    filterResults: field(array(filterResult), '0+', 'The outcome for each filter.'),
  }),
})
