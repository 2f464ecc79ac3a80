// Authentication: SaslHandshake chooses a mechanism, SaslAuthenticate carries its messages.

import { api, array, bytes, field, int64, string, struct } from '../schema.ts'
import { errorCode, errorMessage } from './common.ts'

export const SaslHandshake = api({
  key: 17,
  name: 'SaslHandshake',
  about: 'Chooses the mechanism a client authenticates with.',
  versions: [0, 1],
  flexible: null,
  request: struct({
    mechanism: field(string, '0+', 'The mechanism: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512.'),
  }),
  response: struct({
    errorCode: errorCode('0+'),
    mechanisms: field(array(string), '0+', 'The mechanisms that the broker offers.'),
  }),
})

export const SaslAuthenticate = api({
  key: 36,
  name: 'SaslAuthenticate',
  about: 'Carries the messages of the mechanism that was chosen.',
  versions: [0, 2],
  flexible: 2,
  request: struct({
    authBytes: field(bytes, '0+', 'The message of the client.'),
  }),
  response: struct({
    errorCode: errorCode('0+'),
    errorMessage: errorMessage('0+'),
    authBytes: field(bytes, '0+', 'The message of the broker.'),
    sessionLifetimeMs: field(int64, '1+', 'After how long to authenticate again, 0 for never.', {
      default: 0,
    }),
  }),
})
