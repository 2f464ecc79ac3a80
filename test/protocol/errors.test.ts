// Kafka's error codes: the same as another client's, and what our own errors become.

import { protocolErrors } from '@platformatic/kafka'
import { expect, test } from 'vitest'
import { LogdriveError } from '../../core/errors.ts'
import { KafkaError, kafkaErrorName, kafkaErrorOf, kafkaErrors } from '../../protocol/errors.ts'

test('every code has the name that other clients know', () => {
  const theirs = Object.values(protocolErrors).map(({ id, code }) => [id, code])
  expect(kafkaErrors).toMatchObject(Object.fromEntries(theirs))
})

test('a code is found by name, a name by code', () => {
  expect(kafkaErrorName(kafkaErrors.NOT_LEADER_OR_FOLLOWER)).toBe('NOT_LEADER_OR_FOLLOWER')
  expect(kafkaErrorName(9999)).toBe(null)
})

test('our own errors become codes that clients act on; what we did not foresee is a server error', () => {
  expect(kafkaErrorOf(new KafkaError('FENCED_INSTANCE_ID', 'x'))).toBe('FENCED_INSTANCE_ID')
  expect(kafkaErrorOf(new LogdriveError('TOPIC_UNKNOWN', 'x'))).toBe('UNKNOWN_TOPIC_OR_PARTITION')
  expect(kafkaErrorOf(new LogdriveError('DISK_FULL', 'x'))).toBe('KAFKA_STORAGE_ERROR')
  expect(kafkaErrorOf(new LogdriveError('USAGE', 'x'))).toBe('UNKNOWN_SERVER_ERROR')
  expect(kafkaErrorOf('a string')).toBe('UNKNOWN_SERVER_ERROR')
})
