// Quotas of users and clients: DescribeClientQuotas, AlterClientQuotas.

import { api, array, bool, field, float64, int8, string, struct } from '../schema.ts'
import { errorCode, errorMessage, throttleTimeMs } from './common.ts'

const component = struct({
  entityType: field(string, '0+', 'What is limited: `user`, `client-id` or `ip`.'),
  matchType: field(int8, '0+', 'Which ones: 0 the one named, 1 the default, 2 any.'),
  match: field(string, '0+', 'The name, or null.', { nullable: '0+' }),
})

const entity = struct({
  entityType: field(string, '0+', 'What is limited: `user`, `client-id` or `ip`.'),
  entityName: field(string, '0+', 'Its name, or null for the default.', { nullable: '0+' }),
})

const quotaValue = struct({
  key: field(string, '0+', 'The quota: `producer_byte_rate`, `consumer_byte_rate`, `request_percentage`.'),
  value: field(float64, '0+', 'Its limit.'),
})

const quotaEntry = struct({
  entity: field(array(entity), '0+', 'Who is limited: one part, or a user and a client together.'),
  values: field(array(quotaValue), '0+', 'The limits.'),
})

export const DescribeClientQuotas = api({
  key: 48,
  name: 'DescribeClientQuotas',
  about: 'Tells the quotas of users and clients.',
  versions: [0, 1],
  flexible: 1,
  request: struct({
    components: field(array(component), '0+', 'Whose quotas are asked for.'),
    strict: field(bool, '0+', 'Whether entries with further parts are left out.'),
  }),
  response: struct({
    throttleTimeMs: throttleTimeMs('0+'),
    errorCode: errorCode('0+'),
    errorMessage: errorMessage('0+'),
    entries: field(array(quotaEntry), '0+', 'The quotas, or null with an error.', { nullable: '0+' }),
  }),
})

const operation = struct({
  key: field(string, '0+', 'The quota.'),
  value: field(float64, '0+', 'Its limit.'),
  remove: field(bool, '0+', 'Whether to remove the limit instead.'),
})

const alterEntry = struct({
  entity: field(array(entity), '0+', 'Who is limited.'),
  ops: field(array(operation), '0+', 'What changes.'),
})

const alteredEntry = struct({
  errorCode: errorCode('0+'),
  errorMessage: errorMessage('0+'),
  entity: field(array(entity), '0+', 'Who is limited.'),
})

export const AlterClientQuotas = api({
  key: 49,
  name: 'AlterClientQuotas',
  about: 'Sets and removes quotas of users and clients.',
  versions: [0, 1],
  flexible: 1,
  request: struct({
    entries: field(array(alterEntry), '0+', 'What changes.'),
    validateOnly: field(bool, '0+', 'Whether to check only, and change nothing.'),
  }),
  response: struct({
    throttleTimeMs: throttleTimeMs('0+'),
    entries: field(array(alteredEntry), '0+', 'The outcome for each.'),
  }),
})
