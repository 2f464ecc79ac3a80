// Users with a password: DescribeUserScramCredentials, AlterUserScramCredentials.

import { api, array, bytes, field, int8, int32, string, struct } from '../schema.ts'
import { errorCode, errorMessage, throttleTimeMs } from './common.ts'

const MECHANISM = 'The mechanism: 1 SCRAM-SHA-256, 2 SCRAM-SHA-512.'

const userName = struct({
  name: field(string, '0+', 'The name of the user.'),
})

const credentialInfo = struct({
  mechanism: field(int8, '0+', MECHANISM),
  iterations: field(int32, '0+', 'How often the password was hashed.'),
})

const describedUser = struct({
  user: field(string, '0+', 'The name of the user.'),
  errorCode: errorCode('0+'),
  errorMessage: errorMessage('0+'),
  credentialInfos: field(array(credentialInfo), '0+', 'The mechanisms that the user has a password for.'),
})

export const DescribeUserScramCredentials = api({
  key: 50,
  name: 'DescribeUserScramCredentials',
  about: 'Tells which users have a password for which mechanism.',
  versions: [0, 0],
  flexible: 0,
  request: struct({
    users: field(array(userName), '0+', 'The users asked for; null or none: all.', { nullable: '0+' }),
  }),
  response: struct({
    throttleTimeMs: throttleTimeMs('0+'),
    errorCode: errorCode('0+'),
    errorMessage: errorMessage('0+'),
    results: field(array(describedUser), '0+', 'The users.'),
  }),
})

const deletion = struct({
  name: field(string, '0+', 'The name of the user.'),
  mechanism: field(int8, '0+', MECHANISM),
})

const upsertion = struct({
  name: field(string, '0+', 'The name of the user.'),
  mechanism: field(int8, '0+', MECHANISM),
  iterations: field(int32, '0+', 'How often the password was hashed.'),
  salt: field(bytes, '0+', 'The salt of the client.'),
  saltedPassword: field(bytes, '0+', 'The salted password: what SCRAM calls so, never the password.'),
})

const alteredUser = struct({
  user: field(string, '0+', 'The name of the user.'),
  errorCode: errorCode('0+'),
  errorMessage: errorMessage('0+'),
})

export const AlterUserScramCredentials = api({
  key: 51,
  name: 'AlterUserScramCredentials',
  about: 'Sets and deletes the passwords of users.',
  versions: [0, 0],
  flexible: 0,
  request: struct({
    deletions: field(array(deletion), '0+', 'The passwords to delete.'),
    upsertions: field(array(upsertion), '0+', 'The passwords to set.'),
  }),
  response: struct({
    throttleTimeMs: throttleTimeMs('0+'),
    results: field(array(alteredUser), '0+', 'The outcome for each user.'),
  }),
})
